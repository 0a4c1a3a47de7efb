/* SPDX-License-Identifier: BSD-3-Clause */
/* What nexthop.c (next hops by demand) and nexthop_events.c (what the kernel tells) share. */
#ifndef DATAPLANE_HOST_NEXTHOP_IMPL_H
#define DATAPLANE_HOST_NEXTHOP_IMPL_H

#include "dataplane/host/nexthop.h"
#include "dataplane/host/nexthop_table.h"
#include "dataplane/host/routemap.h"
#include "dataplane/host/rtnl.h"
#include "shared/log.h"

#include <linux/neighbour.h>
#include <net/if.h>
#include <uv.h>

/* A kernel interface that routes may name: a host interface, or a VLAN on one. Its place is the
 * port of next hops by it. */
struct nexthop_link {
	char ifname[IF_NAMESIZE];
	int ifindex;     /* -1: of a VLAN that is gone */
	uint16_t device; /* the host interface, itself or below */
	uint16_t vlan;   /* 0 = none */
	bool up;
	bool seen;        /* in the dump that is being read */
	uint64_t gone_ms; /* when the VLAN went */
};

struct nexthops {
	struct nexthops_conf conf;
	struct nexthop_link link[NEXTHOP_LINKS_MAX]; /* VLANs from NEXTHOP_PORTS_MAX on */
	uint16_t link_count;
	void (*on_vlan)(void *ctx, const struct nexthop_vlan *vlan);
	void *on_vlan_ctx;
	struct rtnl rtnl;          /* questions */
	struct mnl_socket *events; /* what the kernel tells by itself */
	struct nexthop_table *table;
	struct routemap *routes;
	uint32_t asked;  /* questions since routes changed */
	uint64_t map_ms; /* the routes are not read again before that */
	struct uv_poll_s *poll;
	struct uv_timer_s *tick;
	struct uv_timer_s *debounce;
	struct log_rate overrun_log;
	struct log_rate refuse_log;
	struct log_rate full_log;
};

/* Place of an interface in link[], or -1. */
int nexthop_link_of(const struct nexthops *nh, int ifindex);

/* The host interfaces, and the VLANs that are there. */
void nexthop_links_open(struct nexthops *nh);

/* Reads all links again. */
void nexthop_links_read(struct nexthops *nh);

/* What the kernel tells of a link. */
void nexthop_link_update(struct nexthops *nh, const struct rtnl_link *found);
void nexthop_link_gone(struct nexthops *nh, int ifindex);

/* Several changes that come together make one walk; a stream of them one every interval. */
void nexthop_reroute_soon(struct nexthops *nh);

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
