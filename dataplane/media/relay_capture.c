/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/capture.h"
#include "dataplane/media/relay.h"

/* Of a dropped packet: which counter it has moved. */
static enum facts_drop relay_reason(const struct worker *w, const uint64_t before[FACTS_DROP_MAX])
{
	int why = 0;

	while (why < FACTS_DROP_MAX - 1 && w->count->drop[why] == before[why])
		why++;
	return (enum facts_drop)why;
}

static void relay_left(struct worker *w, uint32_t places, const struct relay_sent *sent)
{
	const struct rte_mbuf *mbuf = sent->mbuf[sent->count - 1];
	struct proto_frame frame;

	capture_take(w, &frame, rte_pktmbuf_mtod(mbuf, const void *), mbuf->data_len);
	frame.out = 1;
	capture_give(w, places, &frame, PROTO_FRAME_RELAYED);
}

void relay_captured(
	struct worker *w, const struct relay_item *item, uint64_t arrival, struct relay_sent *sent)
{
	uint32_t places = capture_of_flow(w, item->id, w->media->cold[item->id].gen);
	uint32_t relayed = (uint32_t)sent->rtp + sent->rtcp;
	uint64_t before[FACTS_DROP_MAX];
	struct proto_frame frame;

	if (likely(!places)) {
		relay_one(w, item, arrival, sent);
		return;
	}
	capture_take(w, &frame, rte_pktmbuf_mtod(item->mbuf, const void *), item->mbuf->data_len);
	memcpy(before, w->count->drop, sizeof(before));
	relay_one(w, item, arrival, sent);
	if (relayed != (uint32_t)sent->rtp + sent->rtcp) {
		capture_give(w, places, &frame, PROTO_FRAME_RELAYED);
		relay_left(w, places, sent);
		return;
	}
	frame.reason = (uint8_t)relay_reason(w, before);
	capture_give(w, places, &frame, PROTO_FRAME_DROPPED);
}

void relay_capture_drop(
	struct worker *w, uint32_t id, const struct rte_mbuf *mbuf, enum facts_drop why)
{
	uint32_t places = capture_of_flow(w, id, w->media->cold[id].gen);
	struct proto_frame frame;

	if (likely(!places))
		return;
	capture_take(w, &frame, rte_pktmbuf_mtod(mbuf, const void *), mbuf->data_len);
	frame.reason = (uint8_t)why;
	capture_give(w, places, &frame, PROTO_FRAME_DROPPED);
}
