/* SPDX-License-Identifier: BSD-3-Clause */
/* Where bindings stand: slots, each a list of full chunks and one last chunk that may be partly
 * filled, so that a sweep streams through memory. Pure: no EAL, no clock. One owner (a worker).
 *
 * A place is the number of a binding inside its slot: 0 .. size - 1, in sweep order. Memory per
 * binding: 16 B in its chunk, 4 B in where[], and 17 B of list a chunk of 64. */
#ifndef DATAPLANE_KEEPALIVE_SLOTS_H
#define DATAPLANE_KEEPALIVE_SLOTS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS_MAX   4096 /* slots of one schedule; more intervals are joined, see schedule.h */
#define SLOTS_CHUNK 64   /* bindings in a chunk, power of two */
#define SLOTS_NONE  UINT32_MAX

enum slots_binding_flags {
	SLOTS_IPV6 = 1 << 0, /* the address is in the sweep's side table, at [id] */
};

/* All that a sweep reads of a binding. */
struct slots_binding {
	uint32_t ip; /* network order; of an IPv6 address a digest, for its phase */
	uint32_t id;
	uint16_t port; /* network order */
	uint16_t nexthop;
	uint16_t template; /* class and local address, see template.h */
	uint8_t gen;       /* low byte, for the trace */
	uint8_t flags;     /* enum slots_binding_flags */
};
static_assert(sizeof(struct slots_binding) == 16, "four to a cache line");

/* The moment of the period that is this destination's own, as a fraction of 2^32: a function of its
 * address alone, so that it is the same in every process. Neighbours in address or port lie far
 * apart. */
static inline uint32_t slots_phase(const struct slots_binding *binding)
{
	uint64_t key = (uint64_t)__builtin_bswap32(binding->ip) << 16 |
		__builtin_bswap16(binding->port);

	return (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32);
}

struct slots_chunk {
	struct slots_binding binding[SLOTS_CHUNK];
} __attribute__((aligned(64)));

struct slot {
	uint32_t head, tail; /* chunks */
	uint32_t size;       /* bindings */
	uint32_t resume;     /* place at which the next sweep starts, if it cannot take all */
};

struct slots {
	struct slots_chunk *chunk;
	uint32_t *next, *prev; /* of a chunk; next is also the list of free ones */
	uint32_t *owner;       /* slot of a chunk */
	uint32_t *number;      /* of a chunk in its slot: place / SLOTS_CHUNK */
	uint32_t *where;       /* [id]: chunk * SLOTS_CHUNK + index + 1, 0 = not here */
	uint32_t free;
	uint32_t capacity, total; /* bindings */
	struct slot *slot, *spare;
	uint32_t count;  /* slots in use */
	uint32_t leaves; /* of the tree, a power of two */
	uint32_t *tree;  /* [1]: the emptiest slot of all, [n]: the emptier of [2n], [2n + 1] */
};

/* Bytes that slots_open() wants, for `capacity` bindings. */
size_t slots_memory(uint32_t capacity);

/* memory is zeroed and cache-line aligned; where[] is indexed by id, zero for ids not in here.
 * Begins with `count` empty slots, 1 .. SLOTS_MAX. */
void slots_open(struct slots *s, void *memory, uint32_t capacity, uint32_t *where, uint32_t count);

static inline uint32_t slots_emptiest(const struct slots *s)
{
	return s->tree[1];
}

static inline struct slots_binding *slots_at(const struct slots *s, uint32_t chunk, uint32_t place)
{
	return &s->chunk[chunk].binding[place % SLOTS_CHUNK];
}

/* The binding of an id, NULL if it is not here; *slot and *place tell where (each may be NULL). */
struct slots_binding *slots_find(
	const struct slots *s, uint32_t id, uint32_t *slot, uint32_t *place);

/* Adds at the end of a slot. False: capacity reached. */
bool slots_push(struct slots *s, uint32_t slot, const struct slots_binding *binding);

/* Removes the last binding of a slot that is not empty. */
struct slots_binding slots_pop(struct slots *s, uint32_t slot);

/* Overwrites one record and keeps where[] true. */
static inline void slots_put(
	struct slots *s, uint32_t chunk, uint32_t place, const struct slots_binding *binding)
{
	*slots_at(s, chunk, place) = *binding;
	s->where[binding->id] = chunk * SLOTS_CHUNK + place % SLOTS_CHUNK + 1;
}

/* Appends all of slot `from` to slot `to`, another one: cost as slots_join(). */
void slots_merge(struct slots *s, uint32_t from, uint32_t to);

/* Starts over with `count` empty slots; the old ones are then handed over one by one with
 * slots_join(), each whole: no binding is touched but the few of a partly filled chunk. */
void slots_regroup(struct slots *s, uint32_t count);

/* Appends old slot `from` (as before slots_regroup) to slot `to`. */
void slots_join(struct slots *s, uint32_t from, uint32_t to);

/* Appends to slot `to` only what stands before `chunk` in old slot `from`. */
void slots_join_before(struct slots *s, uint32_t from, uint32_t chunk, uint32_t to);

/* After the last slots_join. */
void slots_regrouped(struct slots *s);

#endif
