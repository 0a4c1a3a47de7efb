/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/monitor_item.h"

#include <netinet/in.h>

#define MONITOR_TAGS 2 /* VLAN tags before the packet, at most */

/* Header and length of UDP, which takes `total` bytes. */
static bool monitor_udp(struct monitor_item *item, const uint8_t *at, uint16_t total)
{
	item->udp = (const struct rte_udp_hdr *)at;
	item->len = (uint16_t)(total - sizeof(*item->udp));
	return total >= sizeof(*item->udp) && rte_be_to_cpu_16(item->udp->dgram_len) == total;
}

static bool monitor_ip4(
	const struct tagmap *map, struct monitor_item *item, const uint8_t *at, uint16_t left)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)at;
	uint16_t header, total;

	if (left < sizeof(*ip))
		return false;
	header = rte_ipv4_hdr_len(ip);
	total = rte_be_to_cpu_16(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || header < sizeof(*ip) || total < header || total > left ||
		ip->next_proto_id != IPPROTO_UDP ||
		ip->fragment_offset &
			rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK) ||
		!monitor_udp(item, at + header, (uint16_t)(total - header)))
		return false;
	item->ip = at;
	item->key = record_key(ip->dst_addr, item->udp->dst_port);
	item->at = monitor_at4(map, item->key);
	return true;
}

static bool monitor_ip6(
	const struct tagmap *map, struct monitor_item *item, const uint8_t *at, uint16_t left)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)at;
	uint16_t total;

	if (left < sizeof(*ip))
		return false;
	total = rte_be_to_cpu_16(ip->payload_len);
	if (at[0] >> 4 != 6 || ip->proto != IPPROTO_UDP || total > left - sizeof(*ip) ||
		!monitor_udp(item, at + sizeof(*ip), total))
		return false;
	item->ip = at;
	item->key = MONITOR_IP6;
	item->at = monitor_at6(map, ip->dst_addr, record_key(0, item->udp->dst_port));
	return true;
}

bool monitor_parse(const struct tagmap *map, struct monitor_item *item)
{
	const struct rte_mbuf *mbuf = item->mbuf;
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)frame;
	uint16_t at = sizeof(*eth);
	rte_be16_t type;

	if (mbuf->data_len < at)
		return false;
	type = eth->ether_type;
	for (int i = 0; i < MONITOR_TAGS &&
		(type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN) ||
			type == rte_cpu_to_be_16(RTE_ETHER_TYPE_QINQ));
		i++) {
		const struct rte_vlan_hdr *tag = (const struct rte_vlan_hdr *)(frame + at);

		if (mbuf->data_len < at + sizeof(*tag))
			return false;
		type = tag->eth_proto;
		at = (uint16_t)(at + sizeof(*tag));
	}
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
		return monitor_ip4(map, item, frame + at, (uint16_t)(mbuf->data_len - at));
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6))
		return monitor_ip6(map, item, frame + at, (uint16_t)(mbuf->data_len - at));
	return false;
}
