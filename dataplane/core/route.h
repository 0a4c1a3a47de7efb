/* SPDX-License-Identifier: BSD-3-Clause */
/* How modules ask for the next hop of a destination (main thread). linewatch-dp puts the kernel's
 * mirror behind it (host/nexthop.h); a bench or test puts a fixed entry there. */
#ifndef DATAPLANE_CORE_ROUTE_H
#define DATAPLANE_CORE_ROUTE_H

#include "shared/addr.h"

#include <stdint.h>

struct route {
	void *ctx;
	/* As nexthop_get() and nexthop_put(). */
	uint16_t (*get)(void *ctx, const struct addr *dst);
	void (*put)(void *ctx, uint16_t index);
};

static inline uint16_t route_get(const struct route *route, const struct addr *dst)
{
	return route->get(route->ctx, dst);
}

static inline void route_put(const struct route *route, uint16_t index)
{
	route->put(route->ctx, index);
}

#endif
