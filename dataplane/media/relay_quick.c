/* SPDX-License-Identifier: BSD-3-Clause */
/* Nearly every packet: RTP over IPv4, of a learnt source, to a learnt leg. Each word is read once,
 * before anything is stored, and written in whole words: a load that needs bytes of several young
 * stores would wait for all of them. */
#include "dataplane/core/capture.h"
#include "dataplane/media/quality.h"
#include "dataplane/media/relay.h"
#include "dataplane/media/rtp.h"

/* What a burst has in common. */
struct quick {
	struct flow_record *record;
	uint32_t *heard;
	struct facts_quality *quality;
	const struct nexthop_entry *nexthops;
	uint64_t arrival;
	uint32_t tick;
};

/* A next hop as words: the Ethernet addresses, then port and flags. */
typedef uint32_t quick_hop __attribute__((vector_size(16)));

static inline uint32_t quick_load(const void *at)
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

	return relay_fold(quick_add(sum, quick_load(ip))) == 0xffff;
}

/* RTP that the flow allows. */
static inline bool quick_parse(
	const struct flow_record *record, const uint8_t *data, uint16_t len, struct rtp_info *info)
{
	if (unlikely(!rtp_parse_plain(data, RTP_HEADER, info))) {
		struct rtp_info other;

		if (!rtp_parse(data, len, &other))
			return false;
		*info = other;
	}
	/* RTCP on the RTP port is of no common type. */
	return record_is_common(info->type) && record_allows(record, info->type);
}

/* Both checksums change by what is taken out, less what is put in (RFC 1624 (4)). Of the two zeros
 * IP uses the one, and UDP the other. */
static inline void quick_rewrite(struct rte_ipv4_hdr *ip, uint64_t from, uint64_t out)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint64_t addresses = record_ip(from) | out << 32;
	uint32_t ports = record_port(from) | (uint32_t)record_port(out) << 16;
	uint32_t ttl = quick_load(&ip->time_to_live); /* TTL, protocol << 8, checksum << 16 */
	uint64_t change = quick_add(quick_load64(&ip->src_addr), ~addresses);
	uint64_t ip_sum = quick_add(change, (ttl >> 16) + 2);
	uint32_t udp_sum = udp->dgram_cksum;

	if (likely(udp_sum))
		udp->dgram_cksum = relay_fold(
			quick_add(change, (uint64_t)udp_sum + quick_load(udp) + (uint32_t)~ports));
	if (unlikely(record_dscp(from) != PROTO_DSCP_KEEP)) {
		uint32_t old = quick_load(ip); /* version, TOS << 8, length */
		uint32_t new = (old & 0xffff03ff) | (uint32_t)record_dscp(from) << 10;

		ip_sum = quick_add(ip_sum, (uint64_t)old + (uint32_t) ~new);
		memcpy(ip, &new, sizeof(new));
	}
	ttl = ((ttl - 1) & 0xffff) | (uint32_t)(relay_fold(ip_sum) - 1) << 16;
	memcpy(&ip->time_to_live, &ttl, sizeof(ttl));
	memcpy(&ip->src_addr, &addresses, sizeof(addresses));
	memcpy(udp, &ports, sizeof(ports));
}

/* Sets *port. False: it is something else, and nothing has been done yet. */
static inline bool quick_relay(const struct quick *q, const struct relay_item *item, uint16_t *port)
{
	struct flow_record *record = &q->record[item->id];
	uint8_t *frame = rte_pktmbuf_mtod(item->mbuf, uint8_t *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + sizeof(struct rte_ether_hdr));
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint64_t from = record_load(&record->from), out = record_load(&record->out), macs;
	struct rtp_info info;
	quick_hop hop;

	if (unlikely(item->flags ||
		    (record_flags(from) & (RECORD_ACTIVE | RECORD_CROSS | RECORD_GUESS)) !=
			    RECORD_ACTIVE ||
		    record_load(&record->match) != record_key(ip->src_addr, udp->src_port) ||
		    ip->time_to_live <= 1 || !quick_sums_up(ip) ||
		    !quick_parse(record, (const uint8_t *)(udp + 1), item->len, &info)))
		return false;
	hop = *(const volatile quick_hop *)&q->nexthops[record_nexthop(out)];
	if (unlikely(!(hop[3] & NEXTHOP_VALID << 8)))
		return false;
	*port = (uint8_t)hop[3];
	record_stamp(&q->heard[item->id], q->tick);
	quality_note(record, &q->quality[item->id], &info, q->arrival);
	record_count(record, item->len);
	quick_rewrite(ip, from, out);
	macs = hop[0] | (uint64_t)hop[1] << 32;
	memcpy(frame, &macs, sizeof(macs));
	memcpy(frame + sizeof(macs), &(uint32_t){hop[2]}, sizeof(uint32_t));
	return true;
}

/* Relays until one is something else; returns how many. */
static inline uint16_t quick_run(struct worker *w, const struct quick *q,
	const struct relay_item *item, uint16_t n, struct relay_sent *sent)
{
	uint16_t count = sent->count, i;

	for (i = 0; i < n; i++) {
		uint16_t port;

		if (unlikely(!quick_relay(q, &item[i], &port)))
			break;
		if (unlikely(port != sent->port)) {
			worker_tx_burst(w, sent->port, sent->mbuf, count);
			sent->port = port;
			count = 0;
		}
		sent->mbuf[count++] = item[i].mbuf;
	}
	sent->count = count;
	sent->rtp = (uint16_t)(sent->rtp + i);
	return i;
}

static inline struct quick quick_open(const struct worker *w, uint64_t arrival)
{
	return (struct quick){
		.record = w->media->record,
		.heard = w->media->heard_rtp,
		.quality = w->media->quality,
		.nexthops = w->nexthops,
		.arrival = arrival,
		.tick = w->now_tick,
	};
}

void relay_one(
	struct worker *w, const struct relay_item *item, uint64_t arrival, struct relay_sent *sent)
{
	const struct quick q = quick_open(w, arrival);

	if (quick_run(w, &q, item, 1, sent) == 0)
		relay_any(w, item, arrival, sent);
}

void relay_burst(struct worker *w, const struct relay_item *item, uint16_t n)
{
	uint64_t arrival = quality_arrival(w->timebase, w->now_tsc);
	const struct quick q = quick_open(w, arrival);
	bool captured = capture_on(w, PROTO_CAPTURE_FLOW);
	struct relay_sent sent;

	sent.count = sent.port = sent.rtp = sent.rtcp = 0;
	for (uint16_t i = 0; i < n; i++) {
		if (unlikely(captured)) {
			relay_captured(w, &item[i], arrival, &sent);
			continue;
		}
		i = (uint16_t)(i + quick_run(w, &q, &item[i], (uint16_t)(n - i), &sent));
		if (i < n)
			relay_any(w, &item[i], arrival, &sent);
	}
	if (sent.count)
		worker_tx_burst(w, sent.port, sent.mbuf, sent.count);
	w->count->relayed_rtp += sent.rtp;
	w->count->relayed_rtcp += sent.rtcp;
}
