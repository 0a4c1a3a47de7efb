/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/punt.h"

#include <netinet/in.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define PUNT_BGP      179
#define PUNT_OSPF     89
#define PUNT_VRRP     112
#define PUNT_ND_FIRST 133 /* router solicitation .. redirect (RFC 4861) */
#define PUNT_ND_LAST  137
#define PUNT_L4_PORTS 4 /* bytes of a TCP or UDP header that name its ports */

/* TCP of either end, or a protocol of routers alone. */
static bool punt_is_router(uint8_t proto, const void *data, uint16_t len)
{
	const struct rte_tcp_hdr *tcp = data;

	if (proto == PUNT_OSPF || proto == PUNT_VRRP)
		return true;
	return proto == IPPROTO_TCP && len >= PUNT_L4_PORTS &&
		(tcp->dst_port == rte_cpu_to_be_16(PUNT_BGP) ||
			tcp->src_port == rte_cpu_to_be_16(PUNT_BGP));
}

enum punt_class punt_class4(const struct rte_ipv4_hdr *ip, uint16_t header, uint16_t total)
{
	bool first = !(ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK));
	uint16_t len = first ? (uint16_t)(total - header) : 0;

	if (ip->next_proto_id == IPPROTO_ICMP)
		return PUNT_ICMP;
	return punt_is_router(ip->next_proto_id, (const uint8_t *)ip + header, len) ? PUNT_ROUTING
										    : PUNT_OTHER;
}

enum punt_class punt_class6(const struct rte_ipv6_hdr *ip, uint16_t total)
{
	const uint8_t *data = (const uint8_t *)(ip + 1);

	if (ip->proto == IPPROTO_ICMPV6)
		return total && data[0] >= PUNT_ND_FIRST && data[0] <= PUNT_ND_LAST ? PUNT_NEIGHBOUR
										    : PUNT_ICMP;
	return punt_is_router(ip->proto, data, total) ? PUNT_ROUTING : PUNT_OTHER;
}

static bool punt_is_routing_udp(const void *data, uint16_t len, uint8_t hops)
{
	const struct rte_udp_hdr *udp = data;

	return len >= PUNT_L4_PORTS && punt_is_routing(rte_be_to_cpu_16(udp->dst_port), hops);
}

/* To many: only what belongs to the net itself is better than the rest. */
static enum punt_class punt_many4(const struct rte_ipv4_hdr *ip, uint16_t len)
{
	uint16_t header = len >= sizeof(*ip) ? rte_ipv4_hdr_len(ip) : 0;
	bool routing;

	if (header < sizeof(*ip) || header > len)
		return PUNT_OTHER;
	if (ip->next_proto_id == IPPROTO_UDP)
		routing = punt_is_routing_udp(
			(const uint8_t *)ip + header, (uint16_t)(len - header), ip->time_to_live);
	else
		routing = punt_class4(ip, header, len) == PUNT_ROUTING;
	return routing ? PUNT_ROUTING : PUNT_OTHER;
}

static enum punt_class punt_many6(const struct rte_ipv6_hdr *ip, uint16_t len)
{
	enum punt_class class;

	if (len < sizeof(*ip))
		return PUNT_OTHER;
	len = (uint16_t)(len - sizeof(*ip));
	if (ip->proto == IPPROTO_UDP)
		return punt_is_routing_udp(ip + 1, len, ip->hop_limits) ? PUNT_ROUTING : PUNT_OTHER;
	class = punt_class6(ip, len);
	return class == PUNT_NEIGHBOUR ? PUNT_NEIGHBOURS : class;
}

enum punt_class punt_class_not_ours(
	const struct rte_ether_hdr *eth, rte_be16_t type, const void *data, uint16_t len)
{
	if (rte_is_unicast_ether_addr(&eth->dst_addr))
		return PUNT_OTHER;
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP))
		return PUNT_NEIGHBOURS;
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
		return punt_many4(data, len);
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6))
		return punt_many6(data, len);
	return PUNT_OTHER;
}
