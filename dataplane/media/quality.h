/* SPDX-License-Identifier: BSD-3-Clause */
/* Loss and jitter of a flow (RFC 3550 A.1, A.3, A.8). A packet in sequence changes the hot record
 * alone; what jumps, changes its SSRC or is refused changes the facts' quality too. Workers. */
#ifndef DATAPLANE_MEDIA_QUALITY_H
#define DATAPLANE_MEDIA_QUALITY_H

#include "dataplane/core/timebase.h"
#include "dataplane/media/record.h"
#include "dataplane/media/rtp.h"

#include <rte_branch_prediction.h>

#define QUALITY_CLOCK     8000
#define QUALITY_DROPOUT   3000 /* RFC 3550 A.1 */
#define QUALITY_MISORDER  100  /* likewise */
#define QUALITY_SECOND    8192 /* units of an arrival */
#define QUALITY_SEQ_FIRST (1u << 16)

/* A time stamp counter in 1/8192 s: once for a burst. */
static inline uint64_t quality_arrival(const struct timebase *base, uint64_t tsc)
{
	/* 2^64 / (units in 1/8192 s): a multiplication instead of a division. */
	static const uint64_t scale = UINT64_MAX /
		(((uint64_t)1000 << TIMEBASE_SHIFT) / CLOCK_TICK_MS / QUALITY_SECOND);
	uint64_t units = timebase_units(base, tsc) +
		__atomic_load_n(&base->offset, __ATOMIC_RELAXED);

	return (uint64_t)(((unsigned __int128)units * scale) >> 64);
}

/* Nothing was heard of this source yet. seq: the record's. */
static inline bool quality_is_new(const struct flow_record *record, uint32_t seq, uint32_t ssrc)
{
	return seq == 0 || __atomic_load_n(&record->count.ssrc, __ATOMIC_RELAXED) != ssrc;
}

/* Begins anew with the next packet of the flow, which is this one; losses so far stay. */
void quality_restart(
	struct flow_record *record, struct facts_quality *quality, uint16_t seq, uint32_t ssrc);

/* A packet that is not among the next few in sequence. */
void quality_jump(
	struct flow_record *record, struct facts_quality *quality, uint16_t seq, uint32_t ssrc);

/* A refused packet, for the reason of its drop. */
void quality_reject(struct facts_quality *quality, enum facts_drop why);

static inline void quality_count(uint32_t *counter)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

static inline uint32_t quality_seq(const struct flow_record *record)
{
	return __atomic_load_n(&record->count.seq, __ATOMIC_RELAXED);
}

/* In its place after sequence number `last`, the record's: among the next few, or a little late. */
static inline bool quality_follows(
	const struct flow_record *record, uint32_t last, uint16_t seq, uint32_t ssrc)
{
	return likely((uint16_t)(seq - last + QUALITY_MISORDER) <
		       QUALITY_MISORDER + QUALITY_DROPOUT) &&
		likely(!quality_is_new(record, last, ssrc));
}

/* An arrival in units of the timestamps. */
static inline uint32_t quality_units(uint64_t arrival, uint32_t rate)
{
	return (uint32_t)(arrival * rate / QUALITY_SECOND);
}

static inline uint32_t quality_rate(
	const struct flow_record *record, const struct facts_quality *quality)
{
	uint64_t from = record_load(&record->from);

	if (unlikely(record_flags(from) & RECORD_RATE))
		return __atomic_load_n(&quality->clock, __ATOMIC_RELAXED);
	return record_rates[record_rate(from)];
}

/* Takes the transit time of a packet that arrived at `units`; returns by how much that of the one
 * before differs. */
static inline uint32_t quality_transit(struct flow_record *record, uint32_t time, uint32_t units)
{
	struct facts_flow *c = &record->count;
	uint32_t transit = units - time;
	uint32_t late = transit - c->transit;

	c->transit = transit;
	return (int32_t)late < 0 ? -late : late;
}

static inline void quality_jitter(struct flow_record *record, uint32_t late)
{
	uint32_t jitter = record->count.jitter;

	__atomic_store_n(
		&record->count.jitter, jitter + late - ((jitter + 8) >> 4), __ATOMIC_RELAXED);
}

/* An accepted packet that follows, before it is counted. */
static inline void quality_note_next(
	struct flow_record *record, uint32_t last, uint16_t seq, uint32_t time, uint32_t units)
{
	uint16_t step = (uint16_t)(seq - last);

	if ((int16_t)step > 0)
		__atomic_store_n(&record->count.seq, last + step, __ATOMIC_RELAXED);
	quality_jitter(record, quality_transit(record, time, units));
}

/* Any accepted packet, before it is counted. */
static inline void quality_note(struct flow_record *record, struct facts_quality *quality,
	const struct rtp_info *info, uint64_t arrival)
{
	uint32_t units = quality_units(arrival, quality_rate(record, quality));
	uint32_t last = quality_seq(record);

	if (likely(quality_follows(record, last, info->seq, info->ssrc))) {
		quality_note_next(record, last, info->seq, info->time, units);
		return;
	}
	quality_transit(record, info->time, units);
	quality_jump(record, quality, info->seq, info->ssrc);
	quality_jitter(record, 0);
}

#endif
