/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets to media ports: match, judge, count, rewrite, send. Workers. */
#ifndef DATAPLANE_MEDIA_RELAY_H
#define DATAPLANE_MEDIA_RELAY_H

#include "dataplane/core/sum.h"
#include "dataplane/core/worker.h"
#include "dataplane/media/context.h"

#include <rte_ip.h>
#include <rte_udp.h>
#include <stdbool.h>
#include <stdint.h>

/* An unfragmented UDP packet to a claimed port, in one segment, lengths checked: an Ethernet header
 * (untagged), then an IP header without options or extensions. */
struct relay_item {
	struct rte_mbuf *mbuf;
	uint32_t id;    /* slot */
	uint16_t len;   /* of the UDP payload */
	uint16_t flags; /* enum relay_flags */
};
static_assert(sizeof(struct relay_item) == 16, "four in a cache line");

/* None of them: IPv4 to the RTP port of the slot, RTP_HEADER bytes or more, nothing behind it. */
enum relay_flags {
	RELAY_RARE = 1 << 0,
	RELAY_ODD = 1 << 1, /* to the RTCP port of the slot */
	RELAY_IP6 = 1 << 2,
};

/* The same, spelt out. */
struct relay_packet {
	struct rte_mbuf *mbuf;
	union {
		struct rte_ipv4_hdr *ip4;
		struct rte_ipv6_hdr *ip6;
		uint8_t *ip;
	};
	struct rte_udp_hdr *udp;
	uint32_t id;
	uint16_t len;
	bool odd;
	bool v6;
};

/* What leaves of a burst: frames in a row by one port. */
struct relay_sent {
	struct rte_mbuf *mbuf[WORKER_BURST];
	uint16_t count;
	uint16_t port;
	uint16_t rtp, rtcp; /* relayed in all */
};

/* Takes n packets over, at most WORKER_BURST. */
void relay_burst(struct worker *w, const struct relay_item *item, uint16_t n);

/* The long way for one packet. */
void relay_any(
	struct worker *w, const struct relay_item *item, uint64_t arrival, struct relay_sent *sent);

/* One packet of a burst: relays or drops it. */
void relay_one(
	struct worker *w, const struct relay_item *item, uint64_t arrival, struct relay_sent *sent);

/* The same while flows are captured: if this one is, the frame is copied as it came, and as it
 * left. */
void relay_captured(
	struct worker *w, const struct relay_item *item, uint64_t arrival, struct relay_sent *sent);

/* A frame to a port of that slot, about to be dropped by others. */
void relay_capture_drop(
	struct worker *w, uint32_t id, const struct rte_mbuf *mbuf, enum facts_drop why);

/* Accepted packets whose legs are of different families; `from` and `out` are those of the record.
 * Takes the packet over. */
void relay_cross(struct worker *w, const struct relay_packet *packet, uint64_t from, uint64_t out,
	bool rtcp, struct relay_sent *sent);

/* What was going by one port waits for the end of the turn; the next go by another. */
void relay_turn(struct worker *w, struct relay_sent *sent, uint16_t port);

/* A complete frame, on its way by a port. */
static inline void relay_queue(
	struct worker *w, struct relay_sent *sent, struct rte_mbuf *mbuf, uint16_t port)
{
	if (unlikely(port != sent->port))
		relay_turn(w, sent, port);
	sent->mbuf[sent->count++] = mbuf;
}

static inline void relay_relayed(struct relay_sent *sent, bool rtcp)
{
	if (unlikely(rtcp))
		sent->rtcp++;
	else
		sent->rtp++;
}

/* Copies the IPv6 address that `out` (of RTP or RTCP) stands for; *out may be replaced by a newer
 * one. False: it is just being changed. */
bool relay_out6(const struct media *media, uint32_t id, bool rtcp, uint64_t *out, uint8_t ip[16]);

/* Adds `words` 32-bit words to a sum of 16-bit words. */
static inline uint64_t relay_sum(uint64_t sum, const void *data, int words)
{
	const uint8_t *at = data;

	for (int i = 0; i < words; i++) {
		uint32_t word;

		memcpy(&word, at + 4 * i, sizeof(word));
		sum += word;
	}
	return sum;
}

/* The same for words that are taken out. */
static inline uint64_t relay_sum_less(uint64_t sum, const void *data, int words)
{
	const uint8_t *at = data;

	for (int i = 0; i < words; i++) {
		uint32_t word;

		memcpy(&word, at + 4 * i, sizeof(word));
		sum += (uint32_t)~word;
	}
	return sum;
}

/* A checksum field from a sum; UDP knows no zero. */
static inline uint16_t relay_udp_sum(uint64_t sum)
{
	uint16_t field = (uint16_t)~sum_fold(sum);

	return field ? field : 0xffff;
}

/* RTCP leaves by the port above, unless the leg that it goes to has it all on one. */
static inline uint16_t relay_port(uint64_t from, bool rtcp)
{
	uint16_t port = record_port(from);

	if (rtcp && !(record_flags(from) & RECORD_PEER_MUX))
		port = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(port) + 1));
	return port;
}

/* Congestion marks stay. */
static inline uint8_t relay_tos(uint8_t tos, uint64_t from)
{
	if (likely(!(record_flags(from) & RECORD_DSCP)))
		return tos;
	return (uint8_t)(record_dscp(from) << 2 | (tos & 3));
}

#endif
