/* SPDX-License-Identifier: BSD-3-Clause */
/* The walk over all flows, relayed and monitored, a portion each tick: what has expired or was left
 * out of a sync goes, and after a change of routes each is routed again. */
#include "dataplane/core/due.h"
#include "dataplane/media/context.h"

/* The walk comes by each flow once a second, given a tick of 20 ms. */
#define FLOW_WALK_PARTS 50
#define FLOW_WALK_LEAST 16 /* blocks */

static void flow_visit_end(struct media *m, uint32_t id)
{
	if (media_is_monitor(m, id))
		monitor_end(m, id);
	else
		flow_end(m, id);
}

/* What was heard of a flow long ago, and never since. */
static void flow_age(struct media *m, uint32_t id, uint32_t now)
{
	clock_tick_age(&m->record[id].count.heard, now);
	clock_tick_age(&m->heard_rtcp[id], now);
	clock_tick_age(&m->flow[id].held, now);
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
	if (m->age_left && m->expires[id])
		flow_age(m, id, clock_tick(now_ms));
}

static bool flow_walk_is_sweeping(const struct media *m)
{
	for (unsigned int i = 0; i < PROTO_SLOTS; i++)
		if (m->sync[i].left)
			return true;
	return m->reroute_left || m->age_left;
}

static void flow_walked(struct media *m, uint32_t n)
{
	m->age_left -= RTE_MIN(n, m->age_left);
	m->reroute_left -= RTE_MIN(n, m->reroute_left);
	for (unsigned int i = 0; i < PROTO_SLOTS; i++) {
		struct media_sync *sync = &m->sync[i];

		sync->left -= RTE_MIN(n, sync->left);
	}
}

void flow_walk(struct media *m, uint64_t now_ms)
{
	uint32_t blocks = due_blocks(m->total);
	uint32_t most = RTE_MIN(blocks / FLOW_WALK_PARTS + FLOW_WALK_LEAST, blocks);
	uint32_t now = clock_tick(now_ms);
	bool all;

	if (now - m->aged > CLOCK_TICK_LOOK) {
		m->aged = now;
		m->age_left = m->total;
	}
	all = flow_walk_is_sweeping(m);
	for (uint32_t n = 0; n < most; n++) {
		uint32_t first = due_next(&m->cursor, blocks) * DUE_BLOCK;

		if (!all && !due_any(&m->expires[first], now))
			continue;
		for (uint32_t id = first; id < first + DUE_BLOCK; id++)
			if (m->expires[id] && (all || due_is(m->expires[id], now)))
				flow_visit(m, id, now_ms);
	}
	flow_walked(m, most * DUE_BLOCK);
}
