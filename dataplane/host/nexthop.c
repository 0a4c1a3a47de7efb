/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/nexthop_impl.h"
#include "shared/clock.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define NEXTHOP_TICK_MS   1000
#define NEXTHOP_ASKED_MAX 64 /* questions that are cheaper than to read all routes */
#define NEXTHOP_MAP_REST  50 /* times as long as they took, they are not read again */

/* A neighbour in this state can be sent to. */
static bool nexthop_usable(const struct rtnl_neigh *neigh)
{
	return neigh->has_mac &&
		neigh->state &
		(NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY);
}

void nexthop_keep(struct nexthops *nh, const struct nexthop *hop)
{
	int err = rtnl_neigh_keep(&nh->rtnl, nh->link[hop->port].ifindex, &hop->addr);
	char text[ADDR_STRLEN];
	uint64_t left_out;

	if (err && log_rate_pass(&nh->refuse_log, clock_boot_ms(), 10000, &left_out))
		log_warning("kernel refuses the neighbour %s on %s: %s (%llu such lines left out)",
			addr_format_ip(&hop->addr, text), nh->link[hop->port].ifname,
			strerror(-err), (unsigned long long)left_out);
}

void nexthop_update(struct nexthops *nh, struct nexthop *hop, const struct rtnl_neigh *neigh)
{
	bool before = nexthop_table_valid(hop), usable = nexthop_usable(neigh);

	hop->state = neigh->state;
	hop->managed = neigh->managed;
	hop->seen = true;
	nexthop_table_publish(nh->table, hop, usable ? neigh->mac : NULL,
		nh->conf.ports[nh->link[hop->port].device].mac);
	if (before && !usable)
		hop->lost_ms = clock_boot_ms();
	if (!before && usable && hop->refs && nh->conf.missed)
		nh->conf.missed(nh->conf.ctx, hop->refs, hop->lost_ms);
}

/* What is not resolved is asked for again each second: the kernel's own repetition is slower, and a
 * kernel without managed entries lets them grow stale. */
void nexthop_nudge(struct nexthop *hop, void *ctx)
{
	bool fresh = hop->managed ? nexthop_table_valid(hop) : hop->state & NUD_REACHABLE;

	if (hop->refs && !fresh && !nexthop_static(hop))
		nexthop_keep(ctx, hop);
}

static void nexthop_release(struct nexthop *hop, void *ctx)
{
	struct nexthops *nh = ctx;

	if (hop->managed)
		rtnl_neigh_release(&nh->rtnl, nh->link[hop->port].ifindex, &hop->addr);
}

static void nexthop_on_tick(struct uv_timer_s *timer)
{
	struct nexthops *nh = timer->data;

	nexthop_table_expire(nh->table, clock_boot_ms(), nexthop_release, nh);
	nexthop_table_each(nh->table, nexthop_nudge, nh);
}

/* Route by a host interface of ours. A machine with a management interface may have its default
 * route there: then a gateway behind a host interface is good as well. */
static int nexthop_ask(struct nexthops *nh, const struct addr *dst, struct rtnl_route *route)
{
	int port, err = rtnl_route_get(&nh->rtnl, dst, 0, route);

	if (!err) {
		port = nexthop_link_of(nh, route->ifindex);
		if (port >= 0)
			return port;
	}
	for (port = 0; port < nh->link_count; port++) {
		if (nh->link[port].ifindex <= 0)
			continue;
		/* An answer without a gateway may be the kernel's last guess, "on the link". */
		err = rtnl_route_get(&nh->rtnl, dst, nh->link[port].ifindex, route);
		if (!err && route->gateway && route->ifindex == nh->link[port].ifindex)
			return port;
	}
	return -ENETUNREACH;
}

static void nexthop_map_add(void *ctx, const struct addr *prefix, uint8_t len, bool varied)
{
	routemap_add(ctx, prefix, len, varied);
}

/* Reads the kernel's routes, so that only one destination of each range has to be asked for. A full
 * table that changes all the time takes no more than a small part of main's time for that. */
static void nexthop_map(struct nexthops *nh)
{
	uint64_t begun = clock_boot_ms();

	if (begun < nh->map_ms)
		return;
	routemap_clear(nh->routes);
	nh->asked = 0;
	if (rtnl_prefix_each(&nh->rtnl, nexthop_map_add, nh->routes) == 0)
		routemap_ready(nh->routes);
	nh->map_ms = clock_boot_ms();
	nh->map_ms += NEXTHOP_MAP_REST * (nh->map_ms - begun);
}

/* The port, or -errno. */
static int nexthop_route(struct nexthops *nh, const struct addr *dst, struct rtnl_route *route)
{
	struct routemap_answer *answer;
	int port;

	if (!routemap_is_ready(nh->routes) && nh->asked++ >= NEXTHOP_ASKED_MAX)
		nexthop_map(nh);
	answer = routemap_find(nh->routes, dst);
	if (!answer || answer->port < 0) {
		port = nexthop_ask(nh, dst, route);
		if (answer && port >= 0) {
			answer->port = port;
			answer->gateway = route->gateway;
			answer->hop = route->hop;
		}
		return port;
	}
	*route = (struct rtnl_route){.gateway = answer->gateway, .hop = *dst};
	if (answer->gateway)
		route->hop = answer->hop;
	route->hop.port = 0;
	return answer->port;
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
		hop->lost_ms = clock_boot_ms();
		if (rtnl_neigh_get(&nh->rtnl, nh->link[port].ifindex, &hop->addr, &neigh) == 0)
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

struct nexthop_leftover {
	struct nexthops *nh;
	struct rtnl_neigh item[64];
	size_t count;
};

static void nexthop_collect(void *ctx, const struct rtnl_neigh *neigh)
{
	struct nexthop_leftover *left = ctx;

	if (neigh->ours && neigh->managed && nexthop_link_of(left->nh, neigh->ifindex) >= 0 &&
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
		err = uv_poll_start(nh->poll, UV_READABLE, nexthop_events_read);
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
	nh->table = nexthop_table_open();
	nh->routes = routemap_open();
	if (!nh->table || !nh->routes)
		goto fail;
	err = rtnl_open(&nh->rtnl);
	if (err)
		goto fail;
	err = nexthop_events_open(nh);
	if (err)
		goto fail;
	err = nexthop_watch(nh);
	if (err)
		goto fail;
	nexthop_links_open(nh);
	nexthop_sweep(nh);
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
	routemap_close(nh->routes);
	free(nh);
}
