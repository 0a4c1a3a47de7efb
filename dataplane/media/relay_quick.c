/* SPDX-License-Identifier: BSD-3-Clause */
/* Nearly every packet: RTP over IPv4, of a learnt source, to a learnt leg. Each word is read once,
 * before anything is stored, and written in whole words: a load that needs bytes of several young
 * stores would wait for all of them. */
#include "dataplane/core/capture.h"
#include "dataplane/media/quality.h"
#include "dataplane/media/relay.h"
#include "dataplane/media/rtp.h"

#include <immintrin.h>

#define QUICK_HEADERS \
	(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))

/* Of a flow that goes this way RECORD_ACTIVE alone is set. */
#define QUICK_FLAGS (RECORD_ACTIVE | RECORD_CROSS | RECORD_GUESS | RECORD_RATE)

/* What a burst has in common. */
struct quick {
	struct flow_record *record;
	const struct nexthop_entry *nexthops;
	uint64_t arrival;
	uint32_t units[RECORD_RATES]; /* the same in units of the timestamps */
	uint32_t tick;
};

/* A record's `from` and `out` in the order of the headers. */
struct quick_way {
	uint64_t addresses;
	uint32_t ports;
	uint32_t rest; /* next hop, DSCP << 16, rate << 22, flags << 24 */
};
static_assert(offsetof(struct flow_record, from) == 0 && offsetof(struct flow_record, out) == 8,
	"read as one vector");

static inline uint32_t quick_load32(const void *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint64_t quick_load64(const void *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline struct quick_way quick_way_of(const struct flow_record *record)
{
	const __m128i order = _mm_setr_epi8(0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 12, 13, 14, 15, 6, 7);
	__m128i both = _mm_shuffle_epi8(*(const volatile __m128i *)record, order);

	rte_compiler_barrier();
	return (struct quick_way){
		.addresses = (uint64_t)_mm_cvtsi128_si64(both),
		.ports = (uint32_t)_mm_extract_epi32(both, 2),
		.rest = (uint32_t)_mm_extract_epi32(both, 3),
	};
}

/* Sums modulo 0xffff, so that a carry comes in again. */
static inline uint64_t quick_add(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* The words of a sound IPv4 header add up to nothing. */
static inline bool quick_sums_up(const struct rte_ipv4_hdr *ip)
{
	uint64_t sum = quick_add(quick_load64(&ip->packet_id), quick_load64(&ip->src_addr));

	return sum_fold(quick_add(sum, quick_load32(ip))) == 0xffff;
}

/* An IPv4 packet of a latched flow with a known way, from the learnt source. */
static inline bool quick_may_go(const struct flow_record *record, const struct quick_way *way,
	const struct rte_ipv4_hdr *ip)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);

	return likely((way->rest >> 24 & QUICK_FLAGS) == RECORD_ACTIVE) &&
		likely(record_load(&record->match) == record_key(ip->src_addr, udp->src_port)) &&
		likely(ip->time_to_live > 1) && likely(quick_sums_up(ip));
}

/* Whole RTP of a type that the flow allows; head: its first word. RTCP on the RTP port is of no
 * common type. */
static inline bool quick_is_rtp(
	const struct flow_record *record, const uint8_t *rtp, uint16_t len, uint32_t head)
{
	uint32_t type = head >> 16;

	return likely(head >> 24 == 0x80 || rtp_is_whole(rtp, len)) &&
		likely(record_is_common(type)) && likely(record_allows(record, type));
}

static inline uint32_t quick_set_dscp(struct rte_ipv4_hdr *ip, uint32_t head, uint32_t dscp)
{
	uint32_t new = (head & 0xffff03ff) | dscp << 10;

	memcpy(ip, &new, sizeof(new));
	return new;
}

/* Both checksums change by what is taken out, less what is put in (RFC 1624 (4)). Of the two zeros
 * IP uses the one, and UDP the other. */
static inline void quick_rewrite(struct rte_ipv4_hdr *ip, const struct quick_way *way)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint64_t old = quick_load64(&ip->src_addr);
	uint64_t change = old - way->addresses - (old < way->addresses);
	uint32_t ttl = quick_load32(&ip->time_to_live); /* TTL, protocol << 8, checksum << 16 */
	uint64_t ip_sum = quick_add(change, (ttl >> 16) + 2);
	uint32_t udp_sum = udp->dgram_cksum;

	if (likely(udp_sum))
		udp->dgram_cksum = sum_fold(quick_add(
			change, (uint64_t)udp_sum + quick_load32(udp) + (uint32_t)~way->ports));
	if (unlikely(way->rest & RECORD_DSCP << 24)) {
		uint32_t head = quick_load32(ip);

		ip_sum = quick_add(ip_sum,
			(uint64_t)head +
				(uint32_t)~quick_set_dscp(ip, head, (way->rest >> 16 & 0x3f)));
	}
	ttl = ((ttl - 1) & 0xffff) | (uint32_t)(sum_fold(ip_sum) - 1) << 16;
	memcpy(&ip->time_to_live, &ttl, sizeof(ttl));
	memcpy(&ip->src_addr, &way->addresses, sizeof(way->addresses));
	memcpy(udp, &way->ports, sizeof(way->ports));
}

/* The Ethernet addresses; the four bytes behind them stay. */
static inline void quick_ether(uint8_t *frame, __m128i hop)
{
	__m128i old = _mm_loadu_si128((const __m128i *)frame);

	_mm_storeu_si128((__m128i *)frame, _mm_blend_epi32(hop, old, 8));
}

/* Returns the fourth word of the next hop that it goes to. 0: it is something else, and nothing has
 * been done yet. */
static __rte_always_inline uint32_t quick_relay(
	const struct quick *q, const struct relay_item *item)
{
	struct flow_record *record = &q->record[item->id];
	uint8_t *frame = rte_pktmbuf_mtod(item->mbuf, uint8_t *), *rtp = frame + QUICK_HEADERS;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + sizeof(struct rte_ether_hdr));
	const struct quick_way way = quick_way_of(record);
	uint32_t head = rtp_word(rtp), ssrc = rtp_word(rtp + 8), last = quality_seq(record), by;
	__m128i hop = *(const volatile __m128i *)&q->nexthops[(uint16_t)way.rest];

	by = (uint32_t)_mm_extract_epi32(hop, 3);
	if (unlikely(item->flags) || unlikely(!quick_may_go(record, &way, ip)) ||
		unlikely(!quick_is_rtp(record, rtp, item->len, head)) ||
		unlikely(!quality_follows(record, last, (uint16_t)head, ssrc)) ||
		unlikely(!(by & NEXTHOP_VALID << 8)))
		return 0;
	record_stamp(&record->count.heard, q->tick);
	quality_note_next(
		record, last, (uint16_t)head, rtp_word(rtp + 4), q->units[way.rest >> 22 & 3]);
	record_count(record, item->len);
	quick_rewrite(ip, &way);
	quick_ether(frame, hop);
	return by;
}

/* Relays until one is something else or leaves by another port: *by is 0, or tells that port.
 * Returns how many are relayed and in `sent`. Calls nothing, so that all stays in registers. */
static inline uint16_t quick_run(const struct quick *q, const struct relay_item *item, uint16_t n,
	struct relay_sent *sent, uint32_t *other)
{
	const struct relay_item *at = item, *end = item + n;
	struct rte_mbuf **out = &sent->mbuf[sent->count];
	uint32_t by = 0, port = sent->port;

	for (; at < end; at++) {
		by = quick_relay(q, at);
		if (unlikely((by & UINT8_MAX) != port) || unlikely(by == 0))
			break;
		*out++ = at->mbuf;
	}
	*other = by;
	n = (uint16_t)(at - item);
	sent->count = (uint16_t)(sent->count + n);
	sent->rtp = (uint16_t)(sent->rtp + n);
	return n;
}

/* As much of a burst as goes on without a break; returns how many are done with, 1 or more. */
static uint16_t quick_some(struct worker *w, const struct quick *q, const struct relay_item *item,
	uint16_t n, struct relay_sent *sent)
{
	uint32_t by;
	uint16_t done = quick_run(q, item, n, sent, &by);

	if (done == n)
		return n;
	item += done;
	if (by) {
		relay_queue(w, sent, item->mbuf, (uint8_t)by);
		relay_relayed(sent, false);
	} else {
		relay_any(w, item, q->arrival, sent);
	}
	return (uint16_t)(done + 1);
}

static inline struct quick quick_open(const struct worker *w, uint64_t arrival)
{
	struct quick q = {
		.record = w->media->record,
		.nexthops = w->nexthops,
		.arrival = arrival,
		.tick = w->now_tick,
	};

	for (int i = 0; i < RECORD_RATES; i++)
		q.units[i] = quality_units(arrival, record_rates[i]);
	return q;
}

void relay_one(
	struct worker *w, const struct relay_item *item, uint64_t arrival, struct relay_sent *sent)
{
	const struct quick q = quick_open(w, arrival);

	quick_some(w, &q, item, 1, sent);
}

void relay_burst(struct worker *w, const struct relay_item *item, uint16_t n)
{
	const struct quick q = quick_open(w, quality_arrival(w->timebase, w->now_tsc));
	bool captured = capture_on(w, PROTO_CAPTURE_FLOW);
	struct relay_sent sent;

	sent.count = sent.port = sent.rtp = sent.rtcp = 0;
	for (uint16_t i = 0; i < n;) {
		if (unlikely(captured))
			relay_captured(w, &item[i++], q.arrival, &sent);
		else
			i = (uint16_t)(i + quick_some(w, &q, &item[i], (uint16_t)(n - i), &sent));
	}
	if (sent.count)
		worker_tx_burst(w, sent.port, sent.mbuf, sent.count);
	w->count->relayed_rtp += sent.rtp;
	w->count->relayed_rtcp += sent.rtcp;
}
