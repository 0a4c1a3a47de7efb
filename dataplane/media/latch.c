/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/latch.h"

#include "shared/clock.h"

/* Packets until a candidate is learnt: the surer the address, the sooner. */
static const uint8_t latch_need[LATCH_CLASSES] = {3, 4, 5};
/* RTCP comes every 5 seconds or so. */
static const uint8_t latch_need_rtcp[LATCH_CLASSES] = {1, 2, 3};

#define LATCH_SEQ_GAP    100 /* lost packets that a rising sequence may have */
#define LATCH_STALE      50  /* ticks of silence after which a candidate is given up */
#define LATCH_STALE_RTCP 3000
#define LATCH_SHOWS_UP   20 /* ticks for which a better candidate's packet holds others back */

enum latch_class latch_class_of(
	const struct addr *source, const struct addr *remote, const struct addr *signal)
{
	if (addr_equal(source, remote))
		return LATCH_EXACT;
	if (addr_same_ip(source, remote))
		return LATCH_PORT;
	if (addr_same_ip(source, signal))
		return LATCH_SIGNAL;
	return LATCH_STRANGER;
}

static bool latch_is_stale(
	const struct latch_candidate *c, const struct latch_packet *packet, uint32_t now_tick)
{
	uint32_t stale = packet->rtcp ? LATCH_STALE_RTCP : LATCH_STALE;

	return clock_tick_before(c->tick + stale, now_tick);
}

static bool latch_rises(const struct latch_candidate *c, const struct latch_packet *packet)
{
	uint16_t step = (uint16_t)(packet->seq - c->seq);

	return packet->rtcp || (step > 0 && step <= LATCH_SEQ_GAP);
}

/* A better candidate that was heard just now gets its chance. */
static bool latch_yields(const struct latch *latch, enum latch_class class, uint32_t now_tick)
{
	for (int i = 0; i < (int)class; i++) {
		const struct latch_candidate *c = &latch->candidate[i];

		if (c->count && !clock_tick_before(c->tick + LATCH_SHOWS_UP, now_tick))
			return true;
	}
	return false;
}

bool latch_feed(struct latch *latch, enum latch_class class, const struct latch_packet *packet,
	uint32_t now_tick)
{
	struct latch_candidate *c = &latch->candidate[class];
	const uint8_t *need = packet->rtcp ? latch_need_rtcp : latch_need;

	if (c->count && c->port != packet->port && !latch_is_stale(c, packet, now_tick))
		return false;
	if (!c->count || c->port != packet->port || c->ssrc != packet->ssrc ||
		latch_is_stale(c, packet, now_tick)) {
		*c = (struct latch_candidate){.ssrc = packet->ssrc, .port = packet->port};
	} else if (!latch_rises(c, packet)) {
		/* A repeated or late packet says nothing; a jump starts over. */
		if ((uint16_t)(packet->seq - c->seq) >= 0x8000 || packet->seq == c->seq)
			return false;
		c->count = 0;
	}
	c->seq = packet->seq;
	c->tick = now_tick;
	if (c->count < UINT8_MAX)
		c->count++;
	return c->count >= need[class] && !latch_yields(latch, class, now_tick);
}
