/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP from and to the devices of captured bindings. */
#include "dataplane/core/capture.h"

#include "dataplane/core/vlan.h"
#include "dataplane/keepalive/context.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

static bool capture_udp4(const uint8_t *at, uint16_t len, struct addr *dst)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)at;
	const struct rte_udp_hdr *udp;
	uint16_t header;

	if (len < sizeof(*ip))
		return false;
	header = rte_ipv4_hdr_len(ip);
	if (header < sizeof(*ip) || len < header + sizeof(*udp) ||
		ip->next_proto_id != IPPROTO_UDP ||
		ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	udp = (const struct rte_udp_hdr *)(at + header);
	*dst = (struct addr){.family = ADDR_IPV4, .port = rte_be_to_cpu_16(udp->dst_port)};
	memcpy(dst->ip, &ip->dst_addr, 4);
	return true;
}

static bool capture_udp6(const uint8_t *at, uint16_t len, struct addr *dst)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)at;
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);

	if (len < sizeof(*ip) + sizeof(*udp) || ip->proto != IPPROTO_UDP)
		return false;
	*dst = (struct addr){.family = ADDR_IPV6, .port = rte_be_to_cpu_16(udp->dst_port)};
	memcpy(dst->ip, ip->dst_addr, 16);
	return true;
}

/* To whom a frame goes, if that is plain UDP; the kernel tags what leaves by a VLAN. */
static bool capture_destination(const struct rte_mbuf *mbuf, struct addr *dst)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	uint16_t header = sizeof(struct rte_ether_hdr);
	rte_be16_t type;

	if (mbuf->data_len < header)
		return false;
	type = ((const struct rte_ether_hdr *)frame)->ether_type;
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN)) {
		if (vlan_id(mbuf, &type) < 0)
			return false;
		header += sizeof(struct rte_vlan_hdr);
	}
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
		return capture_udp4(frame + header, (uint16_t)(mbuf->data_len - header), dst);
	return type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6) &&
		capture_udp6(frame + header, (uint16_t)(mbuf->data_len - header), dst);
}

void keepalive_capture_sip(struct worker *w, const struct rte_mbuf *mbuf, const struct addr *source)
{
	uint32_t places = capture_of_device(w, source);
	struct proto_frame frame;

	if (!places)
		return;
	capture_take(w, &frame, rte_pktmbuf_mtod(mbuf, const void *), mbuf->data_len);
	capture_give(w, places, &frame, PROTO_FRAME_TO_HOST);
}

void keepalive_capture_host(struct worker *w, struct rte_mbuf *const mbuf[], unsigned int n)
{
	struct proto_frame frame;
	struct addr dst;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t places;

		if (!capture_destination(mbuf[i], &dst))
			continue;
		places = capture_of_device(w, &dst);
		if (!places)
			continue;
		capture_take(w, &frame, rte_pktmbuf_mtod(mbuf[i], const void *), mbuf[i]->data_len);
		frame.out = 1;
		capture_give(w, places, &frame, PROTO_FRAME_FROM_HOST);
	}
}
