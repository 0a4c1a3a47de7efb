/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/nexthop_impl.h"
#include "shared/clock.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#define NEXTHOP_RCVBUF      (8 << 20)
#define NEXTHOP_DEBOUNCE_MS 20 /* between a change of routes and the walk that follows it */

static void nexthop_on_neigh(void *ctx, const struct rtnl_neigh *neigh)
{
	struct nexthops *nh = ctx;
	int port = nexthop_link_of(nh, neigh->ifindex);
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
	int port = nexthop_link_of(nh, gone->ifindex);
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

/* What was asked may have another answer now. */
static void nexthop_forget_routes(struct nexthops *nh)
{
	routemap_clear(nh->routes);
	nh->asked = 0;
}

void nexthop_reroute_soon(struct nexthops *nh)
{
	nexthop_forget_routes(nh);
	if (!uv_is_active((uv_handle_t *)nh->debounce))
		uv_timer_start(nh->debounce, nexthop_on_debounce, NEXTHOP_DEBOUNCE_MS, 0);
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
	struct rtnl_link link;

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
		nexthop_forget_routes(nh);
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct rtmsg))
			nexthop_on_route(nh, mnl_nlmsg_get_payload(nlh));
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		nexthop_reroute_soon(nh);
		break;
	case RTM_NEWLINK:
		if (rtnl_link_parse(nlh, &link) == 0)
			nexthop_link_update(nh, &link);
		break;
	case RTM_DELLINK:
		if (rtnl_link_parse(nlh, &link) == 0)
			nexthop_link_gone(nh, link.ifindex);
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

/* Events were lost: read everything again. */
static void nexthop_resync(struct nexthops *nh)
{
	uint64_t left_out;

	if (log_rate_pass(&nh->overrun_log, clock_boot_ms(), 10000, &left_out))
		log_notice("netlink overrun: reading all links, neighbours and routes again");
	nexthop_links_read(nh);
	nexthop_table_each(nh->table, nexthop_mark, nh);
	rtnl_neigh_each(&nh->rtnl, nexthop_on_neigh, nh);
	nexthop_table_each(nh->table, nexthop_forget_unseen, nh);
	nexthop_table_each(nh->table, nexthop_nudge, nh);
	nexthop_reroute_soon(nh);
}

void nexthop_events_read(struct uv_poll_s *poll, int status, int events)
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

int nexthop_events_open(struct nexthops *nh)
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
