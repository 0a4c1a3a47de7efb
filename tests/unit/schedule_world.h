/* SPDX-License-Identifier: BSD-3-Clause */
/* A keep-alive schedule in virtual time (microseconds), each message checked against the promise of
 * schedule.h. */
#ifndef TESTS_UNIT_SCHEDULE_WORLD_H
#define TESTS_UNIT_SCHEDULE_WORLD_H

#include "dataplane/keepalive/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef CAPACITY
#define CAPACITY 1500
#endif
#define HZ 1000000u

struct world {
	struct schedule s;
	void *memory;
	uint32_t where[CAPACITY];
	uint64_t deadline[CAPACITY]; /* 0 = not there */
	uint64_t last[CAPACITY];     /* of the message before */
	uint64_t now;
	uint64_t limit; /* period + interval */
	uint64_t sent;
	uint64_t seed;
	uint32_t count;
	bool promise; /* deadlines hold: no fixed batch is too small */
};

static inline uint32_t world_random(struct world *w, uint32_t below)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w->seed >> 33) % below;
}

static inline struct schedule_conf world_conf(
	struct world *w, uint32_t period_ms, uint32_t interval_ms, uint32_t batch, bool smooth)
{
	w->limit = (uint64_t)(period_ms + interval_ms) * 1000;
	return schedule_conf_make(period_ms, interval_ms, batch, smooth, HZ, 1, 0);
}

static inline struct world *world_open(
	uint64_t seed, uint32_t period_ms, uint32_t interval_ms, uint32_t batch, bool smooth)
{
	struct world *w = calloc(1, sizeof(*w));
	size_t size = schedule_memory(CAPACITY);
	struct schedule_conf conf;

	w->seed = seed;
	w->now = 1000000 + world_random(w, 1000000);
	w->promise = true;
	w->memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
	memset(w->memory, 0, size);
	conf = world_conf(w, period_ms, interval_ms, batch, smooth);
	schedule_open(&w->s, w->memory, CAPACITY, w->where, &conf, w->now);
	return w;
}

static inline void world_close(struct world *w)
{
	free(w->memory);
	free(w);
}

/* Every list is whole, and where[] agrees with it. */
static inline void world_check(struct world *w)
{
	const struct slots *s = &w->s.slots;
	uint32_t total = 0, least = UINT32_MAX;

	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t place = 0;

		for (uint32_t c = s->slot[i].head; c != SLOTS_NONE; c = s->next[c]) {
			assert_int_equal(s->owner[c], i);
			assert_int_equal(s->number[c], place / SLOTS_CHUNK);
			for (int k = 0; k < SLOTS_CHUNK && place < s->slot[i].size; k++, place++) {
				uint32_t at, id = s->chunk[c].binding[k].id;

				assert_non_null(slots_find(s, id, &at, NULL));
				assert_int_equal(at, i);
				assert_true(w->deadline[id] > 0);
			}
		}
		assert_int_equal(place, s->slot[i].size);
		total += place;
		if (place < least)
			least = place;
	}
	assert_int_equal(total, s->total);
	assert_int_equal(total, w->count);
	assert_int_equal(s->slot[slots_emptiest(s)].size, least);
}

static inline void world_add(struct world *w, uint32_t id)
{
	struct slots_binding b = {.id = id, .port = (uint16_t)id};

	assert_true(schedule_add(&w->s, &b));
	if (w->deadline[id])
		return;
	w->deadline[id] = w->now + w->limit;
	w->last[id] = 0;
	w->count++;
}

static inline void world_remove(struct world *w, uint32_t id)
{
	schedule_remove(&w->s, id);
	if (!w->deadline[id])
		return;
	w->deadline[id] = 0;
	w->count--;
}

static inline void world_set(struct world *w, const struct schedule_conf *conf)
{
	schedule_set(&w->s, conf, w->now);
	for (uint32_t id = 0; id < CAPACITY; id++) {
		if (w->deadline[id] > w->now + w->limit)
			w->deadline[id] = w->now + w->limit;
		w->last[id] = 0;
	}
}

/* One turn of the worker's loop; true when a message went out. */
static inline bool world_turn(struct world *w, uint32_t max)
{
	const struct slots_binding *span;
	uint64_t due;
	uint32_t n = schedule_due(&w->s, w->now, max, &span, &due);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = span[i].id;

		assert_true(w->deadline[id] > 0);
		if (w->promise)
			assert_true(w->now <= w->deadline[id]);
		w->deadline[id] = w->now + w->limit;
		w->last[id] = w->now;
	}
	if (n) {
		assert_true(due <= w->now);
		schedule_sent(&w->s, n);
	}
	w->sent += n;
	return n > 0;
}

/* Runs turns until a moment, always exactly when something is due. */
static inline void world_run(struct world *w, uint64_t until)
{
	for (;;) {
		uint64_t next = schedule_next(&w->s);

		if (next > until)
			break;
		if (next > w->now)
			w->now = next;
		world_turn(w, 1 + world_random(w, 80));
	}
	w->now = until;
}

/* That long, and no four steps see more than twice the usual pace of `total` messages a period,
 * with `more` slots on the edges, and an eighth by which slots may differ. */
static inline void world_run_paced(
	struct world *w, uint64_t time, uint32_t total, uint64_t period, uint32_t more)
{
	uint64_t window = 4 * w->s.step;
	uint64_t most = 2 * total * (window + more * w->s.step) / period;

	most += most / 8;
	for (uint64_t end = w->now + time; w->now < end;) {
		uint64_t before = w->sent;

		world_run(w, w->now + window);
		assert_in_range(w->sent - before, 0, most);
	}
}

static inline void world_late(struct world *w)
{
	for (uint32_t id = 0; id < CAPACITY; id++)
		assert_true(!w->deadline[id] || w->now <= w->deadline[id]);
}

static inline struct schedule_conf world_some_conf(struct world *w, bool fixed)
{
	static const uint32_t periods[] = {10000, 15000, 30000, 31700, 300000, 3600000};
	static const uint32_t intervals[] = {10, 77, 500, 1000, 10000};
	uint32_t period = periods[world_random(w, 6)];
	uint32_t interval = intervals[world_random(w, 5)];

	return world_conf(
		w, period, interval, fixed ? 1 + world_random(w, CAPACITY) : 0, world_random(w, 2));
}

#endif
