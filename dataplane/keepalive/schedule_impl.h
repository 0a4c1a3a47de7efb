/* SPDX-License-Identifier: BSD-3-Clause */
/* What schedule.c (the sweep), schedule_enter.c (who is in it), schedule_missed.c (who comes again)
 * and schedule_set.c (its parameters) share. */
#ifndef DATAPLANE_KEEPALIVE_SCHEDULE_IMPL_H
#define DATAPLANE_KEEPALIVE_SCHEDULE_IMPL_H

#include "dataplane/keepalive/schedule.h"

static inline uint64_t schedule_slot_due(const struct schedule *s, uint32_t slot)
{
	return s->round + slot * s->step + (slot < s->current ? s->conf.period : 0);
}

/* Messages that are still to go out of the open slot. */
static inline uint32_t schedule_left(const struct schedule *s)
{
	uint32_t size = s->slots.slot[s->current].size;

	if (!s->partial)
		return size - s->at;
	if (s->sent >= s->quota || s->sent >= size)
		return 0;
	return s->quota - s->sent;
}

/* Messages at once that are no clump: one call of the driver. */
#define SCHEDULE_CLUMP 64

/* What a slot may hold and still count as one like the others. */
static inline uint32_t schedule_fair(uint32_t even)
{
	return even + even / 8 + SCHEDULE_CLUMP;
}

/* The size of a slot if all were equal, rounded up. */
static inline uint32_t schedule_even(const struct schedule *s)
{
	return (s->slots.total + s->slots.count - 1) / s->slots.count;
}

/* The first slot after a change is not late, but early. */
static inline bool schedule_is_first(const struct schedule *s)
{
	return s->fresh == s->slots.count;
}

/* When the slot after the open one may begin. */
static inline uint64_t schedule_end_from(const struct schedule *s)
{
	return schedule_is_first(s) ? s->started : s->started + (s->step >> s->brisk);
}

/* Where a binding belongs, and where it goes if there is no room. */
static inline uint32_t schedule_home(const struct schedule *s, const struct slots_binding *binding)
{
	return (uint32_t)((uint64_t)slots_phase(binding) * s->slots.count >> 32);
}

/* Most messages of a batch: what is made up for comes on top of a full one. */
static inline uint32_t schedule_quota(const struct schedule *s)
{
	uint32_t batch = s->conf.batch;

	return s->owed && batch <= UINT32_MAX / 2 ? 2 * batch : batch;
}

/* More of them in one slot would be a clump. */
static inline bool schedule_crowded(const struct schedule *s, uint32_t slot)
{
	uint32_t size = s->slots.slot[slot].size;
	uint32_t fair = schedule_fair(s->even);

	/* The first one that makes up for something holds its own, those of the first that was
	 * missed, and the rest of a half-sent one. */
	return size >= schedule_quota(s) || size >= (s->owed ? 3 * fair : fair);
}

static inline uint32_t schedule_ahead(const struct schedule *s, uint32_t steps)
{
	uint32_t slot = s->current + steps;

	return slot < s->slots.count ? slot : slot - s->slots.count;
}

/* Whole steps from the time of the current slot to a moment; one less than that at the very edge.
 */
static inline uint64_t schedule_steps(const struct schedule *s, uint64_t moment)
{
	uint64_t due = schedule_slot_due(s, s->current);

	return moment > due ? (uint64_t)((unsigned __int128)(moment - due) * s->per_step >> 64) : 0;
}

/* The slot that was missed and comes again with the one so many steps ahead. */
static inline uint32_t schedule_repeated(const struct schedule *s, uint32_t steps)
{
	uint32_t slot = schedule_ahead(s, steps);

	return slot < s->lag ? slot + s->slots.count - s->lag : slot - s->lag;
}

/* The current slot, not open yet, takes in the one that is to come with it. */
void schedule_repeat(struct schedule *s);

static inline void schedule_step_forward(struct schedule *s, uint32_t n)
{
	uint32_t before = s->at / SLOTS_CHUNK;

	s->at += n;
	if (s->at / SLOTS_CHUNK != before && s->at < s->slots.slot[s->current].size)
		s->chunk = s->slots.next[s->chunk];
}

#endif
