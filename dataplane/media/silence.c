/* SPDX-License-Identifier: BSD-3-Clause */
/* The media clock of each flow. due[] holds the tick at which a flow can be silent at the earliest;
 * a scan streams through it, and only a flow whose moment has come is looked at: if it was heard
 * since, its moment moves. Packets cost nothing here. */
#include "dataplane/media/due.h"
#include "dataplane/media/flow.h"
#include "dataplane/media/publish.h"

#include <string.h>

#define SILENCE_PARTS  2   /* of the array, one each tick: 40 ms for all of it */
#define SILENCE_EVENTS 512 /* most in one tick; the rest stays due */
#define SILENCE_AGAIN  10  /* ticks until a silent flow is looked at again */

/* The last packet that counts, 0 = never. */
static uint32_t silence_last(const struct media *m, uint32_t id)
{
	uint32_t rtp = __atomic_load_n(&m->heard_rtp[id], __ATOMIC_RELAXED);
	uint32_t rtcp = __atomic_load_n(&m->heard_rtcp[id], __ATOMIC_RELAXED);

	if (!(m->flow[id].flags & PROTO_FLOW_RTCP_LIFE) || rtcp == 0)
		return rtp;
	return rtp ? due_later(rtp, rtcp) : rtcp;
}

/* The moment at which the flow is silent, if nothing more is heard; 0: it never is. */
static uint32_t silence_moment(const struct media *m, uint32_t id)
{
	const struct flow *f = &m->flow[id];
	uint32_t last = silence_last(m, id);
	uint32_t limit = last ? f->silence : f->start;

	if (limit == 0)
		return 0;
	return due_tick((last ? due_later(last, f->clock) : f->clock) + limit);
}

void silence_watch(struct media *m, uint32_t id)
{
	const struct flow *f = &m->flow[id];
	uint32_t moment = silence_moment(m, id);

	if (!(f->flags & PROTO_FLOW_CLOCK))
		m->due[id] = 0;
	else if (moment)
		m->due[id] = moment;
	else
		/* Off until the first packet, perhaps. */
		m->due[id] = silence_last(m, id) ? 0 : due_tick(f->clock + SILENCE_AGAIN);
}

/* A flow whose moment has come. Returns 1 if an event was raised. */
static uint32_t silence_look(struct media *m, uint32_t id, uint32_t now, uint64_t now_ms)
{
	struct flow *f = &m->flow[id];
	uint32_t moment = silence_moment(m, id);
	bool silent = moment && !clock_tick_before(now, moment);
	bool was = f->state & FLOW_SILENT;

	if (silent)
		m->due[id] = due_tick(now + SILENCE_AGAIN);
	else if (moment)
		m->due[id] = moment;
	else
		m->due[id] = silence_last(m, id) ? 0 : due_tick(now + SILENCE_AGAIN);
	if (silent == was)
		return 0;
	f->state ^= FLOW_SILENT;
	flow_raise(m, id, silent ? PROTO_FLOW_SILENT : PROTO_FLOW_HEARD, now_ms);
	return 1;
}

static uint32_t silence_blocks(uint32_t flows)
{
	return (flows + MEDIA_DUE_BLOCK - 1) / MEDIA_DUE_BLOCK;
}

/* Port slots that are claimed, and behind them the monitored flows. */
void silence_scan(struct media *m, uint64_t now_ms)
{
	uint32_t slots = silence_blocks(m->claims.used);
	uint32_t blocks = slots + silence_blocks(m->monitors_used);
	uint32_t now = clock_tick(now_ms);
	uint32_t events = 0;

	for (uint32_t n = 0; n < blocks / SILENCE_PARTS + 1 && events < SILENCE_EVENTS; n++) {
		uint32_t first;

		if (m->silence_cursor >= blocks)
			m->silence_cursor = 0;
		first = m->silence_cursor++ * MEDIA_DUE_BLOCK;
		if (first >= slots * MEDIA_DUE_BLOCK)
			first += m->monitor_first - slots * MEDIA_DUE_BLOCK;
		if (blocks == 0 || !due_any(&m->due[first], now))
			continue;
		for (uint32_t id = first; id < first + MEDIA_DUE_BLOCK; id++)
			if (due_is(m->due[id], now))
				events += silence_look(m, id, now, now_ms);
	}
}
