/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives that are not sent in their turn: to devices that were heard, to addresses that got
 * their share. */
#include "tests/component/keepalive_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PERIOD (30 * SECOND)

static uint64_t heard[SEEN_COUNT];

/* Counted from what its NAT saw last, nobody waits longer than the period and the interval. */
static void in_time(struct seen *s, uint32_t i)
{
	uint64_t before = s->last[i] > heard[i] ? s->last[i] : heard[i];

	assert_true(before == 0 || s->now - before <= PERIOD + SECOND / 2);
}

static void hear(struct seen *s, uint32_t i, bool v6)
{
	struct addr addr = seen_device(i, v6);
	const struct addr *source = &addr;

	heard[i] = s->now;
	keepalive_heard(s->rig->w, &source, 1);
}

/* A third is heard every ten seconds and gets nothing; a period after one was heard last, it gets
 * its next. The others notice nothing. */
static void skips_heard(void **state)
{
	struct seen *s = seen_open();
	uint64_t before[SEEN_COUNT];

	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, i % 2);
	memset(heard, 0, sizeof(heard));
	s->on_frame = in_time;
	seen_run(s, 35 * SECOND);
	for (int round = 0; round < 6; round++) {
		if (round == 1) {
			s->skip_heard = true;
			seen_configure(s, SEEN_HELLO, 30000, 500, 0);
			memcpy(before, s->last, sizeof(before));
		}
		for (uint32_t i = 0; i < SEEN_COUNT; i += 3) {
			hear(s, i, i % 2);
			if (i % 30 == 0)
				seen_run(s, SECOND / 2);
		}
	}
	for (uint32_t i = 0; i < SEEN_COUNT; i++) {
		if (i % 3 == 0)
			assert_int_equal(s->last[i], before[i]);
		else
			assert_int_equal((s->last[i] - before[i]) % PERIOD, 0);
	}
	assert_in_range(s->rig->w->count->keepalive_skipped, SEEN_COUNT / 3, SEEN_COUNT);
	seen_run(s, PERIOD + SECOND / 2);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		assert_true(s->last[i] > before[i]);
	/* Off: each again once a period. */
	s->skip_heard = false;
	seen_configure(s, SEEN_HELLO, 30000, 500, 0);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		hear(s, i, i % 2);
	s->total = 0;
	seen_run(s, 30 * SECOND);
	assert_int_equal(s->total, SEEN_COUNT);
	seen_close(s);
}

/* Of the bindings at one address, the latest message. */
static uint64_t latest(const struct seen *s, uint32_t i)
{
	struct addr mine = seen_device(i, false);
	uint64_t found = 0;

	for (uint32_t k = 0; k < SEEN_COUNT; k++) {
		struct addr other = seen_device(k, false);

		if (addr_same_ip(&mine, &other) && s->last[k] > found)
			found = s->last[k];
	}
	return found;
}

static void once_a_second(struct seen *s, uint32_t i)
{
	uint64_t before = latest(s, i);

	assert_true(before == 0 || s->now - before >= SECOND);
}

/* Several devices at each address, of which one a second may get a message: all get theirs, some
 * later the first time. */
static void caps_addresses(void **state)
{
	struct seen *s = seen_open();
	uint64_t capped;

	s->per_address_cap = 1;
	seen_configure(s, SEEN_HELLO, 10000, 700, 0);
	s->on_frame = once_a_second;
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, false);
	seen_run(s, 31 * SECOND);
	capped = s->rig->w->count->keepalive_capped;
	assert_in_range(capped, 1, 2 * SEEN_COUNT);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		assert_in_range(s->messages[i], 2, 4);
	/* Where they stand now nobody has to wait, but for those who share a place in the table. */
	s->total = 0;
	seen_run(s, 20 * SECOND);
	assert_in_range(s->total, 2 * SEEN_COUNT - 20, 2 * SEEN_COUNT + 20);
	assert_in_range(s->rig->w->count->keepalive_capped - capped, 0, 20);
	seen_close(s);
}

/* The port takes nothing, for frames that nobody looks at. */
static void stuff(struct rig *rig)
{
	for (int i = 0; i < 1023; i++) {
		struct rte_mbuf *mbuf = rig_mbuf((const uint8_t[60]){0}, 60);

		assert_int_equal(rte_eth_tx_burst(rig->w->port[0].id, 0, &mbuf, 1), 1);
	}
}

/* Who comes again because the port was full is counted once: in a round each gets a message or is
 * counted as skipped or capped, as many as without. */
static void full_ring(void **state)
{
	struct seen *s = seen_open();
	struct facts_worker *count = s->rig->w->count;
	uint64_t skipped[2], capped[2];
	uint8_t data[FRAME_MAX];

	s->per_address_cap = 2;
	s->skip_heard = true;
	seen_configure(s, SEEN_HELLO, 10000, 10000, 0);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, false);
	seen_run(s, 21 * SECOND);
	for (int busy = 0; busy < 2; busy++) {
		s->now = keepalive_turn(s->rig->w, s->now) + 5 * SECOND;
		s->rig->w->now_tsc = s->now;
		for (uint32_t i = 0; i < SEEN_COUNT; i += 5)
			hear(s, i, false);
		skipped[busy] = count->keepalive_skipped;
		capped[busy] = count->keepalive_capped;
		s->total = 0;
		if (busy) {
			stuff(s->rig);
			for (int turn = 0; turn < 3; turn++)
				keepalive_turn(s->rig->w, s->now);
			while (rig_sent_raw(s->rig, data))
				;
		}
		seen_run(s, 0);
		skipped[busy] = count->keepalive_skipped - skipped[busy];
		capped[busy] = count->keepalive_capped - capped[busy];
		assert_int_equal(s->total + skipped[busy] + capped[busy], SEEN_COUNT);
	}
	assert_in_range(skipped[0], 1, SEEN_COUNT);
	assert_in_range(capped[0], 1, SEEN_COUNT);
	assert_int_equal(skipped[1], skipped[0]);
	assert_int_equal(capped[1], capped[0]);
	seen_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skips_heard),
		cmocka_unit_test(caps_addresses),
		cmocka_unit_test(full_ring),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
