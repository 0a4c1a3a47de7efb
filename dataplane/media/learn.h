/* SPDX-License-Identifier: BSD-3-Clause */
/* The slow half of the relay: packets whose source is not (yet) the learnt one. Workers. */
#ifndef DATAPLANE_MEDIA_LEARN_H
#define DATAPLANE_MEDIA_LEARN_H

#include "dataplane/media/relay.h"
#include "dataplane/media/rtp.h"
#include "shared/clock.h"

/* True: the source has just been learnt from this packet, which is sound; go on with it. False: it
 * is not to be relayed, for the reason in *why. */
bool learn_source(struct worker *w, const struct relay_packet *packet, const struct addr *source,
	bool rtcp, const struct rtp_info *info, enum facts_drop *why);

/* Ticks of silence after which the learnt host may have another port (LA-03: its NAT forgot the
 * mapping). */
#define LEARN_MOVED      300
#define LEARN_MOVED_RTCP 1500

/* Ticks for which packets of the old source may come after a new offer/answer. */
#define LEARN_STRAGGLE 100

static inline bool learn_may_move(uint32_t heard, uint32_t now_tick)
{
	return heard == 0 || !clock_tick_before(now_tick, heard + LEARN_MOVED);
}

/* Another thread may be at it: then nothing is learnt from this packet. */
static inline bool learn_begin(struct flow_cold *cold)
{
	return __atomic_exchange_n(&cold->busy, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void learn_end(struct flow_cold *cold)
{
	__atomic_store_n(&cold->busy, 0, __ATOMIC_RELEASE);
}

#endif
