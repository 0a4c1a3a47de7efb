/* SPDX-License-Identifier: BSD-3-Clause */
/* What a new process owes the bindings of the old one, and what is owed when parameters change. */
#include "tests/unit/schedule_world.h"

/* The schedule of a new process, on the same clock, for the same destinations by other ids: added
 * in any order within `took`, then greeted. Deadlines as promised. */
static struct world *world_restart(struct world *old, uint64_t away, uint64_t took, bool known)
{
	struct world *w = calloc(1, sizeof(*w));
	size_t size = schedule_memory(CAPACITY);
	uint64_t since = old->now, step = old->s.step;
	uint32_t shift = world_random(old, CAPACITY);

	w->seed = old->seed;
	w->limit = old->limit;
	w->now = since + away;
	w->memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
	memset(w->memory, 0, size);
	schedule_open(&w->s, w->memory, CAPACITY, w->where, &old->s.conf, w->now);
	for (uint32_t i = 0; i < CAPACITY; i++) {
		uint32_t id = (i * 7 + shift) % CAPACITY;
		struct slots_binding b = {.id = i, .port = (uint16_t)id};

		if (!old->deadline[id])
			continue;
		assert_true(schedule_add(&w->s, &b));
		w->count++;
		w->deadline[i] = UINT64_MAX;
		if (w->count % 64 == 0)
			world_run(w, w->now + took * 64 / CAPACITY);
	}
	schedule_greet(&w->s, known ? since : SCHEDULE_NEVER, w->now);
	for (uint32_t i = 0; i < CAPACITY; i++) {
		uint32_t id = (i * 7 + shift) % CAPACITY;
		uint64_t least = w->last[i] ? w->last[i] + w->limit : UINT64_MAX;

		if (!old->deadline[id])
			continue;
		w->deadline[i] = known ? old->deadline[id] + (w->now - since)
				       : w->now + w->s.conf.period / 2 + 2 * step;
		if (least < w->deadline[i])
			w->deadline[i] = least;
	}
	w->promise = true;
	return w;
}

/* A new process continues where the old one ended: counted from the last message of the old one, no
 * wait is longer than what it was away. It catches up at twice the pace, not as a flood. */
static void restart(void **state)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct world *old = world_open(seed, 30000, 500, 0, seed & 1), *w;
		uint64_t away = world_random(old, seed % 3 ? 20000000 : 200000000), end, before;

		for (uint32_t id = 0; id < 1200; id++)
			world_add(old, id);
		world_run(old, old->now + 31000000 + world_random(old, 30000000));
		w = world_restart(old, away, world_random(old, 3000000), seed % 5);
		for (end = w->now + 100000000; w->now < end;) {
			before = w->sent;
			world_run(w, w->now + 1000000);
			assert_in_range(w->sent - before, 40 - 20, 5 * 23);
		}
		world_late(w);
		world_check(w);
		/* On time, as if nothing had been. */
		assert_false(w->s.greeting);
		before = w->sent;
		world_run(w, w->now + 30000000);
		assert_in_range(w->sent - before, 1200 - 25, 1200 + 25);
		world_close(w);
		world_close(old);
	}
}

/* The same after parameters that both processes have changed, and after a second greeting. */
static void restart_after_change(void **state)
{
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct world *old = world_open(seed, 30000, 500, 0, seed & 1), *w;
		struct schedule_conf conf;
		uint64_t period;

		for (uint32_t id = 0; id < 1200; id++)
			world_add(old, id);
		world_run(old, old->now + 31000000);
		conf = world_some_conf(old, false);
		world_set(old, &conf);
		/* All have gone home. */
		world_run(old, old->now + 3 * old->limit);
		period = old->s.conf.period;
		w = world_restart(old, world_random(old, 20000000), 1000, true);
		world_run(w, w->now + world_random(w, 2000000));
		schedule_greet(&w->s, w->now - world_random(w, 3000000), w->now);
		/* Whom the second one delays was told of by it. */
		for (uint32_t id = 0; id < CAPACITY; id++)
			w->deadline[id] += w->deadline[id] ? 3000000 : 0;
		world_run(w, w->now + 3 * period);
		world_late(w);
		world_check(w);
		world_close(w);
		world_close(old);
	}
}

/* Catching up for another process is no lateness of ours. */
static void greeting_is_not_late(void **state)
{
	struct world *w = world_open(2, 30000, 500, 0, false);
	const struct slots_binding *span;
	uint64_t due, end;
	uint32_t n;

	for (uint32_t id = 0; id < 1200; id++)
		world_add(w, id);
	schedule_greet(&w->s, w->now - 12000000, w->now);
	for (end = w->now + 60000000; w->now < end;) {
		if (schedule_next(&w->s) > w->now)
			w->now = schedule_next(&w->s);
		n = schedule_due(&w->s, w->now, 64, &span, &due);
		if (n)
			assert_int_equal(due, w->now);
		schedule_sent(&w->s, n);
	}
	world_close(w);
}

/* Nor a batch cut short, however long the other process was away. */
static void greeting_is_no_cut(void **state)
{
	for (uint64_t away = 500000; away < 180000000; away += 250000) {
		struct world *w = world_open(away, 30000, 500, 0, false);

		w->now += 200000000;
		schedule_open(&w->s, w->memory, CAPACITY, w->where, &w->s.conf, w->now);
		for (uint32_t id = 0; id < 1200; id++)
			world_add(w, id);
		schedule_greet(&w->s, w->now - away, w->now);
		world_run(w, w->now + 60000000);
		assert_int_equal(w->s.cut, 0);
		world_late(w);
		world_close(w);
	}
}

/* For a round and a half after new parameters no two seconds see more than thrice the pace of the
 * shorter period (catching up and going home), and the slots on either edge. */
static void is_no_flood(struct world *w, uint32_t period_ms)
{
	uint32_t most = 4 * 2 * 1200 / (period_ms < 30000 ? period_ms / 1000 : 30);
	struct schedule_conf conf = world_conf(w, period_ms, 500, 0, w->seed & 1);
	uint64_t before;

	world_set(w, &conf);
	for (uint64_t end = w->now + 3 * w->limit / 2; w->now < end;) {
		before = w->sent;
		world_run(w, w->now + 2000000);
		assert_in_range(w->sent - before, 0, most);
	}
	world_late(w);
	world_check(w);
}

/* A new period amid a catch-up is not answered with all that is overdue at once: it goes on. */
static void change_while_greeting(void **state)
{
	static const uint32_t periods[] = {31000, 29500, 40000, 20000, 60000};

	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct world *old = world_open(seed, 30000, 500, 0, seed & 1), *w;
		uint32_t period = periods[seed % 5];

		for (uint32_t id = 0; id < 1200; id++)
			world_add(old, id);
		world_run(old, old->now + 31000000 + world_random(old, 30000000));
		w = world_restart(old, world_random(old, 60000000), 1000, seed % 4);
		world_run(w, w->now + world_random(w, 16000000));
		is_no_flood(w, period);
		world_close(w);
		world_close(old);
	}
}

static void change_after_stall(void **state)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct world *w = world_open(seed, 30000, 500, 0, seed & 1);
		uint64_t gap = world_random(w, seed % 3 ? 29000000 : 200000000);

		for (uint32_t id = 0; id < 1200; id++)
			world_add(w, id);
		world_run(w, w->now + 31000000 + world_random(w, 30000000));
		w->now += gap;
		for (uint32_t id = 0; id < 1200; id++)
			w->deadline[id] += gap;
		world_run(w, w->now + world_random(w, 2) * world_random(w, 10000000));
		is_no_flood(w, 31000);
		/* And a second one at once. */
		is_no_flood(w, 30000);
		world_close(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(restart),
		cmocka_unit_test(restart_after_change),
		cmocka_unit_test(greeting_is_not_late),
		cmocka_unit_test(greeting_is_no_cut),
		cmocka_unit_test(change_while_greeting),
		cmocka_unit_test(change_after_stall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
