/* SPDX-License-Identifier: BSD-3-Clause */
/* The session timer of a leg on virtual time: product.md section 1, checklist ST, EXP, RI. */
#include "tests/unit/stimer_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S 1000ull

/* product.md 1: "With the defaults: attempts at 300 s and 536 s, judged at 600 s." ST-15, EXP-02 */
static void test_defaults_mute_peer(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim_run(&sim, 1000 * S);
	assert_int_equal(sim.sent, 3);
	sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, 300 * S);
	sim_assert_sent(&sim, 1, STIMER_SEND_REINVITE, 332 * S); /* an UPDATE that stays silent */
	sim_assert_sent(&sim, 2, STIMER_SEND_REINVITE, 536 * S);
	assert_int_equal(sim.ended_at, 600 * S);
	assert_int_equal(sim.cause, CAUSE_SESSION_TIMEOUT);
}

/* Every example of the segment row: 600/2, 600/4, 600/6, 600/10, 1800/3. */
static void test_segment_examples(void **state)
{
	static const struct {
		uint32_t interval, segment, first;
	} row[] = {{600, 2, 300}, {600, 4, 150}, {600, 6, 100}, {600, 10, 60}, {1800, 3, 600},
		{600, 3, 200}, {600, 5, 120}, {600, 8, 75}};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sim sim;

		sim_open(&sim, row[i].interval, STIMER_US);
		sim.par.segment = row[i].segment;
		sim.answer = sim_ok;
		sim_confirm(&sim, row[i].interval, STIMER_US);
		sim_run(&sim, 10000 * S);
		assert_int_equal(sim.ended_at, 0);
		for (unsigned int k = 0; k < sim.sent && k < 5; k++)
			assert_int_equal(sim.at[k], (k + 1) * row[i].first * S + k * 50);
	}
}

/* Attempts at k*I/n for each segment value, with a peer that refuses (500) and lives on. */
static void test_each_segment_refused(void **state)
{
	int code = 500;

	for (uint32_t n = 2; n <= 10; n++) {
		struct sim sim;
		unsigned int expected = n;

		sim_open(&sim, 600, STIMER_US);
		sim.par.segment = n;
		sim.answer = sim_code;
		sim.arg = &code;
		sim_confirm(&sim, 600, STIMER_US);
		sim_run(&sim, 1000 * S);
		assert_int_equal(sim.sent, expected);
		for (unsigned int k = 1, i = 0; k < n; k++, i++) {
			/* The final attempt at 536 s takes its place in the order. */
			if (600 * S * k / n > 536 * S && i == k - 1)
				sim_assert_sent(&sim, i++, STIMER_SEND_UPDATE, 536 * S);
			sim_assert_sent(&sim, i, STIMER_SEND_UPDATE, 600 * S * k / n);
		}
		assert_int_equal(sim.ended_at, 600 * S);
	}
}

/* Any 2xx confirms and restarts the interval, from when it came; ST-14, ST-16. */
static void test_foreign_2xx_restarts(void **state)
{
	struct sim sim;

	sim_open(&sim, 90, STIMER_US);
	sim.answer = sim_ok;
	sim.now = SIM_T0 + 40 * S;
	sim_confirm(&sim, 90, STIMER_US); /* a hold re-INVITE of the peer */
	sim_run(&sim, 86 * S);
	sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, 85 * S);
}

/* A boundary that finds a transaction pending waits for its end. */
static void test_boundary_waits(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim.now = SIM_T0 + 290 * S;
	sim_event(&sim, STIMER_BUSY);
	sim_run(&sim, 310 * S);
	assert_int_equal(sim.sent, 0);
	sim_event(&sim, STIMER_IDLE);
	sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, 310 * S);
}

/* Two foreign transactions: both must end. */
static void test_boundary_waits_for_all(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim_event(&sim, STIMER_BUSY);
	sim_event(&sim, STIMER_BUSY);
	sim_run(&sim, 301 * S);
	sim_event(&sim, STIMER_IDLE);
	assert_int_equal(sim.sent, 0);
	sim_event(&sim, STIMER_IDLE);
	assert_int_equal(sim.sent, 1);
	sim_event(&sim, STIMER_IDLE); /* one too many does no harm */
	assert_int_equal(sim.st.busy, 0);
}

/* The final attempt is dropped if one is pending at I - 64 s: segment 8 has one from 525 s. */
static void test_final_dropped_while_pending(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim.par.segment = 8;
	sim.st.allow_update = false;
	sim_confirm(&sim, 600, STIMER_US);
	sim_run(&sim, 1000 * S);
	assert_int_equal(sim.sent, 7);
	for (unsigned int i = 0; i < 7; i++)
		sim_assert_sent(&sim, i, STIMER_SEND_REINVITE, (i + 1) * 75 * S);
	assert_int_equal(sim.ended_at, 600 * S);
}

/* With 90 s there is no room for a final attempt before the first segment ends: t = 45, as ST-10.
 */
static void test_floor_interval(void **state)
{
	struct sim sim;

	sim_open(&sim, 90, STIMER_US);
	sim_run(&sim, 1000 * S);
	assert_int_equal(sim.sent, 2);
	sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, 45 * S);
	sim_assert_sent(&sim, 1, STIMER_SEND_REINVITE, 77 * S);
	assert_int_equal(sim.ended_at, 90 * S);
}

/* Grace N: one more attempt at I, counted until I + N; 0 to 300 s. */
static void test_grace(void **state)
{
	for (uint32_t grace = 1; grace <= 300; grace++) {
		struct sim sim;

		sim_open(&sim, 600, STIMER_US);
		sim.par.early_hangup = grace;
		sim_confirm(&sim, 600, STIMER_US);
		sim_run(&sim, 2000 * S);
		assert_int_equal(sim.sent, 4);
		sim_assert_sent(&sim, 2, STIMER_SEND_REINVITE, 536 * S);
		sim_assert_sent(&sim, 3, STIMER_SEND_REINVITE, 600 * S);
		assert_int_equal(sim.ended_at, (600 + grace) * S);
		assert_int_equal(stimer_expiry(&sim.st, &sim.par), SIM_T0 + (600 + grace) * S);
	}
}

static void ok_from_4th(struct sim *sim, uint8_t kind, struct stimer_event *ev, uint64_t *delay)
{
	ev->code = sim->sent >= 4 ? 200 : 0;
	*delay = 4 * S;
}

static void test_grace_saves(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim.par.early_hangup = 5;
	sim.answer = ok_from_4th;
	sim_confirm(&sim, 600, STIMER_US);
	sim_run(&sim, 700 * S);
	assert_int_equal(sim.ended_at, 0);
	assert_int_equal(sim.st.confirmed_ms, SIM_T0 + 604 * S);
}

/* The attempt in grace that finds one pending waits for its end, and is made once. */
static void test_grace_waits(void **state)
{
	struct sim sim;

	sim_open(&sim, 120, STIMER_US);
	sim.par.early_hangup = 30;
	sim.par.segment = 10;
	sim.st.allow_update = false;
	sim_confirm(&sim, 120, STIMER_US);
	sim_run(&sim, 1000 * S);
	/* 12, 44, 76, 108 each wait for the one before; 140 is the one for I = 120. */
	assert_int_equal(sim.sent, 5);
	sim_assert_sent(&sim, 4, STIMER_SEND_REINVITE, 140 * S);
	assert_int_equal(sim.ended_at, 150 * S);
}

/* EXP-05: where the peer refreshes: own refresh at SE - 2m, BYE at SE - m, m = min(32, SE/3). */
static void test_peer_refreshes(void **state)
{
	static const struct {
		uint32_t se, own, bye;
	} row[] = {{90, 30, 60}, {96, 32, 64}, {120, 56, 88}, {300, 236, 268}, {1800, 1736, 1768}};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		for (uint32_t grace = 0; grace <= 300; grace += 150) {
			struct sim sim;

			sim_open(&sim, row[i].se, STIMER_PEER);
			sim.par.ttl = 1800;
			sim.par.early_hangup = grace; /* never moves that */
			sim_confirm(&sim, row[i].se, STIMER_PEER);
			sim_run(&sim, 3000 * S);
			assert_int_equal(sim.sent, 1);
			sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, row[i].own * S);
			assert_int_equal(sim.wire[0].refresher, STIMER_REFRESHER_UAS);
			assert_int_equal(sim.ended_at, row[i].bye * S);
			assert_int_equal(sim.cause, CAUSE_SESSION_TIMEOUT);
		}
	}
}

static void test_peer_keeps_refreshing(void **state)
{
	struct sim sim;

	sim_open(&sim, 300, STIMER_PEER);
	for (unsigned int i = 1; i <= 10; i++) {
		sim_run(&sim, i * 150 * S);
		sim_confirm(&sim, 300, STIMER_PEER);
	}
	assert_int_equal(sim.sent, 0);
	assert_int_equal(sim.ended_at, 0);
}

/* The peer is silent once; our own refresh is answered and he may go on. */
static void test_peer_saved_by_own_refresh(void **state)
{
	struct sim sim;

	sim_open(&sim, 300, STIMER_PEER);
	sim.answer = sim_ok;
	sim_run(&sim, 500 * S);
	assert_int_equal(sim.ended_at, 0);
	assert_int_equal(sim.at[0], 236 * S);
	assert_int_equal(sim.st.role, STIMER_PEER);
}

/* ST-10, ST-23, pjproject#2658: the role flips with each 2xx, in both directions. */
static void test_role_flips(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim.now = SIM_T0 + 100 * S;
	sim_confirm(&sim, 600, STIMER_PEER);
	sim_run(&sim, 635 * S);
	assert_int_equal(sim.sent, 0); /* ours would have been at 400 s */
	sim_confirm(&sim, 90, STIMER_US);
	sim_run(&sim, 635 * S + 45 * S);
	sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, 680 * S);
	assert_int_equal(sim.wire[0].refresher, STIMER_REFRESHER_UAC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_mute_peer),
		cmocka_unit_test(test_segment_examples),
		cmocka_unit_test(test_each_segment_refused),
		cmocka_unit_test(test_foreign_2xx_restarts),
		cmocka_unit_test(test_boundary_waits),
		cmocka_unit_test(test_boundary_waits_for_all),
		cmocka_unit_test(test_final_dropped_while_pending),
		cmocka_unit_test(test_floor_interval),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_grace_saves),
		cmocka_unit_test(test_grace_waits),
		cmocka_unit_test(test_peer_refreshes),
		cmocka_unit_test(test_peer_keeps_refreshing),
		cmocka_unit_test(test_peer_saved_by_own_refresh),
		cmocka_unit_test(test_role_flips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
