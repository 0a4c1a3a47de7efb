/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/hold.h"

#include "dataplane/core/due.h"

#include <string.h>

#define HOLD_PARTS  10                 /* of the array, one each tick: 200 ms for all of it */
#define HOLD_ORDERS 2048               /* most in one tick; the rest stays due */
#define HOLD_ROOM   (MAILBOX_SIZE / 2) /* of each mailbox that is left to others */

/* Dynamic payload types, the upper half of record->types: the highest that nobody negotiated. */
static enum hold_form hold_type(const struct media *m, uint32_t a, uint32_t b, uint8_t *type)
{
	uint32_t free = (uint32_t)(~(m->record[a].types | m->record[b].types) >> 32);

	if (free == 0)
		return HOLD_STUN;
	*type = (uint8_t)(127 - __builtin_clz(free));
	return HOLD_RTP;
}

static uint32_t hold_period(const struct flow *f)
{
	return (uint32_t)f->keepalive_s * (1000 / CLOCK_TICK_MS);
}

/* When a leg got its last packet, from the other leg or from us. */
static uint32_t hold_last(const struct media *m, uint32_t id)
{
	const struct flow *f = &m->flow[id];
	uint32_t last = f->held;
	uint32_t rtp = __atomic_load_n(&m->record[f->peer_id].count.heard, __ATOMIC_RELAXED);
	uint32_t rtcp = __atomic_load_n(&m->heard_rtcp[f->peer_id], __ATOMIC_RELAXED);

	if (rtp)
		last = due_later(last, rtp);
	if (rtcp && f->flags & PROTO_FLOW_MUX)
		last = due_later(last, rtcp);
	return last;
}

static bool hold_order(struct media *m, uint32_t id)
{
	const struct flow *f = &m->flow[id];
	struct worker *w = &m->conf.workers[id % m->conf.worker_count];
	struct hold_order order = {
		.id = f->peer_id,
		.gen = f->peer_gen,
		.form = HOLD_STUN,
		.v6 = media_claim_of(m, id)->local.family == ADDR_IPV6,
	};
	struct mail mail = {.run = hold_send};

	if (!(f->flags & PROTO_FLOW_SECURE))
		order.form = f->flags & PROTO_FLOW_MUX ? HOLD_RTCP
						       : hold_type(m, id, f->peer_id, &order.type);
	memcpy(mail.arg, &order, sizeof(order));
	return mailbox_room(&w->mailbox) > HOLD_ROOM && mailbox_send(&w->mailbox, &mail) == 0;
}

/* A leg whose moment may have come. Returns 1 if a keep-alive was ordered. */
static uint32_t hold_look(struct media *m, uint32_t id, uint32_t now)
{
	struct flow *f = &m->flow[id];
	uint32_t moment;

	if (f->peer_id >= m->claims.used || record_load(&m->record[f->peer_id].out) == 0) {
		m->hold[id] = due_tick(now + hold_period(f));
		return 0;
	}
	moment = hold_last(m, id) + hold_period(f);
	if (clock_tick_before(now, moment)) {
		m->hold[id] = due_tick(moment);
		return 0;
	}
	if (!hold_order(m, id))
		return 0;
	f->held = now;
	m->hold[id] = due_tick(now + hold_period(f));
	return 1;
}

void hold_watch(struct media *m, uint32_t id, uint32_t now)
{
	struct flow *f = &m->flow[id];

	if (f->keepalive_s && m->hold[id] == 0)
		f->held = now;
	/* The scan finds out how long it has still to wait. */
	m->hold[id] = f->keepalive_s ? due_tick(now) : 0;
}

void hold_scan(struct media *m, uint32_t now)
{
	uint32_t blocks = due_blocks(m->claims.used);
	uint32_t left = due_parts(blocks, HOLD_PARTS);
	uint32_t orders = 0;

	for (; left && orders < HOLD_ORDERS; left--) {
		uint32_t first = due_next(&m->hold_cursor, blocks) * DUE_BLOCK;

		if (!due_any(&m->hold[first], now))
			continue;
		for (uint32_t id = first; id < first + DUE_BLOCK; id++)
			if (due_is(m->hold[id], now))
				orders += hold_look(m, id, now);
	}
}
