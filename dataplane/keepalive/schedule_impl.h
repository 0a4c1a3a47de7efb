/* SPDX-License-Identifier: BSD-3-Clause */
/* What schedule.c (the sweep) and schedule_set.c (its parameters) share. */
#ifndef DATAPLANE_KEEPALIVE_SCHEDULE_IMPL_H
#define DATAPLANE_KEEPALIVE_SCHEDULE_IMPL_H

#include "dataplane/keepalive/schedule.h"

static inline uint64_t schedule_slot_due(const struct schedule *s, uint32_t slot)
{
	return s->round + slot * s->step + (slot < s->current ? s->conf.period : 0);
}

/* When the slot after the open one may begin: a catch-up has half a step for each. */
static inline uint64_t schedule_end_from(const struct schedule *s)
{
	/* The first slot after a change is not late, but early. */
	return s->started + (s->fresh == s->slots.count ? 0 : s->step / 2);
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

#endif
