/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/publish.h"

#include "dataplane/media/learn.h"
#include "dataplane/media/quality.h"
#include "dataplane/media/rtp.h"

#include <rte_pause.h>

/* A worker holds it for the time of one packet. */
static void publish_lock(struct flow_cold *cold)
{
	while (!learn_begin(cold))
		rte_pause();
}

static uint64_t publish_key(const struct addr *source)
{
	return source->family == ADDR_NONE
		? 0
		: record_key(addr_ip4(source), rte_cpu_to_be_16(source->port));
}

/* A worker that is before the flow may still write a little: what counts is that it is clean when
 * the next one begins. */
void publish_forget(struct media *m, uint32_t id)
{
	m->record[id].count = (struct facts_flow){0};
	m->quality[id] = (struct facts_quality){0};
	__atomic_store_n(&m->heard_rtcp[id], 0, __ATOMIC_RELAXED);
}

void publish_clear(struct media *m, uint32_t id)
{
	if (rte_rcu_qsbr_check(m->conf.qsbr, m->flow[id].token, false) != 1)
		rte_rcu_qsbr_synchronize(m->conf.qsbr, RTE_QSBR_THRID_INVALID);
	m->record[id] = (struct flow_record){0};
	publish_forget(m, id);
}

void publish_begin(struct media *m, uint32_t id, uint32_t gen)
{
	publish_clear(m, id);
	m->cold[id] = (struct flow_cold){.gen = gen};
}

void publish_end(struct media *m, uint32_t id)
{
	struct flow_record *record = &m->record[id];

	/* Without `from` no worker reads the rest. */
	record_store(&record->from, 0);
	record_store(&record->out, 0);
	publish_forget(m, id);
	m->flow[id].token = rte_rcu_qsbr_start(m->conf.qsbr);
}

void publish_codecs(struct media *m, uint32_t id, uint64_t *rare, const uint8_t allowed[static 16],
	uint16_t clock_rate)
{
	struct flow_record *record = &m->record[id];
	uint64_t types[2];

	memcpy(types, allowed, sizeof(types));
	types[0] |= 1ull << RTP_TYPE_CN;
	__atomic_store_n(&record->types, record_types(types), __ATOMIC_RELAXED);
	record_store(rare, types[0] >> 32 | types[1] << 32);
	__atomic_store_n(
		&m->quality[id].clock, clock_rate ? clock_rate : QUALITY_CLOCK, __ATOMIC_RELAXED);
}

void publish_hints(struct media *m, uint32_t id, const struct proto_flow *set)
{
	struct flow_cold *cold = &m->cold[id];

	publish_codecs(m, id, &cold->types, set->payload_types, set->clock_rate);
	publish_lock(cold);
	cold->remote = set->remote;
	cold->remote_rtcp = set->remote_rtcp;
	cold->signal = set->flags & PROTO_FLOW_SIGNAL ? set->signal : (struct addr){0};
	learn_end(cold);
}

void publish_relearn(struct media *m, uint32_t id, const struct addr *old, uint32_t until)
{
	struct flow_cold *cold = &m->cold[id];

	publish_lock(cold);
	record_store(&m->record[id].match, 0);
	record_store(&cold->rtcp_match, 0);
	cold->latch = (struct latch){0};
	cold->latch_rtcp = (struct latch){0};
	cold->old = *old;
	cold->old_until = until;
	learn_end(cold);
}

void publish_latched(struct media *m, uint32_t id, const struct addr *rtp, const struct addr *rtcp,
	uint32_t ssrc)
{
	struct flow_cold *cold = &m->cold[id];

	publish_lock(cold);
	if (rtp->family == ADDR_IPV6) {
		memcpy(m->ip6[id].match, rtp->ip, 16);
		memcpy(m->ip6[id].match_rtcp, rtcp->ip, 16);
	}
	__atomic_store_n(&m->record[id].count.ssrc, ssrc, __ATOMIC_RELAXED);
	record_store(&m->record[id].match, publish_key(rtp));
	record_store(&cold->rtcp_match, publish_key(rtcp));
	learn_end(cold);
}

bool publish_is_latched(const struct media *m, uint32_t id, const struct addr *source, bool rtcp)
{
	struct flow_cold *cold = &m->cold[id];
	bool same;

	/* A worker tells of a source and then makes it the flow's, both in one go. */
	publish_lock(cold);
	same = record_load(rtcp ? &cold->rtcp_match : &m->record[id].match) ==
			publish_key(source) &&
		(source->family != ADDR_IPV6 ||
			memcmp(rtcp ? m->ip6[id].match_rtcp : m->ip6[id].match, source->ip, 16) ==
				0);
	learn_end(cold);
	return same;
}

/* The word for an address; the IPv6 address is laid where no worker reads now. */
static uint64_t publish_out(
	struct media *m, uint32_t id, const struct addr *dst, uint16_t nexthop, bool rtcp)
{
	struct flow_ip6 *side = m->ip6 ? &m->ip6[id] : NULL;
	uint32_t ip = addr_ip4(dst);

	if (dst->family == ADDR_NONE)
		return 0;
	if (dst->family == ADDR_IPV6) {
		ip = ++m->flow[id].version;
		memcpy(rtcp ? side->out_rtcp[ip & 1] : side->out[ip & 1], dst->ip, 16);
	}
	return record_out(ip, rte_cpu_to_be_16(dst->port), nexthop);
}

static uint64_t publish_from(const struct media *m, uint32_t id)
{
	const struct flow *flow = &m->flow[id];
	const struct flow *peer = &m->flow[flow->peer_id];
	const struct claim *local = media_claim_of(m, flow->peer_id);
	uint32_t port = local->port_min + 2 * (flow->peer_id - local->base);
	uint8_t flags = RECORD_ACTIVE;

	if (flow->flags & PROTO_FLOW_MUX)
		flags |= RECORD_MUX;
	if (peer->flags & PROTO_FLOW_MUX)
		flags |= RECORD_PEER_MUX;
	if (local->local.family != media_claim_of(m, id)->local.family)
		flags |= RECORD_CROSS;
	if (!(peer->state & FLOW_LATCHED))
		flags |= RECORD_GUESS;
	if (!(peer->state & (FLOW_LATCHED | FLOW_LATCHED_RTCP)))
		flags |= RECORD_GUESS_RTCP;
	return record_from(addr_ip4(&local->local), rte_cpu_to_be_16((uint16_t)port), peer->dscp,
		flags, m->quality[id].clock);
}

static void publish_from6(struct media *m, uint32_t id)
{
	const struct claim *local = media_claim_of(m, m->flow[id].peer_id);

	if (local->local.family == ADDR_IPV6)
		memcpy(m->ip6[id].from, local->local.ip, 16);
}

static bool publish_linked(const struct media *m, uint32_t id)
{
	const struct flow *flow = &m->flow[id];
	const struct flow *peer;

	if (flow->peer_id >= m->claims.used)
		return false;
	peer = &m->flow[flow->peer_id];
	return peer->state & FLOW_ACTIVE && peer->gen == flow->peer_gen && peer->peer_id == id &&
		peer->peer_gen == flow->gen;
}

/* Nothing goes out while the address that it leaves from is another one. */
static void publish_unlink(struct flow_record *record, struct flow_cold *cold)
{
	record_store(&record->out, 0);
	record_store(&cold->rtcp_out, 0);
}

void publish_link(struct media *m, uint32_t id)
{
	struct flow_record *record = &m->record[id];
	struct flow_cold *cold = &m->cold[id];
	const struct flow *flow = &m->flow[id];
	const struct flow *peer;
	uint8_t flags = RECORD_ACTIVE | (flow->flags & PROTO_FLOW_MUX ? RECORD_MUX : 0);
	uint64_t from;

	if (!(flow->state & FLOW_ACTIVE))
		return;
	if (!publish_linked(m, id)) {
		publish_unlink(record, cold);
		record_store(&record->from,
			record_from(0, 0, PROTO_DSCP_KEEP, flags, m->quality[id].clock));
		return;
	}
	peer = &m->flow[flow->peer_id];
	from = publish_from(m, id);
	if (record_ip(from) != record_ip(record->from) ||
		record_port(from) != record_port(record->from))
		publish_unlink(record, cold);
	publish_from6(m, id);
	record_store(&record->from, from);
	record_store(
		&cold->rtcp_out, publish_out(m, id, &peer->dst_rtcp, peer->nexthop_rtcp, true));
	record_store(&record->out, publish_out(m, id, &peer->dst, peer->nexthop, false));
}
