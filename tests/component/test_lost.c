/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices whose answers stay out, as main hears of them from a worker: more at once than the
 * worker's ring of notes holds, and notes of bindings that were replaced meanwhile. */
#include "dataplane/keepalive/pulse.h"
#include "tests/component/hot_rig.h"

#include <rte_cycles.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BINDINGS 5000
#define PERIOD   10
#define LOCAL    "192.0.2.10:5060"
#define WALK_MS  400 /* main has been by every binding */

static_assert(BINDINGS > PULSE_NOTES && BINDINGS < RIG_EVENTS, "the ring is full, the rig is not");

static struct rig *rig;
static uint64_t now;

/* One unanswered question is enough. */
static int setup(void **state)
{
	const struct proto_conf conf = {
		.payload_kind = PROTO_PAYLOAD_STUN,
		.period_ms = PERIOD * 1000,
		.send_interval_ms = 500,
		.send_least = 3000,
		.missed_max = 1,
	};

	rig = rig_open(BINDINGS, 64);
	now = rte_rdtsc();
	rig->w->now_tsc = now;
	return keepalive_conf_set(rig->keepalive, &conf);
}

static struct addr device(uint32_t id)
{
	struct addr addr = rig_addr("10.9.0.1:5000");

	addr.ip[2] = (uint8_t)(id >> 8);
	addr.port = (uint16_t)(addr.port + id % 256);
	return addr;
}

static void order(uint32_t id, uint32_t gen)
{
	const struct proto_binding binding = {
		.id = id,
		.gen = gen,
		.dst = device(id),
		.local = rig_addr(LOCAL),
		.expires_ms = rig->now_ms + 3600000,
	};

	assert_int_equal(binding_set(rig->keepalive, 0, &binding, rig->now_ms), 0);
}

/* The worker takes its orders. */
static void take(void)
{
	while (mailbox_run(&rig->w->mailbox, rig->w))
		;
}

/* The worker's turns for that time, while main does nothing. */
static void work(uint64_t seconds)
{
	uint64_t end = now + seconds * RIG_HZ, next;
	uint8_t data[FRAME_MAX];

	take();
	while (now < end) {
		next = keepalive_turn(rig->w, now);
		while (rig_sent_raw(rig, data))
			;
		if (next > now)
			now = next < end ? next : end;
		rig->w->now_tsc = now;
	}
}

/* Main's ticks. */
static void look(uint64_t ms)
{
	rig_pass(rig, ms);
	rig->w->now_tsc = now;
}

static int teardown(void **state)
{
	for (uint32_t id = 0; id < BINDINGS; id++)
		for (uint32_t gen = 1; gen <= 2; gen++)
			binding_del(rig->keepalive, 0, &(struct proto_handle){id, gen});
	take();
	rig_close(rig);
	return 0;
}

/* Each binding's event came, and came once. */
static void expect_all(enum proto_binding_event_kind kind)
{
	static uint8_t seen[BINDINGS];

	memset(seen, 0, sizeof(seen));
	assert_int_equal(rig->binding_events, BINDINGS);
	for (unsigned int i = 0; i < BINDINGS; i++) {
		assert_int_equal(rig->binding_event[i].kind, kind);
		assert_int_equal(seen[rig->binding_event[i].id]++, 0);
	}
	rig->binding_events = 0;
}

static void more_than_the_ring_holds(void **state)
{
	const struct addr local = rig_addr(LOCAL);

	for (uint32_t id = 0; id < BINDINGS; id++)
		order(id, 1);
	work(2 * PERIOD + 1);
	assert_int_equal(rig->binding_events, 0);
	look(WALK_MS);
	expect_all(PROTO_BINDING_LOST);
	/* It is over for all of them at once. */
	for (uint32_t id = 0; id < BINDINGS; id++) {
		rig_feed(rig, &(struct frame){.src = device(id), .dst = local, .len = 4});
		rig_punted(rig, PUNT_SIP);
	}
	look(WALK_MS);
	expect_all(PROTO_BINDING_FOUND);
	look(WALK_MS);
	assert_int_equal(rig->binding_events, 0);
}

/* A note of a registration that has been replaced says nothing of the new one. */
static void replaced_meanwhile(void **state)
{
	order(1, 1);
	work(2 * PERIOD + 1);
	/* The worker has not heard of it yet. */
	order(1, 2);
	look(WALK_MS);
	assert_int_equal(rig->binding_events, 0);
	work(2 * PERIOD + 1);
	look(WALK_MS);
	assert_int_equal(rig->binding_events, 1);
	assert_int_equal(rig->binding_event[0].kind, PROTO_BINDING_LOST);
	assert_int_equal(rig->binding_event[0].gen, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(more_than_the_ring_holds),
		TEST(replaced_meanwhile),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
