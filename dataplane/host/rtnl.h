/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions and orders to the kernel's routing and neighbour tables (rtnetlink). The kernel answers
 * in the sending call itself, so that none of these waits. Main thread. */
#ifndef DATAPLANE_HOST_RTNL_H
#define DATAPLANE_HOST_RTNL_H

#include "shared/addr.h"

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

/* Marks neighbour entries that we asked for (NDA_PROTOCOL), so that a new start finds what a killed
 * one left behind. */
#define RTNL_PROTOCOL 211

struct rtnl {
	struct mnl_socket *socket;
	uint32_t seq;
};

struct rtnl_route {
	int ifindex;
	struct addr hop; /* gateway, or the destination itself when it is on the link; port 0 */
	bool gateway;
};

struct rtnl_neigh {
	int ifindex;
	struct addr addr; /* port 0 */
	uint16_t state;   /* NUD_* */
	bool managed;     /* the kernel keeps it resolved */
	bool ours;        /* RTNL_PROTOCOL */
	bool has_mac;
	uint8_t mac[6];
};

/* A network device, as far as it matters here. */
struct rtnl_link {
	int ifindex;
	int parent;    /* of a VLAN: the device that it is on, 0 = none */
	uint16_t vlan; /* 802.1Q id, 0 = no VLAN */
	bool up;       /* and has a carrier */
	char ifname[16];
};

/* Returns 0 or -errno. */
int rtnl_open(struct rtnl *rtnl);
void rtnl_close(struct rtnl *rtnl);

/* The route to a destination, by interface ifindex only unless that is 0. Returns 0, -ENETUNREACH
 * and its kin, or -EHOSTUNREACH for a route that is not unicast (our own address, a broadcast). */
int rtnl_route_get(
	struct rtnl *rtnl, const struct addr *dst, int ifindex, struct rtnl_route *route);

/* Calls fn for the prefix of each route and each rule, of both families. `varied`: the route has
 * several next hops. Returns 0 or -errno. fn must not use rtnl. */
int rtnl_prefix_each(struct rtnl *rtnl,
	void (*fn)(void *ctx, const struct addr *prefix, uint8_t len, bool varied), void *ctx);

/* One neighbour. Returns 0 or -ENOENT. */
int rtnl_neigh_get(
	struct rtnl *rtnl, int ifindex, const struct addr *addr, struct rtnl_neigh *neigh);

/* Resolves a neighbour now and keeps it resolved (NTF_EXT_MANAGED; a kernel without it resolves
 * once). Returns 0 or -errno. */
int rtnl_neigh_keep(struct rtnl *rtnl, int ifindex, const struct addr *addr);

/* Takes that order back; the entry itself stays the kernel's. */
int rtnl_neigh_release(struct rtnl *rtnl, int ifindex, const struct addr *addr);

/* Calls fn for each neighbour of all interfaces. Returns 0 or -errno. fn must not use rtnl. */
int rtnl_neigh_each(
	struct rtnl *rtnl, void (*fn)(void *ctx, const struct rtnl_neigh *neigh), void *ctx);

/* Calls fn for each network device of this namespace. Returns 0 or -errno. fn must not use rtnl. */
int rtnl_link_each(
	struct rtnl *rtnl, void (*fn)(void *ctx, const struct rtnl_link *link), void *ctx);

/* Makes the kernel look after the neighbours of an interface more often than by default (which is
 * made for hosts that notice a dead neighbour by their own TCP): one that silently got another MAC
 * is noticed within about ten seconds instead of a minute. */
int rtnl_neigh_timing(struct rtnl *rtnl, int ifindex);

/* Reads RTM_NEWROUTE into *route, whose hop is the destination so far. Returns 0, -EHOSTUNREACH as
 * above, or -EINVAL for a message that is cut short. */
int rtnl_route_parse(const struct nlmsghdr *nlh, struct rtnl_route *route);

/* Reads RTM_NEWLINK or RTM_DELLINK. Returns 0, or -EINVAL for a message that is cut short, or a
 * bridge's about its ports. */
int rtnl_link_parse(const struct nlmsghdr *nlh, struct rtnl_link *link);

/* Reads RTM_NEWNEIGH or RTM_DELNEIGH. Returns 0, or -EINVAL for one that is not IPv4 or IPv6. */
int rtnl_neigh_parse(const struct nlmsghdr *nlh, struct rtnl_neigh *neigh);

#endif
