/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives after a sync: those that are missing since. */
#include "tests/component/keepalive_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The first sync of a process: what fell due while nobody sent comes within as long again, all of
 * it within half a period if nobody knows how long that was; never at more than twice the pace. A
 * sync that brings nothing new changes nothing. */
static void first_sync(void **state)
{
	struct seen *s = seen_open();
	uint64_t now_ms = s->rig->now_ms;

	binding_sync_begin(s->rig->keepalive, 0);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, false);
	binding_sync_end(s->rig->keepalive, 0, now_ms - 5000, now_ms);
	seen_run(s, 5 * SECOND);
	assert_in_range(s->total, 170, 240);
	s->total = 0;
	seen_run(s, 5 * SECOND);
	assert_in_range(s->total, 80, 120);
	for (int again = 0; again < 2; again++) {
		now_ms = s->rig->now_ms;
		memset(s->messages, 0, sizeof(s->messages));
		s->total = 0;
		binding_sync_begin(s->rig->keepalive, 0);
		for (uint32_t i = 0; i < SEEN_COUNT; i++)
			seen_order(s, i, again ? 2 : 2 + i % 2, false);
		binding_sync_end(s->rig->keepalive, 0, 0, now_ms);
		for (int second = 0; second < 16; second++) {
			seen_run(s, SECOND);
			assert_in_range(s->total, 0, (second + 2) * 4 * 12);
		}
		for (uint32_t i = 0; i < SEEN_COUNT; i++)
			assert_in_range(s->messages[i], 1, 2);
		seen_run(s, 30 * SECOND);
	}
	binding_sync_begin(s->rig->keepalive, 0);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 2, false);
	binding_sync_end(s->rig->keepalive, 0, 0, s->rig->now_ms);
	s->total = 0;
	seen_run(s, 15 * SECOND);
	assert_in_range(s->total, SEEN_COUNT / 2 - 30, SEEN_COUNT / 2 + 30);
	seen_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_sync),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
