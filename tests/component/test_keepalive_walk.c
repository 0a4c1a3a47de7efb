/* SPDX-License-Identifier: BSD-3-Clause */
/* Main's walk over all bindings: in time however long a tick is, and when the next tick is to be
 * soon. */
#include "tests/component/hot_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 32768
#define COUNT    64 /* bindings, all over the ids */
#define ROUND_MS 1000

static uint32_t walk_id(uint32_t i)
{
	return i * (CAPACITY / COUNT) + i;
}

static uint64_t walk_expiry(uint32_t i)
{
	return 2000 + (uint64_t)i * 37;
}

static void walk_set(struct rig *rig, uint32_t i, uint64_t expires_ms)
{
	struct proto_binding binding = {
		.id = walk_id(i),
		.gen = 1,
		.dst = rig_addr("203.0.113.5:1000"),
		.local = rig_addr("192.0.2.10:5060"),
		.expires_ms = expires_ms,
	};

	binding.dst.port = (uint16_t)(1000 + i);
	assert_int_equal(binding_set(rig->keepalive, 0, &binding, rig->now_ms), 0);
}

static void walk_tick(struct rig *rig, uint32_t step_ms)
{
	rig->now_ms += step_ms;
	keepalive_tick(rig->keepalive, rig->now_ms);
	while (mailbox_run(&rig->w->mailbox, rig->w))
		;
}

/* Never early, and a round of the walk and a tick late at most. */
static void expires_in_time(void **state)
{
	const uint32_t steps[] = {20, 100, 1000};

	for (size_t n = 0; n < RTE_DIM(steps); n++) {
		struct rig *rig = rig_open(CAPACITY, 2);
		uint64_t began = rig->now_ms;
		unsigned int seen = 0;

		for (uint32_t i = 0; i < COUNT; i++)
			walk_set(rig, i, began + walk_expiry(i));
		while (seen < COUNT) {
			walk_tick(rig, steps[n]);
			for (; seen < rig->binding_events; seen++) {
				uint32_t i = rig->binding_event[seen].id / (CAPACITY / COUNT);

				assert_in_range(rig->now_ms - began, walk_expiry(i),
					walk_expiry(i) + ROUND_MS + steps[n]);
			}
			assert_in_range(rig->now_ms - began, 0, 10000);
		}
		assert_int_equal(rig->facts.head->bindings_used, 0);
		rig_close(rig);
	}
}

/* Ticks of 20 ms while it is busy; returns how long that was. */
static uint64_t until_calm(struct rig *rig)
{
	uint64_t began = rig->now_ms;

	while (keepalive_is_busy(rig->keepalive) && rig->now_ms - began < 10000)
		walk_tick(rig, 20);
	return rig->now_ms - began;
}

/* A sync and a change of routes are worked off in a round each, and nothing else keeps it busy. */
static void busy_while_it_matters(void **state)
{
	struct rig *rig = rig_open(CAPACITY, 2);

	for (uint32_t i = 0; i < COUNT; i++)
		walk_set(rig, i, rig->now_ms + 3600000);
	walk_tick(rig, 20);
	until_calm(rig);
	keepalive_reroute(rig->keepalive);
	assert_in_range(until_calm(rig), 20, ROUND_MS);
	binding_sync_begin(rig->keepalive, 0, 0);
	walk_set(rig, 7, rig->now_ms + 3600000);
	assert_false(keepalive_is_busy(rig->keepalive));
	binding_sync_end(rig->keepalive, 0);
	assert_in_range(until_calm(rig), 20, ROUND_MS);
	assert_int_equal(rig->facts.head->bindings_used, 1);
	assert_int_equal(binding_del(rig->keepalive, 0, &(struct proto_handle){walk_id(7), 1}), 0);
	walk_tick(rig, 20);
	rig_close(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expires_in_time),
		cmocka_unit_test(busy_while_it_matters),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
