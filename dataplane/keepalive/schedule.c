/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/schedule_impl.h"

#define SCHEDULE_GAP_SHIFT 8  /* fraction bits of gap */
#define SCHEDULE_MOVES     64 /* bindings moved to other slots in one call */
#define SCHEDULE_FEW       8  /* bindings of a slot that need not be spread evenly */

/* Whole periods that a stall swallowed are not made up for. */
static void schedule_skip(struct schedule *s, uint64_t now)
{
	uint64_t due = schedule_slot_due(s, s->current);
	uint64_t periods;

	if (now < due || now - due < s->conf.period)
		return;
	periods = (now - due) / s->conf.period;
	s->round += periods * s->conf.period;
	s->cut += periods * s->conf.slots;
}

static void schedule_begin(struct schedule *s, uint64_t now)
{
	struct slot *slot = &s->slots.slot[s->current];
	uint64_t spread = s->hurry < s->spread ? s->hurry : s->spread;

	schedule_skip(s, now);
	schedule_repeat(s);
	s->basis = schedule_is_first(s) ? s->from : schedule_slot_due(s, s->current);
	s->open = true;
	s->started = now;
	s->sent = 0;
	s->quota = schedule_quota(s);
	s->partial = slot->size > s->quota;
	s->even = schedule_even(s);
	s->brisk = slot->size <= schedule_fair(s->even);
	s->gap = 0;
	s->at = s->partial && slot->resume < slot->size ? slot->resume : 0;
	s->chunk = slot->head;
	/* Only a slot that is larger than its batch pays for this walk. */
	for (uint32_t i = s->at / SLOTS_CHUNK; i; i--)
		s->chunk = s->slots.next[s->chunk];
	if (s->partial)
		s->cut++;
	if (s->conf.smooth && slot->size)
		s->gap = (spread << SCHEDULE_GAP_SHIFT) / (s->partial ? s->quota : slot->size);
	s->hurry = SCHEDULE_NEVER;
}

static void schedule_end(struct schedule *s)
{
	s->slots.slot[s->current].resume = s->partial ? s->at : 0;
	s->open = false;
	s->from = schedule_end_from(s);
	if (s->fresh && --s->fresh == 0)
		s->spread = s->step;
	s->astray -= s->astray > 0;
	s->owed -= s->owed > 0;
	if (++s->current == s->slots.count) {
		s->current = 0;
		s->round += s->conf.period;
	}
}

/* When message n of the open slot may go out: on its schedule, and after a stall at twice the usual
 * pace until it is back on it. */
static uint64_t schedule_message_at(const struct schedule *s, uint32_t n)
{
	uint64_t due = schedule_slot_due(s, s->current) + ((n * s->gap) >> SCHEDULE_GAP_SHIFT);
	uint64_t soonest = s->started + ((n * s->gap) >> (SCHEDULE_GAP_SHIFT + s->brisk));

	return due > soonest ? due : soonest;
}

/* What its lateness is measured against. */
static uint64_t schedule_message_due(const struct schedule *s, uint32_t n)
{
	uint32_t shift = SCHEDULE_GAP_SHIFT + (schedule_is_first(s) && s->brisk);

	return s->basis + ((n * s->gap) >> shift);
}

/* Sheds what is far above the average, as a new period or mass removal left it. All of them were
 * sent just now or wait for the next round; any other slot is due sooner. True: done. */
static bool schedule_level(struct schedule *s)
{
	struct slot *slot = &s->slots.slot[s->current];
	uint32_t limit = schedule_fair(s->even);

	if (limit > s->conf.batch)
		limit = s->conf.batch;
	if (limit < s->even)
		limit = s->even;
	for (uint32_t i = 0; i < SCHEDULE_MOVES && slot->size > limit; i++) {
		uint32_t to = slots_emptiest(&s->slots);
		struct slots_binding last;

		if (to == s->current)
			return true;
		last = slots_pop(&s->slots, s->current);
		slots_push(&s->slots, to, &last);
		s->astray = s->slots.count + 1;
		if (s->at > slot->size)
			s->at = slot->size;
	}
	return slot->size <= limit;
}

void schedule_close(struct schedule *s)
{
	if (s->open && schedule_left(s) == 0 && schedule_level(s))
		schedule_end(s);
}

/* Chunks of a slot lie anywhere in memory: the next one comes while this one is sent. Not inline,
 * it would be taken for a function without effect, and left out. */
static inline __attribute__((always_inline)) void schedule_prefetch(const struct schedule *s)
{
	uint32_t next = s->slots.next[s->chunk];
	const struct slots_binding *ahead = slots_at(&s->slots, next, 0);

	if (next == SLOTS_NONE)
		return;
	__builtin_prefetch(&s->slots.next[next]);
	for (unsigned int i = 0; i < SLOTS_CHUNK; i += 64 / sizeof(*ahead))
		__builtin_prefetch(&ahead[i]);
}

uint32_t schedule_due(struct schedule *s, uint64_t now, uint32_t max,
	const struct slots_binding **first, uint64_t *due)
{
	uint32_t n, left, run;

	if (now < schedule_next(s))
		return 0;
	if (!s->open)
		schedule_begin(s, now);
	left = schedule_left(s);
	if (left == 0) {
		schedule_close(s);
		return 0;
	}
	run = SLOTS_CHUNK - s->at % SLOTS_CHUNK;
	if (run > s->slots.slot[s->current].size - s->at)
		run = s->slots.slot[s->current].size - s->at;
	if (run > left)
		run = left;
	if (run > max)
		run = max;
	n = s->gap ? 1 : run;
	while (n < run && schedule_message_at(s, s->sent + n) <= now)
		n++;
	if (s->at % SLOTS_CHUNK == 0)
		schedule_prefetch(s);
	*first = slots_at(&s->slots, s->chunk, s->at);
	*due = schedule_message_due(s, s->sent);
	return n;
}

/* A binding that goes home gets a message too many: not if that makes more of a slot than twice
 * what others hold. */
static bool schedule_is_open(const struct schedule *s, uint32_t home)
{
	uint32_t size = s->slots.slot[home].size;
	uint32_t more = s->even < SCHEDULE_CLUMP ? s->even : SCHEDULE_CLUMP;

	if (more < SCHEDULE_FEW)
		more = SCHEDULE_FEW;
	if (more < s->even / 8)
		more = s->even / 8;
	return size < s->conf.batch && size < s->even + more;
}

/* Of the n that come next, those that were not at home go there; their messages are out. */
static void schedule_settle(struct schedule *s, uint32_t n)
{
	const struct slots_binding *passed = slots_at(&s->slots, s->chunk, s->at);
	uint32_t away[SLOTS_CHUNK], count = 0;

	for (uint32_t i = 0; i < n; i++)
		if (schedule_home(s, &passed[i]) != s->current)
			away[count++] = passed[i].id;
	schedule_step_forward(s, n);
	for (uint32_t i = 0; i < count; i++) {
		struct slots_binding binding = *slots_find(&s->slots, away[i], NULL, NULL);
		uint32_t home = schedule_home(s, &binding);

		if (!schedule_is_open(s, home)) {
			s->astray = s->slots.count + 1;
			continue;
		}
		schedule_remove(s, binding.id);
		slots_push(&s->slots, home, &binding);
	}
}

void schedule_sent(struct schedule *s, uint32_t n)
{
	s->sent += n;
	if (s->astray && !s->partial)
		schedule_settle(s, n);
	else
		schedule_step_forward(s, n);
	if (s->partial && s->at == s->slots.slot[s->current].size) {
		s->at = 0;
		s->chunk = s->slots.slot[s->current].head;
	}
}

uint32_t schedule_slot_by(const struct schedule *s, uint64_t by)
{
	uint64_t steps = schedule_steps(s, by);
	uint32_t slot;

	if (steps >= s->slots.count)
		return s->current;
	slot = schedule_ahead(s, (uint32_t)steps);
	return steps == 0 || schedule_crowded(s, slot) ? SLOTS_NONE : slot;
}

uint32_t schedule_slot_after(const struct schedule *s, uint64_t moment)
{
	uint64_t steps = schedule_steps(s, moment) + 1;

	if (steps >= s->slots.count)
		steps = s->slots.count - 1;
	return schedule_ahead(s, (uint32_t)steps);
}

void schedule_move(struct schedule *s, uint32_t id, uint32_t slot)
{
	const struct slots_binding *here = slots_find(&s->slots, id, NULL, NULL);
	struct slots_binding binding;

	if (!here || slot == s->current)
		return;
	binding = *here;
	schedule_remove(s, id);
	slots_push(&s->slots, slot, &binding);
}

uint64_t schedule_next(const struct schedule *s)
{
	uint64_t due = schedule_slot_due(s, s->current);

	if (!s->open)
		return due > s->from ? due : s->from;
	return schedule_left(s) ? schedule_message_at(s, s->sent) : 0;
}
