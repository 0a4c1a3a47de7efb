/* SPDX-License-Identifier: BSD-3-Clause */
/* One call's verdict on virtual time. */
#ifndef TESTS_UNIT_VERDICT_BENCH_H
#define TESTS_UNIT_VERDICT_BENCH_H

#include "controlplane/call/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define S  1000ull
#define T0 5000000ull

struct bench {
	struct verdict v;
	struct verdict_params par;
	struct verdict_action act;
	uint64_t now;
};

static inline void step(struct bench *b, struct verdict_event ev)
{
	verdict_step(&b->v, &b->par, &ev, b->now, &b->act);
}

static inline void tell(struct bench *b, enum verdict_event_kind kind, unsigned int leg, bool on)
{
	step(b,
		(struct verdict_event){
			.kind = (uint8_t)kind, .leg = (uint8_t)leg, .on = on, .probing = true});
}

/* Silence that the active clock of 60 s found. */
static inline void silent(struct bench *b, unsigned int leg)
{
	step(b,
		(struct verdict_event){.kind = VERDICT_SILENT,
			.leg = (uint8_t)leg,
			.timeout_ms = 60000,
			.at_ms = b->now - 60 * S});
}

static inline void at(struct bench *b, uint64_t ms)
{
	b->now = T0 + ms;
}

/* Answered at T0, both legs with timer, at 100 s now. */
static inline void open_call(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->par = (struct verdict_params){.media_timeout = 60,
		.media_start_timeout = 60,
		.media_hold_timeout = 1800,
		.media_dtx_timeout = 300,
		.media_hard_timeout = 300,
		.probe_timeout = 8,
		.no_timer_limit = 7200};
	b->now = T0;
	tell(b, VERDICT_ANSWERED, 0, false);
	tell(b, VERDICT_TIMER, 0, true);
	tell(b, VERDICT_TIMER, 1, true);
	assert_int_equal(b->act.end, CAUSE_NONE);
	at(b, 100 * S);
}

static inline void tick(struct bench *b)
{
	tell(b, VERDICT_TICK, 0, false);
}

static inline void assert_lives(const struct bench *b)
{
	assert_int_equal(b->act.end, CAUSE_NONE);
	assert_false(b->v.ended);
}

static inline void assert_ends(const struct bench *b, enum cause cause, unsigned int leg)
{
	assert_int_equal(b->act.end, cause);
	assert_int_equal(b->act.end_leg, leg);
	assert_false(b->act.shadow);
	assert_true(b->v.ended);
	assert_true(b->act.next_ms == VERDICT_NEVER);
	assert_int_equal(b->act.probe, 0);
}

#endif
