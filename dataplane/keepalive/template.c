/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/template.h"

#include <string.h>

#define TEMPLATE_HOPS 64

static uint32_t template_sum(const void *data, size_t len)
{
	const uint8_t *byte = data;
	uint32_t sum = 0;
	uint16_t word;

	for (; len > 1; len -= 2, byte += 2) {
		memcpy(&word, byte, 2);
		sum += word;
	}
	/* The last odd byte is the first of a word in network order. */
	return len ? sum + rte_cpu_to_be_16((uint16_t)(*byte << 8)) : sum;
}

/* What UDP sums beside the addresses: protocol and length of the pseudo header, its own header, the
 * payload. */
static uint32_t template_udp(
	struct rte_udp_hdr *udp, uint16_t port, const void *payload, uint16_t payload_len)
{
	uint16_t len = (uint16_t)(sizeof(*udp) + payload_len);

	udp->src_port = rte_cpu_to_be_16(port);
	udp->dgram_len = rte_cpu_to_be_16(len);
	memcpy(udp + 1, payload, payload_len);
	return rte_cpu_to_be_16(IPPROTO_UDP) + rte_cpu_to_be_16(len) + template_sum(udp, len);
}

static void template_build4(struct template *t, const struct addr *local, const void *payload,
	uint16_t payload_len, uint8_t dscp)
{
	struct template_frame4 *f = (struct template_frame4 *)t->frame;

	f->eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	f->ip.version_ihl = RTE_IPV4_VHL_DEF;
	f->ip.type_of_service = (uint8_t)(dscp << 2);
	f->ip.total_length = rte_cpu_to_be_16(
		(uint16_t)(sizeof(f->ip) + sizeof(f->udp) + payload_len));
	/* Never fragmented, so it needs no identification (RFC 6864). */
	f->ip.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	f->ip.time_to_live = TEMPLATE_HOPS;
	f->ip.next_proto_id = IPPROTO_UDP;
	memcpy(&f->ip.src_addr, local->ip, 4);
	t->ip_sum = template_sum(&f->ip, sizeof(f->ip));
	t->udp_sum = template_sum(local->ip, 4) +
		template_udp(&f->udp, local->port, payload, payload_len);
	t->len = (uint16_t)(sizeof(*f) + payload_len);
}

static void template_build6(struct template *t, const struct addr *local, const void *payload,
	uint16_t payload_len, uint8_t dscp)
{
	struct template_frame6 *f = (struct template_frame6 *)t->frame;

	f->eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6);
	f->ip.vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)dscp << 22);
	f->ip.payload_len = rte_cpu_to_be_16((uint16_t)(sizeof(f->udp) + payload_len));
	f->ip.proto = IPPROTO_UDP;
	f->ip.hop_limits = TEMPLATE_HOPS;
	memcpy(f->ip.src_addr, local->ip, 16);
	t->udp_sum = template_sum(local->ip, 16) +
		template_udp(&f->udp, local->port, payload, payload_len);
	t->len = (uint16_t)(sizeof(*f) + payload_len);
}

void template_build(struct template *t, const struct addr *local, const void *payload,
	uint16_t payload_len, uint8_t dscp)
{
	memset(t, 0, sizeof(*t));
	t->family = local->family;
	if (local->family == ADDR_IPV4)
		template_build4(t, local, payload, payload_len, dscp);
	else
		template_build6(t, local, payload, payload_len, dscp);
	if (t->len < TEMPLATE_FRAME_MIN)
		t->len = TEMPLATE_FRAME_MIN;
}

void template_build_probe(struct template *t, const struct addr *local,
	const struct probe_payload *payload, uint8_t dscp)
{
	size_t head = local->family == ADDR_IPV4 ? sizeof(struct template_frame4)
						 : sizeof(struct template_frame6);

	static_assert(
		sizeof(struct template_frame4) % 2 == 0 && sizeof(struct template_frame6) % 2 == 0,
		"even in the payload is even in the frame");
	template_build(t, local, payload->data, payload->len, dscp);
	t->form = payload->form;
	t->places = payload->places;
	for (uint8_t i = 0; i < payload->places; i++)
		t->at[i] = (uint16_t)(head + payload->at[i]);
}
