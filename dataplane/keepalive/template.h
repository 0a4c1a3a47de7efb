/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alive frames, complete but for destination and MACs, with the checksums of all that is known
 * summed up beforehand. Pure. */
#ifndef DATAPLANE_KEEPALIVE_TEMPLATE_H
#define DATAPLANE_KEEPALIVE_TEMPLATE_H

#include "dataplane/core/sum.h"
#include "dataplane/host/nexthop.h"
#include "dataplane/keepalive/probe.h"
#include "shared/addr.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_memcpy.h>
#include <rte_udp.h>
#include <rte_vect.h>
#include <stdint.h>

#define TEMPLATE_PAYLOAD_MAX 1200
#define TEMPLATE_FRAME_MAX   1280 /* whole cache lines */
#define TEMPLATE_FRAME_MIN   60   /* Ethernet without FCS */

struct template_frame4 {
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
} __attribute__((packed, aligned(2)));

struct template_frame6 {
	struct rte_ether_hdr eth;
	struct rte_ipv6_hdr ip;
	struct rte_udp_hdr udp;
} __attribute__((packed, aligned(2)));

struct template
{
	uint8_t frame[TEMPLATE_FRAME_MAX];
	uint32_t ip_sum;  /* 16-bit words of the IPv4 header, without destination */
	uint32_t udp_sum; /* pseudo header, UDP header and payload, without destination */
	uint16_t len;     /* of the frame, padding included */
	uint8_t family;   /* enum addr_family */
	uint8_t form;     /* enum probe_form */
	uint8_t places;   /* where the probe is named, offsets in the frame, even */
	uint16_t at[PROBE_PLACES];
	/* Of the class; `watch` tells that one of them is set, or that it is a probe. */
	bool watch;
	uint8_t missed_max;
	uint8_t escalate;     /* messages to a silent device until it gets another template */
	int8_t escalate_step; /* to that one's index */
	/* For who replaces templates, see templates.h. */
	struct template *next;
	uint64_t token;
}
__attribute__((aligned(64)));

/* A frame from `local` (address and port) with this payload, 1 .. TEMPLATE_PAYLOAD_MAX bytes. */
void template_build(struct template *t, const struct addr *local, const void *payload,
	uint16_t payload_len, uint8_t dscp);

/* The same of a probe, which template_probe() completes. */
void template_build_probe(struct template *t, const struct addr *local,
	const struct probe_payload *payload, uint8_t dscp);

static inline uint16_t template_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* A UDP checksum of zero would mean "none". */
static inline uint16_t template_fold_udp(uint32_t sum)
{
	uint16_t fold = template_fold(sum);

	return fold ? fold : 0xffff;
}

static inline void template_copy(const struct template *t, uint8_t *frame)
{
	rte_mov64(frame, t->frame);
	if (t->len > 64)
		rte_mov64(frame + 64, t->frame + 64);
	if (unlikely(t->len > 128))
		rte_memcpy(frame + 128, t->frame + 128, t->len - 128u);
}

/* Writes the frame to an IPv4 destination; ip and port in network order. The buffer holds 128
 * bytes at least. */
static inline void template_write4(const struct template *t, uint8_t *frame,
	const struct nexthop_entry *nexthop, uint32_t ip, uint16_t port)
{
	struct template_frame4 *f = (struct template_frame4 *)frame;
	uint32_t sum = (ip & 0xffff) + (ip >> 16);

	template_copy(t, frame);
	memcpy(frame, nexthop, 12);
	f->ip.dst_addr = ip;
	f->ip.hdr_checksum = template_fold(t->ip_sum + sum);
	f->udp.dst_port = port;
	f->udp.dgram_cksum = template_fold_udp(t->udp_sum + sum + port);
}

/* Of an IPv6 address, in words of 32 bits. */
static inline uint64_t template_sum6(const uint8_t ip[static 16])
{
	uint32_t word[4];

	memcpy(word, ip, sizeof(word));
	return (uint64_t)word[0] + word[1] + word[2] + word[3];
}

/* The same to an IPv6 destination. */
static inline void template_write6(const struct template *t, uint8_t *frame,
	const struct nexthop_entry *nexthop, const uint8_t ip[static 16], uint16_t port)
{
	struct template_frame6 *f = (struct template_frame6 *)frame;
	uint16_t field = (uint16_t)~sum_fold(t->udp_sum + template_sum6(ip) + port);

	template_copy(t, frame);
	memcpy(frame, nexthop, 12);
	memcpy(f->ip.dst_addr, ip, 16);
	f->udp.dst_port = port;
	f->udp.dgram_cksum = field ? field : 0xffff;
}

/* A template that goes to one next hop again and again, in registers. */
struct template_ready {
	__m256i part[3];
	uint64_t ip_sum;   /* IPv4 */
	uint64_t udp_rest; /* what is missing to a multiple of 0xffff, which is a sum of zero */
};
#define TEMPLATE_READY4 64 /* bytes of a frame at most */
#define TEMPLATE_READY6 96

static inline struct template_ready template_get_ready(
	const struct template *t, const struct nexthop_entry *nexthop)
{
	__m256i hop = _mm256_castsi128_si256(_mm_load_si128((const __m128i *)nexthop));
	const __m256i *part = (const __m256i *)t->frame;

	return (struct template_ready){
		.part = {_mm256_blend_epi32(part[0], hop, 7), part[1], part[2]},
		.ip_sum = t->ip_sum,
		.udp_rest = (0xffffull << 40) - t->udp_sum,
	};
}

/* The same frame as of template_write4(). */
static inline void template_write_ready4(
	const struct template_ready *r, uint8_t *frame, uint32_t ip, uint16_t port)
{
	struct template_frame4 *f = (struct template_frame4 *)frame;
	uint32_t sum = (ip & 0xffff) + (ip >> 16);

	_mm256_storeu_si256((__m256i *)frame, r->part[0]);
	_mm256_storeu_si256((__m256i *)frame + 1, r->part[1]);
	f->ip.dst_addr = ip;
	f->ip.hdr_checksum = (uint16_t)~sum_fold(r->ip_sum + sum);
	f->udp.dst_port = port;
	f->udp.dgram_cksum = sum_fold(r->udp_rest - sum - port);
}

/* The same frame as of template_write6(). */
static inline void template_write_ready6(
	const struct template_ready *r, uint8_t *frame, const uint8_t ip[static 16], uint16_t port)
{
	struct template_frame6 *f = (struct template_frame6 *)frame;
	uint64_t sum = template_sum6(ip);

	for (int i = 0; i < 3; i++)
		_mm256_storeu_si256((__m256i *)frame + i, r->part[i]);
	memcpy(f->ip.dst_addr, ip, 16);
	f->udp.dst_port = port;
	f->udp.dgram_cksum = sum_fold(r->udp_rest - sum - port);
}

/* Names the probe in a frame that template_write4 or 6 wrote of its template. */
static inline void template_probe(
	const struct template *t, uint8_t *frame, const struct probe *probe)
{
	size_t at = t->family == ADDR_IPV4 ? offsetof(struct template_frame4, udp.dgram_cksum)
					   : offsetof(struct template_frame6, udp.dgram_cksum);
	uint8_t name[PROBE_HEX];
	uint16_t word[PROBE_HEX / 2], check, len = probe_name(name, t->form, probe);
	uint32_t sum = 0;

	memcpy(word, name, len);
	for (uint16_t i = 0; i < len / 2; i++)
		sum += word[i];
	for (uint8_t i = 0; i < t->places; i++)
		memcpy(frame + t->at[i], name, len);
	memcpy(&check, frame + at, sizeof(check));
	check = template_fold_udp((uint16_t)~check + sum * t->places);
	memcpy(frame + at, &check, sizeof(check));
}

#endif
