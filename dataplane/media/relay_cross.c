/* SPDX-License-Identifier: BSD-3-Clause */
/* Between an IPv4 and an IPv6 leg: the IP header is replaced, UDP stays but for ports and checksum
 * (the pseudo headers differ in the addresses alone). */
#include "dataplane/media/relay.h"

static void relay_ether(uint8_t *ip, const struct nexthop_entry *nexthop, uint16_t type)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)(ip - sizeof(*eth));

	memcpy(eth, nexthop, 2 * RTE_ETHER_ADDR_LEN);
	eth->ether_type = rte_cpu_to_be_16(type);
}

static void relay_len(const struct relay_packet *p, size_t header)
{
	uint16_t len = (uint16_t)(sizeof(struct rte_ether_hdr) + header + sizeof(*p->udp) + p->len);

	p->mbuf->data_len = len;
	p->mbuf->pkt_len = len;
}

/* False: no room in front of the frame. */
static bool relay_to6(struct worker *w, const struct relay_packet *p, uint64_t from, uint64_t out,
	bool rtcp, const uint8_t dst[16], const struct nexthop_entry *nexthop)
{
	const struct rte_ipv4_hdr old = *p->ip4;
	struct rte_udp_hdr *udp = p->udp;
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)((uint8_t *)udp - sizeof(*ip));
	uint8_t tos = relay_tos(old.type_of_service, from);
	uint64_t sum = (uint16_t)~udp->dgram_cksum;
	bool summed = udp->dgram_cksum != 0;

	if (!rte_pktmbuf_prepend(p->mbuf, sizeof(*ip) - sizeof(old)))
		return false;
	sum = relay_sum_less(sum, &old.src_addr, 2);
	sum = relay_sum_less(sum, udp, 1);
	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)tos << 20),
		.payload_len = udp->dgram_len,
		.proto = IPPROTO_UDP,
		.hop_limits = (uint8_t)(old.time_to_live - 1),
	};
	memcpy(ip->src_addr, w->media->ip6[p->id].from, 16);
	memcpy(ip->dst_addr, dst, 16);
	udp->src_port = relay_port(from, rtcp);
	udp->dst_port = record_port(out);
	sum = relay_sum(sum, ip->src_addr, 8);
	sum = relay_sum(sum, udp, 1);
	/* IPv6 knows no datagram without a checksum. */
	if (summed) {
		udp->dgram_cksum = relay_udp_sum(sum);
	} else {
		udp->dgram_cksum = 0;
		udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
	}
	relay_ether((uint8_t *)ip, nexthop, RTE_ETHER_TYPE_IPV6);
	relay_len(p, sizeof(*ip));
	return true;
}

static void relay_to4(const struct relay_packet *p, uint64_t from, uint64_t out, bool rtcp,
	const struct nexthop_entry *nexthop)
{
	const struct rte_ipv6_hdr old = *p->ip6;
	struct rte_udp_hdr *udp = p->udp;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)((uint8_t *)udp - sizeof(*ip));
	uint8_t tos = relay_tos((uint8_t)(rte_be_to_cpu_32(old.vtc_flow) >> 20), from);
	uint64_t sum = (uint16_t)~udp->dgram_cksum;

	rte_pktmbuf_adj(p->mbuf, sizeof(old) - sizeof(*ip));
	sum = relay_sum_less(sum, old.src_addr, 8);
	sum = relay_sum_less(sum, udp, 1);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = tos,
		.total_length = rte_cpu_to_be_16(
			(uint16_t)(sizeof(*ip) + rte_be_to_cpu_16(udp->dgram_len))),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = (uint8_t)(old.hop_limits - 1),
		.next_proto_id = IPPROTO_UDP,
		.src_addr = record_ip(from),
		.dst_addr = record_ip(out),
	};
	ip->hdr_checksum = (uint16_t)~sum_fold(relay_sum(0, ip, 5));
	udp->src_port = relay_port(from, rtcp);
	udp->dst_port = record_port(out);
	sum = relay_sum(sum, &ip->src_addr, 2);
	sum = relay_sum(sum, udp, 1);
	udp->dgram_cksum = relay_udp_sum(sum);
	relay_ether((uint8_t *)ip, nexthop, RTE_ETHER_TYPE_IPV4);
	relay_len(p, sizeof(*ip));
}

void relay_cross(struct worker *w, const struct relay_packet *p, uint64_t from, uint64_t out,
	bool rtcp, struct relay_sent *sent)
{
	struct nexthop_entry nexthop;
	uint8_t dst[16];

	if (!p->v6 && !relay_out6(w->media, p->id, rtcp, &out, dst)) {
		worker_drop(w, p->mbuf, FACTS_DROP_NO_PEER);
		return;
	}
	if (!nexthop_load(w->nexthops, record_nexthop(out), &nexthop)) {
		worker_drop(w, p->mbuf, FACTS_DROP_NEXT_HOP);
		return;
	}
	if (p->v6) {
		relay_to4(p, from, out, rtcp, &nexthop);
	} else if (!relay_to6(w, p, from, out, rtcp, dst, &nexthop)) {
		worker_drop(w, p->mbuf, FACTS_DROP_NO_MBUF);
		return;
	}
	relay_relayed(sent, rtcp);
	relay_queue(w, sent, p->mbuf, nexthop.port);
}
