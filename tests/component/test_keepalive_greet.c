/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives after a sync: those that are missing since. */
#include "tests/component/keepalive_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void sync_all(struct seen *s, uint32_t gen, uint64_t since_ms)
{
	binding_sync_begin(s->rig->keepalive, 0, since_ms);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, gen, false);
	binding_sync_end(s->rig->keepalive, 0);
	memset(s->messages, 0, sizeof(s->messages));
	s->total = 0;
}

/* The first sync with a process: what fell due while nobody sent comes within as long again. */
static void first_sync(void **state)
{
	struct seen *s = seen_open();

	sync_all(s, 1, s->rig->now_ms - 5000);
	seen_run(s, 5 * SECOND);
	assert_in_range(s->total, 170, 240);
	s->total = 0;
	seen_run(s, 5 * SECOND);
	assert_in_range(s->total, 80, 120);
	seen_close(s);
}

/* All within a period if nobody knows how long that was, at the usual pace. */
static void first_sync_after_who_knows(void **state)
{
	struct seen *s = seen_open();

	sync_all(s, 1, 0);
	for (unsigned int second = 0; second < 30; second++) {
		seen_run(s, SECOND);
		assert_in_range(s->total, second * 2 * 8, (second + 2) * 2 * 12);
	}
	seen_run(s, SECOND / 2);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		assert_in_range(s->messages[i], 1, 2);
	seen_close(s);
}

/* Who comes back to a process that never stopped sending changes nobody's phase, whatever is new.
 */
static void later_sync(void **state)
{
	struct seen *s = seen_open();

	sync_all(s, 1, 0);
	seen_run(s, 65 * SECOND);
	for (uint32_t gen = 1; gen < 3; gen++) {
		sync_all(s, gen, 0);
		seen_run(s, 15 * SECOND);
		assert_in_range(s->total, SEEN_COUNT / 2 - 30, SEEN_COUNT / 2 + 30);
		seen_run(s, 15 * SECOND);
		assert_int_equal(s->total, SEEN_COUNT);
		for (uint32_t i = 0; i < SEEN_COUNT; i++)
			assert_int_equal(s->messages[i], 1);
	}
	seen_close(s);
}

static uint64_t longest;
static uint64_t before[SEEN_COUNT];

static void wait_of(struct seen *s, uint32_t i)
{
	if (before[i] && s->now - before[i] > longest)
		longest = s->now - before[i];
	before[i] = s->now;
}

/* Two clients come back to a new process, one long after the other: what the second is owed makes
 * nobody of the first wait longer than period and interval, and each gets what it is owed. */
static void first_sync_of_another(void **state)
{
	struct seen *s = seen_open();
	uint64_t since_ms = s->rig->now_ms - 2000;

	memset(before, 0, sizeof(before));
	longest = 0;
	s->on_frame = wait_of;
	for (s->client = 0; s->client < 2; s->client++) {
		binding_sync_begin(s->rig->keepalive, s->client, since_ms);
		for (uint32_t i = s->client; i < SEEN_COUNT; i += 2)
			seen_order(s, i, 1, false);
		binding_sync_end(s->rig->keepalive, s->client);
		s->total = 0;
		seen_run(s, 10 * SECOND);
		/* 10 a second of each client, and 2 or 12 seconds of one made up for. */
		if (s->client == 0)
			assert_in_range(s->total, 100, 140);
		else
			assert_in_range(s->total, 280, 340);
	}
	seen_run(s, 62 * SECOND);
	assert_in_range(longest, 29 * SECOND, 30 * SECOND + SECOND / 2);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		assert_in_range(s->messages[i], 2, 4);
	seen_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_sync),
		cmocka_unit_test(first_sync_after_who_knows),
		cmocka_unit_test(later_sync),
		cmocka_unit_test(first_sync_of_another),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
