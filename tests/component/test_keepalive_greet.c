/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives after a sync: those that are missing since. */
#include "tests/component/keepalive_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void sync_all(struct seen *s, uint32_t gen, uint64_t since_ms)
{
	binding_sync_begin(s->rig->keepalive, 0);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, gen, false);
	binding_sync_end(s->rig->keepalive, 0, since_ms, s->rig->now_ms);
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

/* All of it within half a period if nobody knows how long that was; at no more than twice the
 * pace. */
static void first_sync_after_who_knows(void **state)
{
	struct seen *s = seen_open();

	sync_all(s, 1, 0);
	for (unsigned int second = 0; second < 16; second++) {
		seen_run(s, SECOND);
		assert_in_range(s->total, 0, (second + 2) * 4 * 12);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_sync),
		cmocka_unit_test(first_sync_after_who_knows),
		cmocka_unit_test(later_sync),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
