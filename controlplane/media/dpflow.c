/* SPDX-License-Identifier: BSD-3-Clause */
/* Relayed flows, by media address and port; and what the data plane has learnt of them. */
#include "controlplane/media/dpclient_impl.h"

#include <errno.h>

int64_t dpflow_index(const struct dpclient *c, struct dpclient_port at)
{
	if (at.media >= c->media_count || at.port < c->port_min || at.port > c->port_max ||
		at.port % 2 != 0)
		return -1;
	return (int64_t)at.media * c->slots + (at.port - c->port_min) / 2;
}

static struct dpclient_port dpflow_port(const struct dpclient *c, uint32_t index)
{
	return (struct dpclient_port){
		.media = (uint16_t)(index / c->slots),
		.port = (uint16_t)(c->port_min + 2 * (index % c->slots)),
	};
}

int64_t dpflow_id(const struct dpclient *c, uint32_t index)
{
	return c->media[index / c->slots].base + index % c->slots;
}

/* Likewise of a port that is one. */
static uint32_t dpflow_id_at(const struct dpclient *c, struct dpclient_port at)
{
	return c->media[at.media].base + (at.port - c->port_min) / 2u;
}

static void dpflow_unlearn(struct proto_flow *flow)
{
	flow->flags &= ~(uint32_t)PROTO_FLOW_LATCHED;
	flow->latched = (struct addr){0};
	flow->latched_rtcp = (struct addr){0};
	flow->ssrc = 0;
}

/* In the data plane's present ids. */
static void dpflow_fill(const struct dpclient *c, const struct dpwant *w, void *record)
{
	const struct dpflow *f = (const struct dpflow *)w;
	struct proto_flow *out = record;

	if (f->peer.port) {
		out->peer_id = dpflow_id_at(c, f->peer);
	} else {
		out->peer_id = PROTO_NO_PEER;
		out->peer_gen = 0;
	}
	if (f->relearn)
		out->flags |= PROTO_FLOW_RELEARN;
	if (!f->give_back)
		dpflow_unlearn(out);
}

static void dpflow_sent(struct dpwant *w)
{
	struct dpflow *f = (struct dpflow *)w;

	f->relearning |= f->relearn;
	f->relearn = false;
	f->give_back = false;
}

static void dpflow_resync(struct dpwant *w, uint64_t now_ms)
{
	struct dpflow *f = (struct dpflow *)w;

	/* Nothing was heard while nobody listened: silence is counted from now. */
	if ((f->flow.flags & PROTO_FLOW_CLOCK) && f->flow.clock_ms < now_ms)
		f->flow.clock_ms = now_ms;
	f->relearn |= f->relearning;
	f->give_back = f->flow.flags & PROTO_FLOW_LATCHED;
}

const struct dptable_kind dpflow_kind = {
	.set = PROTO_FLOW_SET,
	.del = PROTO_FLOW_DEL,
	.stride = sizeof(struct dpflow),
	.id = dpflow_id,
	.fill = dpflow_fill,
	.sent = dpflow_sent,
	.resync = dpflow_resync,
};

/* The new record, with what was learnt under the old one carried over where it still holds. */
static void dpflow_update(struct dpflow *f, const struct proto_flow *flow, bool same)
{
	struct dpflow old = *f;
	bool relearn = flow->flags & PROTO_FLOW_RELEARN;
	bool given = !relearn && (flow->flags & PROTO_FLOW_LATCHED);

	f->flow = *flow;
	f->flow.flags &= ~(uint32_t)PROTO_FLOW_RELEARN;
	f->relearn = !given && (relearn || (same && old.relearn));
	f->relearning = !given && !relearn && same && old.relearning;
	f->give_back = given;
	if (given)
		return;
	dpflow_unlearn(&f->flow);
	if (same && !relearn && (old.flow.flags & PROTO_FLOW_LATCHED)) {
		f->flow.flags |= PROTO_FLOW_LATCHED;
		f->flow.latched = old.flow.latched;
		f->flow.latched_rtcp = old.flow.latched_rtcp;
		f->flow.ssrc = old.flow.ssrc;
		f->give_back = old.give_back;
	}
}

int dpclient_flow_set(struct dpclient *c, struct dpclient_port at, struct dpclient_port peer,
	const struct proto_flow *flow)
{
	int64_t index = dpflow_index(c, at);
	struct proto_flow checked = *flow;
	struct dpflow *f;

	checked.id = 0;
	checked.peer_id = PROTO_NO_PEER;
	if (index < 0 || (peer.port && dpflow_index(c, peer) < 0) ||
		(peer.port && dpflow_index(c, peer) == index) ||
		dpclient_check(PROTO_FLOW_SET, &checked) < 0)
		return -EINVAL;
	f = (struct dpflow *)dptable_at(&c->flows, (uint32_t)index);
	dpflow_update(f, flow, dptable_set(&c->flows, (uint32_t)index, flow->gen));
	f->peer = peer;
	return 0;
}

void dpclient_flow_del(struct dpclient *c, struct dpclient_port at, uint32_t gen)
{
	int64_t index = dpflow_index(c, at);

	if (index >= 0 && dptable_held(&c->flows, (uint32_t)index, gen))
		dptable_del(&c->flows, (uint32_t)index);
}

const struct proto_flow *dpclient_flow_get(const struct dpclient *c, struct dpclient_port at)
{
	int64_t index = dpflow_index(c, at);

	return index < 0 ? NULL : dptable_get(&c->flows, (uint32_t)index);
}

/* The slot behind an id of the data plane; -1 if it is none of ours. */
static int64_t dpflow_behind(const struct dpclient *c, uint32_t id)
{
	for (uint32_t i = 0; i < c->media_count; i++)
		if (c->media[i].ready && id >= c->media[i].base && id - c->media[i].base < c->slots)
			return (int64_t)i * c->slots + (id - c->media[i].base);
	return -1;
}

/* False if what it tells of is over already. */
static bool dpflow_take(struct dpclient *c, uint32_t index, const struct proto_flow_event *ev)
{
	struct dpflow *f = (struct dpflow *)dptable_held(&c->flows, index, ev->gen);

	if (!f)
		return false;
	switch (ev->kind) {
	case PROTO_FLOW_LEARNT:
		if (f->relearn)
			return false; /* of before the offer that we are about to send */
		f->flow.latched = ev->addr;
		f->flow.ssrc = ev->ssrc;
		f->flow.flags |= PROTO_FLOW_LATCHED;
		f->relearning = false;
		return true;
	case PROTO_FLOW_LEARNT_RTCP:
		if (f->relearn)
			return false;
		f->flow.latched_rtcp = ev->addr;
		return true;
	case PROTO_FLOW_EXPIRED:
		if (dptable_expire(&c->flows, index, f->flow.expires_ms, ev->at_ms))
			return true;
		f->give_back = f->flow.flags & PROTO_FLOW_LATCHED;
		return false;
	default:
		return true;
	}
}

void dpflow_event(struct dpclient *c, const struct proto_flow_event *ev)
{
	int64_t index = dpflow_behind(c, ev->id);

	if (index < 0 || !dpflow_take(c, (uint32_t)index, ev))
		return;
	c->event_count++;
	if (c->events.flow)
		c->events.flow(c->events.arg, dpflow_port(c, (uint32_t)index), ev);
}
