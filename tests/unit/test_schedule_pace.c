/* SPDX-License-Identifier: BSD-3-Clause */
/* What the keep-alive schedule sends when parameters change while it catches up: never more than
 * twice the usual pace of the shorter period, however many bindings there are. */
#define CAPACITY 60000
#include "tests/unit/schedule_heir.h"

static const uint32_t sizes[] = {1200, CAPACITY};

/* Slots of a few messages may be uneven; those of a thousand are not. */
static uint32_t edges(uint32_t count)
{
	return count < CAPACITY ? 2 : 1;
}

static struct world *world_of(uint64_t seed, uint32_t count)
{
	struct world *w = world_open(seed, 30000, 500, 0, seed & 1);

	for (uint32_t id = 0; id < count; id++)
		world_add(w, id);
	world_run(w, w->now + 31000000 + world_random(w, 30000000));
	return w;
}

/* New parameters, and the time after. */
static void change(struct world *w, uint32_t period_ms, uint64_t time)
{
	uint64_t before = w->s.conf.period;
	struct schedule_conf conf = world_conf(w, period_ms, 500, 0, w->seed & 1);

	world_set(w, &conf);
	world_run_paced(
		w, time, w->count, before < conf.period ? before : conf.period, edges(w->count));
	world_late(w);
	world_check(w);
}

/* A new period amid what is made up for after a restart is not answered with all of it at once. */
static void change_while_owing(void **state)
{
	static const uint32_t periods[] = {31000, 29500, 40000, 20000, 60000};

	for (uint64_t seed = 1; seed <= 310; seed++) {
		uint32_t count = sizes[seed > 300], period = periods[seed % 5];
		struct world *old = world_of(seed, count), *w;

		w = world_next(old, world_random(old, 60000000), 0);
		world_owe(w, old, 0, 1, 1000, seed % 4, true);
		world_run(w, w->now + world_random(w, 16000000));
		change(w, period, 3 * w->limit / 2);
		world_close(w);
		world_close(old);
	}
}

/* Nor amid a catch-up, and a second one soon after. */
static void change_after_stall(void **state)
{
	static const uint32_t periods[] = {31000, 29500, 20000, 60000};

	for (uint64_t seed = 1; seed <= 320; seed++) {
		struct world *w = world_of(seed, sizes[seed > 300]);
		uint64_t gap = world_random(w, seed % 3 ? 29000000 : 200000000);

		w->now += gap;
		for (uint32_t id = 0; id < CAPACITY; id++)
			w->deadline[id] += w->deadline[id] ? gap : 0;
		world_run(w, w->now + world_random(w, 2) * world_random(w, 10000000));
		change(w, periods[seed / 5 % 4], world_random(w, 60000000));
		change(w, 30000, 45000000);
		world_close(w);
	}
}

/* A stall amid a change: slots that hold more than others get the time for it. */
static void stall_after_change(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_of(seed, CAPACITY);

		w->now += 14000000;
		for (uint32_t id = 0; id < CAPACITY; id++)
			w->deadline[id] += 14000000;
		change(w, 31000, 1000000);
		w->now += 5000000;
		for (uint32_t id = 0; id < CAPACITY; id++)
			w->deadline[id] += 5000000;
		world_run_paced(w, 62000000, CAPACITY, 30000000, 1);
		world_late(w);
		world_close(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(change_while_owing),
		cmocka_unit_test(change_after_stall),
		cmocka_unit_test(stall_after_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
