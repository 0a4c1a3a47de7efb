/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/stimer.h"

#include "controlplane/call/stimer_nego.h"

#include <string.h>

#define GLARES_MAX 10 /* 491 answers in a row, then the next segment is waited for */

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t age_ms(const struct stimer *st, uint64_t now)
{
	return now > st->confirmed_ms ? now - st->confirmed_ms : 0;
}

uint32_t stimer_cap(const struct stimer_params *par)
{
	return larger(par->ttl, STIMER_MIN_SE_MAX);
}

/* ST-18: an interval below the floor sets the pace, but nobody is hung up for it. */
static uint64_t interval_ms(const struct stimer *st)
{
	return (uint64_t)larger(st->interval, STIMER_FLOOR) * 1000;
}

static uint64_t segments(const struct stimer *st, const struct stimer_params *par)
{
	uint64_t n = larger(par->segment, 2);
	uint64_t step;

	if (st->interval >= STIMER_FLOOR)
		return n;
	step = (uint64_t)st->interval * 1000 / n;
	if (step < STIMER_STEP_MS)
		step = STIMER_STEP_MS;
	return (interval_ms(st) + step - 1) / step;
}

static uint64_t spread_ms(const struct stimer *st, const struct stimer_params *par)
{
	if (st->interval < STIMER_FLOOR)
		return 0;
	return interval_ms(st) / segments(st, par) * st->spread / (20 * (uint64_t)UINT16_MAX);
}

/* Where the peer refreshes: the time before expiry at which the call ends. */
static uint64_t margin_ms(const struct stimer *st)
{
	return earlier(STIMER_TRANSACTION_MS, interval_ms(st) / 3);
}

/* Start of the k-th own attempt since the last 2xx, relative to it. */
static uint64_t boundary_ms(const struct stimer *st, const struct stimer_params *par, uint64_t k)
{
	if (st->role == STIMER_PEER)
		return interval_ms(st) - 2 * margin_ms(st) + (k - 1) * 2 * margin_ms(st);
	return interval_ms(st) * k / segments(st, par) - spread_ms(st, par);
}

/* How many attempts should have started by then. */
static uint64_t boundaries_by(
	const struct stimer *st, const struct stimer_params *par, uint64_t since)
{
	uint64_t first, k;

	if (st->role == STIMER_PEER) {
		first = boundary_ms(st, par, 1);
		k = since < first ? 0 : 1 + (since - first) / (2 * margin_ms(st));
	} else {
		k = ((since + spread_ms(st, par) + 1) * segments(st, par) - 1) / interval_ms(st);
	}
	return earlier(k, UINT16_MAX);
}

/* The final attempt leaves time for an UPDATE and a re-INVITE that both stay silent. Where it would
 * come before the first segment's end there is none (ST-15). 0 = none. */
static uint64_t final_ms(const struct stimer *st, const struct stimer_params *par)
{
	uint64_t interval = interval_ms(st);
	uint64_t final = interval - 2 * STIMER_TRANSACTION_MS;

	if (st->role != STIMER_US || final * segments(st, par) <= interval)
		return 0;
	return final;
}

uint64_t stimer_expiry(const struct stimer *st, const struct stimer_params *par)
{
	switch (st->role) {
	case STIMER_US:
		return st->confirmed_ms + interval_ms(st) + (uint64_t)par->early_hangup * 1000;
	case STIMER_PEER:
		return st->confirmed_ms + interval_ms(st) - margin_ms(st);
	default:
		return STIMER_NEVER;
	}
}

/* The next regular attempt, retries left out. */
static uint64_t scheduled(const struct stimer *st, const struct stimer_params *par)
{
	uint64_t last = st->role == STIMER_PEER ? 1 : segments(st, par) - 1;
	uint64_t due = STIMER_NEVER;

	if (st->served < last || (st->judged && st->served < UINT16_MAX))
		due = boundary_ms(st, par, st->served + 1u);
	if (final_ms(st, par) && !st->final_done)
		due = earlier(due, final_ms(st, par));
	if (st->role == STIMER_US && par->early_hangup && !st->grace_done)
		due = earlier(due, interval_ms(st));
	return due == STIMER_NEVER ? due : st->confirmed_ms + due;
}

static uint64_t due(const struct stimer *st, const struct stimer_params *par)
{
	return st->retry_ms ? st->retry_ms : scheduled(st, par);
}

static bool use_update(const struct stimer *st)
{
	return st->allow_update && st->update == STIMER_UPDATE_TRY;
}

static void start(
	struct stimer *st, const struct stimer_params *par, uint64_t now, struct stimer_action *act)
{
	uint64_t since = age_ms(st, now);
	uint64_t past = boundaries_by(st, par, since);

	if (!st->retry_ms) {
		st->raises = 0;
		st->glares = 0;
	}
	st->retry_ms = 0;
	st->attempt_ms = now;
	if (past > st->served)
		st->served = (uint16_t)past;
	st->final_done = st->final_done || since >= final_ms(st, par);
	st->grace_done = st->grace_done || since >= interval_ms(st);
	st->pending = use_update(st) ? STIMER_REQUEST_UPDATE : STIMER_REQUEST_REINVITE;

	act->kind = use_update(st) ? STIMER_SEND_UPDATE : STIMER_SEND_REINVITE;
	act->refresher = st->role == STIMER_PEER ? STIMER_REFRESHER_UAS : STIMER_REFRESHER_UAC;
	act->min_se = larger(st->min_se, par->min_se > STIMER_FLOOR ? par->min_se : 0);
	act->se = larger(larger(st->interval, STIMER_FLOOR), act->min_se);
}

static void hang_up(struct stimer *st, const struct stimer_params *par, uint64_t now,
	enum cause cause, uint16_t code, struct stimer_action *act)
{
	uint64_t past = boundaries_by(st, par, age_ms(st, now));

	if (past > st->served)
		st->served = (uint16_t)past;
	if (st->judged)
		return;
	st->judged = true;
	act->kind = STIMER_HANGUP;
	act->cause = cause;
	act->code = code;
}

static void confirm(struct stimer *st, const struct stimer_terms *terms, uint64_t now)
{
	st->confirmed_ms = now;
	st->attempt_ms = 0;
	st->retry_ms = 0;
	st->interval = terms->interval;
	st->role = terms->role;
	st->timer = terms->timer;
	st->served = 0;
	st->raises = 0;
	st->glares = 0;
	st->refusals = 0;
	st->final_done = false;
	st->grace_done = false;
	st->unanswered = false;
	st->judged = false;
}

static void raised(
	struct stimer *st, const struct stimer_params *par, uint32_t min_se, uint64_t now)
{
	uint32_t sent = larger(larger(st->interval, STIMER_FLOOR), st->min_se);

	st->raises++;
	if (stimer_raise(par, larger(sent, par->min_se), min_se, st->raises, &st->min_se))
		st->retry_ms = now;
}

static void glared(struct stimer *st, uint32_t random, uint64_t now)
{
	if (st->glares >= GLARES_MAX)
		return;
	st->glares++;
	st->retry_ms = now + (st->own_call_id ? 2100 + 10 * (random % 191) : 10 * (random % 201));
}

/* Retry-After is kept, and what is scheduled before it is left out; but not so long that the call
 * would die without a last attempt (EXP-03). Each refusal in a row doubles the least wait. */
static void refused(
	struct stimer *st, const struct stimer_params *par, uint32_t retry_after, uint64_t now)
{
	uint64_t least = (uint64_t)STIMER_STEP_MS << (st->refusals < 10 ? st->refusals : 10);
	uint64_t wait = (uint64_t)retry_after * 1000;
	uint64_t last = STIMER_NEVER;

	if (retry_after == 0)
		return;
	if (st->refusals < UINT8_MAX)
		st->refusals++;
	st->retry_ms = now + (wait > least ? wait : least);
	if (st->judged)
		return;
	if (st->role == STIMER_US) {
		last = boundary_ms(st, par, segments(st, par) - 1);
		if (last < final_ms(st, par))
			last = final_ms(st, par);
		if (st->confirmed_ms + last <= now && par->early_hangup)
			last = interval_ms(st);
		last += st->confirmed_ms;
	}
	if (last > now)
		st->retry_ms = earlier(st->retry_ms, last);
	if (st->retry_ms >= stimer_expiry(st, par))
		st->retry_ms = 0;
}

static void answered(struct stimer *st, const struct stimer_params *par, uint8_t request,
	const struct stimer_event *ev, uint64_t now)
{
	st->unanswered = false;
	if (request == STIMER_REQUEST_REINVITE && st->update == STIMER_UPDATE_SUSPECT)
		st->update = STIMER_UPDATE_NEVER;
	switch (ev->code) {
	case 405:
	case 488:
	case 501:
		if (request == STIMER_REQUEST_UPDATE) {
			st->update = STIMER_UPDATE_NEVER;
			st->retry_ms = now;
		}
		break;
	case 422:
		raised(st, par, ev->min_se, now);
		break;
	case 491:
		glared(st, ev->random, now);
		break;
	case 500:
	case 503:
		refused(st, par, ev->retry_after, now);
		break;
	default:
		break;
	}
}

static void result(struct stimer *st, const struct stimer_params *par,
	const struct stimer_event *ev, uint64_t now, struct stimer_action *act)
{
	uint8_t request = st->pending;
	bool stale = st->attempt_ms == 0; /* a 2xx of another transaction came meanwhile */

	if (request == STIMER_REQUEST_NONE)
		return;
	st->pending = STIMER_REQUEST_NONE;
	if (age_ms(st, now) > final_ms(st, par))
		st->final_done = true;
	switch (stimer_meaning(ev->code, request)) {
	case STIMER_MEANS_ALIVE:
		if (request == STIMER_REQUEST_REINVITE && st->update == STIMER_UPDATE_SUSPECT)
			st->update = STIMER_UPDATE_NEVER;
		confirm(st, &ev->terms, now);
		break;
	case STIMER_MEANS_GONE:
		hang_up(st, par, now, CAUSE_REFRESH_GONE, ev->code, act);
		break;
	case STIMER_MEANS_NO_ANSWER:
		if (request == STIMER_REQUEST_UPDATE) {
			st->update = STIMER_UPDATE_SUSPECT;
			st->retry_ms = stale ? 0 : now;
		} else {
			st->unanswered = !stale;
		}
		break;
	case STIMER_MEANS_ANSWERED:
		answered(st, par, request, ev, now);
		if (stale)
			st->retry_ms = 0;
		break;
	}
}

static void probe(
	struct stimer *st, const struct stimer_params *par, uint64_t now, struct stimer_action *act)
{
	if (st->pending != STIMER_REQUEST_NONE)
		return;
	if (st->role == STIMER_OFF && par->no_timer == STIMER_PROBE_OFF)
		return;
	if (st->role != STIMER_OFF && !st->busy && (use_update(st) || st->judged))
		start(st, par, now, act);
	else
		act->kind = STIMER_SEND_OPTIONS;
}

/* What was open died with the process, and is sent again. A judgement that was taken back gets one
 * last attempt: the interval is moved so that it ends when that one must have been answered. */
static void resume(struct stimer *st, const struct stimer_params *par, uint64_t now)
{
	if (st->judged && st->role != STIMER_OFF) {
		st->judged = false;
		st->confirmed_ms += now + STIMER_TRANSACTION_MS - stimer_expiry(st, par);
		st->retry_ms = now;
	} else if (st->pending != STIMER_REQUEST_NONE) {
		st->retry_ms = now;
	}
	st->pending = STIMER_REQUEST_NONE;
	st->busy = 0;
}

static void advance(
	struct stimer *st, const struct stimer_params *par, uint64_t now, struct stimer_action *act)
{
	bool open = st->pending != STIMER_REQUEST_NONE || st->busy;

	if (st->role == STIMER_OFF)
		return;
	if (act->kind == STIMER_NOTHING) {
		if (!st->judged && now >= stimer_expiry(st, par))
			hang_up(st, par, now, CAUSE_SESSION_TIMEOUT, 0, act);
		else if (!open && now >= due(st, par))
			start(st, par, now, act);
	}
	if (!st->judged)
		act->next_ms = stimer_expiry(st, par);
	if (st->pending == STIMER_REQUEST_NONE && !st->busy)
		act->next_ms = earlier(act->next_ms, due(st, par));
}

void stimer_step(struct stimer *st, const struct stimer_params *par, const struct stimer_event *ev,
	uint64_t now, struct stimer_action *act)
{
	memset(act, 0, sizeof(*act));
	act->next_ms = STIMER_NEVER;
	if (st->ended)
		return;
	switch (ev->kind) {
	case STIMER_CONFIRMED:
		confirm(st, &ev->terms, now);
		break;
	case STIMER_RESULT:
		result(st, par, ev, now, act);
		break;
	case STIMER_BUSY:
		st->busy += st->busy < UINT8_MAX;
		break;
	case STIMER_IDLE:
		st->busy -= st->busy > 0;
		break;
	case STIMER_PROBE:
		probe(st, par, now, act);
		break;
	case STIMER_RESUME:
		resume(st, par, now);
		break;
	case STIMER_ENDED:
		st->ended = true;
		return;
	default:
		break;
	}
	advance(st, par, now, act);
}

void stimer_learn_min_se(struct stimer *st, const struct stimer_params *par, uint32_t min_se)
{
	if (min_se <= stimer_cap(par))
		st->min_se = larger(st->min_se, min_se);
}
