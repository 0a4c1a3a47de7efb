/* SPDX-License-Identifier: BSD-3-Clause */
/* The media clock of a leg (LV-01 to LV-05, LV-11), and its scan at size. */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static struct scene *scene_open_clock(uint32_t flags, uint32_t start_ms, uint32_t silence_ms)
{
	struct scene *s = scene_open4();

	s->flow[0].flags = flags;
	s->flow[0].start_ms = start_ms;
	s->flow[0].silence_ms = silence_ms;
	s->flow[0].clock_ms = s->rig->now_ms;
	scene_set_latched(s);
	return s;
}

/* Passes until the next event; returns how long that took. */
static uint64_t until(struct scene *s, uint32_t kind)
{
	uint64_t began = s->rig->now_ms;

	while (s->rig->flow_events == 0 && s->rig->now_ms - began < 100000)
		rig_pass(s->rig, 20);
	scene_event(s, 0, kind);
	return s->rig->now_ms - began;
}

static void quiet(struct scene *s, uint64_t ms)
{
	rig_pass(s->rig, ms);
	scene_expect_no_event(s);
}

static void never_heard(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 10000, 3000);

	assert_in_range(until(s, PROTO_FLOW_SILENT), 10000, 10100);
	/* Once is enough. */
	quiet(s, 60000);
	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_HEARD), 0, 200);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 2700, 3100);
	scene_close(s);
}

static void goes_silent(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 10000, 3000);

	for (int n = 0; n < 500; n++) {
		scene_rtp(s, 0);
		/* The other leg's life is its own. */
		scene_rtp(s, 1);
		quiet(s, 40);
	}
	assert_in_range(until(s, PROTO_FLOW_SILENT), 2900, 3100);
	scene_close(s);
}

/* One packet, long before the start is over: from then on the silence counts. */
static void heard_once(void **state)
{
	for (uint32_t start = 0; start <= 60000; start += 20000) {
		struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, start, 3000);

		quiet(s, 1500);
		scene_rtp(s, 0);
		assert_in_range(until(s, PROTO_FLOW_SILENT), 2900, 3100);
		scene_close(s);
	}
}

/* A stream that stutters back to life is told once; what follows is neither silence nor news,
 * however near to silence its gaps come. */
static void stutters(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 10000, 3000);

	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 2900, 3100);
	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_HEARD), 0, 200);
	for (uint64_t gap = 40; gap < 2900; gap += 220) {
		scene_rtp(s, 0);
		quiet(s, gap);
	}
	/* At the end of its patience it needs the whole time again. */
	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 2900, 3100);
	scene_close(s);
}

/* Packets of a stranger or of no negotiated type do not stop the clock. */
static void junk_is_no_life(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 3000, 3000);
	struct addr other = rig_addr("203.0.113.66:4000");
	struct frame frame = {0};

	for (int n = 0; n < 140; n++) {
		scene_rtp_from(s, 0, &other, SCENE_SSRC);
		frame_rtp(&frame, 96, (uint16_t)n, SCENE_SSRC, 172);
		scene_feed(s, 0, &s->phone[0], 0, &frame);
		quiet(s, 20);
	}
	assert_in_range(until(s, PROTO_FLOW_SILENT), 100, 300);
	scene_close(s);
}

/* Held legs have no clock; resumed ones start afresh (LV-02). */
static void hold_and_resume(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 3000, 3000);

	scene_rtp(s, 0);
	quiet(s, 2000);
	s->flow[0].flags = 0;
	scene_set(s, 0);
	quiet(s, 60000);
	s->flow[0].flags = PROTO_FLOW_CLOCK;
	s->flow[0].clock_ms = s->rig->now_ms;
	scene_set(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 3000, 3100);
	/* A clock that starts anew forgets that it had run out. */
	s->flow[0].clock_ms = s->rig->now_ms;
	scene_set(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 3000, 3100);
	scene_close(s);
}

/* The clock may start in the future: nothing before. */
static void starts_later(void **state)
{
	struct scene *s = scene_open4();

	s->flow[0].flags = PROTO_FLOW_CLOCK;
	s->flow[0].start_ms = 1000;
	s->flow[0].clock_ms = s->rig->now_ms + 20000;
	scene_set_latched(s);
	quiet(s, 20900);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 40, 200);
	scene_close(s);
}

static void switched_off(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 0, 3000);

	quiet(s, 60000);
	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 2900, 3200);
	scene_close(s);
	s = scene_open_clock(PROTO_FLOW_CLOCK, 3000, 0);
	scene_rtp(s, 0);
	quiet(s, 60000);
	scene_close(s);
}

/* RTCP is life only where the control plane says so (LV-03). */
static void rtcp(void **state)
{
	for (int counts = 0; counts < 2; counts++) {
		struct scene *s = scene_open_clock(
			PROTO_FLOW_CLOCK | (counts ? PROTO_FLOW_RTCP_LIFE : 0), 3000, 3000);
		struct addr source = s->phone[0];
		struct frame frame = {0};

		source.port++;
		for (int n = 0; n < 10; n++) {
			frame_rtcp(&frame, SCENE_SSRC);
			scene_feed(s, 0, &source, 1, &frame);
			rig_pass(s->rig, 1000);
			while (s->rig->flow_events &&
				s->rig->event[0].flow.kind == PROTO_FLOW_LEARNT_RTCP)
				scene_event(s, 0, PROTO_FLOW_LEARNT_RTCP);
		}
		if (!counts)
			scene_event(s, 0, PROTO_FLOW_SILENT);
		scene_expect_no_event(s);
		scene_close(s);
	}
}

/* Ticks wrap after 497 days, in the middle of a call. */
static void tick_wrap(void **state)
{
	struct scene *s = scene_open4();

	s->rig->now_ms = (1ull << 32) * CLOCK_TICK_MS - 2000;
	rig_pass(s->rig, 20);
	s->flow[0].flags = PROTO_FLOW_CLOCK;
	s->flow[0].start_ms = s->flow[0].silence_ms = 5000;
	s->flow[0].clock_ms = s->rig->now_ms;
	for (int leg = 0; leg < 2; leg++)
		s->flow[leg].expires_ms = s->rig->now_ms + 100000;
	scene_set_latched(s);
	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 4900, 5100);
	scene_close(s);
}

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
		cmocka_unit_test(never_heard),
		cmocka_unit_test(goes_silent),
		cmocka_unit_test(heard_once),
		cmocka_unit_test(stutters),
		cmocka_unit_test(junk_is_no_life),
		cmocka_unit_test(hold_and_resume),
		cmocka_unit_test(starts_later),
		cmocka_unit_test(switched_off),
		cmocka_unit_test(rtcp),
		cmocka_unit_test(tick_wrap),
		cmocka_unit_test(at_size),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
