/* SPDX-License-Identifier: BSD-3-Clause */
/* The verdict table of product.md 4.1, cell by cell; checklist LV. */
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

static void step(struct bench *b, struct verdict_event ev)
{
	verdict_step(&b->v, &b->par, &ev, b->now, &b->act);
}

static void tell(struct bench *b, enum verdict_event_kind kind, unsigned int leg, bool on)
{
	step(b,
		(struct verdict_event){
			.kind = (uint8_t)kind, .leg = (uint8_t)leg, .on = on, .probing = true});
}

/* Silence that the active clock of 60 s found. */
static void silent(struct bench *b, unsigned int leg)
{
	step(b,
		(struct verdict_event){.kind = VERDICT_SILENT,
			.leg = (uint8_t)leg,
			.timeout_ms = 60000,
			.at_ms = b->now - 60 * S});
}

static void at(struct bench *b, uint64_t ms)
{
	b->now = T0 + ms;
}

/* Answered at T0, both legs with timer, at 100 s now. */
static void open_call(struct bench *b)
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

static void tick(struct bench *b)
{
	tell(b, VERDICT_TICK, 0, false);
}

static void assert_lives(const struct bench *b)
{
	assert_int_equal(b->act.end, CAUSE_NONE);
	assert_false(b->v.ended);
}

static void assert_ends(const struct bench *b, enum cause cause, unsigned int leg)
{
	assert_int_equal(b->act.end, cause);
	assert_int_equal(b->act.end_leg, leg);
	assert_false(b->act.shadow);
	assert_true(b->v.ended);
	assert_true(b->act.next_ms == VERDICT_NEVER);
	assert_int_equal(b->act.probe, 0);
}

/* "dialog gone (481 and its kin): end now", whatever else */
static void test_gone(void **state)
{
	for (unsigned int leg = 0; leg < 2; leg++) {
		struct bench b;

		open_call(&b);
		step(&b,
			(struct verdict_event){.kind = VERDICT_GONE,
				.leg = (uint8_t)leg,
				.cause = CAUSE_REFRESH_GONE,
				.code = 481});
		assert_ends(&b, CAUSE_REFRESH_GONE, leg);
		assert_int_equal(b.act.code, 481);
		assert_true(b.act.media_live);
	}
}

/* "interval expired unconfirmed: end, RTP or not; the CDR flags live media" EXP-10 */
static void test_expired(void **state)
{
	struct bench b;

	open_call(&b);
	tell(&b, VERDICT_EXPIRED, 1, false);
	assert_ends(&b, CAUSE_SESSION_TIMEOUT, 1);
	assert_true(b.act.media_live);

	open_call(&b);
	silent(&b, 0);
	tell(&b, VERDICT_PROBE_RESULT, 0, true);
	tell(&b, VERDICT_EXPIRED, 1, false);
	assert_ends(&b, CAUSE_SESSION_TIMEOUT, 1);
	assert_false(b.act.media_live);

	open_call(&b); /* while a probe of media silence is open: no reprieve */
	silent(&b, 0);
	tell(&b, VERDICT_EXPIRED, 0, false);
	assert_ends(&b, CAUSE_SESSION_TIMEOUT, 0);
}

/* "refresh unanswered so far, RTP alive: retry at the next segment, alarm" */
static void test_unanswered_alive(void **state)
{
	for (unsigned int leg = 0; leg < 2; leg++) {
		struct bench b;

		open_call(&b);
		tell(&b, VERDICT_REFRESH, leg, true);
		assert_lives(&b);
		assert_int_equal(b.act.alarm, 1 << leg);
		tell(&b, VERDICT_REFRESH, leg, true);
		assert_int_equal(b.act.alarm, 0); /* once */
		tell(&b, VERDICT_CONFIRMED, leg, false);
		tell(&b, VERDICT_REFRESH, leg, true);
		assert_int_equal(b.act.alarm, 1 << leg);
	}
}

/* "RTP dead on a leg: an event and a probe of that leg" LV-06 */
static void test_silent_probes(void **state)
{
	for (unsigned int leg = 0; leg < 2; leg++) {
		struct bench b;

		open_call(&b);
		silent(&b, leg);
		assert_lives(&b);
		assert_int_equal(b.act.silent, 1 << leg);
		assert_int_equal(b.act.probe, 1 << leg);
		assert_true(b.act.next_ms == b.now + 8 * S);
		silent(&b, leg); /* said twice: nothing new */
		assert_int_equal(b.act.probe | b.act.silent, 0);
	}
}

/* "Unanswered for probe_timeout: end, cause media dead A, B or both" LV-01 */
static void test_probe_unanswered(void **state)
{
	struct bench b;

	for (unsigned int leg = 0; leg < 2; leg++) {
		open_call(&b);
		silent(&b, leg);
		b.now += 8 * S - 1;
		tick(&b);
		assert_lives(&b);
		b.now += 1;
		tick(&b);
		assert_ends(&b, leg ? CAUSE_MEDIA_DEAD_B : CAUSE_MEDIA_DEAD_A, leg);
		assert_false(b.act.media_live);
	}
	open_call(&b); /* both, the second a moment later */
	silent(&b, 0);
	b.now += 2 * S;
	silent(&b, 1);
	b.now += 6 * S;
	tick(&b);
	assert_ends(&b, CAUSE_MEDIA_DEAD_BOTH, 2);

	open_call(&b); /* both silent, but B's phone answers: A is the dead one */
	silent(&b, 0);
	silent(&b, 1);
	tell(&b, VERDICT_PROBE_RESULT, 1, true);
	b.now += 8 * S;
	tick(&b);
	assert_ends(&b, CAUSE_MEDIA_DEAD_A, 0);

	open_call(&b); /* a 408 is no answer either */
	silent(&b, 1);
	tell(&b, VERDICT_PROBE_RESULT, 1, false);
	assert_ends(&b, CAUSE_MEDIA_DEAD_B, 1);
}

/* "Answered: keep, end at media_hard_timeout" */
static void test_probe_answered(void **state)
{
	struct bench b;

	for (unsigned int leg = 0; leg < 2; leg++) {
		open_call(&b);
		silent(&b, leg);
		b.now += 3 * S;
		tell(&b, VERDICT_PROBE_RESULT, leg, true);
		assert_lives(&b);
		assert_true(b.act.next_ms == T0 + (40 + 300) * S); /* silent since 40 s */
		at(&b, 340 * S - 1);
		tick(&b);
		assert_lives(&b);
		at(&b, 340 * S);
		tick(&b);
		assert_ends(&b, leg ? CAUSE_MEDIA_HARD_B : CAUSE_MEDIA_HARD_A, leg);
	}
	open_call(&b);
	silent(&b, 0);
	silent(&b, 1);
	tell(&b, VERDICT_PROBE_RESULT, 0, true);
	tell(&b, VERDICT_PROBE_RESULT, 1, true);
	at(&b, 340 * S);
	tick(&b);
	assert_ends(&b, CAUSE_MEDIA_HARD_BOTH, 2);

	open_call(&b); /* 0: a party that answers is never ended for its silence */
	b.par.media_hard_timeout = 0;
	silent(&b, 0);
	tell(&b, VERDICT_PROBE_RESULT, 0, true);
	at(&b, 5000 * S);
	tick(&b);
	assert_lives(&b);
}

/* A clock that is as long as the hard limit (DTX, hold): an answered probe buys it once more. */
static void test_hard_after_long_clock(void **state)
{
	static const uint32_t clocks[] = {300, 1800};

	for (size_t i = 0; i < 2; i++) {
		struct bench b;

		open_call(&b);
		at(&b, 2000 * S);
		step(&b,
			(struct verdict_event){.kind = VERDICT_SILENT,
				.timeout_ms = clocks[i] * 1000,
				.at_ms = i ? 0 : b.now - clocks[i] * S});
		tell(&b, VERDICT_PROBE_RESULT, 0, true);
		assert_lives(&b);
		at(&b, 2300 * S - 1);
		tick(&b);
		assert_lives(&b);
		at(&b, 2300 * S);
		tick(&b);
		assert_ends(&b, CAUSE_MEDIA_HARD_A, 0);
	}
}

/* Media comes back before the probe is unanswered, or before the hard limit: nothing is left. */
static void test_heard_again(void **state)
{
	struct bench b;

	open_call(&b);
	silent(&b, 0);
	tell(&b, VERDICT_HEARD, 0, false);
	assert_true(b.act.next_ms == VERDICT_NEVER);
	at(&b, 1000 * S);
	tick(&b);
	assert_lives(&b);
	silent(&b, 0);
	assert_int_equal(b.act.probe, 1); /* and it counts anew */
	tell(&b, VERDICT_PROBE_RESULT, 0, true);
	tell(&b, VERDICT_RESET, 0, false); /* LV-11: renegotiated */
	at(&b, 3000 * S);
	tick(&b);
	assert_lives(&b);
}

/* "RTP dead and refresh unanswered: end now", in either order, on the same leg only */
static void test_dead_and_unanswered(void **state)
{
	struct bench b;

	for (unsigned int leg = 0; leg < 2; leg++) {
		open_call(&b);
		tell(&b, VERDICT_REFRESH, leg, true);
		silent(&b, leg);
		assert_ends(&b, leg ? CAUSE_MEDIA_DEAD_B : CAUSE_MEDIA_DEAD_A, leg);

		open_call(&b);
		silent(&b, leg);
		assert_lives(&b);
		tell(&b, VERDICT_REFRESH, leg, true);
		assert_ends(&b, leg ? CAUSE_MEDIA_DEAD_B : CAUSE_MEDIA_DEAD_A, leg);
		assert_int_equal(b.act.alarm, 0);

		open_call(&b);
		tell(&b, VERDICT_REFRESH, leg, true);
		silent(&b, !leg);
		assert_lives(&b);
	}
}

/* A 2xx answers the probe as well; a failed one before it is forgiven if the call lives. */
static void test_confirmed_answers_probe(void **state)
{
	struct bench b;

	open_call(&b);
	silent(&b, 1);
	tell(&b, VERDICT_CONFIRMED, 1, false);
	b.now += 20 * S;
	tick(&b);
	assert_lives(&b);
}

/* "mass failure: no hang-up by media or silence until it clears"; the rest still ends calls */
static void test_brake(void **state)
{
	struct bench b;

	open_call(&b);
	tell(&b, VERDICT_BRAKE, 0, true);
	silent(&b, 0);
	assert_int_equal(b.act.silent, 1);
	assert_int_equal(b.act.probe, 0); /* no storm of probes into a broken network */
	tell(&b, VERDICT_REFRESH, 0, true);
	assert_lives(&b);
	tell(&b, VERDICT_EXPIRED, 1, false);
	assert_lives(&b);
	at(&b, 3000 * S);
	tick(&b);
	assert_lives(&b);

	/* Released: asked again, and judged by that answer only. */
	tell(&b, VERDICT_BRAKE, 0, false);
	assert_lives(&b);
	assert_int_equal(b.act.probe, 3);
	tell(&b, VERDICT_CONFIRMED, 1, false);
	tell(&b, VERDICT_HEARD, 0, false);
	at(&b, 3100 * S);
	tick(&b);
	assert_lives(&b);

	open_call(&b);
	tell(&b, VERDICT_BRAKE, 0, true);
	tell(&b, VERDICT_EXPIRED, 1, false);
	tell(&b, VERDICT_BRAKE, 0, false);
	b.now += 8 * S;
	tick(&b);
	assert_ends(&b, CAUSE_SESSION_TIMEOUT, 1);

	open_call(&b);
	silent(&b, 0);
	tell(&b, VERDICT_BRAKE, 0, true);
	b.now += 8 * S;
	tick(&b);
	assert_lives(&b);
	tell(&b, VERDICT_BRAKE, 0, false);
	b.now += 8 * S;
	tick(&b);
	assert_ends(&b, CAUSE_MEDIA_DEAD_A, 0);

	open_call(&b);
	tell(&b, VERDICT_BRAKE, 0, true);
	step(&b,
		(struct verdict_event){
			.kind = VERDICT_GONE, .cause = CAUSE_PROBE_GONE, .code = 481});
	assert_ends(&b, CAUSE_PROBE_GONE, 0);

	open_call(&b);
	b.par.max_duration = 600;
	tell(&b, VERDICT_BRAKE, 0, true);
	at(&b, 600 * S);
	tick(&b);
	assert_ends(&b, CAUSE_MAX_DURATION, 2);
}

/* SS_SIP_NO_TIMER_REINVITE_INTERVAL: of calls of which either leg has no timer. */
static void test_no_timer_limit(void **state)
{
	for (unsigned int legs = 0; legs < 4; legs++) {
		struct bench b;

		open_call(&b);
		tell(&b, VERDICT_TIMER, 0, legs & 1);
		tell(&b, VERDICT_TIMER, 1, legs & 2);
		assert_true(b.act.next_ms == (legs == 3 ? VERDICT_NEVER : T0 + 7200 * S));
		at(&b, 7200 * S - 1);
		tick(&b);
		assert_lives(&b);
		at(&b, 7200 * S);
		tick(&b);
		if (legs == 3)
			assert_lives(&b);
		else
			assert_ends(&b, CAUSE_NO_TIMER_LIMIT, 2);
	}
}

static void test_no_timer_off(void **state)
{
	struct bench b;

	open_call(&b);
	b.par.no_timer_limit = 0; /* preset wholesale */
	tell(&b, VERDICT_TIMER, 0, false);
	at(&b, 700000 * S);
	tick(&b);
	assert_lives(&b);
}

/* max_call_duration: of any call, whatever its state. */
static void test_max_duration(void **state)
{
	struct bench b;

	open_call(&b);
	b.par.max_duration = 3600;
	tick(&b);
	assert_true(b.act.next_ms == T0 + 3600 * S);
	at(&b, 3600 * S);
	tick(&b);
	assert_ends(&b, CAUSE_MAX_DURATION, 2);
}

/* Before the answer nothing is limited. */
static void test_not_answered(void **state)
{
	struct bench b = {.par = {.max_duration = 60, .no_timer_limit = 60}, .now = T0};

	tick(&b);
	assert_lives(&b);
	assert_true(b.act.next_ms == VERDICT_NEVER);
}

/* After a restart the limits count from the old time. */
static void test_restored(void **state)
{
	struct bench b = {.par = {.no_timer_limit = 7200}, .now = T0};

	step(&b, (struct verdict_event){.kind = VERDICT_ANSWERED, .at_ms = T0 - 7000 * S});
	assert_lives(&b);
	assert_true(b.act.next_ms == T0 + 200 * S);
}

/* no_timer_probe off: such a leg is not probed; only the hard limit ends it. */
static void test_not_probed(void **state)
{
	struct bench b;

	open_call(&b);
	b.par.no_timer_limit = 0;
	step(&b, (struct verdict_event){.kind = VERDICT_TIMER, .leg = 1});
	silent(&b, 1);
	assert_int_equal(b.act.silent, 2);
	assert_int_equal(b.act.probe, 0);
	assert_true(b.act.next_ms == T0 + 340 * S);
	at(&b, 340 * S);
	tick(&b);
	assert_ends(&b, CAUSE_MEDIA_HARD_B, 1);
}

/* LV-09: first cause wins, and nothing follows it. */
static void test_first_cause_wins(void **state)
{
	struct bench b;

	open_call(&b);
	b.par.max_duration = 100;
	tell(&b, VERDICT_EXPIRED, 0, false); /* at 100 s both are true */
	assert_int_equal(b.act.end, CAUSE_MAX_DURATION);
	tell(&b, VERDICT_EXPIRED, 1, false);
	assert_int_equal(b.act.end, CAUSE_NONE);
	tick(&b);
	assert_int_equal(b.act.end, CAUSE_NONE);

	open_call(&b);
	tell(&b, VERDICT_OVER, 0, false);
	silent(&b, 0);
	tell(&b, VERDICT_EXPIRED, 1, false);
	assert_int_equal(b.act.end, CAUSE_NONE);
	assert_int_equal(b.act.probe, 0);
}

/* Shadow mode: decided and recorded once for each cause, never ended. */
static void test_shadow(void **state)
{
	struct bench b;

	open_call(&b);
	b.par.shadow = true;
	silent(&b, 0);
	assert_int_equal(b.act.probe, 1);
	b.now += 8 * S;
	tick(&b);
	assert_int_equal(b.act.end, CAUSE_MEDIA_DEAD_A);
	assert_true(b.act.shadow);
	assert_false(b.v.ended);
	assert_true(b.act.next_ms > b.now);
	b.now += S;
	tick(&b);
	assert_int_equal(b.act.end, CAUSE_NONE);
	tell(&b, VERDICT_EXPIRED, 1, false);
	assert_int_equal(b.act.end, CAUSE_SESSION_TIMEOUT);
	assert_true(b.act.shadow);
	tell(&b, VERDICT_HEARD, 0, false);
	silent(&b, 0);
	b.now += 8 * S;
	tick(&b);
	assert_int_equal(b.act.end, CAUSE_MEDIA_DEAD_A); /* a new silence is a new record */
	step(&b,
		(struct verdict_event){
			.kind = VERDICT_GONE, .cause = CAUSE_REFRESH_GONE, .code = 481});
	assert_int_equal(b.act.end, CAUSE_REFRESH_GONE);
	assert_false(b.v.ended);
}

/* "held, recvonly, inactive, port 0: no media clock on that direction", and the clocks of LV-04,
 * LV-05: which one applies. */
static void test_clock(void **state)
{
	static const struct {
		struct verdict_media media;
		uint32_t start, silence;
	} row[] = {
		{{.sends = true}, 60000, 60000},
		{{.sends = true, .rtcp_seen = true}, 60000, 60000},
		{{.sends = true, .dtx = true}, 60000, 300000},
		{{.sends = true, .dtx = true, .rtcp_seen = true}, 60000, 60000},
		{{.sends = false}, 0, 0},
		{{.sends = false, .dtx = true}, 0, 0},
		{{.sends = false, .held = true}, 1800000, 1800000},
		{{.sends = true, .held = true}, 1800000, 1800000},
		{{.off = true}, 0, 0},
		{{.off = true, .sends = true, .held = true}, 0, 0},
	};
	struct bench b;

	open_call(&b);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct verdict_clock clock = verdict_clock(&b.par, &row[i].media);

		assert_int_equal(clock.start_ms, row[i].start);
		assert_int_equal(clock.silence_ms, row[i].silence);
	}
	b.par.media_timeout = 0; /* off: also for DTX */
	for (int dtx = 0; dtx < 2; dtx++) {
		struct verdict_media media = {.sends = true, .dtx = dtx};

		assert_int_equal(verdict_clock(&b.par, &media).silence_ms, 0);
	}
	b.par.media_hold_timeout = 0;
	assert_int_equal(
		verdict_clock(&b.par, &(struct verdict_media){.held = true}).silence_ms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_unanswered_alive),
		cmocka_unit_test(test_silent_probes),
		cmocka_unit_test(test_probe_unanswered),
		cmocka_unit_test(test_probe_answered),
		cmocka_unit_test(test_hard_after_long_clock),
		cmocka_unit_test(test_heard_again),
		cmocka_unit_test(test_dead_and_unanswered),
		cmocka_unit_test(test_confirmed_answers_probe),
		cmocka_unit_test(test_brake),
		cmocka_unit_test(test_no_timer_limit),
		cmocka_unit_test(test_no_timer_off),
		cmocka_unit_test(test_max_duration),
		cmocka_unit_test(test_not_answered),
		cmocka_unit_test(test_restored),
		cmocka_unit_test(test_not_probed),
		cmocka_unit_test(test_first_cause_wins),
		cmocka_unit_test(test_shadow),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
