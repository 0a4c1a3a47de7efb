/* SPDX-License-Identifier: BSD-3-Clause */
/* What the session timer makes of each answer: checklist EXP-01..06, ST-18..25, RI-03. */
#include "tests/unit/stimer_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S 1000ull

/* EXP-02, EXP-04: what ends the dialog at once, and what only fails; 405/501 to an UPDATE: ST-25 */
static void test_codes(void **state)
{
	static const uint16_t gone[] = {404, 410, 416, 480, 481, 482, 483, 484, 485, 489, 502, 604};
	static const uint16_t stays[] = {400, 403, 415, 422, 486, 487, 488, 491, 500, 503, 600, 603,
		408, 301, 401, 407, 599};

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		struct sim sim;
		int code = gone[i];

		sim_open(&sim, 600, STIMER_US);
		sim.answer = sim_code;
		sim.arg = &code;
		sim_run(&sim, 1000 * S);
		assert_int_equal(sim.sent, 1);
		assert_int_equal(sim.ended_at, 300 * S + 100);
		assert_int_equal(sim.cause, CAUSE_REFRESH_GONE);
		assert_int_equal(sim.code, code);
	}
	for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++) {
		struct sim sim;
		int code = stays[i];

		sim_open(&sim, 600, STIMER_US);
		sim.answer = sim_code;
		sim.arg = &code;
		sim_run(&sim, 1000 * S);
		assert_true(sim.sent > 1);
		assert_int_equal(sim.ended_at, 600 * S); /* EXP-01: only a 2xx extends */
		assert_int_equal(sim.cause, CAUSE_SESSION_TIMEOUT);
	}
}

/* sim->arg: the code for UPDATE; re-INVITE is answered 200. */
static void update_refused(struct sim *sim, uint8_t kind, struct stimer_event *ev, uint64_t *delay)
{
	ev->code = kind == STIMER_SEND_UPDATE ? (uint16_t) * (int *)sim->arg : 200;
	*delay = 100;
}

/* ST-25: UPDATE refused with 405, 501 or 488, or silent, or 408: re-INVITE, and it is remembered */
static void test_update_fallback(void **state)
{
	static const int codes[] = {405, 501, 488, 0, 408};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		uint64_t after = codes[i] ? 100 : 32 * S;
		struct sim sim;
		int code = codes[i];

		sim_open(&sim, 600, STIMER_US);
		sim.answer = update_refused;
		sim.arg = &code;
		sim_run(&sim, 700 * S);
		assert_int_equal(sim.ended_at, 0);
		assert_int_equal(sim.sent, 3);
		sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, 300 * S);
		sim_assert_sent(&sim, 1, STIMER_SEND_REINVITE, 300 * S + after);
		sim_assert_sent(&sim, 2, STIMER_SEND_REINVITE, 600 * S + after + 100);
		assert_int_equal(sim.st.update, STIMER_UPDATE_NEVER);
	}
}

/* 405 and 501 to a re-INVITE mean that the dialog is gone. */
static void test_reinvite_405(void **state)
{
	static const int codes[] = {405, 501};

	for (size_t i = 0; i < 2; i++) {
		struct sim sim;
		int code = codes[i];

		sim_open(&sim, 600, STIMER_US);
		sim.answer = sim_code;
		sim.arg = &code;
		sim.st.allow_update = false;
		sim_run(&sim, 1000 * S);
		sim_assert_sent(&sim, 0, STIMER_SEND_REINVITE, 300 * S);
		assert_int_equal(sim.cause, CAUSE_REFRESH_GONE);
	}
}

/* If both stay silent nothing is proven of UPDATE: the peer is not remembered as one without. */
static void test_silence_proves_nothing(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim_run(&sim, 400 * S);
	assert_int_equal(sim.st.update, STIMER_UPDATE_SUSPECT);
	assert_true(sim.st.unanswered);
}

/* A re-INVITE that was sent for want of Allow proves nothing of UPDATE either. */
static void test_allow_learnt_later(void **state)
{
	static const int codes[] = {486, 200};

	for (size_t i = 0; i < 2; i++) {
		struct sim sim;
		int code = codes[i];

		sim_open(&sim, 600, STIMER_US);
		sim.st.allow_update = false;
		sim.answer = sim_code;
		sim.arg = &code;
		sim_run(&sim, 301 * S);
		sim.st.allow_update = true; /* B2B-06 */
		sim_run(&sim, 601 * S);
		sim_assert_sent(&sim, 0, STIMER_SEND_REINVITE, 300 * S);
		assert_int_equal(sim.kind[1], STIMER_SEND_UPDATE);
	}
}

/* Input of the verdict: only a chain without any answer counts, and any answer clears it. */
static void test_unanswered(void **state)
{
	struct stimer_event busy_here = {.kind = STIMER_RESULT, .code = 486};
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim_run(&sim, 340 * S);
	assert_false(sim.st.unanswered); /* UPDATE silent, re-INVITE open */
	sim_run(&sim, 365 * S);
	assert_true(sim.st.unanswered);
	sim_run(&sim, 540 * S);
	sim_step(&sim, &busy_here);
	assert_false(sim.st.unanswered);
}

/* ST-21, ST-22: the refresh carries max(interval, Min-SE), and Min-SE if one was ever seen. */
static void test_headers(void **state)
{
	struct sim sim;

	sim_open(&sim, 120, STIMER_US);
	sim_run(&sim, 60 * S);
	assert_int_equal(sim.wire[0].se, 120);
	assert_int_equal(sim.wire[0].min_se, 0);
	sim_open(&sim, 120, STIMER_US);
	stimer_learn_min_se(&sim.st, &sim.par, 200);
	stimer_learn_min_se(&sim.st, &sim.par, 150);
	stimer_learn_min_se(&sim.st, &sim.par, UINT32_MAX); /* EXP-11 */
	sim_run(&sim, 60 * S);
	assert_int_equal(sim.wire[0].se, 200);
	assert_int_equal(sim.wire[0].min_se, 200);
	stimer_learn_min_se(&sim.st, &sim.par, STIMER_MIN_SE_MAX);
	assert_int_equal(sim.st.min_se, STIMER_MIN_SE_MAX);
}

/* RI-03: 2.1 to 4.0 s where we own the Call-ID, else 0 to 2.0 s, in steps of 10 ms. */
static void test_glare_delay(void **state)
{
	for (int own = 0; own < 2; own++) {
		uint64_t least = UINT64_MAX, most = 0;

		for (uint32_t random = 0; random < 2000; random++) {
			struct stimer_event glare = {
				.kind = STIMER_RESULT, .code = 491, .random = random * 2654435761u};
			struct sim sim;
			uint64_t wait;

			sim_open(&sim, 600, STIMER_US);
			sim.st.own_call_id = own;
			sim_run(&sim, 300 * S);
			assert_int_equal(sim.sent, 1);
			sim_step(&sim, &glare);
			if (sim.sent == 2)
				wait = 0;
			else
				wait = sim.next_ms - sim.now;
			assert_int_equal(wait % 10, 0);
			least = wait < least ? wait : least;
			most = wait > most ? wait : most;
		}
		assert_int_equal(least, own ? 2100 : 0);
		assert_int_equal(most, own ? 4000 : 2000);
	}
}

/* EXP-06: 491 for ever does not outlive the interval, and does not hammer. */
static void test_glare_for_ever(void **state)
{
	int code = 491;

	for (int own = 0; own < 2; own++) {
		struct sim sim;

		sim_open(&sim, 600, STIMER_US);
		sim.st.own_call_id = own;
		sim.answer = sim_code;
		sim.arg = &code;
		sim_run(&sim, 1000 * S);
		assert_int_equal(sim.ended_at, 600 * S);
		assert_in_range(sim.sent, 12, 22);
	}
}

static void glare_twice(struct sim *sim, uint8_t kind, struct stimer_event *ev, uint64_t *delay)
{
	ev->code = sim->sent <= 2 ? 491 : 200;
	ev->random = 50;
	*delay = 20;
}

static void test_glare_then_ok(void **state)
{
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim.st.own_call_id = true;
	sim.answer = glare_twice;
	sim_run(&sim, 320 * S);
	assert_int_equal(sim.sent, 3);
	sim_assert_sent(&sim, 1, STIMER_SEND_UPDATE, 300 * S + 20 + 2600);
	assert_true(sim.st.confirmed_ms > SIM_T0 + 300 * S);
}

static void min_se_300(struct sim *sim, uint8_t kind, struct stimer_event *ev, uint64_t *delay)
{
	bool enough = sim->act.se >= 300;

	ev->code = enough ? 200 : 422;
	ev->min_se = 300;
	ev->terms.interval = enough ? 300 : 0;
	*delay = 30;
}

/* ST-19: 422 on a refresh is retried once with the Min-SE it names. */
static void test_422(void **state)
{
	struct sim sim;

	sim_open(&sim, 90, STIMER_US);
	sim.answer = min_se_300;
	sim_run(&sim, 100 * S);
	assert_int_equal(sim.sent, 2);
	sim_assert_sent(&sim, 1, STIMER_SEND_UPDATE, 45 * S + 30);
	assert_int_equal(sim.wire[1].se, 300);
	assert_int_equal(sim.wire[1].min_se, 300);
	assert_int_equal(sim.st.interval, 300);
	assert_int_equal(sim.ended_at, 0);
}

/* sim->arg: Min-SE of every 422; 1 = always more than what was sent. */
static void always_422(struct sim *sim, uint8_t kind, struct stimer_event *ev, uint64_t *delay)
{
	uint32_t min_se = *(uint32_t *)sim->arg;

	ev->code = 422;
	ev->min_se = min_se == 1 ? sim->act.se + 1 : min_se;
	*delay = 30;
}

/* ST-20, EXP-01: loops are bounded (3 tries for an attempt), and the deadline stays. */
static void test_422_loops(void **state)
{
	static const struct {
		uint32_t min_se;
		unsigned int sent;
	} row[] = {{0, 2}, {90, 2}, {600, 2}, {UINT32_MAX, 2}, {7201, 2}, {1, 6}, {3600, 3}};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint32_t min_se = row[i].min_se;
		struct sim sim;

		sim_open(&sim, 600, STIMER_US);
		sim.answer = always_422;
		sim.arg = &min_se;
		sim_run(&sim, 1000 * S);
		assert_int_equal(sim.sent, row[i].sent);
		assert_int_equal(sim.ended_at, 600 * S);
	}
}

/* sim->arg: Retry-After of every 503. */
static void always_503(struct sim *sim, uint8_t kind, struct stimer_event *ev, uint64_t *delay)
{
	ev->code = 503;
	ev->retry_after = *(uint32_t *)sim->arg;
	*delay = 100;
}

/* EXP-03: one try per Retry-After, kept off the earlier boundaries, backing off, never hammering;
 * and one that does not fit still leaves the last attempt. */
static void test_retry_after(void **state)
{
	uint32_t after = 30;
	struct sim sim;

	sim_open(&sim, 600, STIMER_US);
	sim.answer = always_503;
	sim.arg = &after;
	sim_run(&sim, 1000 * S);
	sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, 300 * S);
	sim_assert_sent(&sim, 1, STIMER_SEND_UPDATE, 330 * S + 100);
	sim_assert_sent(&sim, 2, STIMER_SEND_UPDATE, 360 * S + 200);
	sim_assert_sent(
		&sim, 3, STIMER_SEND_UPDATE, 400 * S + 300); /* the wait doubles: 10 20 40 */
	assert_int_equal(sim.ended_at, 600 * S);
	for (unsigned int i = 1; i < sim.sent; i++)
		assert_true(sim.at[i] - sim.at[i - 1] >= 30 * S);

	after = 1; /* never more often than each 10 s */
	sim_open(&sim, 600, STIMER_US);
	sim.answer = always_503;
	sim.arg = &after;
	sim_run(&sim, 1000 * S);
	for (unsigned int i = 1; i < sim.sent; i++)
		assert_true(sim.at[i] - sim.at[i - 1] >= 10 * S);
	assert_true(sim.sent < 10);

	after = 100000;
	sim_open(&sim, 600, STIMER_US);
	sim.par.segment = 6;
	sim.answer = always_503;
	sim.arg = &after;
	sim_confirm(&sim, 600, STIMER_US);
	sim_run(&sim, 1000 * S);
	assert_int_equal(sim.sent, 2);
	sim_assert_sent(&sim, 0, STIMER_SEND_UPDATE, 100 * S);
	sim_assert_sent(&sim, 1, STIMER_SEND_UPDATE, 536 * S);
	assert_int_equal(sim.ended_at, 600 * S);

	sim_open(&sim, 600, STIMER_US); /* nor the one in grace */
	sim.par.early_hangup = 5;
	sim.answer = always_503;
	sim.arg = &after;
	sim_confirm(&sim, 600, STIMER_US);
	sim_run(&sim, 1000 * S);
	assert_int_equal(sim.sent, 3);
	sim_assert_sent(&sim, 1, STIMER_SEND_UPDATE, 536 * S);
	sim_assert_sent(&sim, 2, STIMER_SEND_UPDATE, 600 * S);
	assert_int_equal(sim.ended_at, 605 * S);
}

/* Where the peer refreshes a Retry-After that does not fit is not waited for. */
static void test_retry_after_peer(void **state)
{
	uint32_t after = 10;
	struct sim sim;

	sim_open(&sim, 300, STIMER_PEER);
	sim.answer = always_503;
	sim.arg = &after;
	sim_run(&sim, 1000 * S);
	assert_int_equal(sim.sent, 3); /* 236, 246.1, 266.2; the next would not fit */
	assert_int_equal(sim.ended_at, 268 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_update_fallback),
		cmocka_unit_test(test_reinvite_405),
		cmocka_unit_test(test_silence_proves_nothing),
		cmocka_unit_test(test_allow_learnt_later),
		cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_glare_delay),
		cmocka_unit_test(test_glare_for_ever),
		cmocka_unit_test(test_glare_then_ok),
		cmocka_unit_test(test_422),
		cmocka_unit_test(test_422_loops),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_retry_after_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
