/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/monitor.h"

#include "dataplane/core/capture.h"
#include "dataplane/media/context.h"
#include "dataplane/media/quality.h"
#include "dataplane/media/rtp.h"

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_prefetch.h>
#include <rte_udp.h>

#define MONITOR_TAGS 2 /* VLAN tags before the packet, at most */
#define MONITOR_IP   sizeof(struct rte_ether_hdr)

/* A UDP packet in one frame, and where it goes. */
struct monitor_packet {
	const struct rte_mbuf *mbuf;
	struct addr dst;
	const uint8_t *src; /* IP address */
	const uint8_t *data;
	uint16_t len;
};

/* Header and length of UDP, which takes `total` bytes. */
static inline bool monitor_udp(
	struct monitor_packet *p, const struct rte_udp_hdr *udp, uint16_t total)
{
	if (total < sizeof(*udp) || rte_be_to_cpu_16(udp->dgram_len) != total)
		return false;
	p->dst.port = rte_be_to_cpu_16(udp->dst_port);
	p->data = (const uint8_t *)(udp + 1);
	p->len = (uint16_t)(total - sizeof(*udp));
	return true;
}

static inline bool monitor_ip4(struct monitor_packet *p, const uint8_t *at, uint16_t left)
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
			rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	p->dst = (struct addr){.family = ADDR_IPV4};
	memcpy(p->dst.ip, &ip->dst_addr, sizeof(ip->dst_addr));
	p->src = (const uint8_t *)&ip->src_addr;
	return monitor_udp(
		p, (const struct rte_udp_hdr *)(at + header), (uint16_t)(total - header));
}

static inline bool monitor_ip6(struct monitor_packet *p, const uint8_t *at, uint16_t left)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)at;
	uint16_t total;

	if (left < sizeof(*ip))
		return false;
	total = rte_be_to_cpu_16(ip->payload_len);
	if (at[0] >> 4 != 6 || ip->proto != IPPROTO_UDP || total > left - sizeof(*ip))
		return false;
	p->dst = (struct addr){.family = ADDR_IPV6};
	memcpy(p->dst.ip, ip->dst_addr, sizeof(ip->dst_addr));
	p->src = ip->src_addr;
	return monitor_udp(p, (const struct rte_udp_hdr *)(ip + 1), total);
}

/* False: not UDP, or a fragment, or not sound. */
static __rte_noinline bool monitor_parse(struct monitor_packet *p, const struct rte_mbuf *mbuf)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)frame;
	uint16_t at = sizeof(*eth);
	rte_be16_t type;

	if (unlikely(mbuf->data_len < at))
		return false;
	type = eth->ether_type;
	for (int i = 0; i < MONITOR_TAGS &&
		unlikely(type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN) ||
			type == rte_cpu_to_be_16(RTE_ETHER_TYPE_QINQ));
		i++) {
		const struct rte_vlan_hdr *tag = (const struct rte_vlan_hdr *)(frame + at);

		if (mbuf->data_len < at + sizeof(*tag))
			return false;
		type = tag->eth_proto;
		at += sizeof(*tag);
	}
	if (likely(type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)))
		return monitor_ip4(p, frame + at, (uint16_t)(mbuf->data_len - at));
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6))
		return monitor_ip6(p, frame + at, (uint16_t)(mbuf->data_len - at));
	return false;
}

static inline uint32_t monitor_word(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* UDP over plain untagged IPv4: nearly every frame, so several fields are tested at once. False:
 * look with monitor_parse(). */
static inline bool monitor_quick(struct monitor_packet *p, const struct rte_mbuf *mbuf)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(frame + MONITOR_IP);
	uint16_t total;

	/* Type IPv4, version 4, no options; no fragment, protocol UDP. */
	if (unlikely(mbuf->data_len < MONITOR_IP + sizeof(*ip) + sizeof(struct rte_udp_hdr) ||
		    (monitor_word(frame + 12) & rte_cpu_to_be_32(0xffffff00)) !=
			    rte_cpu_to_be_32(0x08004500) ||
		    (monitor_word(frame + 20) & rte_cpu_to_be_32(0x3fff00ff)) !=
			    rte_cpu_to_be_32(IPPROTO_UDP)))
		return false;
	total = rte_be_to_cpu_16(ip->total_length);
	if (unlikely(total < sizeof(*ip) || total > mbuf->data_len - MONITOR_IP))
		return false;
	p->dst = (struct addr){.family = ADDR_IPV4};
	memcpy(p->dst.ip, &ip->dst_addr, sizeof(ip->dst_addr));
	p->src = (const uint8_t *)&ip->src_addr;
	return monitor_udp(
		p, (const struct rte_udp_hdr *)(ip + 1), (uint16_t)(total - sizeof(*ip)));
}

static inline bool monitor_same_ip(const struct addr *expected, const struct monitor_packet *p)
{
	return expected->family == p->dst.family &&
		memcmp(expected->ip, p->src, p->dst.family == ADDR_IPV4 ? 4 : 16) == 0;
}

/* It comes from a host that the descriptions name. */
static inline bool monitor_knows(const struct flow_record *record, const struct monitor_side *side,
	const struct monitor_packet *p)
{
	uint64_t match = record_load(&record->match);
	uint32_t ip;

	memcpy(&ip, p->src, sizeof(ip));
	if (likely(p->dst.family == ADDR_IPV4 && match == record_key(ip, 0)))
		return true;
	return match == MONITOR_ANYBODY || monitor_same_ip(&side->source, p) ||
		monitor_same_ip(&side->signal, p);
}

static inline bool monitor_allows(
	const struct flow_record *record, const struct monitor_side *side, uint8_t type)
{
	if (likely(record_is_common(type)))
		return record_allows(record, type);
	return record_load(&side->types) >> (type - 32) & 1;
}

static void monitor_rtcp(struct worker *w, uint32_t id, const struct monitor_packet *p)
{
	struct facts_quality *quality = &w->media->quality[id];
	struct rtp_info info;

	if (!rtp_parse_rtcp(p->data, p->len, &info)) {
		quality_reject(quality, FACTS_DROP_BAD_RTP);
		return;
	}
	record_stamp(&w->media->heard_rtcp[id], w->now_tick);
	quality_count(&quality->rtcp);
	w->count->watched_rtcp++;
}

/* A packet to `id`, or to its RTCP port. */
static inline void monitor_packet(
	struct worker *w, uint32_t id, bool rtcp, const struct monitor_packet *p, uint64_t arrival)
{
	struct media *m = w->media;
	struct flow_record *record = &m->record[id];
	const struct monitor_side *side = &m->side[id - m->monitor_first];
	uint64_t from = record_load(&record->from);
	struct rtp_info info;

	if (unlikely(from == 0))
		return;
	if (unlikely(!monitor_knows(record, side, p))) {
		quality_reject(&m->quality[id], FACTS_DROP_OFF_SOURCE);
		return;
	}
	if (unlikely(rtcp || (record_flags(from) & RECORD_MUX && rtp_is_rtcp(p->data, p->len)))) {
		monitor_rtcp(w, id, p);
		return;
	}
	if (unlikely(!rtp_parse_plain(p->data, p->len, &info) &&
		    !rtp_parse(p->data, p->len, &info))) {
		quality_reject(&m->quality[id], FACTS_DROP_BAD_RTP);
		return;
	}
	if (unlikely(!monitor_allows(record, side, info.type))) {
		quality_reject(&m->quality[id], FACTS_DROP_PAYLOAD_TYPE);
		return;
	}
	record_stamp(&m->heard_rtp[id], w->now_tick);
	quality_note(record, &m->quality[id], &info, arrival);
	record_count(record, p->len);
	w->count->watched_rtp++;
}

static void monitor_capture(struct worker *w, uint32_t id, const struct rte_mbuf *mbuf)
{
	const struct media *m = w->media;
	uint32_t places = capture_of_flow(w, id, m->side[id - m->monitor_first].gen);
	struct proto_frame frame;

	if (likely(!places))
		return;
	capture_take(w, &frame, rte_pktmbuf_mtod(mbuf, const void *), mbuf->data_len);
	capture_give(w, places, &frame, PROTO_FRAME_WATCHED);
}

void monitor_input(struct worker *w, struct rte_mbuf *const *mbufs, uint16_t n)
{
	struct media *m = w->media;
	struct monitor_packet packet[WORKER_BURST];
	const struct addr *key[WORKER_BURST];
	uint32_t value[ADDRMAP_BULK];
	bool captured = capture_on(w, PROTO_CAPTURE_FLOW);
	uint64_t hits, arrival;
	uint16_t count = 0;

	static_assert(WORKER_BURST <= ADDRMAP_BULK, "one lookup for a burst");
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], const void *));
	for (uint16_t i = 0; i < n; i++) {
		key[count] = &packet[count].dst;
		packet[count].mbuf = mbufs[i];
		count = (uint16_t)(count +
			(likely(monitor_quick(&packet[count], mbufs[i])) ||
				monitor_parse(&packet[count], mbufs[i])));
	}
	if (count == 0)
		return;
	hits = addrmap_find(m->monitors, key, count, value);
	for (uint16_t i = 0; i < count; i++) {
		if (hits >> i & 1) {
			rte_prefetch0(&m->record[value[i] >> 1]);
			rte_prefetch0(&m->heard_rtp[value[i] >> 1]);
		}
	}
	arrival = quality_arrival(w->timebase, w->now_tsc);
	for (uint16_t i = 0; i < count; i++) {
		if (!(hits >> i & 1))
			continue;
		if (unlikely(captured))
			monitor_capture(w, value[i] >> 1, packet[i].mbuf);
		monitor_packet(w, value[i] >> 1, value[i] & 1, &packet[i], arrival);
	}
}
