/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/relay.h"

#include "dataplane/core/capture.h"
#include "dataplane/media/learn.h"
#include "dataplane/media/quality.h"
#include "dataplane/media/rtp.h"

#define RELAY_GUESS_TICKS 10 /* window and most packets to a leg that was not heard yet */
#define RELAY_GUESS_MAX   20
#define RELAY_INVERSE     0xfffefffefffeffffull /* times 0xffff = 1 modulo 2^64 */

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
		!learn_may_move(w->media->heard_rtp[p->id], w->now_tick)) {
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
	record_stamp(&m->heard_rtp[p->id], w->now_tick);
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

static inline void relay_send(struct worker *w, const struct relay_packet *p, bool rtcp,
	const struct nexthop_entry *nexthop, struct relay_sent *sent)
{
	memcpy(p->ip - sizeof(struct rte_ether_hdr), nexthop, 2 * RTE_ETHER_ADDR_LEN);
	relay_relayed(sent, rtcp);
	relay_queue(w, sent, p->mbuf, nexthop);
}

/* The first 12 bytes of an IPv4 header as words, which little-endian processors read backwards. */
struct relay_words {
	uint32_t tos; /* version, TOS << 8, total length */
	uint32_t id;
	uint32_t ttl; /* TTL, protocol << 8, checksum << 16 */
};

/* relay_tos() in the word that holds it. */
static inline uint32_t relay_tos_word(uint32_t word, uint64_t from)
{
	uint32_t dscp = record_dscp(from);

	return dscp == PROTO_DSCP_KEEP ? word : (word & 0xffff03ff) | dscp << 10;
}

static inline uint32_t relay_load32(const void *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* `word` is what the header begins with. Everything is loaded before anything is stored, and stored
 * in whole words: a load that needs bytes of several young stores would wait for all of them. Both
 * checksums change by what is taken out, less what is put in (RFC 1624 (4)). */
static inline void relay_rewrite4(const struct relay_packet *p, struct relay_words word,
	uint64_t from, uint64_t out, uint16_t src_port)
{
	struct rte_ipv4_hdr *ip = p->ip4;
	struct rte_udp_hdr *udp = p->udp;
	uint32_t ports = src_port | (uint32_t)record_port(out) << 16;
	uint64_t addresses = record_ip(from) | (uint64_t)record_ip(out) << 32;
	uint64_t change = (uint64_t)ip->src_addr + ip->dst_addr + (uint32_t)~record_ip(from) +
		(uint32_t)~record_ip(out);
	uint64_t udp_sum = udp->dgram_cksum + change + relay_load32(udp) + (uint32_t)~ports;
	uint32_t tos = relay_tos_word(word.tos, from);
	/* One hop less. */
	uint16_t sum = relay_fold((word.ttl >> 16) + change + word.tos + (uint32_t)~tos + 1);

	/* Of the two zeros IP uses the one, and UDP the other, that the fold gives. */
	word.ttl = ((word.ttl - 1) & 0xffff) | (uint32_t)(sum == 0xffff ? 0 : sum) << 16;
	if (likely(udp->dgram_cksum))
		udp->dgram_cksum = relay_fold(udp_sum);
	memcpy(ip, &tos, sizeof(tos));
	memcpy(&ip->time_to_live, &word.ttl, sizeof(word.ttl));
	memcpy(&ip->src_addr, &addresses, sizeof(addresses));
	memcpy(udp, &ports, sizeof(ports));
	relay_trim(p, sizeof(*ip));
}

static void relay_forward4(struct worker *w, const struct relay_packet *p, uint64_t from,
	uint64_t out, bool rtcp, const struct nexthop_entry *nexthop, struct relay_sent *sent)
{
	struct relay_words word;

	memcpy(&word, p->ip4, sizeof(word));
	relay_rewrite4(p, word, from, out, relay_port(from, rtcp));
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

static __rte_noinline void relay_packet(
	struct worker *w, const struct relay_packet *p, uint64_t arrival, struct relay_sent *sent)
{
	struct media *m = w->media;
	struct relay_state s = {
		.record = &m->record[p->id],
		.cold = &m->cold[p->id],
	};
	enum facts_drop why;

	if (unlikely(!p->v6 && relay_fold(relay_sum(0, p->ip, 5)) != 0xffff)) {
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

/* The checksum of an IPv4 header, of which `word` is the beginning, is right: all words add up to a
 * multiple of 0xffff, which is told by a multiplication with its inverse modulo 2^64. */
static inline bool relay_sums_up(const struct rte_ipv4_hdr *ip, struct relay_words word)
{
	uint64_t sum = (uint64_t)word.tos + word.id + word.ttl + ip->src_addr + ip->dst_addr;

	return sum * RELAY_INVERSE <= UINT64_MAX / 0xffff;
}

/* Plain RTP of a learnt IPv4 source to a learnt IPv4 leg, in one piece: nearly every packet. False:
 * it is something else, and nothing has been done yet. */
static inline bool relay_quick(
	struct worker *w, const struct relay_packet *p, uint64_t arrival, struct relay_sent *sent)
{
	struct media *m = w->media;
	struct flow_record *record = &m->record[p->id];
	struct rte_ipv4_hdr *ip = p->ip4;
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	const uint8_t *data = (const uint8_t *)(udp + 1);
	uint64_t from = record_load(&record->from), out = record_load(&record->out);
	struct nexthop_entry nexthop;
	struct relay_words word;
	struct rtp_info info;

	if (unlikely(p->v6 || p->odd ||
		    (record_flags(from) & (RECORD_ACTIVE | RECORD_CROSS | RECORD_GUESS)) !=
			    RECORD_ACTIVE ||
		    record_load(&record->match) != record_key(ip->src_addr, udp->src_port)))
		return false;
	/* RTCP on the RTP port is of no common type. */
	if (unlikely((!rtp_parse_plain(data, p->len, &info) && !rtp_parse(data, p->len, &info)) ||
		    !record_is_common(info.type) || !record_allows(record, info.type)))
		return false;
	memcpy(&word, ip, sizeof(word));
	if (unlikely((word.ttl & 0xff) <= 1 || !relay_sums_up(ip, word) || out == 0 ||
		    !nexthop_load(w->nexthops, record_nexthop(out), &nexthop)))
		return false;
	record_stamp(&m->heard_rtp[p->id], w->now_tick);
	quality_note(record, &m->quality[p->id], &info, arrival);
	record_count(record, p->len);
	relay_rewrite4(p, word, from, out, record_port(from));
	relay_send(w, p, false, &nexthop, sent);
	return true;
}

void relay_one(
	struct worker *w, const struct relay_packet *p, uint64_t arrival, struct relay_sent *sent)
{
	if (unlikely(!relay_quick(w, p, arrival, sent)))
		relay_packet(w, p, arrival, sent);
}

void relay_burst(struct worker *w, const struct relay_packet *packet, uint16_t n)
{
	bool captured = capture_on(w, PROTO_CAPTURE_FLOW);
	uint64_t arrival = quality_arrival(w->timebase, w->now_tsc);
	struct relay_sent sent;

	sent.count = sent.port = sent.rtp = sent.rtcp = 0;
	for (uint16_t i = 0; i < n; i++)
		if (unlikely(captured))
			relay_captured(w, &packet[i], arrival, &sent);
		else if (unlikely(!relay_quick(w, &packet[i], arrival, &sent)))
			relay_packet(w, &packet[i], arrival, &sent);
	if (sent.count)
		worker_tx_burst(w, sent.port, sent.mbuf, sent.count);
	w->count->relayed_rtp += sent.rtp;
	w->count->relayed_rtcp += sent.rtcp;
}
