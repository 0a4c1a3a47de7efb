/* SPDX-License-Identifier: BSD-3-Clause */
/* What a new process owes the bindings of the old one. */
#include "tests/unit/schedule_heir.h"

/* A new process continues where the old one ended: counted from the last message of the old one, no
 * wait is longer than what it was away. It makes up for it at twice the pace, not as a flood. */
static void restart(void **state)
{
	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct world *old = world_open(seed, 30000, 500, 0, seed & 1), *w;
		uint64_t away = world_random(old, seed % 3 ? 29000000 : 200000000), before;

		for (uint32_t id = 0; id < 1200; id++)
			world_add(old, id);
		world_run(old, old->now + 31000000 + world_random(old, 30000000));
		w = world_next(old, away, 0);
		world_owe(w, old, 0, 1, world_random(w, 3000000), seed % 5, true);
		world_run_paced(w, 250000000, 1200, 30000000, 2);
		world_late(w);
		world_check(w);
		/* At home again, as if nothing had been. */
		before = w->sent;
		world_run(w, w->now + 30000000);
		assert_in_range(w->sent - before, 1200 - 25, 1200 + 25);
		world_close(w);
		world_close(old);
	}
}

/* The same after parameters that both processes have changed. */
static void restart_after_change(void **state)
{
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct world *old = world_open(seed, 30000, 500, 0, seed & 1), *w;
		struct schedule_conf conf;

		for (uint32_t id = 0; id < 1200; id++)
			world_add(old, id);
		world_run(old, old->now + 31000000);
		conf = world_some_conf(old, false);
		world_set(old, &conf);
		/* All have gone home. */
		world_run(old, old->now + 9 * old->limit);
		w = world_next(old, world_random(old, 20000000), 0);
		world_owe(w, old, 0, 1, 1000, true, true);
		world_run(w, w->now + 3 * w->s.conf.period);
		world_late(w);
		world_check(w);
		world_close(w);
		world_close(old);
	}
}

/* Several clients come back to the new process one after the other, some long after: what is made
 * up for to one makes nobody else's wait longer, with a fixed batch neither. */
static void restart_by_several(void **state)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct world *old = world_open(seed, 30000, 500, 0, seed & 1), *w;
		uint32_t batch = seed % 3 ? 0 : 40;

		for (uint32_t id = 0; id < 1200; id++)
			world_add(old, id);
		world_run(old, old->now + 31000000 + world_random(old, 30000000));
		w = world_next(old, world_random(old, 10000000), batch);
		for (uint32_t client = 0; client < 4; client++) {
			world_owe(w, old, client, 4, world_random(w, 1000000), client != 2, true);
			world_run_paced(w, world_random(w, 12000000), 1200, 30000000, 2);
		}
		world_run_paced(w, 100000000, 1200, 30000000, 2);
		assert_int_equal(w->s.cut, 0);
		world_late(w);
		world_check(w);
		world_close(w);
		world_close(old);
	}
}

/* Nothing is late by that, however long the other process was away. */
static void owing_is_not_late(void **state)
{
	const struct slots_binding *span;
	uint64_t due, end;
	uint32_t n;

	for (uint64_t away = 500000; away < 90000000; away += 250000) {
		struct world *w = world_open(away, 30000, 500, 0, away % 1000000 == 0);

		for (uint32_t id = 0; id < 1200; id++) {
			struct slots_binding b = {.id = id, .port = (uint16_t)id};

			assert_true(schedule_owe(&w->s, &b, w->now - away, w->now));
		}
		for (end = w->now + 60000000; w->now < end;) {
			if (schedule_next(&w->s) > w->now)
				w->now = schedule_next(&w->s);
			n = schedule_due(&w->s, w->now, 64, &span, &due);
			if (n)
				assert_int_equal(due, w->now);
			schedule_sent(&w->s, n);
		}
		assert_int_equal(w->s.cut, 0);
		world_close(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(restart),
		cmocka_unit_test(restart_after_change),
		cmocka_unit_test(restart_by_several),
		cmocka_unit_test(owing_is_not_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
