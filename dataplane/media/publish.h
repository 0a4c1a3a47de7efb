/* SPDX-License-Identifier: BSD-3-Clause */
/* Main: what workers read of a flow is written here, in an order that never lets them see half of a
 * change. */
#ifndef DATAPLANE_MEDIA_PUBLISH_H
#define DATAPLANE_MEDIA_PUBLISH_H

#include "dataplane/media/context.h"

/* Makes a clean slot of one that no worker is before any more. */
void publish_begin(struct media *media, uint32_t id, uint32_t gen);

/* Takes a flow from the workers' sight; its slot is clean after a grace period. */
void publish_end(struct media *media, uint32_t id);

/* What was seen of a flow that has ended is nobody's: neither the next one's here, nor a reader's
 * of the facts who takes it for that. */
void publish_forget(struct media *media, uint32_t id);

/* Cleans what all flows have: record, counters, last-heard ticks. */
void publish_clear(struct media *media, uint32_t id);

/* Payload types that are allowed (*rare: those from 32 to 95), and the clock of their timestamps, 0
 * meaning QUALITY_CLOCK. */
void publish_codecs(struct media *m, uint32_t id, uint64_t *rare, const uint8_t allowed[static 16],
	uint16_t clock_rate);

/* Payload types and candidates; what was learnt stays. */
void publish_hints(struct media *media, uint32_t id, const struct proto_flow *set);

/* Opens learning again; packets of the source so far are ignored until `until`, a tick (0: they are
 * not). */
void publish_relearn(struct media *media, uint32_t id, const struct addr *old, uint32_t until);

/* Gives back a learnt source; rtcp of no family: not learnt. */
void publish_latched(struct media *media, uint32_t id, const struct addr *rtp,
	const struct addr *rtcp, uint32_t ssrc);

/* What was learnt is still this source. */
bool publish_is_latched(
	const struct media *media, uint32_t id, const struct addr *source, bool rtcp);

/* Where the packets of a flow go: to the other leg, or nowhere if both do not name each other. */
void publish_link(struct media *media, uint32_t id);

#endif
