/* SPDX-License-Identifier: BSD-3-Clause */
/* A burst goes through three stages, so that what one asks of the memory is there for the next:
 * read the headers and ask for the bucket; find the flow in it and ask for its record; check, stamp
 * and count. What is not plain RTP over IPv4 of one flow is left to monitor_any(). */
#include "dataplane/media/monitor.h"

#include "dataplane/core/capture.h"
#include "dataplane/media/monitor_item.h"
#include "dataplane/media/quality.h"
#include "dataplane/media/rtp.h"

#include <netinet/in.h>
#include <rte_prefetch.h>

#define MONITOR_UNCLEAR UINT32_MAX /* as a number: several, or not in one bucket */
#define MONITOR_HEADERS \
	(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))

/* What the packets of a burst have in common. */
struct monitor_burst {
	struct flow_record *record; /* from the first monitored flow on, as those below */
	struct facts_quality *quality;
	uint64_t arrival;
	uint32_t tick;
};

static inline uint32_t monitor_word(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* UDP over plain untagged IPv4: nearly every frame, so several fields are tested at once. False:
 * look with monitor_parse(). */
static inline bool monitor_quick(const struct tagmap *map, struct monitor_item *item)
{
	const uint8_t *frame = rte_pktmbuf_mtod(item->mbuf, const uint8_t *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(frame +
		sizeof(struct rte_ether_hdr));
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	uint32_t len = item->mbuf->data_len, total;

	/* Type IPv4, version 4, no options; no fragment, protocol UDP. */
	if (unlikely(len < MONITOR_HEADERS ||
		    (monitor_word(frame + 12) & rte_cpu_to_be_32(0xffffff00)) !=
			    rte_cpu_to_be_32(0x08004500) ||
		    (monitor_word(frame + 20) & rte_cpu_to_be_32(0x3fff00ff)) !=
			    rte_cpu_to_be_32(IPPROTO_UDP)))
		return false;
	total = rte_be_to_cpu_16(udp->dgram_len) + (uint32_t)sizeof(*ip);
	if (unlikely(total < sizeof(*ip) + sizeof(*udp) ||
		    total > len - sizeof(struct rte_ether_hdr) ||
		    total != rte_be_to_cpu_16(ip->total_length)))
		return false;
	item->ip = (const uint8_t *)ip;
	item->udp = udp;
	item->len = (uint16_t)(total - sizeof(*ip) - sizeof(*udp));
	item->key = record_key(ip->dst_addr, udp->dst_port);
	item->at = monitor_at4(map, item->key);
	return true;
}

/* First stage; returns how many of n are UDP. */
static inline uint16_t monitor_read(const struct tagmap *map, struct rte_mbuf *const *mbufs,
	uint16_t n, struct monitor_item *item)
{
	uint16_t count = 0;

	for (uint16_t i = 0; i < n; i++) {
		item[count].mbuf = mbufs[i];
		if (unlikely(
			    !monitor_quick(map, &item[count]) && !monitor_parse(map, &item[count])))
			continue;
		tagmap_prefetch(map, item[count].at);
		count++;
	}
	return count;
}

/* Packets to a NAT address, which no description names, are found by who sends them. */
static __rte_noinline uint16_t monitor_find_from(
	const struct media *m, const struct monitor_burst *b, struct monitor_item *item, uint16_t n)
{
	const struct tagmap *map = &m->monitors;
	uint16_t count = 0;

	for (uint16_t i = 0; i < n; i++) {
		item[i].at = monitor_at_from(map, &item[i]);
		tagmap_prefetch(map, item[i].at);
	}
	for (uint16_t i = 0; i < n; i++) {
		const struct tagmap_bucket *bucket = &map->bucket[item[i].at.index];
		uint32_t places = tagmap_match(bucket, item[i].at.tag);

		if (tagmap_is_plain(bucket, places)) {
			uint32_t at;

			if (!places)
				continue;
			at = bucket->number[__builtin_ctz(places)] / MONITOR_KINDS;
			rte_prefetch0(&b->record[at]);
			rte_prefetch0(&m->side[at]);
		}
		item[count] = item[i];
		item[count++].number = MONITOR_UNCLEAR;
	}
	return count;
}

/* Second stage: who is nobody's goes. */
static inline uint16_t monitor_find(
	const struct media *m, const struct monitor_burst *b, struct monitor_item *item, uint16_t n)
{
	bool from = __atomic_load_n(&m->monitors_from, __ATOMIC_RELAXED) != 0;
	struct monitor_item nobody[WORKER_BURST];
	const struct tagmap *map = &m->monitors;
	uint16_t count = 0, missed = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct tagmap_bucket *bucket = &map->bucket[item[i].at.index];
		uint32_t places = tagmap_match(bucket, item[i].at.tag);
		uint32_t number = MONITOR_UNCLEAR;

		if (likely(tagmap_is_plain(bucket, places))) {
			if (!places) {
				if (unlikely(from))
					nobody[missed++] = item[i];
				continue;
			}
			number = bucket->number[__builtin_ctz(places)];
			rte_prefetch0(&b->record[number / MONITOR_KINDS]);
		}
		item[count] = item[i];
		item[count++].number = number;
	}
	if (unlikely(missed)) {
		missed = monitor_find_from(m, b, nobody, missed);
		memcpy(&item[count], nobody, missed * sizeof(*nobody));
	}
	return (uint16_t)(count + missed);
}

/* Third stage. False: nothing was done. */
static inline bool monitor_plain(const struct monitor_burst *b, const struct monitor_item *item)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)item->ip;
	uint32_t at = item->number / MONITOR_KINDS;
	struct flow_record *record = &b->record[at];
	uint64_t match, from;
	struct rtp_info info;

	if (unlikely(item->number == MONITOR_UNCLEAR || record_load(&record->out) != item->key))
		return false;
	match = record_load(&record->match);
	from = record_load(&record->from);
	if (unlikely((record_ip(match) != ip->src_addr && record_ip(from) != ip->src_addr) ||
		    match >> 48 != 1 || !rtp_parse_plain(monitor_data(item), item->len, &info) ||
		    !record_is_common(info.type) || !record_allows(record, info.type)))
		return false;
	record_stamp(&record->count.heard, b->tick);
	quality_note(record, &b->quality[at], &info, b->arrival);
	record_count(record, item->len);
	return true;
}

void monitor_input(struct worker *w, struct rte_mbuf *const *mbufs, uint16_t n)
{
	const struct media *m = w->media;
	const struct monitor_burst b = {
		.record = m->record + m->monitor_first,
		.quality = m->quality + m->monitor_first,
		.arrival = quality_arrival(w->timebase, w->now_tsc),
		.tick = w->now_tick,
	};
	bool captured = capture_on(w, PROTO_CAPTURE_FLOW);
	struct monitor_item item[WORKER_BURST];
	uint16_t count, plain = 0;

	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], const void *));
	count = monitor_read(&m->monitors, mbufs, n, item);
	count = monitor_find(m, &b, item, count);
	for (uint16_t i = 0; i < count; i++) {
		if (likely(!captured && monitor_plain(&b, &item[i])))
			plain++;
		else
			monitor_any(w, &item[i], b.arrival);
	}
	w->count->watched_rtp += plain;
}
