/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives that are not sent in their turn: to devices that were heard, to addresses that got
 * their share. */
#include "tests/component/keepalive_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PERIOD (30 * SECOND)

static void hear(struct seen *s, uint32_t i, bool v6)
{
	struct addr addr = seen_device(i, v6);
	const struct addr *source = &addr;

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
	/* A period and an interval are left to the last; the rig's ticks lag behind its cycles. */
	seen_run(s, PERIOD + 3 * SECOND / 2);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skips_heard),
		cmocka_unit_test(caps_addresses),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
