/* SPDX-License-Identifier: BSD-3-Clause */
/* The walk over all flows, relayed and monitored, a portion each tick: what has expired or was left
 * out of a sync goes, and after a change of routes each is routed again. */
#include "dataplane/media/context.h"

/* The walk comes by each flow once a second, given a tick of 20 ms. */
#define FLOW_WALK_PARTS 50
#define FLOW_WALK_LEAST 1024

static void flow_visit_end(struct media *m, uint32_t id)
{
	if (media_is_monitor(m, id))
		monitor_end(m, id);
	else
		flow_end(m, id);
}

static void flow_visit(struct media *m, uint32_t id, uint64_t now_ms)
{
	const struct media_sync *sync = &m->sync[media_client_of(m, id)];

	if (!clock_tick_before(clock_tick(now_ms), m->expires[id])) {
		flow_raise(m, id, PROTO_FLOW_EXPIRED, now_ms);
		flow_visit_end(m, id);
	} else if (sync->left && m->flow[id].mark != sync->mark) {
		flow_visit_end(m, id);
	} else if (m->reroute_left && !media_is_monitor(m, id)) {
		flow_route(m, id);
	}
}

/* What was heard of a flow long ago, and never since. */
static void flow_age(struct media *m, uint32_t id, uint32_t now)
{
	clock_tick_age(&m->record[id].count.heard, now);
	clock_tick_age(&m->heard_rtcp[id], now);
	clock_tick_age(&m->flow[id].held, now);
}

static bool flow_walk_is_busy(const struct media *m)
{
	for (unsigned int i = 0; i < PROTO_SLOTS; i++)
		if (m->sync[i].left)
			return true;
	return m->reroute_left;
}

void flow_walk(struct media *m, uint64_t now_ms)
{
	uint32_t total = m->total;
	uint32_t most = total / FLOW_WALK_PARTS + FLOW_WALK_LEAST;
	uint32_t now = clock_tick(now_ms);
	bool busy = flow_walk_is_busy(m);

	if (most > total)
		most = total;
	if (now - m->aged > CLOCK_TICK_LOOK) {
		m->aged = now;
		m->age_left = total;
	}
	for (uint32_t n = 0; n < most; n++) {
		uint32_t id = m->cursor;
		uint32_t expires = m->expires[id];

		if (expires && (busy || !clock_tick_before(now, expires)))
			flow_visit(m, id, now_ms);
		if (m->age_left && m->expires[id])
			flow_age(m, id, now);
		m->cursor = id + 1 < total ? id + 1 : 0;
	}
	m->age_left -= most < m->age_left ? most : m->age_left;
	m->reroute_left -= most < m->reroute_left ? most : m->reroute_left;
	for (unsigned int i = 0; i < PROTO_SLOTS; i++) {
		struct media_sync *sync = &m->sync[i];

		sync->left -= most < sync->left ? most : sync->left;
	}
}
