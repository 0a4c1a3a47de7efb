/* SPDX-License-Identifier: BSD-3-Clause */
/* The keep-alive schedule under random bindings, removals, stalls and parameters over thousands of
 * seeds. */
#include "tests/unit/schedule_world.h"

/* Random life with parameters that can keep the promise: nobody ever waits too long. */
static void churn(void **state)
{
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct world *w = world_open(seed, 30000, 500, 0, seed & 1);
		uint32_t ids = 1 + world_random(w, CAPACITY);

		for (int op = 0; op < 120; op++) {
			uint32_t what = world_random(w, 100);
			uint32_t n = world_random(w, what < 3 ? ids : 12);
			struct schedule_conf conf;

			if (what < 50) {
				while (n--)
					world_add(w, world_random(w, ids));
			} else if (what < 85) {
				while (n--)
					world_remove(w, world_random(w, ids));
			} else if (what < 88) {
				conf = world_some_conf(w, false);
				world_set(w, &conf);
			}
			/* Changes fall into the middle of a batch too. */
			for (uint32_t i = world_random(w, 4); i; i--)
				world_turn(w, 1 + world_random(w, 5));
			world_run(w, w->now + world_random(w, what < 95 ? 300000 : 20000000));
			if (op % 10 == 0)
				world_check(w);
			world_late(w);
		}
		world_check(w);
		world_close(w);
	}
}

/* Without churn the time between two messages is the period, to the microsecond. */
static void phase_is_kept(void **state)
{
	static const struct {
		uint32_t period, interval;
	} rows[] = {{30000, 500}, {30000, 7000}, {10000, 10000}, {10001, 10}, {86400000, 10}};

	for (unsigned int r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct world *w = world_open(r, rows[r].period, rows[r].interval, 0, r & 1);
		uint64_t first[CAPACITY];
		uint64_t period = w->s.conf.period;

		for (uint32_t id = 0; id < CAPACITY; id++)
			world_add(w, id);
		world_run(w, w->now + period + rows[r].interval * 1000ull);
		memcpy(first, w->last, sizeof(first));
		for (uint32_t id = 0; id < CAPACITY; id++)
			assert_true(first[id] > 0);
		world_run(w, w->now + 5 * period);
		for (uint32_t id = 0; id < CAPACITY; id++)
			assert_int_equal((w->last[id] - first[id]) % period, 0);
		assert_in_range(w->sent, 6 * CAPACITY, 7 * CAPACITY);
		assert_int_equal(w->s.cut, 0);
		world_close(w);
	}
}

/* However many register at once, they spread over all slots; so they do after a longer period. */
static void no_clumps(void **state)
{
	struct world *w = world_open(7, 30000, 500, 0, false);
	struct schedule_conf conf;

	for (uint32_t id = 0; id < CAPACITY; id++) {
		world_add(w, id);
		world_turn(w, 64);
	}
	for (uint32_t i = 0; i < 60; i++)
		assert_in_range(w->s.slots.slot[i].size, CAPACITY / 60 - 3, CAPACITY / 60 + 3);
	conf = world_conf(w, 60000, 500, 0, false);
	world_set(w, &conf);
	/* Half of those that are not at home go there in each period. */
	world_run(w, w->now + 480000000);
	for (uint32_t i = 0; i < 120; i++)
		assert_in_range(w->s.slots.slot[i].size, CAPACITY / 120 - 4, CAPACITY / 120 + 4);
	world_check(w);
	world_close(w);
}

/* Nor if all have one home. */
static void no_crowd(void **state)
{
	struct world *w = world_open(8, 30000, 500, 0, false);
	uint32_t least, most = 0;

	for (uint32_t id = 0; id < CAPACITY; id++) {
		struct slots_binding b = {.id = id, .ip = 7, .port = 7};

		assert_true(schedule_add(&w->s, &b));
	}
	least = w->s.slots.slot[slots_emptiest(&w->s.slots)].size;
	for (uint32_t i = 0; i < 60; i++)
		if (w->s.slots.slot[i].size > most)
			most = w->s.slots.slot[i].size;
	assert_in_range(least, 20, 25);
	assert_in_range(most, 64, CAPACITY / 60 + CAPACITY / 480 + 65);
	world_close(w);
}

/* Neighbours by address or by port have homes that spread evenly, whatever the number of slots. */
static void phases(void **state)
{
	static const uint32_t slots[] = {5, 60, 120, 4095};

	for (int pattern = 0; pattern < 4; pattern++) {
		for (unsigned int k = 0; k < sizeof(slots) / sizeof(slots[0]); k++) {
			uint32_t *size = calloc(slots[k], sizeof(*size)), n = 200 * slots[k];

			for (uint32_t i = 0; i < n; i++) {
				struct slots_binding b = {
					.ip = __builtin_bswap32(0x0a000000 + (pattern & 1 ? i : 1)),
					.port = __builtin_bswap16(
						(uint16_t)(pattern & 2 ? i : 5060)),
				};

				if (pattern == 0)
					b.ip = __builtin_bswap32(0x64400000 + i / 500 * 256);
				if (pattern == 0)
					b.port = (uint16_t)(1024 + i % 500 * 16);
				size[(uint64_t)slots_phase(&b) * slots[k] >> 32]++;
			}
			for (uint32_t i = 0; n <= 65536 && i < slots[k]; i++)
				assert_in_range(size[i], 140, 260);
			free(size);
		}
	}
}

/* A batch that cannot carry all: everybody gets a turn, it is counted, and the size that would do
 * is told. */
static void fixed_batch(void **state)
{
	struct world *w = world_open(3, 30000, 500, 10, false);
	struct schedule_conf conf;

	w->promise = false;
	for (uint32_t id = 0; id < 1200; id++)
		world_add(w, id);
	assert_int_equal(schedule_needed(&w->s.conf, 1200), 20);
	world_run(w, w->now + 60000000);
	assert_int_equal(w->sent, 120 * 10);
	assert_int_equal(w->s.cut, 120);
	for (uint32_t id = 0; id < 1200; id++)
		assert_true(w->last[id] > 0);
	conf = world_conf(w, 30000, 500, schedule_needed(&w->s.conf, 1200), false);
	world_set(w, &conf);
	assert_int_equal(schedule_needed(&w->s.conf, 1200), 0);
	world_run(w, w->now + 30500000);
	w->promise = true;
	w->s.cut = 0;
	world_run(w, w->now + 100000000);
	world_late(w);
	assert_int_equal(w->s.cut, 0);
	world_close(w);
}

/* Fixed batches of any size under churn: lists stay whole, and nobody starves. */
static void fixed_batch_churn(void **state)
{
	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct world *w = world_open(seed, 30000, 500, 1 + (uint32_t)seed % 40, seed & 1);

		w->promise = false;
		for (int op = 0; op < 200; op++) {
			uint32_t n = world_random(w, op % 16 ? 20 : CAPACITY);

			while (n--) {
				if (world_random(w, 3))
					world_add(w, world_random(w, CAPACITY));
				else
					world_remove(w, world_random(w, CAPACITY));
			}
			if (world_random(w, 50) == 0) {
				struct schedule_conf conf = world_some_conf(w, true);

				world_set(w, &conf);
			}
			world_turn(w, 1 + world_random(w, 5));
			world_run(w, w->now + world_random(w, 2000000));
			if (op % 16 == 0)
				world_check(w);
		}
		world_close(w);
	}
}

/* A fixed batch that suffices keeps the promise even after most bindings left unevenly. */
static void fixed_batch_levels(void **state)
{
	struct world *w = world_open(5, 30000, 500, 10, false);

	w->promise = false;
	for (uint32_t id = 0; id < 1200; id++)
		world_add(w, id);
	world_run(w, w->now + 30000000);
	/* What remains fits into 60 slots of 10, but stands in 30 of them with 20 each. */
	for (uint32_t id = 0; id < 1200; id++) {
		uint32_t slot;

		slots_find(&w->s.slots, id, &slot, NULL);
		if (slot % 2)
			world_remove(w, id);
	}
	assert_int_equal(w->count, 600);
	world_run(w, w->now + 61000000);
	w->s.cut = 0;
	memset(w->last, 0, sizeof(w->last));
	world_run(w, w->now + 30500000);
	assert_int_equal(w->s.cut, 0);
	for (uint32_t id = 0; id < 1200; id++)
		assert_true(!w->deadline[id] || w->last[id] > 0);
	world_close(w);
}

/* After a stall the missed batches go out at twice the pace, in order, and each binding gets one
 * message, however long it was. */
static void stall(void **state)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct world *w = world_open(seed, 30000, 500, 0, seed & 1);
		uint64_t gap = world_random(w, seed % 3 ? 29000000 : 200000000);
		uint64_t end, window, sent;

		for (uint32_t id = 0; id < 1200; id++)
			world_add(w, id);
		world_run(w, w->now + 31000000 + world_random(w, 30000000));
		w->now += gap;
		for (uint32_t id = 0; id < 1200; id++)
			w->deadline[id] += gap;
		end = w->now + 61000000;
		while (w->now < end) {
			window = w->now + 1000000;
			sent = w->sent;
			world_run(w, window);
			/* About 20 a slot and 2 slots a second; twice as much, and one batch at
			 * the edge. */
			assert_in_range(w->sent - sent, 40 - 20, 5 * 23);
		}
		world_late(w);
		assert_true(gap < 30000000 || w->s.cut > 0);
		/* Back on the schedule: exact periods again. */
		sent = w->sent;
		world_run(w, w->now + 30000000);
		assert_in_range(w->sent - sent, 1180, 1220);
		world_close(w);
	}
}

/* `smooth` spreads a batch evenly over its interval. */
static void smooth(void **state)
{
	struct world *w = world_open(11, 10000, 1000, 0, true);
	uint64_t before = 0;

	for (uint32_t id = 0; id < 1000; id++)
		world_add(w, id);
	world_run(w, w->now + 1000000);
	while (w->sent < 5000) {
		uint64_t next = schedule_next(&w->s);

		if (next > w->now)
			w->now = next;
		if (!world_turn(w, 64))
			continue;
		/* About 100 messages a second: 10 ms apart. */
		assert_true(!before || (w->now - before > 9000 && w->now - before < 11000));
		before = w->now;
	}
	world_close(w);
}

/* Another address is another destination: it goes to its own home. */
static void another_address(void **state)
{
	struct world *w = world_open(4, 30000, 500, 0, false);
	struct slots_binding b = {.id = 9, .port = 1}, *here;
	uint32_t before, after, place;

	assert_true(schedule_add(&w->s, &b));
	slots_find(&w->s.slots, 9, &before, &place);
	b.nexthop = 5;
	assert_true(schedule_add(&w->s, &b));
	here = slots_find(&w->s.slots, 9, &after, &place);
	assert_int_equal(here->nexthop, 5);
	assert_int_equal(before, after);
	b.port = 2;
	assert_true(schedule_add(&w->s, &b));
	here = slots_find(&w->s.slots, 9, &after, &place);
	assert_int_equal(here->port, 2);
	assert_int_not_equal(before, after);
	assert_int_equal(w->s.slots.total, 1);
	world_close(w);
}

static void conf_rows(void **state)
{
	struct schedule_conf c = schedule_conf_make(30000, 500, 0, false, HZ, 1, 0);

	assert_int_equal(c.slots, 60);
	assert_int_equal(c.period, 30000000);
	assert_int_equal(c.batch, SCHEDULE_NO_LIMIT);
	assert_false(c.smooth);
	assert_int_equal(schedule_conf_make(30000, 7000, 0, false, HZ, 1, 0).slots, 5);
	assert_int_equal(schedule_conf_make(10000, 10000, 0, false, HZ, 1, 0).slots, 1);
	/* Shares of a fixed batch add up. */
	assert_int_equal(schedule_conf_make(30000, 500, 3001, false, HZ, 3, 0).batch, 1001);
	assert_int_equal(schedule_conf_make(30000, 500, 3001, false, HZ, 3, 1).batch, 1000);
	assert_int_equal(schedule_conf_make(30000, 500, 3001, false, HZ, 3, 2).batch, 1000);
	assert_int_equal(schedule_conf_make(30000, 500, 1, false, HZ, 4, 3).batch, 1);
	/* A day in steps of 10 ms: 8.64 million intervals in at most 4096 slots, the same rate. */
	c = schedule_conf_make(86400000, 10, 5, false, HZ, 1, 0);
	assert_int_equal(c.joined, 2110);
	assert_int_equal(c.slots, 4095);
	assert_int_equal(c.batch, 5 * 2110);
	assert_true(c.smooth);
	assert_true(c.period + c.period / c.slots <= 86400010000);
	assert_true(c.period >= 86400000000 / 4096 * 4095);
}

static void full(void **state)
{
	struct world *w = world_open(1, 30000, 500, 0, false);
	struct slots_binding b = {.id = 0};

	for (uint32_t id = 0; id < CAPACITY; id++)
		world_add(w, id);
	w->where[0] = 0;
	assert_false(schedule_add(&w->s, &b));
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conf_rows),
		cmocka_unit_test(phase_is_kept),
		cmocka_unit_test(no_clumps),
		cmocka_unit_test(no_crowd),
		cmocka_unit_test(phases),
		cmocka_unit_test(another_address),
		cmocka_unit_test(smooth),
		cmocka_unit_test(fixed_batch),
		cmocka_unit_test(fixed_batch_levels),
		cmocka_unit_test(fixed_batch_churn),
		cmocka_unit_test(stall),
		cmocka_unit_test(full),
		cmocka_unit_test(churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
