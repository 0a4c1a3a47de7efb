/* SPDX-License-Identifier: BSD-3-Clause */
/* What nexthop.c (next hops by demand) and nexthop_events.c (what the kernel tells) share. */
#ifndef DATAPLANE_HOST_NEXTHOP_IMPL_H
#define DATAPLANE_HOST_NEXTHOP_IMPL_H

#include "dataplane/host/nexthop.h"
#include "dataplane/host/nexthop_table.h"
#include "dataplane/host/rtnl.h"
#include "shared/log.h"

#include <linux/neighbour.h>
#include <uv.h>

struct nexthops {
	struct nexthops_conf conf;
	int ifindex[NEXTHOP_PORTS_MAX];
	bool up[NEXTHOP_PORTS_MAX];
	struct rtnl rtnl;          /* questions */
	struct mnl_socket *events; /* what the kernel tells by itself */
	struct nexthop_table *table;
	struct uv_poll_s *poll;
	struct uv_timer_s *tick;
	struct uv_timer_s *debounce;
	struct log_rate overrun_log;
	struct log_rate refuse_log;
	struct log_rate full_log;
};

/* Index of the port whose host interface this is, or -1. */
int nexthop_port_of(const struct nexthops *nh, int ifindex);

/* Tells the kernel to resolve it and keep it so. */
void nexthop_keep(struct nexthops *nh, const struct nexthop *hop);

/* Takes over what the kernel knows of a hop. */
void nexthop_update(struct nexthops *nh, struct nexthop *hop, const struct rtnl_neigh *neigh);

/* Asks again for a hop that is in use and not resolved; ctx is the struct nexthops. */
void nexthop_nudge(struct nexthop *hop, void *ctx);

/* An entry that an administrator nailed down is not ours to touch. */
static inline bool nexthop_static(const struct nexthop *hop)
{
	return hop->state & (NUD_PERMANENT | NUD_NOARP);
}

/* Subscribes to the kernel's events. Returns 0 or -errno. */
int nexthop_events_open(struct nexthops *nh);

/* Reads them; the poll's data is the struct nexthops. */
void nexthop_events_read(struct uv_poll_s *poll, int status, int events);

#endif
