/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/schedule_impl.h"

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

/* Puts the schedule on the clock: slot 0 of a round is due at a multiple of the period. `current`
 * is the slot of this moment, which was due just now. */
static void schedule_anchor(struct schedule *s, uint64_t now)
{
	uint64_t past = now % s->conf.period;

	s->step = s->conf.period / s->conf.slots;
	s->per_step = UINT64_MAX / s->step;
	s->round = now - past;
	s->current = (uint32_t)(past / s->step);
	/* What the division left over belongs to the last one. */
	if (s->current == s->conf.slots)
		s->current--;
}

void schedule_open(struct schedule *s, void *memory, uint32_t capacity, uint32_t *where,
	const struct schedule_conf *conf, uint64_t now)
{
	*s = (struct schedule){.conf = *conf};
	slots_open(&s->slots, memory, capacity, where, conf->slots);
	schedule_anchor(s, now);
	s->spread = s->step;
	s->hurry = SCHEDULE_NEVER;
	if (++s->current == conf->slots) {
		s->current = 0;
		s->round += conf->period;
	}
}

/* What a catch-up takes for it. */
static uint64_t schedule_takes(const struct schedule *old, uint32_t slot)
{
	return old->step >> (old->slots.slot[slot].size <= schedule_fair(old->even));
}

/* When the old schedule would have begun the slot that comes `ahead` slots after its current one:
 * on time, or as soon as a catch-up lets it, which takes `before` for those before it. */
static uint64_t schedule_turn(
	const struct schedule *old, uint32_t ahead, uint64_t before, uint64_t now)
{
	uint32_t count = old->slots.count;
	uint64_t due = schedule_slot_due(old, old->current) + ahead * old->step;
	uint64_t first = old->open ? schedule_end_from(old) : old->from;
	uint64_t soonest = (first > now ? first : now) + before;

	/* A round is longer than its steps by what the division left over. */
	if (old->current + ahead >= count)
		due += old->conf.period - count * old->step;
	return due > soonest ? due : soonest;
}

/* The slot of the new schedule *s for one of the old whose turn would have come at `due`: the
 * latest that is due no later. */
static uint32_t schedule_regroup(const struct schedule *s, uint64_t due, uint64_t now)
{
	/* A longer period than the new one is folded. */
	uint64_t left = due > now ? (due - now) % s->conf.period : 0;
	uint64_t past = now + left - s->round;
	uint32_t to;

	if (past < s->conf.period) {
		to = (uint32_t)(past / s->step);
		return to < s->conf.slots ? to : s->conf.slots - 1u;
	}
	to = (uint32_t)((past - s->conf.period) / s->step);
	if (to < s->current)
		return to;
	/* The next round's slots up to here are this one's. */
	return s->current ? s->current - 1 : s->conf.slots - 1u;
}

/* An open slot goes in two parts: what was sent waits for its next period, the rest comes first and
 * is through when it would have been. */
static void schedule_regroup_open(struct schedule *s, const struct schedule *old, uint64_t now)
{
	uint64_t due = schedule_slot_due(old, old->current) + old->spread;
	uint64_t soonest = old->started + (old->spread >> old->brisk);
	uint64_t end = due > soonest ? due : soonest, others = 0;
	uint32_t turn = old->slots.count, next;

	/* It was missed, and comes again before that. */
	if (old->repeat && old->repeat == old->lag)
		turn = old->lag;
	for (uint32_t ahead = 1; ahead < turn; ahead++)
		others += schedule_takes(old, schedule_ahead(old, ahead));
	next = schedule_regroup(s, schedule_turn(old, turn, others, now), now);
	if (schedule_left(old) == 0) {
		slots_join(&s->slots, old->current, next);
		return;
	}
	if (!old->partial)
		slots_join_before(&s->slots, old->current, old->chunk, next);
	slots_join(&s->slots, old->current, s->current);
	s->hurry = end > now ? end - now : 0;
}

void schedule_set(struct schedule *s, const struct schedule_conf *conf, uint64_t now)
{
	struct schedule old = *s;
	uint64_t before = 0;
	bool late;

	s->conf = *conf;
	if (old.conf.period == conf->period && old.conf.slots == conf->slots)
		return;
	old.even = schedule_even(&old);
	late = schedule_turn(&old, 1, old.open ? 0 : old.step / 2, now) >
		schedule_slot_due(&old, old.current) + old.step;
	schedule_anchor(s, now);
	s->hurry = SCHEDULE_NEVER;
	slots_regroup(&s->slots, conf->slots);
	s->even = schedule_even(s);
	if (old.open)
		schedule_regroup_open(s, &old, now);
	for (uint32_t ahead = old.open; ahead < old.slots.count; ahead++) {
		uint32_t slot = schedule_ahead(&old, ahead);
		uint64_t turn = schedule_turn(&old, ahead, before, now);
		uint32_t to = schedule_regroup(s, turn, now);

		before += schedule_takes(&old, slot);
		slots_join(&s->slots, slot, to);
		if (ahead - old.open < old.repeat)
			slots_join(&s->slots, schedule_repeated(&old, ahead), to);
	}
	slots_regrouped(&s->slots);
	/* The old slots' messages still go out within an old interval of their due times, half of
	 * one amid a catch-up. */
	if (late)
		old.spread /= 2;
	s->spread = s->step < old.spread ? s->step : old.spread;
	s->fresh = conf->slots;
	s->astray = conf->slots + 1u;
	s->owed = old.owed || old.repeat ? conf->slots + 1u : 0;
	s->repeat = 0;
	s->from = now;
	s->open = false;
}

uint32_t schedule_needed(const struct schedule_conf *conf, uint32_t total)
{
	uint32_t most = (total + conf->slots - 1) / conf->slots;

	if (most <= conf->batch)
		return 0;
	return (most + conf->joined - 1) / conf->joined;
}
