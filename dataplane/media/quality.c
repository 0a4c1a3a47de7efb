/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/quality.h"

void quality_restart(
	struct flow_record *record, struct facts_quality *quality, uint16_t seq, uint32_t ssrc)
{
	struct facts_flow *c = &record->count;
	uint32_t first = QUALITY_SEQ_FIRST | seq;
	uint32_t lost = c->seq ? quality->lost_base + c->seq - c->packets : quality->lost_base;

	if (c->seq && c->ssrc != ssrc)
		quality_count(&quality->ssrc_changes);
	/* This packet is expected, and will be counted as received. */
	__atomic_store_n(&quality->lost_base, lost + c->packets + 1 - first, __ATOMIC_RELAXED);
	quality->jump_seq = 0;
	__atomic_store_n(&c->ssrc, ssrc, __ATOMIC_RELAXED);
	__atomic_store_n(&c->seq, first, __ATOMIC_RELAXED);
}

void quality_jump(
	struct flow_record *record, struct facts_quality *quality, uint16_t seq, uint32_t ssrc)
{
	/* Another source, or two packets in sequence: the source began anew. */
	if (quality_is_new(record, quality_seq(record), ssrc) ||
		quality->jump_seq == (QUALITY_SEQ_FIRST | seq)) {
		quality_restart(record, quality, seq, ssrc);
		return;
	}
	quality->jump_seq = QUALITY_SEQ_FIRST | (uint16_t)(seq + 1);
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
