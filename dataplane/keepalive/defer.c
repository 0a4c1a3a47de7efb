/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/defer.h"

#include "dataplane/keepalive/context.h"

/* A device that was heard holds its NAT binding open until a period later: the slot before that, or
 * SLOTS_NONE if this visit is it. */
static uint32_t defer_heard(const struct worker *w, const struct sweep *s, uint32_t id)
{
	uint32_t tick = __atomic_load_n(
		&w->keepalive->conf.facts->binding_heard[id], __ATOMIC_RELAXED);
	/* Both ticks have begun, at most one of them earlier than it seems. */
	uint64_t age = (uint64_t)(uint32_t)(w->now_tick - tick + 1) * s->defer.tick_tsc;

	if (tick == 0 || age >= s->schedule.conf.period)
		return SLOTS_NONE;
	return schedule_slot_by(&s->schedule, w->now_tsc + s->schedule.conf.period - age);
}

void defer_judge(struct worker *w, struct sweep *s, const struct slots_binding *binding, uint32_t n,
	struct defer_moves *moves)
{
	const struct defer *d = &s->defer;
	uint32_t now_us = (uint32_t)timebase_us(w->timebase, w->now_tsc);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = d->skip ? defer_heard(w, s, binding[i].id) : SLOTS_NONE;
		uint32_t wait = 0;
		uint64_t bit = 1ull << i;

		if (slot == SLOTS_NONE && d->cap.place) {
			wait = cap_take(&d->cap, binding[i].ip, now_us);
			if (wait)
				slot = schedule_slot_after(
					&s->schedule, w->now_tsc + wait * d->us_tsc);
		}
		moves->id[i] = binding[i].id;
		moves->slot[i] = slot;
		moves->held |= slot != SLOTS_NONE ? bit : 0;
		moves->capped |= wait ? bit : 0;
	}
}

void defer_undo(const struct sweep *s, const struct slots_binding *binding, uint32_t done,
	uint32_t n, const struct defer_moves *moves)
{
	for (uint32_t i = done; i < n && s->defer.cap.place; i++) {
		if (moves->capped >> i & 1)
			cap_leave(&s->defer.cap, binding[i].ip);
		else if (!(moves->held >> i & 1))
			cap_give_back(&s->defer.cap, binding[i].ip);
	}
}

void defer_move(struct worker *w, struct sweep *s, uint32_t done, const struct defer_moves *moves)
{
	for (uint32_t i = 0; i < done; i++) {
		bool capped = moves->capped >> i & 1;

		if (!(moves->held >> i & 1))
			continue;
		w->count->keepalive_capped += capped;
		w->count->keepalive_skipped += !capped;
		schedule_move(&s->schedule, moves->id[i], moves->slot[i]);
	}
}
