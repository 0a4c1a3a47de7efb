/* SPDX-License-Identifier: BSD-3-Clause */
/* The next-hop table itself: entries that workers read, and main's notes beside them, found by
 * port and neighbour address. No kernel, no clock. Main thread. */
#ifndef DATAPLANE_HOST_NEXTHOP_TABLE_H
#define DATAPLANE_HOST_NEXTHOP_TABLE_H

#include "dataplane/host/nexthop.h"

/* How long an entry without users is kept: a neighbour that comes back keeps its index, and a
 * worker that still holds the index reads a harmless entry. */
#define NEXTHOP_KEEP_MS 10000

struct nexthop_table;

struct nexthop {
	struct addr addr; /* neighbour: gateway or destination on the link */
	uint16_t port;
	uint16_t next;  /* of the same bucket, or of the free list */
	uint16_t state; /* NUD_* as the kernel told last */
	bool managed;   /* by the kernel */
	bool valid;     /* published with a MAC */
	bool used;
	bool seen; /* in the dump that is being read */
	uint32_t refs;
	uint64_t idle_ms; /* when refs fell to 0 */
	uint64_t lost_ms; /* since when it is not resolved */
};

struct nexthop_table *nexthop_table_open(void);
void nexthop_table_close(struct nexthop_table *table);

const struct nexthop_entry *nexthop_table_entries(const struct nexthop_table *table);
uint16_t nexthop_table_index(const struct nexthop_table *table, const struct nexthop *hop);

/* NULL when there is none. */
struct nexthop *nexthop_table_find(
	struct nexthop_table *table, uint16_t port, const struct addr *addr);

/* A hop without references and without a MAC, NULL when the table is full. */
struct nexthop *nexthop_table_add(
	struct nexthop_table *table, uint16_t port, const struct addr *addr);

/* Takes a reference back; without any the hop expires NEXTHOP_KEEP_MS later. */
void nexthop_table_put(struct nexthop_table *table, uint16_t index, uint64_t now_ms);

/* Shows a hop to workers, or hides it when dst is NULL. */
void nexthop_table_publish(struct nexthop_table *table, struct nexthop *hop, const uint8_t dst[6],
	const uint8_t src[6]);

static inline bool nexthop_table_valid(const struct nexthop *hop)
{
	return hop->valid;
}

/* Calls fn for each hop in use. */
void nexthop_table_each(
	struct nexthop_table *table, void (*fn)(struct nexthop *hop, void *ctx), void *ctx);

/* Frees the hops whose time is over, after fn has seen each. */
void nexthop_table_expire(struct nexthop_table *table, uint64_t now_ms,
	void (*fn)(struct nexthop *hop, void *ctx), void *ctx);

#endif
