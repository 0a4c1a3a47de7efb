/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/flow.h"

#include "dataplane/core/due.h"
#include "dataplane/media/hold.h"
#include "dataplane/media/learn.h"
#include "dataplane/media/monitor.h"
#include "dataplane/media/publish.h"

#include <errno.h>
#include <string.h>

/* Ticks are compared signed: nothing may lie farther ahead. */
#define FLOW_EXPIRES_MAX_MS (200ull * 86400 * 1000)
#define FLOW_PORT_LEAST     1024 /* nothing is sent below it on a stranger's word (LA-04) */

static uint32_t flow_tick(uint64_t ms, uint64_t now_ms)
{
	if (ms > now_ms + FLOW_EXPIRES_MAX_MS)
		ms = now_ms + FLOW_EXPIRES_MAX_MS;
	return clock_tick(ms);
}

/* Nor farther back. */
static uint32_t flow_clock_tick(uint64_t ms, uint64_t now_ms)
{
	uint64_t most = (uint64_t)CLOCK_TICK_AGED * CLOCK_TICK_MS;

	return flow_tick(ms + most < now_ms ? now_ms - most : ms, now_ms);
}

static uint32_t flow_ticks(uint32_t ms)
{
	return (ms + CLOCK_TICK_MS - 1) / CLOCK_TICK_MS;
}

/* An address out of an SDP, to which nothing has been proven yet. */
static bool flow_is_usable(const struct media *m, const struct addr *addr)
{
	return addr->family != ADDR_NONE && addr->port >= FLOW_PORT_LEAST &&
		!addr_is_special(addr) && !claims_have(&m->claims, addr);
}

static void flow_aim(struct media *m, struct addr *at, uint16_t *nexthop, const struct addr *dst)
{
	uint16_t old = *nexthop;

	*at = *dst;
	*nexthop = dst->family == ADDR_NONE ? NEXTHOP_NONE : route_get(&m->conf.route, dst);
	route_put(&m->conf.route, old);
}

static void flow_aim_rtp(struct media *m, uint32_t id, const struct addr *dst)
{
	flow_aim(m, &m->flow[id].dst, &m->flow[id].nexthop, dst);
}

/* Where RTCP to a leg goes until its source is learnt: with RTP if muxed; the port above the learnt
 * RTP source, if that is not the host of its SDP; else as its SDP says. */
static struct addr flow_guess_rtcp(const struct media *m, uint32_t id)
{
	const struct flow *f = &m->flow[id];
	const struct addr *told = &m->cold[id].remote_rtcp;
	bool elsewhere = f->state & FLOW_LATCHED && !addr_same_ip(&f->dst, told);
	struct addr dst = f->dst;

	if (f->flags & PROTO_FLOW_MUX)
		return dst;
	if (!elsewhere && flow_is_usable(m, told))
		return *told;
	if (dst.family == ADDR_NONE || dst.port == UINT16_MAX)
		return (struct addr){0};
	dst.port++;
	return dst;
}

static void flow_aim_rtcp(struct media *m, uint32_t id)
{
	struct flow *f = &m->flow[id];
	struct addr dst = flow_guess_rtcp(m, id);

	if (!(f->state & FLOW_LATCHED_RTCP))
		flow_aim(m, &f->dst_rtcp, &f->nexthop_rtcp, &dst);
}

static void flow_link(struct media *m, uint32_t id)
{
	uint32_t peer = m->flow[id].peer_id;

	publish_link(m, id);
	if (peer < m->claims.used)
		publish_link(m, peer);
}

void flow_end(struct media *m, uint32_t id)
{
	struct flow *f = &m->flow[id];
	uint32_t peer = f->peer_id;
	uint16_t claim = f->claim;
	uint32_t version = f->version;
	uint64_t token;

	publish_end(m, id);
	token = f->token;
	route_put(&m->conf.route, f->nexthop);
	route_put(&m->conf.route, f->nexthop_rtcp);
	*f = (struct flow){.claim = claim, .version = version, .token = token};
	m->expires[id] = 0;
	m->due[id] = 0;
	m->hold[id] = 0;
	m->conf.facts->head->flows_used--;
	if (peer < m->claims.used)
		publish_link(m, peer);
}

static void flow_begin(struct media *m, uint32_t id, uint32_t gen)
{
	struct flow *f = &m->flow[id];

	publish_begin(m, id, gen);
	f->gen = gen;
	f->state = FLOW_ACTIVE;
	m->conf.facts->head->flows_used++;
}

static void flow_event(
	struct media *m, uint32_t id, uint32_t kind, const struct learnt *learnt, uint64_t now_ms)
{
	struct proto_flow_event event = {
		.id = id,
		.gen = m->flow[id].gen,
		.kind = kind,
		.last_rtp_ms = clock_tick_ms(
			__atomic_load_n(&m->record[id].count.heard, __ATOMIC_RELAXED), now_ms),
		.last_rtcp_ms = clock_tick_ms(
			__atomic_load_n(&m->heard_rtcp[id], __ATOMIC_RELAXED), now_ms),
		.at_ms = now_ms,
	};

	if (learnt) {
		event.ssrc = learnt->ssrc;
		event.addr = learnt->addr;
	}
	event_flow(&m->conf.events, media_client_of(m, id), &event);
}

static bool flow_is_family(const struct addr *addr, uint8_t family)
{
	return addr->family == ADDR_NONE || addr->family == family;
}

static int flow_check(
	const struct media *m, uint32_t slot, const struct proto_flow *set, uint64_t now_ms)
{
	const struct flow *f;
	uint8_t family;

	if (set->id >= m->claims.used)
		return -EINVAL;
	if (media_client_of(m, set->id) != slot)
		return -EPERM;
	family = media_claim_of(m, set->id)->local.family;
	if (!flow_is_family(&set->remote, family) || !flow_is_family(&set->remote_rtcp, family) ||
		!flow_is_family(&set->signal, family) || !flow_is_family(&set->latched, family) ||
		!flow_is_family(&set->latched_rtcp, family))
		return -EINVAL;
	if (set->expires_ms <= now_ms)
		return -ETIME;
	f = &m->flow[set->id];
	return f->state & FLOW_ACTIVE && (int32_t)(set->gen - f->gen) < 0 ? -ESTALE : 0;
}

/* A new offer/answer moved the leg. Where NAT is evident its SDP tells nothing: packets to it go on
 * to the source so far until the new one is learnt. */
static void flow_relearn(struct media *m, const struct proto_flow *set, uint64_t now_ms)
{
	struct flow *f = &m->flow[set->id];
	bool same = addr_equal(&f->dst, &set->remote);
	bool latched = f->state & FLOW_LATCHED;

	publish_relearn(
		m, set->id, &f->dst, latched && !same ? clock_tick(now_ms) + LEARN_STRAGGLE : 0);
	f->state &= (uint8_t) ~(FLOW_LATCHED | FLOW_LATCHED_RTCP);
	if (!latched || !(set->flags & PROTO_FLOW_SIGNAL))
		flow_aim_rtp(m, set->id,
			flow_is_usable(m, &set->remote) ? &set->remote : &(struct addr){0});
}

static void flow_restore(struct media *m, const struct proto_flow *set)
{
	struct flow *f = &m->flow[set->id];

	publish_latched(m, set->id, &set->latched, &set->latched_rtcp, set->ssrc);
	f->state |= FLOW_LATCHED;
	flow_aim_rtp(m, set->id, &set->latched);
	if (set->latched_rtcp.family == ADDR_NONE)
		return;
	f->state |= FLOW_LATCHED_RTCP;
	flow_aim(m, &f->dst_rtcp, &f->nexthop_rtcp, &set->latched_rtcp);
}

void flow_clock(struct media *m, uint32_t id, const struct flow_clock *set, uint64_t now_ms)
{
	struct flow *f = &m->flow[id];
	uint32_t clock = flow_clock_tick(set->clock_ms, now_ms);

	/* A clock that stops or starts anew has forgotten that it ran out. */
	if (!(set->flags & PROTO_FLOW_CLOCK) || clock != f->clock)
		f->state &= (uint8_t)~FLOW_SILENT;
	f->clock = clock;
	f->start = flow_ticks(set->start_ms);
	f->silence = flow_ticks(set->silence_ms);
	f->flags = set->flags;
	silence_watch(m, id, clock_tick(now_ms));
	if (set->again && f->state & FLOW_SILENT)
		flow_raise(m, id, PROTO_FLOW_SILENT, now_ms);
}

void flow_expire_at(struct media *m, uint32_t id, uint64_t expires_ms, uint64_t now_ms)
{
	/* Never early: the tick in which it lies is over then. */
	m->expires[id] = due_tick(flow_tick(expires_ms, now_ms) + 1);
}

/* A client that came back may have missed what was learnt while it was away. */
static void flow_remind(struct media *m, uint32_t id, uint64_t now_ms)
{
	const struct flow *f = &m->flow[id];
	struct learnt learnt = {.ssrc = m->record[id].count.ssrc, .addr = f->dst};

	if (f->state & FLOW_LATCHED)
		flow_event(m, id, PROTO_FLOW_LEARNT, &learnt, now_ms);
	learnt.addr = f->dst_rtcp;
	if (f->state & FLOW_LATCHED_RTCP)
		flow_event(m, id, PROTO_FLOW_LEARNT_RTCP, &learnt, now_ms);
}

void flow_replace(
	struct media *m, uint32_t slot, const struct proto_flow *set, uint32_t n, uint64_t now_ms)
{
	for (uint32_t i = 0; i < n; i++)
		if (flow_check(m, slot, &set[i], now_ms) == 0 &&
			flow_is_other(&m->flow[set[i].id], set[i].gen))
			flow_end(m, set[i].id);
}

int flow_set(struct media *m, uint32_t slot, const struct proto_flow *set, uint64_t now_ms)
{
	int err = flow_check(m, slot, set, now_ms);
	struct flow *f;
	uint32_t peer;
	bool fresh, again;

	if (err)
		return err;
	f = &m->flow[set->id];
	if (flow_is_other(f, set->gen))
		flow_end(m, set->id);
	fresh = !(f->state & FLOW_ACTIVE);
	if (fresh)
		flow_begin(m, set->id, set->gen);
	peer = fresh ? PROTO_NO_PEER : f->peer_id;
	again = !fresh && f->mark != m->sync[slot].mark;
	if (again && !(set->flags & PROTO_FLOW_RELEARN))
		flow_remind(m, set->id, now_ms);
	publish_hints(m, set->id, set);
	f->peer_id = set->peer_id;
	f->peer_gen = set->peer_gen;
	f->dscp = set->dscp;
	f->keepalive_s = set->keepalive_s;
	f->mark = m->sync[slot].mark;
	flow_expire_at(m, set->id, set->expires_ms, now_ms);
	flow_clock(m, set->id,
		&(struct flow_clock){
			.flags = set->flags,
			.start_ms = set->start_ms,
			.silence_ms = set->silence_ms,
			.clock_ms = set->clock_ms,
			.again = again,
		},
		now_ms);
	if (set->flags & PROTO_FLOW_LATCHED && !(f->state & FLOW_LATCHED))
		flow_restore(m, set);
	else if (fresh || set->flags & PROTO_FLOW_RELEARN)
		flow_relearn(m, set, now_ms);
	else if (!(f->state & FLOW_LATCHED) && !addr_equal(&f->dst, &set->remote))
		flow_aim_rtp(m, set->id,
			flow_is_usable(m, &set->remote) ? &set->remote : &(struct addr){0});
	flow_aim_rtcp(m, set->id);
	flow_link(m, set->id);
	/* One that was its peer before is linked to it no more. */
	if (peer != set->peer_id && peer < m->claims.used)
		publish_link(m, peer);
	hold_watch(m, set->id, clock_tick(now_ms));
	return 0;
}

int flow_del(struct media *m, uint32_t slot, const struct proto_handle *handle)
{
	if (media_is_monitor(m, handle->id))
		return monitor_del(m, slot, handle);
	if (handle->id >= m->claims.used)
		return 0;
	if (media_client_of(m, handle->id) != slot)
		return -EPERM;
	if (m->flow[handle->id].state & FLOW_ACTIVE && m->flow[handle->id].gen == handle->gen)
		flow_end(m, handle->id);
	return 0;
}

void flow_sync_begin(struct media *m, uint32_t slot)
{
	/* A sweep that still runs has its answer in the new one's. */
	m->sync[slot].left = 0;
	m->sync[slot].mark++;
}

void flow_sync_end(struct media *m, uint32_t slot)
{
	m->sync[slot].left = m->total;
}

void flow_learnt(struct media *m, const struct learnt *learnt, uint64_t now_ms)
{
	struct flow *f = &m->flow[learnt->id];
	bool rtcp = learnt->kind == PROTO_FLOW_LEARNT_RTCP;

	/* The flow may have been replaced or opened again meanwhile. */
	if (!(f->state & FLOW_ACTIVE) || f->gen != learnt->gen ||
		!publish_is_latched(m, learnt->id, &learnt->addr, rtcp))
		return;
	if (rtcp) {
		f->state |= FLOW_LATCHED_RTCP;
		flow_aim(m, &f->dst_rtcp, &f->nexthop_rtcp, &learnt->addr);
	} else {
		f->state |= FLOW_LATCHED;
		flow_aim_rtp(m, learnt->id, &learnt->addr);
		flow_aim_rtcp(m, learnt->id);
	}
	flow_link(m, learnt->id);
	flow_event(m, learnt->id, learnt->kind, learnt, now_ms);
}

void flow_raise(struct media *m, uint32_t id, uint32_t kind, uint64_t now_ms)
{
	flow_event(m, id, kind, NULL, now_ms);
}

void flow_route(struct media *m, uint32_t id)
{
	struct flow *f = &m->flow[id];
	uint16_t old = f->nexthop, old_rtcp = f->nexthop_rtcp;
	struct addr dst = f->dst, dst_rtcp = f->dst_rtcp;

	flow_aim(m, &f->dst, &f->nexthop, &dst);
	flow_aim(m, &f->dst_rtcp, &f->nexthop_rtcp, &dst_rtcp);
	if ((f->nexthop != old || f->nexthop_rtcp != old_rtcp) && f->peer_id < m->claims.used)
		publish_link(m, f->peer_id);
}
