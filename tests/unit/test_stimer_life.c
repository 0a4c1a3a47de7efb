/* SPDX-License-Identifier: BSD-3-Clause */
/* The session timer around its main flow: probes, restart, reload, spread, hostile values. */
#include "tests/unit/stimer_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S 1000ull

/* ST-18: a 2xx with an interval below the floor neither hangs up nor makes us flood. */
static void test_tiny_interval(void **state)
{
	for (uint32_t se = 1; se < 90; se++) {
		for (uint32_t n = 2; n <= 10; n++) {
			struct sim sim;

			sim_open(&sim, se, STIMER_US);
			sim.par.segment = n;
			sim.answer = sim_ok;
			sim.st.spread = UINT16_MAX;
			sim_confirm(&sim, se, STIMER_US);
			sim_run(&sim, 600 * S);
			assert_int_equal(sim.ended_at, 0);
			assert_true(sim.sent > 0);
			for (unsigned int i = 1; i < sim.sent; i++)
				assert_true(sim.at[i] - sim.at[i - 1] >= 10 * S);
			/* As often as it asks for, but each 10 s at most. */
			assert_true(sim.at[0] <= 10 * S || sim.at[0] <= se * S / n);
			assert_true(2 * sim.at[0] > se * S / n);
			assert_int_equal(sim.wire[0].se, 90); /* ST-02 */
		}
	}
}

static void test_tiny_interval_mute(void **state)
{
	struct sim sim;

	sim_open(&sim, 30, STIMER_US);
	sim.st.allow_update = false;
	sim_run(&sim, 1000 * S);
	assert_int_equal(sim.ended_at, 90 * S);
	sim_open(&sim, 1, STIMER_PEER);
	sim_run(&sim, 1000 * S);
	assert_int_equal(sim.ended_at, 60 * S);
}

/* A leg without timer gets nothing from here (no_timer_probe off, options), whatever happens. */
static void test_off(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_OFF);
	assert_true(sim.next_ms == STIMER_NEVER);
	sim_run(&sim, 100000 * S);
	sim_event(&sim, STIMER_TICK);
	sim_event(&sim, STIMER_RESUME);
	sim_event(&sim, STIMER_BUSY);
	sim_event(&sim, STIMER_IDLE);
	assert_int_equal(sim.sent, 0);
	assert_int_equal(sim.ended_at, 0);
	assert_true(stimer_expiry(&sim.st, &sim.par) == STIMER_NEVER);
}

/* The probe that the verdict asks for: UPDATE if allowed, else OPTIONS, by no_timer_probe. */
static void test_probe(void **state)
{
	static const struct {
		enum stimer_role role;
		bool allow_update;
		enum stimer_probe no_timer;
		unsigned int updates, options;
	} row[] = {
		{STIMER_US, true, STIMER_PROBE_OPTIONS, 1, 0},
		{STIMER_US, false, STIMER_PROBE_OPTIONS, 0, 1},
		{STIMER_PEER, true, STIMER_PROBE_OPTIONS, 1, 0},
		{STIMER_PEER, false, STIMER_PROBE_OFF, 0, 1},
		{STIMER_OFF, true, STIMER_PROBE_OPTIONS, 0, 1},
		{STIMER_OFF, true, STIMER_PROBE_OFF, 0, 0},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sim sim;

		sim_open(&sim, 600, row[i].role);
		sim.par.no_timer = row[i].no_timer;
		sim.st.allow_update = row[i].allow_update;
		sim.now += 20 * S;
		sim_event(&sim, STIMER_PROBE);
		assert_int_equal(sim.sent, row[i].updates);
		assert_int_equal(sim.options, row[i].options);
		sim_event(&sim, STIMER_PROBE); /* one open: its result counts */
		assert_int_equal(sim.sent, row[i].updates);
	}
}

/* While another transaction is open a probe is an OPTIONS: it may run beside it. */
static void test_probe_busy(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim_event(&sim, STIMER_BUSY);
	sim_event(&sim, STIMER_PROBE);
	assert_int_equal(sim.options, 1);
	assert_int_equal(sim.sent, 0);
}

/* A 2xx of the peer's refresh crosses our silent UPDATE: nothing is held against him. */
static void test_confirmed_meanwhile(void **state)
{
	struct stimer_event silence = {.kind = STIMER_RESULT};
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim_run(&sim, 310 * S);
	assert_int_equal(sim.sent, 1);
	sim_confirm(&sim, 600, STIMER_US);
	sim.now = SIM_T0 + 332 * S;
	sim_step(&sim, &silence);
	assert_int_equal(sim.sent, 1);
	assert_false(sim.st.unanswered);
	assert_true(sim.next_ms == SIM_T0 + 610 * S);
}

/* EXP-12: early only, at most 5 % of a segment, inside the window of ST-15; no more attempts than
 * without. */
static void test_spread(void **state)
{
	static const uint64_t intervals[] = {90 * S, 600 * S};
	int code = 500;

	for (size_t i = 0; i < 2; i++) {
		for (uint32_t n = 2; n <= 10; n++) {
			uint64_t step = intervals[i] / n;
			uint64_t before = UINT64_MAX;
			unsigned int sent = 0;

			for (uint32_t spread = 0; spread <= UINT16_MAX; spread += 4369) {
				struct sim sim;

				sim_open(&sim, (uint32_t)(intervals[i] / S), STIMER_US);
				sim.par.segment = n;
				sim.st.spread = (uint16_t)spread;
				sim.answer = sim_code;
				sim.arg = &code;
				sim_confirm(&sim, (uint32_t)(intervals[i] / S), STIMER_US);
				sim_run(&sim, 700 * S);
				assert_true(sim.at[0] <= step);
				assert_true(sim.at[0] >= step * 95 / 100);
				assert_true(sim.at[0] < before);
				before = sim.at[0];
				if (spread == 0)
					sent = sim.sent;
				assert_int_equal(sim.sent, sent);
				assert_int_equal(sim.ended_at, intervals[i]);
			}
			assert_true(before == step - step / 20);
		}
	}
}

/* Restored after a restart: what is in the record is enough; nothing early, nothing lost. */
static void test_resume(void **state)
{
	struct sim sim;
	struct stimer kept;

	/* Before the first attempt: it comes when it would have come. */
	sim_open(&sim, 600, STIMER_US);
	kept = (struct stimer){.confirmed_ms = sim.st.confirmed_ms,
		.interval = sim.st.interval,
		.role = sim.st.role,
		.timer = sim.st.timer,
		.allow_update = true};
	sim.st = kept;
	sim.now += 200 * S;
	sim_event(&sim, STIMER_RESUME);
	sim_run(&sim, 301 * S);
	assert_int_equal(sim.sent, 1);
	sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, 300 * S);

	/* It fell into the downtime: at once. */
	sim.st = kept;
	sim.sent = 0;
	sim.result_ms = 0;
	sim.now = SIM_T0 + 420 * S;
	sim_event(&sim, STIMER_RESUME);
	sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, 420 * S);

	/* In the middle of one that is recorded as pending: again, and once. */
	sim_open(&sim, 600, STIMER_US);
	sim_run(&sim, 305 * S);
	assert_int_equal(sim.sent, 1);
	sim.result_ms = 0;
	sim.st.busy = 1;
	sim_event(&sim, STIMER_RESUME);
	assert_int_equal(sim.sent, 2);
	sim_run(&sim, 1000 * S);
	assert_int_equal(sim.ended_at, 600 * S);
}

/* A hang-up that is not carried out (brake, shadow): said once, tried on, healed by a 2xx. */
static void test_not_hung_up(void **state)
{
	struct sim sim;
	unsigned int sent;

	sim_open(&sim, 600, STIMER_US);
	sim_run(&sim, 700 * S);
	assert_int_equal(sim.ended_at, 600 * S);
	sim.ended_at = 0;
	sim.result_ms = 0;
	sent = sim.sent;
	sim_run(&sim, 3000 * S);
	assert_int_equal(sim.ended_at, 0);
	assert_in_range(sim.sent - sent, 7, 9); /* each 300 s */
	sim_event(&sim, STIMER_PROBE);
	sim_confirm(&sim, 600, STIMER_US);
	sim.result_ms = 0;
	sim.answer = NULL;
	sim.st.pending = 0;
	sim.now = SIM_T0 + 3001 * S;
	sim_run(&sim, 9000 * S);
	assert_int_equal(sim.ended_at, 3600 * S);
}

static void test_ended(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim_event(&sim, STIMER_ENDED);
	assert_true(sim.next_ms == STIMER_NEVER);
	sim.now += 10000 * S;
	sim_event(&sim, STIMER_TICK);
	sim_confirm(&sim, 600, STIMER_US);
	assert_int_equal(sim.act.kind, STIMER_NOTHING);
	assert_true(sim.next_ms == STIMER_NEVER);
}

/* A stray result and a clock that is behind the record do no harm. */
static void test_robust(void **state)
{
	struct stimer_event ok = {.kind = STIMER_RESULT, .code = 200};
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim.now += 10 * S;
	sim_step(&sim, &ok);
	assert_int_equal(sim.st.confirmed_ms, SIM_T0);
	sim.now = SIM_T0 - 500 * S;
	sim_event(&sim, STIMER_TICK);
	assert_int_equal(sim.act.kind, STIMER_NOTHING);
	assert_true(sim.next_ms == SIM_T0 + 300 * S);
}

/* A reload is taken up by the calls that are up: another segment value and grace. */
static void test_reload(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim.par.segment = 6;
	sim.par.early_hangup = 10;
	sim_event(&sim, STIMER_TICK);
	assert_true(sim.next_ms == SIM_T0 + 100 * S);
	assert_true(stimer_expiry(&sim.st, &sim.par) == SIM_T0 + 610 * S);
}

/* Redis knew better and the end was taken back: one more attempt, then the same judgement. */
static void test_taken_back(void **state)
{
	static const struct {
		enum stimer_role role;
		uint32_t grace;
	} row[] = {{STIMER_US, 0}, {STIMER_US, 100}, {STIMER_PEER, 0}};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sim sim;
		unsigned int sent;

		sim_open(&sim, 300, row[i].role);
		sim.par.early_hangup = row[i].grace;
		sim_confirm(&sim, 300, row[i].role);
		sim_run(&sim, 1000 * S);
		assert_true(sim.ended_at > 0);
		sent = sim.sent;
		sim.now = SIM_T0 + sim.ended_at + 5;
		sim.ended_at = 0;
		sim.result_ms = 0;
		sim_event(&sim, STIMER_RESUME);
		assert_int_equal(sim.sent, sent + 1);
		sent = (unsigned int)(sim.now - SIM_T0);
		sim_run(&sim, 1000 * S);
		assert_int_equal(sim.ended_at, sent + 32 * S);
		assert_int_equal(sim.cause, CAUSE_SESSION_TIMEOUT);
	}
}

/* Not hung up where the peer refreshes. */
static void test_not_hung_up_peer(void **state)
{
	struct sim sim;

	sim_open(&sim, 300, STIMER_PEER);
	sim.st.allow_update = false;
	sim_run(&sim, 280 * S);
	assert_int_equal(sim.ended_at, 268 * S);
	sim.ended_at = 0;
	sim_run(&sim, 268 * S + 640 * S);
	assert_int_equal(sim.ended_at, 0);
	assert_int_equal(sim.sent, 11); /* each 64 s */
	for (unsigned int i = 0; i < sim.sent; i++)
		assert_int_equal(sim.at[i], 236 * S + i * 64 * S);
}

/* A request that cannot even be sent fails in the same millisecond: no endless turn. */
static void failed_at_once(struct sim *sim, uint8_t kind, struct stimer_event *ev, uint64_t *delay)
{
	ev->code = 408;
	*delay = 0;
}

static void test_failed_at_once(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim.par.early_hangup = 10;
	sim.answer = failed_at_once;
	sim_confirm(&sim, 600, STIMER_US);
	sim_run(&sim, 1000 * S);
	assert_int_equal(sim.sent, 4);
	sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, 300 * S);
	sim_assert_sent(&sim, 1, STIMER_SEND_REINVITE, 300 * S);
	sim_assert_sent(&sim, 2, STIMER_SEND_REINVITE, 536 * S);
	sim_assert_sent(&sim, 3, STIMER_SEND_REINVITE, 600 * S);
	assert_int_equal(sim.ended_at, 610 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tiny_interval),
		cmocka_unit_test(test_tiny_interval_mute),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_probe_busy),
		cmocka_unit_test(test_confirmed_meanwhile),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_not_hung_up),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_robust),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_not_hung_up_peer),
		cmocka_unit_test(test_failed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
