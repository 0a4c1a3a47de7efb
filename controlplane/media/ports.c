/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

enum ports_state {
	PORTS_FREE,
	PORTS_TAKEN,
	PORTS_RESTING,
};

struct ports_slot {
	uint64_t rested_ms; /* resting: free from then on */
	uint32_t gen;
	uint16_t place; /* free: index in ports.free */
	uint16_t state; /* enum ports_state */
};

/* Free slots lie in an array in no order: one is taken at random and the last fills its place.
 * Resting ones queue up in a ring, which their equal rest keeps in order. */
struct ports {
	uint16_t port_min;
	uint32_t total;
	uint32_t free_count;
	uint32_t rest_head;
	uint32_t rest_count;
	uint16_t *free;
	uint16_t *rest;
	struct ports_slot *slots;
};

int ports_open(struct ports **out, uint16_t port_min, uint16_t port_max, uint32_t gen_first)
{
	struct ports *p;
	uint32_t total;

	if (port_min == 0 || port_min % 2 != 0 || port_max % 2 != 1 || port_max < port_min)
		return -EINVAL;
	total = ((uint32_t)port_max - port_min + 1) / 2;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->free = calloc(total, sizeof(*p->free));
	p->rest = calloc(total, sizeof(*p->rest));
	p->slots = calloc(total, sizeof(*p->slots));
	if (!p->free || !p->rest || !p->slots) {
		ports_close(p);
		return -ENOMEM;
	}
	p->port_min = port_min;
	p->total = total;
	p->free_count = total;
	for (uint32_t i = 0; i < total; i++) {
		p->free[i] = (uint16_t)i;
		p->slots[i].place = (uint16_t)i;
		p->slots[i].gen = gen_first;
	}
	*out = p;
	return 0;
}

void ports_close(struct ports *p)
{
	if (!p)
		return;
	free(p->free);
	free(p->rest);
	free(p->slots);
	free(p);
}

/* Takes the slot at this place out of the free ones. */
static struct ports_slot *ports_pick(struct ports *p, uint32_t place)
{
	struct ports_slot *slot = &p->slots[p->free[place]];
	uint16_t last = p->free[--p->free_count];

	p->free[place] = last;
	p->slots[last].place = (uint16_t)place;
	slot->state = PORTS_TAKEN;
	return slot;
}

static void ports_wake(struct ports *p, uint64_t now_ms)
{
	while (p->rest_count) {
		uint16_t index = p->rest[p->rest_head];
		struct ports_slot *slot = &p->slots[index];

		if (slot->rested_ms > now_ms)
			break;
		p->rest_head = (p->rest_head + 1) % p->total;
		p->rest_count--;
		slot->state = PORTS_FREE;
		slot->place = (uint16_t)p->free_count;
		p->free[p->free_count++] = index;
	}
}

int ports_take(struct ports *p, uint64_t now_ms, uint16_t *port, uint32_t *gen)
{
	struct ports_slot *slot;
	uint32_t random;

	ports_wake(p, now_ms);
	if (!p->free_count)
		return -ENOSPC;
	/* A port that can be guessed is a port that can be sprayed: real random numbers. */
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	slot = ports_pick(p, (uint32_t)(((uint64_t)random * p->free_count) >> 32));
	slot->gen++;
	*port = (uint16_t)(p->port_min + 2 * (slot - p->slots));
	*gen = slot->gen;
	return 0;
}

static struct ports_slot *ports_at(struct ports *p, uint16_t port)
{
	if (port < p->port_min || port % 2 != 0 || (port - p->port_min) / 2u >= p->total)
		return NULL;
	return &p->slots[(port - p->port_min) / 2];
}

int ports_claim(struct ports *p, uint16_t port, uint32_t gen)
{
	struct ports_slot *slot = ports_at(p, port);

	if (!slot)
		return -EINVAL;
	if (slot->state != PORTS_FREE)
		return -EBUSY;
	ports_pick(p, slot->place);
	if ((int32_t)(gen - slot->gen) > 0)
		slot->gen = gen;
	return 0;
}

void ports_release(struct ports *p, uint16_t port, uint64_t now_ms)
{
	struct ports_slot *slot = ports_at(p, port);

	if (!slot || slot->state != PORTS_TAKEN)
		return;
	slot->state = PORTS_RESTING;
	slot->rested_ms = now_ms + PORTS_REST_MS;
	p->rest[(p->rest_head + p->rest_count++) % p->total] = (uint16_t)(slot - p->slots);
}

uint32_t ports_total(const struct ports *p)
{
	return p->total;
}

uint32_t ports_used(const struct ports *p)
{
	return p->total - p->free_count - p->rest_count;
}

uint32_t ports_free(struct ports *p, uint64_t now_ms)
{
	ports_wake(p, now_ms);
	return p->free_count;
}
