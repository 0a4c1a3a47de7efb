/* SPDX-License-Identifier: BSD-3-Clause */
/* The way out is closed for a time: what was missed comes again, in virtual time. */
#define CAPACITY 60000
#include "tests/unit/schedule_world.h"

#define FEW 1200

struct outage {
	uint64_t missed[CAPACITY]; /* when it was passed without a message, */
	uint64_t due[CAPACITY];    /* and its deadline then */
	uint64_t since;
	uint64_t away; /* all times that count together */
};

static bool is_missing(const struct world *w, const struct outage *o, uint32_t id)
{
	return w->deadline[id] && o->missed[id] && w->last[id] <= o->missed[id];
}

static void pass(const struct world *w, struct outage *o, uint32_t id)
{
	if (!is_missing(w, o, id))
		o->due[id] = w->deadline[id];
	o->missed[id] = w->now;
}

/* Turns for that long; nothing of it leaves. */
static void close_way(struct world *w, struct outage *o, uint64_t time)
{
	const struct slots_binding *span;
	uint64_t due, end = w->now + time;

	/* What is to come again, or is just coming, is missed once more. */
	if (w->s.repeat == 0 && w->s.repeated + w->s.step <= w->now)
		o->away = 0;
	o->since = w->now;
	while (schedule_next(&w->s) <= end) {
		uint32_t n;

		if (schedule_next(&w->s) > w->now)
			w->now = schedule_next(&w->s);
		n = schedule_due(&w->s, w->now, 1 + world_random(w, 80), &span, &due);
		for (uint32_t i = 0; i < n; i++)
			pass(w, o, span[i].id);
		if (n)
			schedule_sent(&w->s, n);
	}
	w->now = end;
}

/* Those who missed something wait as promised, the others as ever. */
static void open_way(struct world *w, struct outage *o)
{
	o->away += w->now - o->since + 2 * w->s.step;
	schedule_missed(&w->s, o->since);
	for (uint32_t id = 0; id < CAPACITY; id++) {
		if (!is_missing(w, o, id))
			continue;
		w->deadline[id] = w->now + w->limit;
		if (o->away < w->s.conf.period && o->due[id] + o->away < w->deadline[id])
			w->deadline[id] = o->due[id] + o->away;
	}
}

static struct world *world_of(uint64_t seed, uint32_t count, uint32_t batch)
{
	struct world *w = world_open(seed, 30000, 500, batch, seed & 1);

	for (uint32_t id = 0; id < count; id++)
		world_add(w, id);
	world_run(w, w->now + 31000000 + world_random(w, 30000000));
	return w;
}

/* At home again, as if nothing had been. */
static void calm(struct world *w)
{
	uint64_t before;

	world_late(w);
	world_check(w);
	world_run(w, w->now + 9 * w->limit);
	before = w->sent;
	world_run(w, w->now + w->s.conf.period);
	assert_in_range(w->sent - before, w->count - w->count / 50, w->count + w->count / 50);
	assert_int_equal(w->s.astray, 0);
	assert_int_equal(w->s.owed, 0);
}

/* However short or long it was closed, whenever it opens, with a fixed batch too. */
static void once(void **state)
{
	for (uint64_t seed = 1; seed <= 600; seed++) {
		struct world *w = world_of(seed, FEW, seed % 3 ? 0 : 40);
		struct outage o = {0};

		close_way(w, &o, world_random(w, seed % 4 ? 29900000 : 100000000));
		open_way(w, &o);
		world_run_paced(w, 100000000, w->count, 30000000, 2);
		assert_int_equal(w->s.cut, 0);
		calm(w);
		world_close(w);
	}
}

/* Again before all was made up for. */
static void again(void **state)
{
	for (uint64_t seed = 1; seed <= 600; seed++) {
		struct world *w = world_of(seed, FEW, 0);
		struct outage o = {0};

		for (uint32_t n = 1 + world_random(w, 4); n; n--) {
			close_way(w, &o, world_random(w, 9000000) >> world_random(w, 12));
			open_way(w, &o);
			if (world_random(w, 2))
				world_run(w, w->now + world_random(w, 1000000));
			else
				world_run_paced(
					w, world_random(w, 20000000), w->count, 30000000, 2);
		}
		world_run_paced(w, 100000000, w->count, 30000000, 2);
		calm(w);
		world_close(w);
	}
}

/* Others come and go meanwhile, and parameters change. */
static void amid_changes(void **state)
{
	for (uint64_t seed = 1; seed <= 600; seed++) {
		struct world *w = world_of(seed, FEW, 0);
		struct outage o = {0};
		struct schedule_conf conf;

		close_way(w, &o, world_random(w, 29000000));
		open_way(w, &o);
		world_run(w, w->now + world_random(w, 20000000));
		for (uint32_t i = 0; i < 200; i++) {
			world_remove(w, world_random(w, 2 * FEW));
			world_add(w, world_random(w, 2 * FEW));
			world_run(w, w->now + world_random(w, 50000));
		}
		conf = world_some_conf(w, false);
		world_set(w, &conf);
		world_run(w, w->now + 2 * w->limit);
		world_late(w);
		world_check(w);
		world_close(w);
	}
}

/* A change of parameters at the very moment, with a batch that is just large enough. */
static void change_at_once(void **state)
{
	for (uint64_t seed = 1; seed <= 600; seed++) {
		uint32_t count = seed > 580 ? CAPACITY : FEW;
		struct world *w = world_of(seed, count, 0);
		struct outage o = {0};
		struct schedule_conf conf;

		close_way(w, &o, world_random(w, seed % 4 ? 2000000 : 29000000));
		open_way(w, &o);
		conf = world_conf(w, 31000, 500, count / 40, seed & 1);
		world_set(w, &conf);
		world_run_paced(w, 100000000, w->count, 30000000, 2);
		assert_int_equal(w->s.cut, 0);
		calm(w);
		world_close(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once),
		cmocka_unit_test(again),
		cmocka_unit_test(amid_changes),
		cmocka_unit_test(change_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
