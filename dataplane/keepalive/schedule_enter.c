/* SPDX-License-Identifier: BSD-3-Clause */
/* Who enters a schedule where, and leaves it. */
#include "dataplane/keepalive/schedule_impl.h"

/* Places move while a slot is swept: those below `at` were sent, those above not. */
static bool schedule_sweeps(const struct schedule *s, uint32_t slot)
{
	return s->open && slot == s->current && !s->partial;
}

static uint32_t schedule_enter(struct schedule *s, const struct slots_binding *binding)
{
	uint32_t home = schedule_home(s, binding);

	if (!schedule_crowded(s, home))
		return home;
	s->astray = s->slots.count + 1;
	return slots_emptiest(&s->slots);
}

bool schedule_add(struct schedule *s, const struct slots_binding *binding)
{
	return schedule_owe(s, binding, SCHEDULE_NEVER, 0);
}

/* Where a binding enters that has had no message since then: as long after its last turn as nobody
 * sent, if that was one of the turns that were missed. After a period that is the next turn. */
static uint32_t schedule_make_up(
	struct schedule *s, const struct slots_binding *binding, uint64_t since, uint64_t ready)
{
	uint32_t home = schedule_home(s, binding), slot;
	uint64_t next = schedule_slot_due(s, home), away = ready - since, steps, first = 0;

	if (next <= ready)
		next += s->conf.period;
	if (next + s->step <= since + s->conf.period || away >= s->conf.period)
		return schedule_enter(s, binding);
	/* The slot of that moment may have been half sent, and be open here once more. */
	if (next + s->step > since + 2 * s->conf.period)
		next -= s->conf.period;
	next -= s->conf.period - away;
	s->owed = s->astray = s->slots.count + 1;
	steps = schedule_steps(s, next);
	if (schedule_slot_due(s, s->current) <= ready)
		first = schedule_steps(s, ready) + 1;
	if (steps < first)
		steps = first;
	if (steps >= s->slots.count)
		steps = s->slots.count - 1;
	slot = schedule_ahead(s, (uint32_t)steps);
	return schedule_crowded(s, slot) ? schedule_enter(s, binding) : slot;
}

bool schedule_owe(
	struct schedule *s, const struct slots_binding *binding, uint64_t since, uint64_t ready)
{
	struct slots_binding *here = slots_find(&s->slots, binding->id, NULL, NULL);
	uint32_t slot;
	struct slot *into;

	if (here && here->ip == binding->ip && here->port == binding->port) {
		*here = *binding;
		return true;
	}
	if (here)
		schedule_remove(s, binding->id);
	slot = since < ready ? schedule_make_up(s, binding, since, ready)
			     : schedule_enter(s, binding);
	into = &s->slots.slot[slot];
	if (!slots_push(&s->slots, slot, binding))
		return false;
	s->even += s->slots.total > s->even * s->slots.count;
	if (!schedule_sweeps(s, slot))
		return true;
	/* The new one counts as sent, so that a running sweep does not grow: it changes places with
	 * the next to send. */
	if (s->at < into->size - 1) {
		struct slots_binding next = *slots_at(&s->slots, s->chunk, s->at);

		slots_put(&s->slots, into->tail, into->size - 1, &next);
		slots_put(&s->slots, s->chunk, s->at, binding);
	}
	schedule_step_forward(s, 1);
	return true;
}

/* A hole at `place`, among those that were sent, is closed by the last of them; the hole is then
 * where the next to send begins. Returns its chunk. */
static uint32_t schedule_shift(struct schedule *s, uint32_t chunk, uint32_t place)
{
	uint32_t from = s->at % SLOTS_CHUNK ? s->chunk : s->slots.prev[s->chunk];

	s->at--;
	s->chunk = from;
	if (place != s->at)
		slots_put(&s->slots, chunk, place, slots_at(&s->slots, from, s->at));
	return from;
}

void schedule_remove(struct schedule *s, uint32_t id)
{
	uint32_t chunk = (s->slots.where[id] - 1) / SLOTS_CHUNK;
	struct slots_binding last;
	struct slot *slot;
	uint32_t at, place;

	if (!slots_find(&s->slots, id, &at, &place))
		return;
	slot = &s->slots.slot[at];
	s->slots.where[id] = 0;
	if (schedule_sweeps(s, at) && place < s->at) {
		if (s->at < slot->size) {
			chunk = schedule_shift(s, chunk, place);
			place = s->at;
		} else {
			s->at--;
		}
	}
	last = slots_pop(&s->slots, at);
	if (place < slot->size)
		slots_put(&s->slots, chunk, place, &last);
	if (s->open && s->partial && at == s->current && s->at >= slot->size) {
		s->at = 0;
		s->chunk = slot->head;
	}
}
