/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's side of the exception path: a network device that outlives this process, so that a
 * restart loses neither its addresses nor its routes, with a DPDK port behind it. */
#ifndef DATAPLANE_HOST_HOSTIF_H
#define DATAPLANE_HOST_HOSTIF_H

#include "dataplane/core/port.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct hostif {
	char ifname[IF_NAMESIZE];
	uint16_t port; /* DPDK id */
	uint16_t mtu;
	bool tap; /* not vhost-net */
};

/* Name of the interface of port `index`: the configured one for the first, counted on from its
 * number for others (lw0, lw1, ...). Returns 0 or -ENAMETOOLONG. */
int hostif_name(char name[static IF_NAMESIZE], const char *configured, unsigned int index);

/* Makes the interface, or takes over the one that is there, with the wire port's MAC and MTU, up;
 * virtio-user with vhost-net where the device node exists, else TAP. Returns 0 or -errno after a
 * log line. There is no close: DPDK's drivers would take the interface down, and with it every
 * route by it. The process's end lets go of it; it stays, without carrier. */
int hostif_open(struct hostif *hostif, const char *ifname, unsigned int index,
	const struct port *wire, struct rte_mempool *pool);

#endif
