/* SPDX-License-Identifier: BSD-3-Clause */
/* From which source a leg's media is accepted (RFC 7362; checklist LA-01 to LA-03). Pure.
 *
 * Candidates, best first: exactly the address of the leg's SDP; its IP with another port; where NAT
 * is evident, the IP that the leg signals from. A candidate is learnt after several consistent
 * packets, unless a better one is just showing up; then the owner keeps it and clears the struct.
 * Nothing is ever learnt from other IPs.
 *
 * Each class counts one port at a time: while that is heard, other ports of the class wait, so that
 * two that send at once cannot be mixed up. Hence whoever sends from a party's own IP before the
 * party does (a neighbour behind the same NAT, or one who forges it) may hold its place or be
 * learnt himself. Plain RTP has nothing to tell them apart (LA-06). */
#ifndef DATAPLANE_MEDIA_LATCH_H
#define DATAPLANE_MEDIA_LATCH_H

#include "shared/addr.h"

#include <stdbool.h>
#include <stdint.h>

enum latch_class {
	LATCH_EXACT,
	LATCH_PORT,
	LATCH_SIGNAL,
	LATCH_CLASSES,
	LATCH_STRANGER = LATCH_CLASSES,
};

/* A source that one of the classes is counting. */
struct latch_candidate {
	uint32_t ssrc;
	uint32_t tick; /* of its last packet that counted */
	uint16_t port;
	uint16_t seq;
	uint8_t count; /* consistent packets, 0 = none yet */
	uint8_t zero[3];
};

/* All zero: nothing seen yet. */
struct latch {
	struct latch_candidate candidate[LATCH_CLASSES];
};

struct latch_packet {
	uint16_t port; /* source port, host order */
	uint16_t seq;
	uint32_t ssrc;
	bool rtcp; /* has no sequence numbers, and comes seldom */
};

/* What a source is to a leg; each of remote and signal may be of no family. */
enum latch_class latch_class_of(
	const struct addr *source, const struct addr *remote, const struct addr *signal);

/* A sound packet of a class (not LATCH_STRANGER), at a clock.h tick. True: its source is learnt. */
bool latch_feed(struct latch *latch, enum latch_class class, const struct latch_packet *packet,
	uint32_t now_tick);

#endif
