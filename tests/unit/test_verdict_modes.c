/* SPDX-License-Identifier: BSD-3-Clause */
/* Around the verdict table: limits, brake, shadow mode, which media clock applies. */
#include "tests/unit/verdict_bench.h"

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

/* What the release leaves behind. */
static void test_brake_released(void **state)
{
	struct bench b;

	open_call(&b);
	silent(&b, 0);
	tell(&b, VERDICT_PROBE_RESULT, 0, true);
	tell(&b, VERDICT_BRAKE, 0, false); /* there was none */
	assert_int_equal(b.act.probe, 0);

	open_call(&b); /* the hard limit passed meanwhile: it counts anew */
	tell(&b, VERDICT_BRAKE, 0, true);
	silent(&b, 0);
	at(&b, 3000 * S);
	tell(&b, VERDICT_BRAKE, 0, false);
	tell(&b, VERDICT_PROBE_RESULT, 0, true);
	assert_lives(&b);
	assert_true(b.act.next_ms == T0 + 3300 * S);

	/* The reprieve was for that probe, not for a later one. */
	tell(&b, VERDICT_HEARD, 0, false);
	silent(&b, 0);
	tell(&b, VERDICT_EXPIRED, 0, false);
	assert_ends(&b, CAUSE_SESSION_TIMEOUT, 0);
}

/* An end that Redis did not confirm: the call goes on, and what is silent is asked anew. */
static void test_taken_back(void **state)
{
	struct bench b;

	open_call(&b);
	silent(&b, 1);
	tell(&b, VERDICT_EXPIRED, 0, false);
	assert_ends(&b, CAUSE_SESSION_TIMEOUT, 0);
	b.now += 5;
	tell(&b, VERDICT_RESUMED, 0, false);
	assert_lives(&b);
	assert_int_equal(b.act.probe, 2);
	tell(&b, VERDICT_EXPIRED, 0, false);
	assert_ends(&b, CAUSE_SESSION_TIMEOUT, 0);
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
	struct bench b = {.par = {.max_duration = 604800, .no_timer_limit = 604800}, .now = T0};

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
		cmocka_unit_test(test_brake),
		cmocka_unit_test(test_brake_released),
		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_no_timer_limit),
		cmocka_unit_test(test_no_timer_off),
		cmocka_unit_test(test_max_duration),
		cmocka_unit_test(test_not_answered),
		cmocka_unit_test(test_restored),
		cmocka_unit_test(test_not_probed),
		cmocka_unit_test(test_shadow),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
