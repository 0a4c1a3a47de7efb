/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

enum slot_state {
	SLOT_FREE,
	SLOT_TAKEN,
	SLOT_RESTING,
};

struct slot {
	uint64_t rested_ms; /* resting: free from then on */
	uint32_t gen;
	uint32_t place; /* free: index in slots.free */
	uint32_t state; /* enum slot_state */
};

/* Free ones lie in an array in no order: one is taken at random and the last fills its place.
 * Resting ones queue up in a ring, which their equal rest keeps in order. */
struct slots {
	uint32_t total;
	uint32_t rest_ms;
	uint32_t free_count;
	uint32_t rest_head;
	uint32_t rest_count;
	uint32_t *free;
	uint32_t *rest;
	struct slot *slot;
};

int slots_open(struct slots **out, uint32_t total, uint32_t rest_ms, uint32_t gen_first)
{
	struct slots *s;

	if (total == 0)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->free = calloc(total, sizeof(*s->free));
	s->rest = calloc(total, sizeof(*s->rest));
	s->slot = calloc(total, sizeof(*s->slot));
	if (!s->free || !s->rest || !s->slot) {
		slots_close(s);
		return -ENOMEM;
	}
	s->total = total;
	s->rest_ms = rest_ms;
	s->free_count = total;
	for (uint32_t i = 0; i < total; i++) {
		s->free[i] = i;
		s->slot[i].place = i;
		s->slot[i].gen = gen_first;
	}
	*out = s;
	return 0;
}

void slots_close(struct slots *s)
{
	if (!s)
		return;
	free(s->free);
	free(s->rest);
	free(s->slot);
	free(s);
}

/* Takes what stands at this place out of the free ones. */
static uint32_t slots_pick(struct slots *s, uint32_t place)
{
	uint32_t number = s->free[place], last = s->free[--s->free_count];

	s->free[place] = last;
	s->slot[last].place = place;
	s->slot[number].state = SLOT_TAKEN;
	return number;
}

static void slots_wake(struct slots *s, uint64_t now_ms)
{
	while (s->rest_count) {
		uint32_t number = s->rest[s->rest_head];
		struct slot *slot = &s->slot[number];

		if (slot->rested_ms > now_ms)
			break;
		s->rest_head = (s->rest_head + 1) % s->total;
		s->rest_count--;
		slot->state = SLOT_FREE;
		slot->place = s->free_count;
		s->free[s->free_count++] = number;
	}
}

int slots_take(struct slots *s, uint64_t now_ms, uint32_t *number, uint32_t *gen)
{
	uint32_t random;

	slots_wake(s, now_ms);
	if (!s->free_count)
		return -ENOSPC;
	/* A port that can be guessed is a port that can be sprayed: real random numbers. */
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	*number = slots_pick(s, (uint32_t)(((uint64_t)random * s->free_count) >> 32));
	*gen = ++s->slot[*number].gen;
	return 0;
}

int slots_claim(struct slots *s, uint32_t number, uint32_t gen)
{
	struct slot *slot;

	if (number >= s->total)
		return -EINVAL;
	slot = &s->slot[number];
	if (slot->state != SLOT_FREE)
		return -EBUSY;
	slots_pick(s, slot->place);
	if ((int32_t)(gen - slot->gen) > 0)
		slot->gen = gen;
	return 0;
}

void slots_release(struct slots *s, uint32_t number, uint64_t now_ms)
{
	struct slot *slot;

	if (number >= s->total || s->slot[number].state != SLOT_TAKEN)
		return;
	slot = &s->slot[number];
	slot->state = SLOT_RESTING;
	slot->rested_ms = now_ms + s->rest_ms;
	s->rest[(uint32_t)(((uint64_t)s->rest_head + s->rest_count++) % s->total)] = number;
}

uint32_t slots_total(const struct slots *s)
{
	return s->total;
}

uint32_t slots_used(const struct slots *s)
{
	return s->total - s->free_count - s->rest_count;
}
