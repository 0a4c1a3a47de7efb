/* SPDX-License-Identifier: BSD-3-Clause */
/* In which class the kernel is handed a packet: each class has a ring and a budget of its own, so
 * that what keeps the machine on the net (neighbours, routing) outlives a flood of the rest. What
 * neighbours tell us alone outlives a storm of what they tell everybody, and no flood from farther
 * away than a neighbour gets into the classes of neighbours and PUNT_ROUTING. */
#ifndef DATAPLANE_MEDIA_PUNT_H
#define DATAPLANE_MEDIA_PUNT_H

#include "dataplane/core/worker.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <stdbool.h>
#include <stdint.h>

/* Hop limit of what a neighbour alone can have sent (RFC 5082). */
#define PUNT_NEAR UINT8_MAX

/* UDP to us by its destination port (host order) and the hop limit it arrived with. BFD between
 * neighbours comes with the one it left with (RFC 5881 section 5): from farther away it is like any
 * other UDP, PUNT_SIP. */
static inline enum punt_class punt_class_udp(uint16_t port, uint8_t hops)
{
	bool near = hops == PUNT_NEAR;

	switch (port) {
	case 67:
	case 68:
	case 546: /* DHCPv6 */
	case 547:
		return PUNT_DHCP;
	case 4784: /* BFD over several hops (RFC 5883) */
		return near ? PUNT_ROUTING : PUNT_BGP;
	case 3784:
	case 6784: /* of a link of a group (RFC 7130) */
		return near ? PUNT_ROUTING : PUNT_SIP;
	default:
		return PUNT_SIP;
	}
}

/* To us, and not UDP. `total` bytes of the packet are there, of which `header` are its IP header;
 * total of IPv6 is without the header. */
enum punt_class punt_class4(const struct rte_ipv4_hdr *ip, uint16_t header, uint16_t total);
enum punt_class punt_class6(const struct rte_ipv6_hdr *ip, uint16_t total);

/* To another MAC address than the port's; `len` bytes of that type are at `data`. */
enum punt_class punt_class_not_ours(
	const struct rte_ether_hdr *eth, rte_be16_t type, const void *data, uint16_t len);

#endif
