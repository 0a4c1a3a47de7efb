/* SPDX-License-Identifier: BSD-3-Clause */
/* The scan for silent legs at size. */
#include "dataplane/media/flow.h"
#include "tests/component/hot_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

enum { RANGES = 32, LEGS = 1000000, DYING = 100, START = 20000, SPAN = 5000, SILENCE = 10000 };

/* Each hundredth leg has its own start, between START and START + SPAN. */
static uint32_t many_start(uint32_t id)
{
	return START + id / DYING * 7919 % SPAN;
}

static struct rig *many_open(void)
{
	struct rig *rig = rig_open(64, LEGS + 64);
	struct proto_flow flow = {
		.gen = 1,
		.peer_id = PROTO_NO_PEER,
		.flags = PROTO_FLOW_CLOCK,
		.silence_ms = SILENCE,
		.clock_ms = rig->now_ms,
		.expires_ms = rig->now_ms + 3600000,
	};

	for (uint32_t i = 0; i < RANGES; i++) {
		struct proto_media_addr range = {.port_min = 2, .port_max = 2 + 2 * 31250 - 1};
		struct proto_media_ready ready;

		range.local = rig_addr("192.0.2.1");
		range.local.ip[3] = (uint8_t)i;
		assert_int_equal(media_addr_claim(rig->media, 0, &range, &ready), 0);
	}
	for (flow.id = 0; flow.id < LEGS; flow.id++) {
		flow.start_ms = many_start(flow.id);
		assert_int_equal(flow_set(rig->media, 0, &flow, rig->now_ms), 0);
	}
	return rig;
}

/* A packet for each leg that lives, all in one tick. */
static void many_live(struct rig *rig)
{
	for (uint32_t id = 0; id < LEGS; id++)
		if (id % DYING)
			rig->facts.flow[id].count.heard = clock_tick(rig->now_ms);
}

/* 20 ms on. Returns the processor time that it took, in milliseconds. */
static double many_tick(struct rig *rig)
{
	struct timespec a, b;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	rig_pass(rig, 20);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	return (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
}

/* One million legs, most of which live, and some of which are never heard: each of these is told
 * within 100 ms of its moment, which comes for 40 of them a tick. Then all fall silent at once:
 * every event comes, at a bounded pace. */
static void at_size(void **state)
{
	struct rig *rig = many_open();
	uint64_t began = rig->now_ms;
	uint32_t seen = 0, late = 0;
	double most = 0;

	while (rig->now_ms - began < START + SPAN + 200) {
		double ms;

		if ((rig->now_ms - began) % 1000 == 0)
			many_live(rig);
		ms = many_tick(rig);
		most = ms > most ? ms : most;
		for (unsigned int i = 0; i < rig->flow_events; i++) {
			const struct proto_flow_event *event = &rig->event[i].flow;
			uint64_t moment = began + many_start(event->id);

			assert_int_equal(event->kind, PROTO_FLOW_SILENT);
			assert_int_equal(event->id % DYING, 0);
			/* Clocks count in ticks. */
			assert_in_range(rig->now_ms, moment - CLOCK_TICK_MS, moment + 100);
			late = RTE_MAX(late, (uint32_t)(rig->now_ms + CLOCK_TICK_MS - moment));
		}
		seen += rig->flow_events;
		rig->flow_events = 0;
	}
	assert_int_equal(seen, LEGS / DYING);
	print_message(
		"%d legs: at most %u ms late, a tick takes %.2f ms at most\n", LEGS, late, most);
	for (int tick = 0; tick < 3000 && seen < LEGS; tick++) {
		rig_pass(rig, 20);
		assert_in_range(rig->flow_events, 0, 1024);
		for (unsigned int i = 0; i < rig->flow_events; i++)
			assert_int_equal(rig->event[i].flow.kind, PROTO_FLOW_SILENT);
		seen += rig->flow_events;
		rig->flow_events = 0;
	}
	assert_int_equal(seen, LEGS);
	rig_close(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_size),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
