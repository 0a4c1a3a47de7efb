/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/quality.h"

#define QUALITY_MISORDER 100 /* RFC 3550 A.1 */

void quality_restart(
	struct flow_record *record, struct facts_quality *quality, const struct rtp_info *info)
{
	struct facts_flow *c = &record->count;
	uint32_t seq = QUALITY_SEQ_FIRST | info->seq;
	uint32_t lost = c->seq ? quality->lost_base + c->seq - c->packets : quality->lost_base;

	if (c->seq && c->ssrc != info->ssrc)
		quality_count(&quality->ssrc_changes);
	/* This packet is expected, and will be counted as received. */
	__atomic_store_n(&quality->lost_base, lost + c->packets + 1 - seq, __ATOMIC_RELAXED);
	quality->jump_seq = 0;
	__atomic_store_n(&c->ssrc, info->ssrc, __ATOMIC_RELAXED);
	__atomic_store_n(&c->seq, seq, __ATOMIC_RELAXED);
}

void quality_jump(
	struct flow_record *record, struct facts_quality *quality, const struct rtp_info *info)
{
	struct facts_flow *c = &record->count;
	uint16_t step = (uint16_t)(info->seq - c->seq);

	if (quality_is_new(record, info->ssrc)) {
		quality_restart(record, quality, info);
		return;
	}
	/* Late or sent twice: counted as received, as in A.3. */
	if (step == 0 || step >= UINT16_MAX + 1 - QUALITY_MISORDER)
		return;
	/* Two packets in sequence: the source began anew. */
	if (quality->jump_seq == (QUALITY_SEQ_FIRST | info->seq)) {
		quality_restart(record, quality, info);
		return;
	}
	quality->jump_seq = QUALITY_SEQ_FIRST | (uint16_t)(info->seq + 1);
	quality_count(&quality->lost_base);
}

void quality_reject(struct facts_quality *quality, enum facts_drop why)
{
	if (why == FACTS_DROP_OFF_SOURCE)
		quality_count(&quality->off_source);
	else if (why == FACTS_DROP_PAYLOAD_TYPE)
		quality_count(&quality->payload_type);
	else if (why == FACTS_DROP_NOT_RTP || why == FACTS_DROP_BAD_RTP)
		quality_count(&quality->malformed);
}
