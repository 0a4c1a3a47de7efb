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

/* When the old schedule would have begun the slot that comes `ahead` slots after its current one:
 * on time, or as soon as a catch-up lets it. */
static uint64_t schedule_turn(const struct schedule *old, uint32_t ahead, uint64_t now)
{
	uint32_t slot = old->current + ahead, count = old->slots.count;
	uint64_t due = schedule_slot_due(old, old->current) + ahead * old->step;
	uint64_t first = old->open ? schedule_end_from(old) : old->from;
	uint64_t soonest = first > now ? first : now;

	/* A round is longer than its steps by what the division left over. */
	if (slot >= count)
		due += old->conf.period - count * old->step;
	soonest += (ahead - old->open) * (old->step / 2);
	return due > soonest ? due : soonest;
}

/* The slot of the new schedule *s for one of the old whose turn would have come at `due`: the
 * latest that is due no later. */
static uint32_t schedule_regroup(
	const struct schedule *s, const struct schedule *old, uint64_t due, uint64_t now)
{
	uint64_t left = due > now ? due - now : 0, past;
	uint32_t to;

	/* A shorter period shrinks all that is left of the old one alike. */
	if (s->conf.period < old->conf.period)
		left = (uint64_t)((unsigned __int128)left * s->conf.period / old->conf.period);
	past = now + left - s->round;
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
	uint64_t soonest = old->started + old->spread / 2;
	uint64_t end = due > soonest ? due : soonest;
	uint32_t next = schedule_regroup(s, old, schedule_turn(old, old->slots.count, now), now);

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

	s->conf = *conf;
	if (old.conf.period == conf->period && old.conf.slots == conf->slots)
		return;
	schedule_anchor(s, now);
	s->hurry = SCHEDULE_NEVER;
	slots_regroup(&s->slots, conf->slots);
	for (uint32_t i = 0; i < old.slots.count; i++) {
		uint32_t ahead = i - old.current + (i < old.current ? old.slots.count : 0);

		if (old.open && ahead == 0)
			schedule_regroup_open(s, &old, now);
		else
			slots_join(&s->slots, i,
				schedule_regroup(s, &old, schedule_turn(&old, ahead, now), now));
	}
	slots_regrouped(&s->slots);
	/* The old slots' messages still go out within an old interval of their due times, half of
	 * one amid a catch-up. */
	if (schedule_turn(&old, 1, now) > schedule_slot_due(&old, old.current) + old.step)
		old.spread /= 2;
	s->spread = s->step < old.spread ? s->step : old.spread;
	s->fresh = conf->slots;
	s->astray = conf->slots + 1u;
	s->from = now;
	s->open = false;
	s->greeting = true;
}

void schedule_greet(struct schedule *s, uint64_t since, uint64_t now)
{
	uint64_t period = s->conf.period, back = period, past, rounds;

	/* After whole periods the first to go are still those that were next then. */
	if (since <= now)
		back = (now - since) % period + (now - since >= period ? period : 0);
	since = now > back ? now - back : 0;
	if (schedule_slot_due(s, s->current) <= since)
		return;
	if (s->open)
		s->slots.slot[s->current].resume = s->partial ? s->at : 0;
	rounds = since < s->round ? (s->round - since + period - 1) / period : 0;
	s->round -= rounds * period;
	/* The slot of that moment may have been half sent. */
	past = (since - s->round) / s->step;
	s->current = past < s->conf.slots ? (uint32_t)past : s->conf.slots - 1u;
	/* Nobody is owed more than two. */
	if (now - schedule_slot_due(s, s->current) >= 2 * period)
		s->round += period;
	if (s->fresh)
		s->fresh = 2u * s->conf.slots;
	s->from = now;
	s->open = false;
	s->greeting = true;
}

uint32_t schedule_needed(const struct schedule_conf *conf, uint32_t total)
{
	uint32_t most = (total + conf->slots - 1) / conf->slots;

	if (most <= conf->batch)
		return 0;
	return (most + conf->joined - 1) / conf->joined;
}
