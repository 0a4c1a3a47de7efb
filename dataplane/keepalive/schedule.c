/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/schedule.h"

#define SCHEDULE_GAP_SHIFT 8  /* fraction bits of gap */
#define SCHEDULE_MOVES     64 /* bindings moved to other slots in one call */

struct schedule_conf schedule_conf_make(uint32_t period_ms, uint32_t interval_ms, uint32_t one_time,
	bool smooth, uint64_t hz, uint32_t workers, uint32_t index)
{
	uint32_t intervals = (uint32_t)(((uint64_t)period_ms + interval_ms - 1) / interval_ms);
	uint32_t joined = (intervals + SLOTS_MAX - 1) / SLOTS_MAX;
	uint32_t share = one_time / workers + (index < one_time % workers);
	struct schedule_conf conf = {
		.period = (period_ms - (uint64_t)(joined - 1) * interval_ms) * hz / 1000,
		.slots = (uint16_t)((intervals + joined - 1) / joined),
		.batch = SCHEDULE_NO_LIMIT,
		.joined = (uint16_t)joined,
		.smooth = smooth || joined > 1,
	};

	if (one_time)
		conf.batch = (share ? share : 1) * joined;
	return conf;
}

static bool schedule_same(const struct schedule_conf *a, const struct schedule_conf *b)
{
	return a->period == b->period && a->slots == b->slots;
}

void schedule_open(struct schedule *s, void *memory, uint32_t capacity, uint32_t *where,
	const struct schedule_conf *conf, uint64_t now)
{
	*s = (struct schedule){.conf = *conf, .step = conf->period / conf->slots};
	slots_open(&s->slots, memory, capacity, where, conf->slots);
	s->spread = s->step;
	s->hurry = SCHEDULE_NEVER;
	s->round = now + s->step;
	s->from = s->round;
}

static uint64_t schedule_slot_due(const struct schedule *s, uint32_t slot)
{
	return s->round + slot * s->step + (slot < s->current ? s->conf.period : 0);
}

/* Messages that are still to go out of the open slot. */
static uint32_t schedule_left(const struct schedule *s)
{
	uint32_t size = s->slots.slot[s->current].size;

	if (!s->partial)
		return size - s->at;
	if (s->sent >= s->quota || s->sent >= size)
		return 0;
	return s->quota - s->sent;
}

/* The new slot for an old one that is due at `due`: the latest that is due no later. */
static uint32_t schedule_regroup(
	const struct schedule *old, const struct schedule_conf *conf, uint64_t due, uint64_t now)
{
	uint64_t left = due > now ? due - now : 0;
	uint64_t to;

	/* A shorter period shrinks all that is left of the old one alike. */
	if (conf->period < old->conf.period)
		left = (uint64_t)((unsigned __int128)left * conf->period / old->conf.period);
	to = left / (conf->period / conf->slots);
	return to < conf->slots ? (uint32_t)to : conf->slots - 1u;
}

/* An open slot goes in two parts: what was sent waits for its next period, the rest comes first and
 * is through when it would have been. */
static void schedule_regroup_open(struct schedule *s, const struct schedule *old,
	const struct schedule_conf *conf, uint64_t now)
{
	uint64_t due = schedule_slot_due(old, old->current);
	uint64_t end = due + old->spread;
	uint32_t next = schedule_regroup(old, conf, due + old->conf.period, now);

	if (schedule_left(old) == 0) {
		slots_join(&s->slots, old->current, next);
		return;
	}
	if (!old->partial)
		slots_join_before(&s->slots, old->current, old->chunk, next);
	slots_join(&s->slots, old->current, 0);
	s->hurry = end > now ? end - now : 0;
}

void schedule_set(struct schedule *s, const struct schedule_conf *conf, uint64_t now)
{
	struct schedule old = *s;

	s->conf = *conf;
	if (schedule_same(&old.conf, conf))
		return;
	s->hurry = SCHEDULE_NEVER;
	slots_regroup(&s->slots, conf->slots);
	for (uint32_t i = 0; i < old.slots.count; i++) {
		if (old.open && i == old.current)
			schedule_regroup_open(s, &old, conf, now);
		else
			slots_join(&s->slots, i,
				schedule_regroup(&old, conf, schedule_slot_due(&old, i), now));
	}
	slots_regrouped(&s->slots);
	s->step = conf->period / conf->slots;
	/* The old slots' messages still go out within an old interval of their due times. */
	s->spread = s->step < old.spread ? s->step : old.spread;
	s->round = now;
	s->from = now;
	s->current = 0;
	s->open = false;
}

/* Places move while a slot is swept: those below `at` were sent, those above not. */
static bool schedule_sweeps(const struct schedule *s, uint32_t slot)
{
	return s->open && slot == s->current && !s->partial;
}

static void schedule_step_forward(struct schedule *s, uint32_t n)
{
	uint32_t before = s->at / SLOTS_CHUNK;

	s->at += n;
	if (s->at / SLOTS_CHUNK != before && s->at < s->slots.slot[s->current].size)
		s->chunk = s->slots.next[s->chunk];
}

bool schedule_add(struct schedule *s, const struct slots_binding *binding)
{
	struct slots_binding *here = slots_find(&s->slots, binding->id, NULL, NULL);
	uint32_t slot = slots_emptiest(&s->slots);
	struct slot *into = &s->slots.slot[slot];

	if (here) {
		*here = *binding;
		return true;
	}
	if (!slots_push(&s->slots, slot, binding))
		return false;
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
	s->open = true;
	s->started = now;
	s->sent = 0;
	s->partial = slot->size > s->conf.batch;
	s->quota = s->conf.batch;
	s->even = (s->slots.total + s->slots.count - 1) / s->slots.count;
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
	s->from = s->started + s->step / 2;
	if (++s->current == s->slots.count) {
		s->current = 0;
		s->spread = s->step;
		s->round += s->conf.period;
	}
}

/* When message n of the open slot may go out: on its schedule, and after a stall at twice the pace
 * until it is back on it. */
static uint64_t schedule_message_due(const struct schedule *s, uint32_t n)
{
	uint64_t due = schedule_slot_due(s, s->current);

	return due + ((n * s->gap) >> SCHEDULE_GAP_SHIFT);
}

static uint64_t schedule_message_at(const struct schedule *s, uint32_t n)
{
	uint64_t due = schedule_message_due(s, n);
	uint64_t soonest = s->started + ((n * s->gap) >> (SCHEDULE_GAP_SHIFT + 1));

	return due > soonest ? due : soonest;
}

/* Sheds what is far above the average, as a new period or mass removal left it. All of them were
 * sent just now or wait for the next round; any other slot is due sooner. True: done. */
static bool schedule_level(struct schedule *s)
{
	struct slot *slot = &s->slots.slot[s->current];
	uint32_t limit = s->even + s->even / 8;

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
		if (s->at > slot->size)
			s->at = slot->size;
	}
	return slot->size <= limit;
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
		if (schedule_level(s))
			schedule_end(s);
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
	*first = slots_at(&s->slots, s->chunk, s->at);
	*due = schedule_message_due(s, s->sent);
	return n;
}

void schedule_sent(struct schedule *s, uint32_t n)
{
	s->sent += n;
	schedule_step_forward(s, n);
	if (s->partial && s->at == s->slots.slot[s->current].size) {
		s->at = 0;
		s->chunk = s->slots.slot[s->current].head;
	}
}

uint64_t schedule_next(const struct schedule *s)
{
	uint64_t due = schedule_slot_due(s, s->current);

	if (!s->open)
		return due > s->from ? due : s->from;
	return schedule_left(s) ? schedule_message_at(s, s->sent) : 0;
}

uint32_t schedule_needed(const struct schedule_conf *conf, uint32_t total)
{
	uint32_t most = (total + conf->slots - 1) / conf->slots;

	if (most <= conf->batch)
		return 0;
	return (most + conf->joined - 1) / conf->joined;
}
