/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/nexthop.h"

#include "dataplane/host/nexthop_table.h"
#include "dataplane/host/rtnl.h"
#include "shared/clock.h"
#include "shared/log.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define NEXTHOP_RCVBUF      (8 << 20)
#define NEXTHOP_TICK_MS     1000
#define NEXTHOP_DEBOUNCE_MS 20 /* between a change of routes and the walk that follows it */

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
static int nexthop_port_of(const struct nexthops *nh, int ifindex)
{
	for (int port = 0; port < nh->conf.port_count; port++) {
		if (nh->ifindex[port] == ifindex)
			return port;
	}
	return -1;
}

/* A neighbour in this state can be sent to. */
static bool nexthop_usable(const struct rtnl_neigh *neigh)
{
	return neigh->has_mac &&
		neigh->state &
		(NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY);
}

/* Tells the kernel to resolve it and keep it so. */
static void nexthop_keep(struct nexthops *nh, const struct nexthop *hop)
{
	int err = rtnl_neigh_keep(&nh->rtnl, nh->ifindex[hop->port], &hop->addr);
	char text[ADDR_STRLEN];
	uint64_t left_out;

	if (err && log_rate_pass(&nh->refuse_log, clock_boot_ms(), 10000, &left_out))
		log_warning("kernel refuses the neighbour %s on %s: %s (%llu such lines left out)",
			addr_format_ip(&hop->addr, text), nh->conf.ports[hop->port].ifname,
			strerror(-err), (unsigned long long)left_out);
}

/* Takes over what the kernel knows of a hop. */
static void nexthop_update(struct nexthops *nh, struct nexthop *hop, const struct rtnl_neigh *neigh)
{
	hop->state = neigh->state;
	hop->managed = neigh->managed;
	hop->seen = true;
	nexthop_table_publish(nh->table, hop, nexthop_usable(neigh) ? neigh->mac : NULL,
		nh->conf.ports[hop->port].mac);
}

/* An entry that an administrator nailed down is not ours to touch. */
static bool nexthop_static(const struct nexthop *hop)
{
	return hop->state & (NUD_PERMANENT | NUD_NOARP);
}

static void nexthop_on_neigh(void *ctx, const struct rtnl_neigh *neigh)
{
	struct nexthops *nh = ctx;
	int port = nexthop_port_of(nh, neigh->ifindex);
	struct nexthop *hop;

	if (port < 0)
		return;
	hop = nexthop_table_find(nh->table, (uint16_t)port, &neigh->addr);
	if (hop)
		nexthop_update(nh, hop, neigh);
}

/* Deleted: ask again at once, traffic resumes when the kernel has the answer. */
static void nexthop_on_neigh_gone(struct nexthops *nh, const struct rtnl_neigh *gone)
{
	int port = nexthop_port_of(nh, gone->ifindex);
	struct rtnl_neigh none = {.state = NUD_NONE};
	struct nexthop *hop;

	if (port < 0)
		return;
	hop = nexthop_table_find(nh->table, (uint16_t)port, &gone->addr);
	if (!hop)
		return;
	nexthop_update(nh, hop, &none);
	if (hop->refs)
		nexthop_keep(nh, hop);
}

static void nexthop_on_debounce(struct uv_timer_s *timer)
{
	struct nexthops *nh = timer->data;

	nh->conf.reroute(nh->conf.ctx);
}

/* Several changes that come together make one walk; a stream of them one every interval. */
static void nexthop_reroute_soon(struct nexthops *nh)
{
	if (!uv_is_active((uv_handle_t *)nh->debounce))
		uv_timer_start(nh->debounce, nexthop_on_debounce, NEXTHOP_DEBOUNCE_MS, 0);
}

static void nexthop_on_link(struct nexthops *nh, const struct ifinfomsg *ifi)
{
	int port = nexthop_port_of(nh, ifi->ifi_index);
	bool up = (ifi->ifi_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);

	if (port < 0 || up == nh->up[port])
		return;
	nh->up[port] = up;
	/* Routes of a link that goes down may vanish without a message of their own. */
	nexthop_reroute_soon(nh);
}

static void nexthop_on_route(struct nexthops *nh, const struct rtmsg *rtm)
{
	if (rtm->rtm_flags & RTM_F_CLONED || rtm->rtm_type == RTN_LOCAL ||
		rtm->rtm_type == RTN_BROADCAST || rtm->rtm_type == RTN_MULTICAST)
		return;
	nexthop_reroute_soon(nh);
}

static int nexthop_on_message(const struct nlmsghdr *nlh, void *data)
{
	struct nexthops *nh = data;
	struct rtnl_neigh neigh;

	switch (nlh->nlmsg_type) {
	case RTM_NEWNEIGH:
		if (rtnl_neigh_parse(nlh, &neigh) == 0)
			nexthop_on_neigh(nh, &neigh);
		break;
	case RTM_DELNEIGH:
		if (rtnl_neigh_parse(nlh, &neigh) == 0)
			nexthop_on_neigh_gone(nh, &neigh);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct rtmsg))
			nexthop_on_route(nh, mnl_nlmsg_get_payload(nlh));
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		nexthop_reroute_soon(nh);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct ifinfomsg))
			nexthop_on_link(nh, mnl_nlmsg_get_payload(nlh));
		break;
	}
	return MNL_CB_OK;
}

static void nexthop_mark(struct nexthop *hop, void *ctx)
{
	hop->seen = false;
}

static void nexthop_forget_unseen(struct nexthop *hop, void *ctx)
{
	struct rtnl_neigh none = {.state = NUD_NONE};

	if (!hop->seen)
		nexthop_update(ctx, hop, &none);
}

static void nexthop_nudge(struct nexthop *hop, void *ctx);

/* Events were lost: read everything again. */
static void nexthop_resync(struct nexthops *nh)
{
	uint64_t left_out;

	if (log_rate_pass(&nh->overrun_log, clock_boot_ms(), 10000, &left_out))
		log_notice("netlink overrun: reading all neighbours and routes again");
	nexthop_table_each(nh->table, nexthop_mark, nh);
	rtnl_neigh_each(&nh->rtnl, nexthop_on_neigh, nh);
	nexthop_table_each(nh->table, nexthop_forget_unseen, nh);
	nexthop_table_each(nh->table, nexthop_nudge, nh);
	nexthop_reroute_soon(nh);
}

static void nexthop_on_readable(struct uv_poll_s *poll, int status, int events)
{
	char buf[32768] __attribute__((aligned(8)));
	struct nexthops *nh = poll->data;
	bool overrun = false;
	ssize_t n;

	/* Bounded, so that a flood of events leaves time for the rest of the loop. */
	for (int i = 0; i < 64; i++) {
		n = mnl_socket_recvfrom(nh->events, buf, sizeof(buf));
		if (n > 0)
			mnl_cb_run(buf, (size_t)n, 0, 0, nexthop_on_message, nh);
		else if (errno == ENOBUFS)
			overrun = true;
		else
			break;
	}
	if (overrun)
		nexthop_resync(nh);
}

/* What is not resolved is asked for again each second: the kernel's own repetition is slower, and a
 * kernel without managed entries lets them grow stale. */
static void nexthop_nudge(struct nexthop *hop, void *ctx)
{
	bool fresh = hop->managed ? nexthop_table_valid(hop) : hop->state & NUD_REACHABLE;

	if (hop->refs && !fresh && !nexthop_static(hop))
		nexthop_keep(ctx, hop);
}

static void nexthop_release(struct nexthop *hop, void *ctx)
{
	struct nexthops *nh = ctx;

	if (hop->managed)
		rtnl_neigh_release(&nh->rtnl, nh->ifindex[hop->port], &hop->addr);
}

static void nexthop_on_tick(struct uv_timer_s *timer)
{
	struct nexthops *nh = timer->data;

	nexthop_table_expire(nh->table, clock_boot_ms(), nexthop_release, nh);
	nexthop_table_each(nh->table, nexthop_nudge, nh);
}

/* Route by a host interface of ours. A machine with a management interface may have its default
 * route there: then a gateway behind a host interface is good as well. */
static int nexthop_route(struct nexthops *nh, const struct addr *dst, struct rtnl_route *route)
{
	int port, err = rtnl_route_get(&nh->rtnl, dst, 0, route);

	if (!err) {
		port = nexthop_port_of(nh, route->ifindex);
		if (port >= 0)
			return port;
	}
	for (port = 0; port < nh->conf.port_count; port++) {
		/* An answer without a gateway may be the kernel's last guess, "on the link". */
		err = rtnl_route_get(&nh->rtnl, dst, nh->ifindex[port], route);
		if (!err && route->gateway && route->ifindex == nh->ifindex[port])
			return port;
	}
	return -ENETUNREACH;
}

uint16_t nexthop_get(struct nexthops *nh, const struct addr *dst)
{
	struct rtnl_route route;
	struct rtnl_neigh neigh;
	struct nexthop *hop;
	uint64_t left_out;
	int port;

	if (dst->family == ADDR_NONE || addr_is_special(dst))
		return NEXTHOP_NONE;
	port = nexthop_route(nh, dst, &route);
	if (port < 0)
		return NEXTHOP_NONE;
	hop = nexthop_table_find(nh->table, (uint16_t)port, &route.hop);
	if (!hop) {
		hop = nexthop_table_add(nh->table, (uint16_t)port, &route.hop);
		if (!hop) {
			if (log_rate_pass(&nh->full_log, clock_boot_ms(), 10000, &left_out))
				log_error("all %d next hops are in use: some destinations get "
					  "nothing",
					NEXTHOP_MAX - 1);
			return NEXTHOP_NONE;
		}
		if (rtnl_neigh_get(&nh->rtnl, nh->ifindex[port], &hop->addr, &neigh) == 0)
			nexthop_update(nh, hop, &neigh);
	}
	if (hop->refs++ == 0 && !hop->managed && !nexthop_static(hop))
		nexthop_keep(nh, hop);
	return nexthop_table_index(nh->table, hop);
}

void nexthop_put(struct nexthops *nh, uint16_t index)
{
	if (index != NEXTHOP_NONE)
		nexthop_table_put(nh->table, index, clock_boot_ms());
}

const struct nexthop_entry *nexthops_table(const struct nexthops *nh)
{
	return nexthop_table_entries(nh->table);
}

static int nexthop_subscribe(struct nexthops *nh)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE};
	int size = NEXTHOP_RCVBUF, fd;

	nh->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!nh->events || mnl_socket_bind(nh->events, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	fd = mnl_socket_get_fd(nh->events);
	/* Without CAP_NET_ADMIN the buffer is as large as the system allows. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (mnl_socket_setsockopt(nh->events, NETLINK_ADD_MEMBERSHIP, (void *)&groups[i],
			    sizeof(groups[i])) < 0)
			return -errno;
	}
	return 0;
}

struct nexthop_leftover {
	struct nexthops *nh;
	struct rtnl_neigh item[64];
	size_t count;
};

static void nexthop_collect(void *ctx, const struct rtnl_neigh *neigh)
{
	struct nexthop_leftover *left = ctx;

	if (neigh->ours && neigh->managed && nexthop_port_of(left->nh, neigh->ifindex) >= 0 &&
		left->count < sizeof(left->item) / sizeof(left->item[0]))
		left->item[left->count++] = *neigh;
}

/* A process that was killed left managed entries behind. */
static void nexthop_sweep(struct nexthops *nh)
{
	struct nexthop_leftover left = {.nh = nh};

	do {
		left.count = 0;
		if (rtnl_neigh_each(&nh->rtnl, nexthop_collect, &left))
			return;
		for (size_t i = 0; i < left.count; i++) {
			if (rtnl_neigh_release(&nh->rtnl, left.item[i].ifindex, &left.item[i].addr))
				return;
		}
	} while (left.count == sizeof(left.item) / sizeof(left.item[0]));
}

/* Without it the kernel notices a changed neighbour late, but works. */
static void nexthop_hasten(struct nexthops *nh)
{
	for (int port = 0; port < nh->conf.port_count; port++) {
		int err = rtnl_neigh_timing(&nh->rtnl, nh->ifindex[port]);

		if (err)
			log_notice("%s: neighbour timing of the system stays: %s",
				nh->conf.ports[port].ifname, strerror(-err));
	}
}

static int nexthop_watch(struct nexthops *nh)
{
	uv_loop_t *loop = nh->conf.loop;
	int err;

	nh->poll = malloc(sizeof(*nh->poll));
	nh->tick = malloc(sizeof(*nh->tick));
	nh->debounce = malloc(sizeof(*nh->debounce));
	if (!nh->poll || !nh->tick || !nh->debounce) {
		free(nh->poll);
		free(nh->tick);
		free(nh->debounce);
		nh->poll = NULL;
		return -ENOMEM;
	}
	uv_timer_init(loop, nh->tick);
	uv_timer_init(loop, nh->debounce);
	nh->poll->data = nh->tick->data = nh->debounce->data = nh;
	err = uv_poll_init(loop, nh->poll, mnl_socket_get_fd(nh->events));
	if (!err)
		err = uv_poll_start(nh->poll, UV_READABLE, nexthop_on_readable);
	if (!err)
		err = uv_timer_start(nh->tick, nexthop_on_tick, NEXTHOP_TICK_MS, NEXTHOP_TICK_MS);
	return err;
}

int nexthops_open(struct nexthops **out, const struct nexthops_conf *conf)
{
	struct nexthops *nh = calloc(1, sizeof(*nh));
	int err = -ENOMEM;

	if (!nh)
		return -ENOMEM;
	nh->conf = *conf;
	for (int port = 0; port < conf->port_count; port++) {
		nh->ifindex[port] = (int)if_nametoindex(conf->ports[port].ifname);
		nh->up[port] = true;
	}
	nh->table = nexthop_table_open();
	if (!nh->table)
		goto fail;
	err = rtnl_open(&nh->rtnl);
	if (err)
		goto fail;
	nexthop_hasten(nh);
	nexthop_sweep(nh);
	err = nexthop_subscribe(nh);
	if (err)
		goto fail;
	err = nexthop_watch(nh);
	if (err)
		goto fail;
	*out = nh;
	return 0;
fail:
	log_error("cannot follow the kernel's routes and neighbours: %s", strerror(-err));
	nexthops_close(nh);
	return err;
}

static void nexthop_handle_free(uv_handle_t *handle)
{
	free(handle);
}

void nexthops_close(struct nexthops *nh)
{
	if (!nh)
		return;
	if (nh->poll) {
		uv_close((uv_handle_t *)nh->poll, nexthop_handle_free);
		uv_close((uv_handle_t *)nh->tick, nexthop_handle_free);
		uv_close((uv_handle_t *)nh->debounce, nexthop_handle_free);
	}
	if (nh->table && nh->rtnl.socket)
		nexthop_table_each(nh->table, nexthop_release, nh);
	if (nh->events)
		mnl_socket_close(nh->events);
	rtnl_close(&nh->rtnl);
	nexthop_table_close(nh->table);
	free(nh);
}
