/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that may be for several flows, for none, or are not plain RTP over IPv4: whose they are,
 * and what they are worth. */
#include "dataplane/core/capture.h"
#include "dataplane/media/monitor_item.h"
#include "dataplane/media/quality.h"
#include "dataplane/media/rtp.h"

/* How well a flow's descriptions fit a packet. */
enum monitor_fit {
	MONITOR_ELSEWHERE, /* it goes to somebody else */
	MONITOR_STRANGER,  /* it comes from a host that they do not name */
	MONITOR_HOST,      /* from one that they name, or nobody knows who sends */
	MONITOR_EXACT,     /* from the very address and port */
};

struct tagmap_at monitor_at_from(const struct tagmap *map, const struct monitor_item *item)
{
	const struct rte_ipv6_hdr *ip6 = (const struct rte_ipv6_hdr *)item->ip;
	const struct rte_ipv4_hdr *ip4 = (const struct rte_ipv4_hdr *)item->ip;
	rte_be16_t port = item->udp->src_port;

	if (item->key == MONITOR_IP6)
		return monitor_at6(map, ip6->src_addr, record_key(0, port) | MONITOR_FROM);
	return monitor_at4(map, record_key(ip4->src_addr, port) | MONITOR_FROM);
}

struct monitor_packet {
	struct addr src, dst;
	const uint8_t *data;
	uint16_t len;
};

static void monitor_open(struct monitor_packet *p, const struct monitor_item *item)
{
	const struct rte_ipv6_hdr *ip6 = (const struct rte_ipv6_hdr *)item->ip;
	const struct rte_ipv4_hdr *ip4 = (const struct rte_ipv4_hdr *)item->ip;

	*p = (struct monitor_packet){.data = monitor_data(item), .len = item->len};
	p->src.family = p->dst.family = item->key != MONITOR_IP6 ? ADDR_IPV4 : ADDR_IPV6;
	p->src.port = rte_be_to_cpu_16(item->udp->src_port);
	p->dst.port = rte_be_to_cpu_16(item->udp->dst_port);
	if (p->src.family == ADDR_IPV4) {
		memcpy(p->src.ip, &ip4->src_addr, sizeof(ip4->src_addr));
		memcpy(p->dst.ip, &ip4->dst_addr, sizeof(ip4->dst_addr));
	} else {
		memcpy(p->src.ip, ip6->src_addr, sizeof(ip6->src_addr));
		memcpy(p->dst.ip, ip6->dst_addr, sizeof(ip6->dst_addr));
	}
}

static enum monitor_fit monitor_fit(
	const struct media *m, uint32_t number, const struct monitor_packet *p)
{
	const struct monitor_side *side = &m->side[number / MONITOR_KINDS];
	bool rtcp = monitor_is_rtcp(number);

	if (monitor_is_from(number))
		return addr_same_ip(&side->behind, &p->dst) &&
				addr_equal(rtcp ? &side->from_rtcp : &side->from, &p->src)
			? MONITOR_EXACT
			: MONITOR_ELSEWHERE;
	if (!addr_equal(rtcp ? &side->dst_rtcp : &side->dst, &p->dst))
		return MONITOR_ELSEWHERE;
	if (addr_same_ip(&side->source, &p->src))
		return side->source.port + rtcp == p->src.port ? MONITOR_EXACT : MONITOR_HOST;
	if (addr_same_ip(&side->signal, &p->src) ||
		(side->source.family == ADDR_NONE && side->signal.family == ADDR_NONE))
		return MONITOR_HOST;
	return MONITOR_STRANGER;
}

static bool monitor_allows(
	const struct flow_record *record, const struct monitor_side *side, uint8_t type)
{
	if (record_is_common(type))
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

static void monitor_rtp(struct worker *w, uint32_t id, const struct monitor_side *side,
	const struct monitor_packet *p, uint64_t arrival)
{
	struct facts_quality *quality = &w->media->quality[id];
	struct flow_record *record = &w->media->record[id];
	struct rtp_info info;

	if (!rtp_parse(p->data, p->len, &info)) {
		quality_reject(quality, FACTS_DROP_BAD_RTP);
		return;
	}
	if (!monitor_allows(record, side, info.type)) {
		quality_reject(quality, FACTS_DROP_PAYLOAD_TYPE);
		return;
	}
	record_stamp(&w->media->record[id].count.heard, w->now_tick);
	quality_note(record, quality, &info, arrival);
	record_count(record, p->len);
	w->count->watched_rtp++;
}

static void monitor_capture(struct worker *w, uint32_t id, const struct rte_mbuf *mbuf)
{
	const struct media *m = w->media;
	uint32_t places = capture_of_flow(w, id, m->side[id - m->monitor_first].gen);
	struct proto_frame frame;

	if (!places)
		return;
	capture_take(w, &frame, rte_pktmbuf_mtod(mbuf, const void *), mbuf->data_len);
	capture_give(w, places, &frame, PROTO_FRAME_WATCHED);
}

static void monitor_take(struct worker *w, uint32_t number, const struct monitor_packet *p,
	enum monitor_fit fit, uint64_t arrival)
{
	const struct monitor_side *side = &w->media->side[number / MONITOR_KINDS];
	uint32_t id = w->media->monitor_first + number / MONITOR_KINDS;
	uint8_t flags = record_flags(record_load(&w->media->record[id].from));

	if (!(flags & RECORD_ACTIVE))
		return;
	if (fit == MONITOR_STRANGER)
		quality_reject(&w->media->quality[id], FACTS_DROP_OFF_SOURCE);
	else if (monitor_is_rtcp(number) || (flags & RECORD_MUX && rtp_is_rtcp(p->data, p->len)))
		monitor_rtcp(w, id, p);
	else
		monitor_rtp(w, id, side, p, arrival);
}

/* Several flows may have one destination. It is the packet of those that it fits best: where only
 * the hosts tell, of all of them, since a call must not be ended for want of proof. */
void monitor_any(struct worker *w, const struct monitor_item *item, uint64_t arrival)
{
	const struct media *m = w->media;
	enum monitor_fit fit[2 * MONITOR_SHARE], best = MONITOR_ELSEWHERE;
	uint32_t number[2 * MONITOR_SHARE], count;
	struct monitor_packet p;

	monitor_open(&p, item);
	count = tagmap_all(&m->monitors, item->at, number, 2 * MONITOR_SHARE);
	for (uint32_t i = 0; i < count; i++) {
		fit[i] = monitor_fit(m, number[i], &p);
		best = RTE_MAX(best, fit[i]);
	}
	if (best == MONITOR_ELSEWHERE)
		return;
	for (uint32_t i = 0; i < count; i++) {
		if (fit[i] != best)
			continue;
		monitor_capture(w, m->monitor_first + number[i] / MONITOR_KINDS, item->mbuf);
		monitor_take(w, number[i], &p, best, arrival);
	}
}
