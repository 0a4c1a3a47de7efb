/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/learn.h"

#include "dataplane/media/quality.h"

#include <rte_ring_elem.h>

/* RTCP from the host whose RTP was learnt is sure enough; with its SSRC it is certain. */
static enum latch_class learn_class_rtcp(const struct flow_record *record,
	const struct flow_ip6 *side, const struct addr *source, const struct rtp_info *info)
{
	uint64_t match = record_load(&record->match);
	uint32_t ip = record_ip(match);
	const void *learnt = source->family == ADDR_IPV6 ? (const void *)side->match : &ip;

	if (!match || memcmp(learnt, source->ip, source->family == ADDR_IPV6 ? 16 : 4) != 0)
		return LATCH_STRANGER;
	return __atomic_load_n(&record->count.ssrc, __ATOMIC_RELAXED) == info->ssrc ? LATCH_EXACT
										    : LATCH_PORT;
}

static enum latch_class learn_class(const struct media *m, uint32_t id, const struct addr *source,
	bool rtcp, const struct rtp_info *info)
{
	const struct flow_cold *cold = &m->cold[id];
	enum latch_class class = latch_class_of(
		source, rtcp ? &cold->remote_rtcp : &cold->remote, &cold->signal);
	enum latch_class other;

	if (!rtcp)
		return class;
	other = learn_class_rtcp(&m->record[id], m->ip6 ? &m->ip6[id] : NULL, source, info);
	return other < class ? other : class;
}

static bool learn_tell(struct worker *w, uint32_t id, const struct addr *source, bool rtcp,
	const struct rtp_info *info)
{
	const struct learnt learnt = {
		.id = id,
		.gen = w->media->cold[id].gen,
		.kind = rtcp ? PROTO_FLOW_LEARNT_RTCP : PROTO_FLOW_LEARNT,
		.ssrc = info->ssrc,
		.addr = *source,
	};

	return rte_ring_sp_enqueue_elem(
		       w->media->learnt[w->index], (void *)(uintptr_t)&learnt, sizeof(learnt)) == 0;
}

static void learn_lock_on(
	struct media *m, const struct relay_packet *p, bool rtcp, const struct rtp_info *info)
{
	struct flow_record *record = &m->record[p->id];
	struct flow_cold *cold = &m->cold[p->id];
	uint64_t key = record_key(p->v6 ? 0 : p->ip4->src_addr, p->udp->src_port);

	/* The next to be learnt is not held back by this one. */
	*(rtcp ? &cold->latch_rtcp : &cold->latch) = (struct latch){0};
	if (p->v6)
		memcpy(rtcp ? m->ip6[p->id].match_rtcp : m->ip6[p->id].match, p->ip6->src_addr, 16);
	if (rtcp) {
		record_store(&cold->rtcp_match, key);
		return;
	}
	/* Statistics of a source that is followed to another port go on. */
	if (quality_is_new(record, quality_seq(record), info->ssrc))
		quality_restart(record, &m->quality[p->id], info->seq, info->ssrc);
	record_store(&record->match, key);
}

/* The learnt host has another port now: a NAT that forgot a silent mapping. Its SSRC must be the
 * same, and the old port silent (LA-03). */
static bool learn_has_moved(struct worker *w, const struct relay_packet *p,
	const struct addr *source, bool rtcp, const struct rtp_info *info)
{
	const struct media *m = w->media;
	uint32_t heard = rtcp ? m->heard_rtcp[p->id] : m->record[p->id].count.heard;

	if (heard &&
		clock_tick_before(w->now_tick, heard + (rtcp ? LEARN_MOVED_RTCP : LEARN_MOVED)))
		return false;
	return learn_class_rtcp(&m->record[p->id], m->ip6 ? &m->ip6[p->id] : NULL, source, info) ==
		LATCH_EXACT;
}

static bool learn_is_straggler(
	const struct flow_cold *cold, const struct addr *source, uint32_t now_tick)
{
	/* Not one of months ago. */
	return cold->old_until && cold->old_until - now_tick <= LEARN_STRAGGLE &&
		addr_equal(source, &cold->old);
}

/* Nobody else changes what was learnt meanwhile. */
static bool learn_owned(struct worker *w, const struct relay_packet *p, const struct addr *source,
	bool rtcp, const struct rtp_info *info, enum facts_drop *why)
{
	struct media *m = w->media;
	struct flow_cold *cold = &m->cold[p->id];
	const struct latch_packet packet = {
		.port = source->port,
		.seq = info->seq,
		.ssrc = info->ssrc,
		.rtcp = rtcp,
	};
	enum latch_class class;
	uint64_t from = record_load(&m->record[p->id].from);
	bool mux = record_flags(from) & RECORD_MUX;

	*why = FACTS_DROP_NO_FLOW;
	if (!from)
		return false;
	*why = FACTS_DROP_OFF_SOURCE;
	if ((rtcp ? cold->rtcp_match : m->record[p->id].match) &&
		!learn_has_moved(w, p, source, rtcp, info))
		return false;
	/* All on one port: RTP has told the source of both. */
	if (rtcp && mux && m->record[p->id].match && !p->odd)
		return false;
	class = learn_class(m, p->id, source, rtcp, info);
	if (class == LATCH_STRANGER)
		return false;
	*why = FACTS_DROP_UNLATCHED;
	if (learn_is_straggler(cold, source, w->now_tick))
		return false;
	if (!latch_feed(rtcp ? &cold->latch_rtcp : &cold->latch, class, &packet, w->now_tick))
		return false;
	/* Main must hear of it: with a full ring the next packet tries again. */
	if (!learn_tell(w, p->id, source, rtcp, info))
		return false;
	learn_lock_on(m, p, rtcp, info);
	return true;
}

bool learn_source(struct worker *w, const struct relay_packet *p, const struct addr *source,
	bool rtcp, const struct rtp_info *info, enum facts_drop *why)
{
	struct flow_cold *cold = &w->media->cold[p->id];
	bool learnt;

	*why = FACTS_DROP_UNLATCHED;
	if (!learn_begin(cold))
		return false;
	learnt = learn_owned(w, p, source, rtcp, info, why);
	learn_end(cold);
	return learnt;
}
