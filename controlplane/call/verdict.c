/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/verdict.h"

#include <string.h>

static const uint64_t media_causes = 1ull << CAUSE_MEDIA_DEAD_A | 1ull << CAUSE_MEDIA_DEAD_B |
	1ull << CAUSE_MEDIA_DEAD_BOTH | 1ull << CAUSE_MEDIA_HARD_A | 1ull << CAUSE_MEDIA_HARD_B |
	1ull << CAUSE_MEDIA_HARD_BOTH;

static uint32_t seconds_ms(uint32_t s)
{
	return s > UINT32_MAX / 1000 ? UINT32_MAX : s * 1000;
}

struct verdict_clock verdict_clock(const struct verdict_params *par, const struct verdict_media *m)
{
	struct verdict_clock clock = {0};

	if (m->off)
		return clock;
	if (m->held) {
		/* Also where the holder could send music: most send nothing. */
		clock.start_ms = seconds_ms(par->media_hold_timeout);
		clock.silence_ms = clock.start_ms;
	} else if (m->sends) {
		clock.start_ms = seconds_ms(par->media_start_timeout);
		clock.silence_ms = seconds_ms(par->media_timeout);
		if (m->dtx && !m->rtcp_seen && par->media_timeout)
			clock.silence_ms = seconds_ms(par->media_dtx_timeout);
	}
	return clock;
}

static void fresh_media(struct verdict_leg *leg)
{
	leg->silent = false;
	leg->hard_ms = 0;
	leg->probe = VERDICT_PROBE_NONE;
	leg->probe_ms = 0;
	leg->asked_again = false;
}

static void send_probe(struct verdict *v, const struct verdict_params *par, unsigned int i,
	uint64_t now, struct verdict_action *act)
{
	struct verdict_leg *leg = &v->leg[i];

	if (!leg->probing)
		return;
	leg->probe = VERDICT_PROBE_SENT;
	leg->probe_ms = now + (uint64_t)par->probe_timeout * 1000;
	act->probe |= (uint8_t)(1u << i);
}

/* The hard limit counts from the last packet; where the clock that ran out is as long itself (hold,
 * DTX), an answered probe buys the hard time-out once more. */
static void go_silent(struct verdict *v, const struct verdict_params *par,
	const struct verdict_event *ev, uint64_t now, struct verdict_action *act)
{
	unsigned int i = ev->leg & 1;
	struct verdict_leg *leg = &v->leg[i];
	uint64_t hard = (uint64_t)par->media_hard_timeout * 1000;
	uint64_t since = ev->at_ms;

	if (leg->silent)
		return;
	if (since == 0 || since > now)
		since = now > ev->timeout_ms ? now - ev->timeout_ms : now;
	leg->silent = true;
	if (hard)
		leg->hard_ms = since + hard > now ? since + hard : now + hard;
	act->silent |= (uint8_t)(1u << i);
	if (!v->brake)
		send_probe(v, par, i, now, act);
}

/* After the brake nothing old is held against anybody: who is silent or unconfirmed is asked
 * again, and judged by that answer. */
static void release(struct verdict *v, const struct verdict_params *par, uint64_t now,
	struct verdict_action *act)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct verdict_leg *leg = &v->leg[i];

		leg->probe = VERDICT_PROBE_NONE;
		leg->unanswered = false;
		if (leg->silent && leg->hard_ms && leg->hard_ms <= now)
			leg->hard_ms = now + (uint64_t)par->media_hard_timeout * 1000;
		if (leg->silent || leg->expired)
			send_probe(v, par, i, now, act);
		leg->asked_again = leg->probe == VERDICT_PROBE_SENT;
	}
}

/* A decision: the first one ends the call; in shadow mode each cause is recorded once. */
static void end_call(struct verdict *v, const struct verdict_params *par, enum cause cause,
	unsigned int leg, uint16_t code, struct verdict_action *act)
{
	uint64_t bit = 1ull << cause;

	if (act->end != CAUSE_NONE || (par->shadow && (v->shadowed & bit)))
		return;
	act->end = cause;
	act->code = code;
	act->end_leg = (uint8_t)leg;
	act->shadow = par->shadow;
	act->media_live = !v->leg[0].silent && !v->leg[1].silent;
	if (par->shadow)
		v->shadowed |= bit;
	else
		v->ended = true;
}

static bool passed(uint64_t start, uint32_t limit_s, uint64_t now)
{
	return start && limit_s && now >= start + (uint64_t)limit_s * 1000;
}

static bool no_timer(const struct verdict *v)
{
	return !v->leg[0].timer || !v->leg[1].timer;
}

/* Silent, and SIP does not speak for it. */
static bool is_dead(const struct verdict_leg *leg)
{
	return leg->silent && (leg->unanswered || leg->probe == VERDICT_PROBE_FAILED);
}

static bool is_overdue(const struct verdict_leg *leg, uint64_t now)
{
	return leg->silent && leg->hard_ms && now >= leg->hard_ms;
}

static bool is_expired(const struct verdict_leg *leg)
{
	return leg->expired && !(leg->asked_again && leg->probe == VERDICT_PROBE_SENT);
}

static void judge_limits(struct verdict *v, const struct verdict_params *par, uint64_t now,
	struct verdict_action *act)
{
	if (passed(v->answered_ms, par->max_duration, now))
		end_call(v, par, CAUSE_MAX_DURATION, 2, 0, act);
	if (no_timer(v) && passed(v->answered_ms, par->no_timer_limit, now))
		end_call(v, par, CAUSE_NO_TIMER_LIMIT, 2, 0, act);
}

static void judge_sip(
	struct verdict *v, const struct verdict_params *par, struct verdict_action *act)
{
	for (unsigned int i = 0; i < 2; i++)
		if (is_expired(&v->leg[i]))
			end_call(v, par, CAUSE_SESSION_TIMEOUT, i, 0, act);
}

static void judge_media(struct verdict *v, const struct verdict_params *par, uint64_t now,
	struct verdict_action *act)
{
	bool dead[2], overdue[2];

	for (unsigned int i = 0; i < 2; i++) {
		dead[i] = is_dead(&v->leg[i]);
		overdue[i] = is_overdue(&v->leg[i], now);
	}
	/* The other leg counts as dead too while its own probe is unanswered so far. */
	if (dead[0] || dead[1]) {
		for (unsigned int i = 0; i < 2; i++)
			dead[i] |= v->leg[i].silent && v->leg[i].probe == VERDICT_PROBE_SENT;
		if (dead[0] && dead[1])
			end_call(v, par, CAUSE_MEDIA_DEAD_BOTH, 2, 0, act);
		else if (dead[0])
			end_call(v, par, CAUSE_MEDIA_DEAD_A, 0, 0, act);
		else
			end_call(v, par, CAUSE_MEDIA_DEAD_B, 1, 0, act);
	}
	if (overdue[0] && overdue[1])
		end_call(v, par, CAUSE_MEDIA_HARD_BOTH, 2, 0, act);
	else if (overdue[0])
		end_call(v, par, CAUSE_MEDIA_HARD_A, 0, 0, act);
	else if (overdue[1])
		end_call(v, par, CAUSE_MEDIA_HARD_B, 1, 0, act);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_time(const struct verdict *v, const struct verdict_params *par, uint64_t now)
{
	uint64_t next = VERDICT_NEVER;
	uint64_t limit;

	if (v->answered_ms && par->max_duration) {
		limit = v->answered_ms + (uint64_t)par->max_duration * 1000;
		if (limit > now)
			next = earlier(next, limit);
	}
	if (v->answered_ms && par->no_timer_limit && no_timer(v)) {
		limit = v->answered_ms + (uint64_t)par->no_timer_limit * 1000;
		if (limit > now)
			next = earlier(next, limit);
	}
	for (unsigned int i = 0; i < 2; i++) {
		const struct verdict_leg *leg = &v->leg[i];

		if (leg->probe == VERDICT_PROBE_SENT)
			next = earlier(next, leg->probe_ms);
		if (leg->silent && leg->hard_ms > now)
			next = earlier(next, leg->hard_ms);
	}
	return next;
}

static void take_in(struct verdict *v, const struct verdict_params *par,
	const struct verdict_event *ev, uint64_t now, struct verdict_action *act)
{
	struct verdict_leg *leg = &v->leg[ev->leg & 1];

	switch (ev->kind) {
	case VERDICT_ANSWERED:
		v->answered_ms = ev->at_ms ? ev->at_ms : now;
		break;
	case VERDICT_TIMER:
		leg->timer = ev->on;
		leg->probing = ev->probing;
		break;
	case VERDICT_SILENT:
		go_silent(v, par, ev, now, act);
		break;
	case VERDICT_HEARD:
	case VERDICT_RESET:
		fresh_media(leg);
		v->shadowed &= ~media_causes;
		break;
	case VERDICT_REFRESH:
		if (ev->on && !leg->unanswered && !leg->silent)
			act->alarm |= (uint8_t)(1u << (ev->leg & 1));
		leg->unanswered = ev->on;
		break;
	case VERDICT_CONFIRMED:
		leg->unanswered = false;
		leg->expired = false;
		if (leg->probe != VERDICT_PROBE_NONE)
			leg->probe = VERDICT_PROBE_ANSWERED;
		v->shadowed &= ~(1ull << CAUSE_SESSION_TIMEOUT);
		break;
	case VERDICT_EXPIRED:
		leg->expired = true;
		break;
	case VERDICT_GONE:
		end_call(v, par, ev->cause, ev->leg & 1, ev->code, act);
		break;
	case VERDICT_PROBE_RESULT:
		if (leg->probe == VERDICT_PROBE_SENT)
			leg->probe = ev->on ? VERDICT_PROBE_ANSWERED : VERDICT_PROBE_FAILED;
		break;
	case VERDICT_BRAKE:
		if (v->brake && !ev->on)
			release(v, par, now, act);
		v->brake = ev->on;
		break;
	case VERDICT_OVER:
		v->ended = true;
		break;
	case VERDICT_RESUMED:
		v->ended = false;
		v->leg[0].expired = false;
		v->leg[1].expired = false;
		release(v, par, now, act);
		break;
	default:
		break;
	}
}

void verdict_step(struct verdict *v, const struct verdict_params *par,
	const struct verdict_event *ev, uint64_t now, struct verdict_action *act)
{
	memset(act, 0, sizeof(*act));
	act->end_leg = 2;
	act->next_ms = VERDICT_NEVER;
	if (v->ended && ev->kind != VERDICT_RESUMED)
		return;
	take_in(v, par, ev, now, act);
	for (unsigned int i = 0; i < 2; i++)
		if (v->leg[i].probe == VERDICT_PROBE_SENT && now >= v->leg[i].probe_ms)
			v->leg[i].probe = VERDICT_PROBE_FAILED;
	if (!v->ended) {
		judge_limits(v, par, now, act);
		if (!v->brake) {
			judge_sip(v, par, act);
			judge_media(v, par, now, act);
		}
	}
	if (!v->ended)
		act->next_ms = next_time(v, par, now);
	if (act->end != CAUSE_NONE && !act->shadow)
		act->probe = 0;
}
