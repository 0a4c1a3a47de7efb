/* SPDX-License-Identifier: BSD-3-Clause */
/* The verdict table of product.md 4.1, cell by cell; checklist LV. */
#include "tests/unit/verdict_bench.h"

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

	/* If nobody knows since when: the length of the clock that ran out. */
	for (uint64_t at_ms = 0; at_ms <= T0 * 2; at_ms += T0 * 2) {
		open_call(&b);
		step(&b,
			(struct verdict_event){
				.kind = VERDICT_SILENT, .timeout_ms = 60000, .at_ms = at_ms});
		tell(&b, VERDICT_PROBE_RESULT, 0, true);
		assert_true(b.act.next_ms == T0 + 340 * S);
	}

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
		cmocka_unit_test(test_first_cause_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
