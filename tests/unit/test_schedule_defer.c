/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings that are passed without a message: heard devices, capped addresses. The judge is
 * defer.c's, in virtual time. */
#include "dataplane/keepalive/cap.h"
#include "tests/unit/schedule_world.h"

#define ADDRESSES 40
#define PLACES    64
#define LOG       64 /* more than a cap that is tried */

struct judge {
	struct world *w;
	struct cap cap;
	struct cap_place place[PLACES];
	uint64_t heard[CAPACITY];      /* 0 = never */
	uint64_t sent[ADDRESSES][LOG]; /* the latest messages of an address, as a ring */
	uint32_t count[ADDRESSES];
	uint32_t most; /* the cap */
	uint32_t capped, skipped;
	bool skip;
};

/* Its address; each has a place of its own in the table. */
static uint32_t judge_ip(uint32_t id)
{
	return (id % ADDRESSES) * 0x44000000u;
}

static struct judge *judge_open(uint64_t seed, uint32_t most, bool skip)
{
	struct judge *j = calloc(1, sizeof(*j));

	j->w = world_open(seed, 30000, 500, 0, seed & 1);
	j->most = most;
	j->skip = skip;
	j->cap.shift = 32 - 6;
	if (most)
		cap_set(&j->cap, most, 30000000);
	j->cap.place = most ? j->place : NULL;
	return j;
}

static void judge_close(struct judge *j)
{
	world_close(j->w);
	free(j);
}

static void judge_add(struct judge *j, uint32_t id)
{
	struct slots_binding b = {.id = id, .ip = judge_ip(id), .port = (uint16_t)id};

	assert_true(schedule_add(&j->w->s, &b));
	j->w->count += !j->w->deadline[id];
	j->w->deadline[id] = j->w->now + j->w->limit;
}

/* No second sees more than the cap. */
static void judge_log(struct judge *j, uint32_t id)
{
	uint32_t address = id % ADDRESSES;
	uint64_t *ring = j->sent[address];

	if (!j->most)
		return;
	if (j->count[address] >= j->most)
		assert_true(j->w->now - ring[(j->count[address] - j->most) % LOG] >= CAP_SECOND);
	ring[j->count[address]++ % LOG] = j->w->now;
}

/* Where it goes without a message, SLOTS_NONE: it gets one. */
static uint32_t judge_one(struct judge *j, uint32_t id)
{
	struct world *w = j->w;
	uint64_t period = w->s.conf.period;
	uint32_t slot = SLOTS_NONE, wait;

	if (j->skip && j->heard[id] && w->now - j->heard[id] < period)
		slot = schedule_slot_by(&w->s, j->heard[id] + period);
	if (slot != SLOTS_NONE) {
		j->skipped++;
		assert_true(j->heard[id] + w->limit > w->now);
		w->deadline[id] = j->heard[id] + w->limit;
		return slot;
	}
	wait = j->most ? cap_take(&j->cap, judge_ip(id), (uint32_t)w->now) : 0;
	if (!wait)
		return SLOTS_NONE;
	j->capped++;
	/* The first batch after it is allowed, and a step before its next time at the latest. */
	w->deadline[id] = w->now + (wait < period ? wait : period) + 2 * w->s.step;
	return schedule_slot_after(&w->s, w->now + wait);
}

static void judge_turn(struct judge *j, uint32_t max)
{
	struct world *w = j->w;
	const struct slots_binding *span;
	uint32_t id[SLOTS_CHUNK], slot[SLOTS_CHUNK], n;
	uint64_t due;

	n = schedule_due(&w->s, w->now, max, &span, &due);
	for (uint32_t i = 0; i < n; i++) {
		id[i] = span[i].id;
		assert_true(w->deadline[id[i]] && w->now <= w->deadline[id[i]]);
		slot[i] = judge_one(j, id[i]);
		if (slot[i] != SLOTS_NONE)
			continue;
		judge_log(j, id[i]);
		w->deadline[id[i]] = w->now + w->limit;
		w->last[id[i]] = w->now;
		w->sent++;
	}
	schedule_sent(&w->s, n);
	for (uint32_t i = 0; i < n; i++)
		if (slot[i] != SLOTS_NONE)
			schedule_move(&w->s, id[i], slot[i]);
}

static void judge_run(struct judge *j, uint64_t until)
{
	struct world *w = j->w;

	while (schedule_next(&w->s) <= until) {
		if (schedule_next(&w->s) > w->now)
			w->now = schedule_next(&w->s);
		judge_turn(j, 1 + world_random(w, SLOTS_CHUNK));
	}
	w->now = until;
	world_late(w);
}

static void judge_churn(struct judge *j, uint32_t chance)
{
	struct world *w = j->w;

	for (int op = 0; op < 400; op++) {
		for (uint32_t n = world_random(w, 12); n; n--)
			judge_add(j, world_random(w, CAPACITY));
		for (uint32_t n = world_random(w, 4); n; n--)
			world_remove(w, world_random(w, CAPACITY));
		for (uint32_t n = world_random(w, 30); n; n--)
			j->heard[world_random(w, CAPACITY)] = w->now;
		if (world_random(w, 100) < chance) {
			struct schedule_conf conf = world_conf(
				w, 10000 + 1000 * world_random(w, 40), 500, 0, j->w->seed & 1);

			world_set(w, &conf);
		}
		judge_run(j, w->now + world_random(w, 2000000));
		if (op % 50 == 0)
			world_check(w);
	}
	world_check(w);
}

/* Counted from what its NAT saw last, our message or its own packet, nobody waits longer than the
 * period and the interval. */
static void skip_heard(void **state)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct judge *j = judge_open(seed, 0, true);

		judge_churn(j, 2);
		assert_true(j->skipped > 100);
		judge_close(j);
	}
}

/* Devices that are heard more often than the period get next to nothing (of seven messages), and
 * all of them together do not crowd one slot when they were heard together. */
static void skip_all(void **state)
{
	struct judge *j = judge_open(1, 0, true);
	struct world *w = j->w;
	uint64_t sent;

	for (uint32_t id = 0; id < CAPACITY; id++)
		judge_add(j, id);
	judge_run(j, w->now + 31000000);
	sent = w->sent;
	for (int round = 0; round < 20; round++) {
		for (uint32_t id = 0; id < CAPACITY; id++)
			j->heard[id] = w->now - id * 10000;
		judge_run(j, w->now + 10000000);
	}
	assert_in_range(w->sent - sent, 0, 7 * CAPACITY / 4);
	for (uint32_t id = 0; id < CAPACITY; id++)
		j->heard[id] = w->now;
	judge_run(j, w->now + 60000000);
	for (uint32_t i = 0; i < 60; i++)
		assert_in_range(
			w->s.slots.slot[i].size, 0, CAPACITY / 60 + CAPACITY / 480 + 64 + 64);
	judge_close(j);
}

/* Whatever comes and goes, no address gets more than its cap in any second; who has to wait gets
 * its turn soon after, and in the end all stand where they need not wait. */
static void capped(void **state)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct judge *j = judge_open(seed, 1 + (uint32_t)seed % 20, seed % 3 == 0);

		judge_churn(j, seed % 5 ? 0 : 2);
		judge_close(j);
	}
}

/* Many behind one address, all at once: spread over the period, then never deferred again. */
static void cap_settles(void **state)
{
	struct judge *j = judge_open(9, 10, false);
	struct world *w = j->w;

	for (uint32_t i = 0; i < 100; i++) {
		struct slots_binding b = {
			.id = i * ADDRESSES % CAPACITY + i / 37, .ip = judge_ip(0)};

		/* One home for all. */
		b.id = (i * ADDRESSES) % (CAPACITY - CAPACITY % ADDRESSES);
		if (w->deadline[b.id])
			continue;
		assert_true(schedule_add(&w->s, &b));
		w->count++;
		w->deadline[b.id] = w->now + w->limit;
	}
	assert_true(w->count >= 30);
	judge_run(j, w->now + 62000000);
	assert_true(j->capped > 10);
	j->capped = 0;
	w->sent = 0;
	judge_run(j, w->now + 90000000);
	assert_int_equal(j->capped, 0);
	assert_in_range(w->sent, 3 * w->count - w->count / 2, 3 * w->count + w->count / 2);
	judge_close(j);
}

/* The cap alone: strict in every second, fair to a steady rate, indifferent to wrapped clocks. */
static void cap_is_strict(void **state)
{
	for (uint32_t most = 1; most <= 50; most++) {
		struct cap_place place[2] = {0};
		struct cap cap = {.place = place, .shift = 31};
		uint64_t now = UINT32_MAX - 5000000ull, at[64] = {0};
		uint32_t n = 0;

		cap_set(&cap, most, 30000000);
		srand(most);
		for (int i = 0; i < 20000; i++) {
			now += (uint64_t)(rand() % (i % 1000 < 500 ? 10 : 100000));
			if (cap_take(&cap, 7, (uint32_t)now))
				continue;
			if (n >= most)
				assert_true(now - at[(n - most) % 64] >= CAP_SECOND);
			at[n++ % 64] = now;
		}
		/* Half of the cap goes on for ever. */
		n = 0;
		for (int i = 0; i < 2000; i++, now += 10000)
			n += cap_take(&cap, 7, (uint32_t)now) == 0;
		assert_in_range(n, 18 * (most / 2), 20 * (most / 2 + 2) + most);
		/* After an age without a message there is no wait. */
		now += 0x80000000u;
		assert_int_equal(cap_take(&cap, 7, (uint32_t)now), 0);
	}
}

/* Those who wait get different times, a gap apart. */
static void cap_queues(void **state)
{
	struct cap_place place[2] = {0};
	struct cap cap = {.place = place, .shift = 31};
	uint32_t wait, before = 0;

	cap_set(&cap, 10, 30000000);
	for (int i = 0; i < 6; i++)
		assert_int_equal(cap_take(&cap, 7, 1000), 0);
	for (int i = 0; i < 50; i++) {
		wait = cap_take(&cap, 7, 1000);
		assert_int_equal(wait, before + 200000);
		before = wait;
	}
	/* One that left the queue and asks again stands where it stood. */
	cap_leave(&cap, 7);
	assert_int_equal(cap_take(&cap, 7, 1000), before);
	cap_give_back(&cap, 7);
	assert_int_equal(cap_take(&cap, 7, 1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cap_is_strict),
		cmocka_unit_test(cap_queues),
		cmocka_unit_test(skip_heard),
		cmocka_unit_test(skip_all),
		cmocka_unit_test(capped),
		cmocka_unit_test(cap_settles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
