/* SPDX-License-Identifier: BSD-3-Clause */
/* The media clock of each flow. due[] holds the tick at which a flow can be silent at the earliest;
 * a scan streams through it, and only a flow whose moment has come is looked at: if it was heard
 * since, its moment moves. Packets cost nothing here. */
#include "dataplane/core/due.h"
#include "dataplane/media/flow.h"
#include "dataplane/media/publish.h"

#define SILENCE_EVENTS 512 /* most in one tick; the rest stays due */
#define SILENCE_AGAIN  10  /* ticks until a silent flow is looked at again */
#define SILENCE_STALL  100 /* ticks without a scan after which we may have been deaf ourselves, */
#define SILENCE_LISTEN 100 /* and for which we listen then before anybody is told silent */

/* The last packet that counts, 0 = never. */
static uint32_t silence_last(const struct media *m, uint32_t id)
{
	uint32_t rtp = __atomic_load_n(&m->record[id].count.heard, __ATOMIC_RELAXED);
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

/* When to look at a flow that is silent at `moment` if nothing more is heard: up to an eighth of
 * the time earlier, so that the many that started together are not all looked at in one tick. The
 * last look is on time. */
static uint32_t silence_due(uint32_t id, uint32_t moment, uint32_t now)
{
	uint32_t left = clock_tick_before(now, moment) ? moment - now : 0;

	return due_tick(moment - (uint32_t)((uint64_t)(id * 2654435761u) * (left / 8) >> 32));
}

/* After a look that found no silence. */
static void silence_plan(struct media *m, uint32_t id, uint32_t now)
{
	const struct flow *f = &m->flow[id];
	uint32_t moment = silence_moment(m, id);

	/* Once it is heard, its silence may be over sooner than its start would be. */
	if (silence_last(m, id) == 0 && f->silence) {
		uint32_t heard = due_tick(due_later(now, f->clock) + f->silence);

		if (moment == 0 || clock_tick_before(heard, moment))
			moment = heard;
	}
	m->due[id] = moment ? silence_due(id, moment, now) : 0;
}

void silence_watch(struct media *m, uint32_t id, uint32_t now)
{
	if (m->flow[id].flags & PROTO_FLOW_CLOCK)
		silence_plan(m, id, now);
	else
		m->due[id] = 0;
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
	else
		silence_plan(m, id, now);
	if (silent == was)
		return 0;
	f->state ^= FLOW_SILENT;
	flow_raise(m, id, silent ? PROTO_FLOW_SILENT : PROTO_FLOW_HEARD, now_ms);
	return 1;
}

/* After a sleep of this process or its machine, packets that waited in the rings come first. */
static bool silence_must_wait(struct media *m, uint32_t now)
{
	if (m->scanned && now - m->scanned > SILENCE_STALL)
		m->listening = due_tick(now + SILENCE_LISTEN);
	m->scanned = now;
	if (due_is(m->listening, now))
		m->listening = 0;
	return m->listening != 0;
}

/* Port slots that are claimed, and behind them the monitored flows. */
void silence_scan(struct media *m, uint64_t now_ms)
{
	uint32_t slots = due_blocks(m->claims.used);
	uint32_t blocks = slots + due_blocks(m->monitors_used);
	uint32_t left = due_parts(blocks, SILENCE_PARTS);
	uint32_t now = clock_tick(now_ms);
	uint32_t events = 0;

	if (silence_must_wait(m, now))
		return;
	for (; left && events < SILENCE_EVENTS; left--) {
		uint32_t block = due_next(&m->silence_cursor, blocks);
		uint32_t first = block < slots ? block * DUE_BLOCK
					       : m->monitor_first + (block - slots) * DUE_BLOCK;

		if (!due_any(&m->due[first], now))
			continue;
		for (uint32_t id = first; id < first + DUE_BLOCK; id++)
			if (due_is(m->due[id], now))
				events += silence_look(m, id, now, now_ms);
	}
}
