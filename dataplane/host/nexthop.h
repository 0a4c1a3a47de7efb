/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops: the kernel's routes and neighbours as a small table that workers read without a lock.
 * A binding or flow holds an index; the entry behind it follows the kernel (a gateway that changes
 * its MAC moves all who use it at once). Everything but nexthop_load() is the main thread's. */
#ifndef DATAPLANE_HOST_NEXTHOP_H
#define DATAPLANE_HOST_NEXTHOP_H

#include "shared/addr.h"

#include <rte_vect.h>
#include <stdbool.h>
#include <stdint.h>

#define NEXTHOP_MAX       4096
#define NEXTHOP_PORTS_MAX 8
#define NEXTHOP_LINKS_MAX 64 /* ports, then VLANs on them */
#define NEXTHOP_NONE      0  /* no route: never valid, always there */

enum nexthop_flags {
	NEXTHOP_VALID = 1 << 0, /* dst is resolved */
};

/* Begins as an Ethernet header does. Replaced as a whole by one aligned 16-byte store, which is
 * atomic on every x86-64-v3 processor. */
struct nexthop_entry {
	uint8_t dst[6];
	uint8_t src[6];
	uint8_t port;  /* index for worker_tx() */
	uint8_t flags; /* enum nexthop_flags */
	uint16_t zero;
} __attribute__((aligned(16)));
static_assert(sizeof(struct nexthop_entry) == 16, "replaced by one store");

/* Worker: copies an entry. False: unresolved, drop the frame as FACTS_DROP_NEXT_HOP. */
__attribute__((no_sanitize("thread"))) static inline bool nexthop_load(
	const struct nexthop_entry *table, uint16_t index, struct nexthop_entry *out)
{
	*(xmm_t *)out = *(const volatile xmm_t *)&table[index];
	return out->flags & NEXTHOP_VALID;
}

struct nexthops;
struct uv_loop_s;

/* A DPDK port and the kernel interface that stands for it. */
struct nexthop_port {
	char ifname[16];
	uint8_t mac[6];
};

struct nexthops_conf {
	struct uv_loop_s *loop;
	const struct nexthop_port *ports; /* the host interfaces exist already */
	uint16_t port_count;
	/* Routes changed: every index may be stale. The callee walks bindings and flows (in
	 * portions if it likes), gets each destination's index again and puts the old one. */
	void (*reroute)(void *ctx);
	/* A next hop with so many references is resolved, which it was not since then. NULL: nobody
	 * wants to know. */
	void (*missed)(void *ctx, uint32_t refs, uint64_t since_ms);
	void *ctx;
};

/* A VLAN of the kernel on a host interface: next hops by it have the port `link`. */
struct nexthop_vlan {
	uint16_t link;
	uint16_t device; /* port below */
	uint16_t id;
	bool present;
};

/* Opens the netlink sockets, reads neighbours and starts to mirror. Returns 0 or -errno. */
int nexthops_open(struct nexthops **nexthops, const struct nexthops_conf *conf);
void nexthops_close(struct nexthops *nexthops);

/* Calls fn for each VLAN that is there, and from then on when one comes or goes; it comes before
 * any next hop has its link as port. */
void nexthops_on_vlan(struct nexthops *nexthops,
	void (*fn)(void *ctx, const struct nexthop_vlan *vlan), void *ctx);

/* The table for workers: NEXTHOP_MAX entries, stays until nexthops_close(). */
const struct nexthop_entry *nexthops_table(const struct nexthops *nexthops);

/* Index for a destination (its port does not matter), one reference taken. Asks the kernel for the
 * route, and to resolve the neighbour and keep it resolved. NEXTHOP_NONE when there is no usable
 * route now (none, not by a host interface of ours, multicast, table full): keep that index and
 * send nothing; the next reroute call asks again. */
uint16_t nexthop_get(struct nexthops *nexthops, const struct addr *dst);

/* Gives a reference back; NEXTHOP_NONE is allowed. An entry nobody uses is kept for a while, so
 * that a worker which still holds the index reads a harmless entry. */
void nexthop_put(struct nexthops *nexthops, uint16_t index);

#endif
