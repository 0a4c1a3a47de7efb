/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/relay.h"

#include "dataplane/media/learn.h"
#include "dataplane/media/quality.h"
#include "dataplane/media/rtp.h"

#define RELAY_GUESS_TICKS 10 /* window and most packets to a leg that was not heard yet */
#define RELAY_GUESS_MAX   20

/* What is known about a packet on its way. */
struct relay_state {
	struct flow_record *record;
	struct flow_cold *cold;
	uint64_t from;
	struct rtp_info info;
	bool rtcp;
};

static void relay_reject(struct worker *w, const struct relay_packet *p, enum facts_drop why)
{
	quality_reject(&w->media->quality[p->id], why);
	worker_drop(w, p->mbuf, why);
}

/* The payload, whoever sent it. False: *why. */
static inline bool relay_judge(
	const struct relay_packet *p, struct relay_state *s, enum facts_drop *why)
{
	const uint8_t *data = (const uint8_t *)(p->udp + 1);

	if (unlikely(rtp_is_strange(data, p->len) && rtp_kind_of(data, p->len) != RTP_KIND_RTP)) {
		*why = FACTS_DROP_NOT_RTP;
		return false;
	}
	*why = FACTS_DROP_BAD_RTP;
	if (unlikely(s->rtcp))
		return rtp_parse_rtcp(data, p->len, &s->info);
	if (unlikely(!rtp_parse(data, p->len, &s->info)))
		return false;
	*why = FACTS_DROP_PAYLOAD_TYPE;
	if (likely(record_is_common(s->info.type)))
		return record_allows(s->record, s->info.type);
	return record_load(&s->cold->types) >> (s->info.type - 32) & 1;
}

static inline bool relay_same_ip6(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, 16) == 0;
}

/* The source is the learnt one. */
static inline bool relay_knows(
	const struct media *m, const struct relay_packet *p, const struct relay_state *s)
{
	const struct flow_ip6 *side;
	uint64_t match = record_load(&s->record->match);
	uint64_t key = record_key(p->v6 ? 0 : p->ip4->src_addr, p->udp->src_port);

	if (likely(!s->rtcp && !p->v6))
		return match == key;
	side = p->v6 ? &m->ip6[p->id] : NULL;
	if ((!s->rtcp || record_flags(s->from) & RECORD_MUX) && match == key &&
		(!side || relay_same_ip6(side->match, p->ip6->src_addr)))
		return true;
	return s->rtcp && record_load(&s->cold->rtcp_match) == key &&
		(!side || relay_same_ip6(side->match_rtcp, p->ip6->src_addr));
}

static void relay_source(const struct relay_packet *p, struct addr *source)
{
	*source = (struct addr){
		.family = p->v6 ? ADDR_IPV6 : ADDR_IPV4,
		.port = rte_be_to_cpu_16(p->udp->src_port),
	};
	memcpy(source->ip, p->v6 ? p->ip6->src_addr : (uint8_t *)&p->ip4->src_addr, p->v6 ? 16 : 4);
}

/* Not the learnt source: maybe it becomes that now. */
static bool relay_learn(struct worker *w, const struct relay_packet *p, struct relay_state *s)
{
	enum facts_drop why = FACTS_DROP_OFF_SOURCE;
	struct addr source;

	/* Off-source floods cost no more than this. */
	if (!s->rtcp && record_load(&s->record->match) &&
		!learn_may_move(w->media->record[p->id].count.heard, w->now_tick)) {
		relay_reject(w, p, why);
		return false;
	}
	relay_source(p, &source);
	if (relay_judge(p, s, &why) && learn_source(w, p, &source, s->rtcp, &s->info, &why))
		return true;
	if (why == FACTS_DROP_UNLATCHED)
		worker_drop(w, p->mbuf, why);
	else
		relay_reject(w, p, why);
	return false;
}

/* Life: from the learnt source, and sound. */
static inline void relay_alive(struct worker *w, const struct relay_packet *p,
	const struct relay_state *s, uint64_t arrival)
{
	struct media *m = w->media;

	if (unlikely(s->rtcp)) {
		record_stamp(&m->heard_rtcp[p->id], w->now_tick);
		quality_count(&m->quality[p->id].rtcp);
		return;
	}
	record_stamp(&m->record[p->id].count.heard, w->now_tick);
	quality_note(s->record, &m->quality[p->id], &s->info, arrival);
	record_count(s->record, p->len);
}

/* Sending to an address that nobody has answered from yet is limited (LA-04: no voice hammer). */
static bool relay_may_guess(struct worker *w, struct flow_cold *cold)
{
	uint32_t since = __atomic_load_n(&cold->guess_tick, __ATOMIC_RELAXED);
	uint16_t count = __atomic_load_n(&cold->guess_count, __ATOMIC_RELAXED);

	if (w->now_tick - since >= RELAY_GUESS_TICKS) {
		__atomic_store_n(&cold->guess_tick, w->now_tick, __ATOMIC_RELAXED);
		count = 0;
	}
	if (count >= RELAY_GUESS_MAX)
		return false;
	__atomic_store_n(&cold->guess_count, (uint16_t)(count + 1), __ATOMIC_RELAXED);
	return true;
}

/* An Ethernet frame may be longer than its packet. */
static inline void relay_trim(const struct relay_packet *p, uint16_t header)
{
	uint16_t len = (uint16_t)(sizeof(struct rte_ether_hdr) + header + sizeof(*p->udp) + p->len);

	p->mbuf->data_len = len;
	p->mbuf->pkt_len = len;
}

void relay_turn(struct worker *w, struct relay_sent *sent, uint16_t port)
{
	for (uint16_t i = 0; i < sent->count; i++)
		worker_tx(w, sent->port, sent->mbuf[i]);
	sent->count = 0;
	sent->port = port;
}

static inline void relay_send(struct worker *w, const struct relay_packet *p, bool rtcp,
	const struct nexthop_entry *nexthop, struct relay_sent *sent)
{
	memcpy(p->ip - sizeof(struct rte_ether_hdr), nexthop, 2 * RTE_ETHER_ADDR_LEN);
	relay_relayed(sent, rtcp);
	relay_queue(w, sent, p->mbuf, nexthop->port);
}

static void relay_forward4(struct worker *w, const struct relay_packet *p, uint64_t from,
	uint64_t out, bool rtcp, const struct nexthop_entry *nexthop, struct relay_sent *sent)
{
	struct rte_ipv4_hdr *ip = p->ip4;
	struct rte_udp_hdr *udp = p->udp;
	uint64_t sum = (uint16_t)~udp->dgram_cksum;

	sum = relay_sum_less(sum, &ip->src_addr, 2);
	sum = relay_sum_less(sum, udp, 1);
	ip->type_of_service = relay_tos(ip->type_of_service, from);
	ip->time_to_live--;
	ip->src_addr = record_ip(from);
	ip->dst_addr = record_ip(out);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~sum_fold(relay_sum(0, ip, 5));
	udp->src_port = relay_port(from, rtcp);
	udp->dst_port = record_port(out);
	sum = relay_sum(sum, &ip->src_addr, 2);
	sum = relay_sum(sum, udp, 1);
	if (likely(udp->dgram_cksum))
		udp->dgram_cksum = relay_udp_sum(sum);
	relay_trim(p, sizeof(*ip));
	relay_send(w, p, rtcp, nexthop, sent);
}

bool relay_out6(const struct media *media, uint32_t id, bool rtcp, uint64_t *out, uint8_t ip[16])
{
	const struct flow_ip6 *side = &media->ip6[id];
	const uint64_t *word = rtcp ? &media->cold[id].rtcp_out : &media->record[id].out;

	for (int i = 0; i < 2; i++) {
		uint32_t turn = record_ip(*out) & 1;
		uint64_t again;

		memcpy(ip, rtcp ? side->out_rtcp[turn] : side->out[turn], 16);
		rte_smp_rmb();
		again = record_load(word);
		if (again == *out)
			return true;
		*out = again;
	}
	return false;
}

static void relay_forward6(struct worker *w, const struct relay_packet *p, uint64_t from,
	uint64_t out, bool rtcp, const struct nexthop_entry *nexthop, struct relay_sent *sent)
{
	struct rte_ipv6_hdr *ip = p->ip6;
	struct rte_udp_hdr *udp = p->udp;
	uint64_t sum = (uint16_t)~udp->dgram_cksum;
	uint32_t flow = rte_be_to_cpu_32(ip->vtc_flow), ports;
	uint8_t dst[16];

	if (!relay_out6(w->media, p->id, rtcp, &out, dst)) {
		worker_drop(w, p->mbuf, FACTS_DROP_NO_PEER);
		return;
	}
	ports = relay_port(from, rtcp) | (uint32_t)record_port(out) << 16;
	sum = relay_sum_less(sum, ip->src_addr, 8);
	sum = relay_sum_less(sum, udp, 1);
	sum = relay_sum(sum, w->media->ip6[p->id].from, 4);
	sum = relay_sum(sum, dst, 4);
	memcpy(ip->src_addr, w->media->ip6[p->id].from, 16);
	memcpy(ip->dst_addr, dst, 16);
	memcpy(udp, &ports, sizeof(ports));
	udp->dgram_cksum = relay_udp_sum(sum + ports);
	flow = (flow & ~(0xffu << 20)) | (uint32_t)relay_tos((uint8_t)(flow >> 20), from) << 20;
	ip->vtc_flow = rte_cpu_to_be_32(flow);
	ip->hop_limits--;
	relay_trim(p, sizeof(*ip));
	relay_send(w, p, rtcp, nexthop, sent);
}

static inline void relay_forward(struct worker *w, const struct relay_packet *p,
	const struct relay_state *s, struct relay_sent *sent)
{
	uint8_t flags = record_flags(s->from);
	uint64_t out = record_load(unlikely(s->rtcp) ? &s->cold->rtcp_out : &s->record->out);
	struct nexthop_entry nexthop;

	if (unlikely(out == 0)) {
		worker_drop(w, p->mbuf, FACTS_DROP_NO_PEER);
		return;
	}
	if (unlikely((p->v6 ? p->ip6->hop_limits : p->ip4->time_to_live) <= 1)) {
		worker_drop(w, p->mbuf, FACTS_DROP_TTL);
		return;
	}
	if (unlikely(flags & (s->rtcp ? RECORD_GUESS_RTCP : RECORD_GUESS)) &&
		!relay_may_guess(w, s->cold)) {
		worker_drop(w, p->mbuf, FACTS_DROP_UNLATCHED);
		return;
	}
	if (unlikely(flags & RECORD_CROSS)) {
		relay_cross(w, p, s->from, out, s->rtcp, sent);
		return;
	}
	if (unlikely(!nexthop_load(w->nexthops, record_nexthop(out), &nexthop)))
		worker_drop(w, p->mbuf, FACTS_DROP_NEXT_HOP);
	else if (likely(!p->v6))
		relay_forward4(w, p, s->from, out, s->rtcp, &nexthop, sent);
	else
		relay_forward6(w, p, s->from, out, s->rtcp, &nexthop, sent);
}

static struct relay_packet relay_spell(const struct relay_item *item)
{
	struct relay_packet p = {
		.mbuf = item->mbuf,
		.ip = rte_pktmbuf_mtod_offset(item->mbuf, uint8_t *, sizeof(struct rte_ether_hdr)),
		.id = item->id,
		.len = item->len,
		.odd = item->flags & RELAY_ODD,
		.v6 = item->flags & RELAY_IP6,
	};

	p.udp = (struct rte_udp_hdr *)(p.ip +
		(p.v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr)));
	return p;
}

void relay_any(
	struct worker *w, const struct relay_item *item, uint64_t arrival, struct relay_sent *sent)
{
	const struct relay_packet packet = relay_spell(item), *p = &packet;
	struct media *m = w->media;
	struct relay_state s = {
		.record = &m->record[p->id],
		.cold = &m->cold[p->id],
	};
	enum facts_drop why;

	if (unlikely(!p->v6 && sum_fold(relay_sum(0, p->ip, 5)) != 0xffff)) {
		worker_drop(w, p->mbuf, FACTS_DROP_CHECKSUM);
		return;
	}
	s.from = record_load(&s.record->from);
	if (unlikely(s.from == 0)) {
		worker_drop(w, p->mbuf, FACTS_DROP_NO_FLOW);
		return;
	}
	s.rtcp = p->odd ||
		(record_flags(s.from) & RECORD_MUX &&
			rtp_is_rtcp((const uint8_t *)(p->udp + 1), p->len));
	if (likely(relay_knows(m, p, &s))) {
		if (unlikely(!relay_judge(p, &s, &why))) {
			relay_reject(w, p, why);
			return;
		}
	} else if (!relay_learn(w, p, &s)) {
		return;
	}
	relay_alive(w, p, &s, arrival);
	relay_forward(w, p, &s, sent);
}
