/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/punt.h"

#include <netinet/in.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define PUNT_BGP_PORT 179
#define PUNT_OSPF     89
#define PUNT_VRRP     112
#define PUNT_ND_FIRST 133 /* router solicitation .. redirect (RFC 4861) */
#define PUNT_ND_LAST  137
#define PUNT_L4_PORTS 4 /* bytes of a TCP or UDP header that name its ports */

static bool punt_is_bgp(uint8_t proto, const void *data, uint16_t len)
{
	const struct rte_tcp_hdr *tcp = data;

	return proto == IPPROTO_TCP && len >= PUNT_L4_PORTS &&
		(tcp->dst_port == rte_cpu_to_be_16(PUNT_BGP_PORT) ||
			tcp->src_port == rte_cpu_to_be_16(PUNT_BGP_PORT));
}

/* TCP of either end, or a protocol of routers alone. Only VRRP never comes from afar (RFC 5798
 * section 5.1.1.3). */
static enum punt_class punt_router(uint8_t proto, const void *data, uint16_t len, uint8_t hops)
{
	bool near = hops == PUNT_NEAR;

	if (proto == PUNT_VRRP)
		return near ? PUNT_ROUTING : PUNT_OTHER;
	if (proto == PUNT_OSPF || punt_is_bgp(proto, data, len))
		return near ? PUNT_ROUTING : PUNT_BGP;
	return PUNT_OTHER;
}

enum punt_class punt_class4(const struct rte_ipv4_hdr *ip, uint16_t header, uint16_t total)
{
	bool first = !(ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK));
	uint16_t len = first ? (uint16_t)(total - header) : 0;

	if (ip->next_proto_id == IPPROTO_ICMP)
		return PUNT_ICMP;
	return punt_router(ip->next_proto_id, (const uint8_t *)ip + header, len, ip->time_to_live);
}

/* What came from farther away is none, to our kernel too (RFC 4861 sections 6.1, 7.1, 8.1). */
static bool punt_is_nd(const struct rte_ipv6_hdr *ip, const uint8_t *data, uint16_t len)
{
	return ip->hop_limits == PUNT_NEAR && len && data[0] >= PUNT_ND_FIRST &&
		data[0] <= PUNT_ND_LAST;
}

enum punt_class punt_class6(const struct rte_ipv6_hdr *ip, uint16_t total)
{
	const uint8_t *data = (const uint8_t *)(ip + 1);

	if (ip->proto == IPPROTO_ICMPV6)
		return punt_is_nd(ip, data, total) ? PUNT_NEIGHBOUR : PUNT_ICMP;
	return punt_router(ip->proto, data, total, ip->hop_limits);
}

/* To many: no router has passed it on, and only what belongs to the net itself is better than the
 * rest. */
static enum punt_class punt_many(uint8_t proto, const void *data, uint16_t len, uint8_t hops)
{
	const struct rte_udp_hdr *udp = data;
	enum punt_class class;

	if (proto == PUNT_OSPF)
		return PUNT_ROUTING;
	if (proto != IPPROTO_UDP)
		return punt_router(proto, data, len, hops);
	if (len < PUNT_L4_PORTS)
		return PUNT_OTHER;
	class = punt_class_udp(rte_be_to_cpu_16(udp->dst_port), hops);
	return class == PUNT_SIP ? PUNT_OTHER : class;
}

static enum punt_class punt_many4(const struct rte_ipv4_hdr *ip, uint16_t len)
{
	uint16_t header = len >= sizeof(*ip) ? rte_ipv4_hdr_len(ip) : 0;

	if (header < sizeof(*ip) || header > len)
		return PUNT_OTHER;
	len = ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK)
		? 0
		: (uint16_t)(len - header);
	return punt_many(ip->next_proto_id, (const uint8_t *)ip + header, len, ip->time_to_live);
}

static enum punt_class punt_many6(const struct rte_ipv6_hdr *ip, uint16_t len)
{
	enum punt_class class;

	if (len < sizeof(*ip))
		return PUNT_OTHER;
	len = (uint16_t)(len - sizeof(*ip));
	if (ip->proto != IPPROTO_ICMPV6)
		return punt_many(ip->proto, ip + 1, len, ip->hop_limits);
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
