/* SPDX-License-Identifier: BSD-3-Clause */
/* The schedule of a process that comes after another, in virtual time. */
#ifndef TESTS_UNIT_SCHEDULE_HEIR_H
#define TESTS_UNIT_SCHEDULE_HEIR_H

#include "tests/unit/schedule_world.h"

/* A new process on the same clock, with the parameters of the old one. */
static inline struct world *world_next(const struct world *old, uint64_t away, uint32_t batch)
{
	struct world *w = calloc(1, sizeof(*w));
	size_t size = schedule_memory(CAPACITY);
	struct schedule_conf conf = old->s.conf;

	w->seed = old->seed;
	w->limit = old->limit;
	w->now = old->now + away;
	w->promise = true;
	w->memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
	memset(w->memory, 0, size);
	if (batch)
		conf.batch = batch;
	schedule_open(&w->s, w->memory, CAPACITY, w->where, &conf, w->now);
	return w;
}

/* Adds every part'th of the old one's destinations from `first` on, by other ids and in another
 * order, within `took`. Deadlines as promised, counted from the old one's last message; of a
 * destination that was not at home there, from now. */
static inline void world_owe(struct world *w, const struct world *old, uint32_t first,
	uint32_t part, uint64_t took, bool known, bool home)
{
	uint64_t since = old->now;
	uint32_t shift = world_random(w, CAPACITY);
	/* A smooth slot may have been half sent at that moment. */
	uint64_t extra = old->s.conf.smooth ? old->s.step : 0;

	for (uint32_t i = 0; i < CAPACITY; i++) {
		uint32_t id = (i * 7 + shift) % CAPACITY, own = (id + 1) % CAPACITY;
		struct slots_binding b = {.id = own, .port = (uint16_t)id};
		uint64_t away = w->now - since;

		if (!old->deadline[id] || id % part != first)
			continue;
		assert_true(schedule_owe(&w->s, &b, known ? since : 0, w->now));
		w->count++;
		w->deadline[own] = w->now + w->limit;
		if (known && home && away < w->s.conf.period &&
			old->deadline[id] + away + extra < w->deadline[own])
			w->deadline[own] = old->deadline[id] + away + extra;
		if (w->count % 64 == 0)
			world_run(w, w->now + took * 64 / CAPACITY);
	}
}

#endif
