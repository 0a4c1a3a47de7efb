/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's answers, kept: between two ends of prefixes of its routes and rules all destinations
 * get the same route, so that one question for each such range is enough for millions of them. It
 * holds for the routes it was made from, and must be cleared when they change. Pure; main thread.
 */
#ifndef DATAPLANE_HOST_ROUTEMAP_H
#define DATAPLANE_HOST_ROUTEMAP_H

#include "shared/addr.h"

#include <stdbool.h>

#define ROUTEMAP_MAX 16384 /* ranges of a family; with more there is no map */

/* Of a range. */
struct routemap_answer {
	uint8_t first[16]; /* address, network order */
	int port;          /* -1: not asked yet */
	bool gateway;      /* else the destination is its own hop */
	struct addr hop;
};

struct routemap;

/* NULL without memory. */
struct routemap *routemap_open(void);
void routemap_close(struct routemap *map);

/* Forgets all; until routemap_ready() there is no map. */
void routemap_clear(struct routemap *map);

/* Between clear and ready: a prefix that has a route or rule of its own; its address has zeros
 * behind the prefix. `varied`: its route is not the same for all in it, so that no map can be. */
void routemap_add(struct routemap *map, const struct addr *prefix, uint8_t len, bool varied);
void routemap_ready(struct routemap *map);
bool routemap_is_ready(const struct routemap *map);

/* The answer for all of that destination's range, to read or to fill. NULL: there is no map. */
struct routemap_answer *routemap_find(struct routemap *map, const struct addr *dst);

#endif
