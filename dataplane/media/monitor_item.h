/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the monitor share: one UDP packet that passes by, and where in the map to look
 * for its flows. The map's numbers: four times a flow's place, and which of its addresses it is. */
#ifndef DATAPLANE_MEDIA_MONITOR_ITEM_H
#define DATAPLANE_MEDIA_MONITOR_ITEM_H

#include "dataplane/media/context.h"

#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

enum monitor_kind {
	MONITOR_RTP,      /* found by where it goes */
	MONITOR_RTCP,     /* likewise */
	MONITOR_RTP_FROM, /* by who sends it to the NAT that the receiver is behind */
	MONITOR_RTCP_FROM,
	MONITOR_KINDS,
};

/* Flows that one packet may be for. */
#define MONITOR_SHARE 8

#define MONITOR_IP6  1            /* no record_key() */
#define MONITOR_FROM (1ull << 49) /* in the key of one who sends */

struct monitor_item {
	uint64_t key; /* of where it goes: record_key(), or MONITOR_IP6 */
	const uint8_t *ip;
	const struct rte_udp_hdr *udp;
	const struct rte_mbuf *mbuf;
	struct tagmap_at at;
	uint32_t number;
	uint16_t len; /* of the payload */
};

static inline const uint8_t *monitor_data(const struct monitor_item *item)
{
	return (const uint8_t *)(item->udp + 1);
}

/* In the map; of IPv6: the key of no address and the port. */
static inline struct tagmap_at monitor_at4(const struct tagmap *map, uint64_t key)
{
	return tagmap_at(map, tagmap_mix(map, key, 0));
}

static inline struct tagmap_at monitor_at6(
	const struct tagmap *map, const uint8_t ip[16], uint64_t key)
{
	uint64_t word[2];

	memcpy(word, ip, sizeof(word));
	return tagmap_at(map, tagmap_mix(map, tagmap_mix(map, word[0], word[1]), key));
}

static inline bool monitor_is_rtcp(uint32_t number)
{
	return number % 2;
}

static inline bool monitor_is_from(uint32_t number)
{
	return number % MONITOR_KINDS >= MONITOR_RTP_FROM;
}

/* monitor_any.c: where in the map its sender is. */
struct tagmap_at monitor_at_from(const struct tagmap *map, const struct monitor_item *item);

/* monitor_parse.c: a frame that is not plain. False: no UDP, or a fragment, or not sound. */
bool monitor_parse(const struct tagmap *map, struct monitor_item *item);

/* monitor_any.c: a packet that is not plain RTP of one flow. */
void monitor_any(struct worker *w, const struct monitor_item *item, uint64_t arrival);

#endif
