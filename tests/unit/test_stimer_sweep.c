/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold for every interval, segment, grace and sequence of answers: the call never
 * outlives its deadline unconfirmed, is never ended if it was confirmed in time, has one request
 * open at most, and every request has a reason that product.md section 1 gives. */
#include "tests/unit/stimer_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S 1000ull

enum reply {
	SILENT,
	OK,
	LATE_OK, /* after 20 s */
	REFUSED, /* 486 */
	GLARE,
	BUSY_503,  /* Retry-After: 17 */
	NO_METHOD, /* 405 to UPDATE, else 488 */
	REPLIES,
};

struct script {
	uint8_t reply[4];   /* then repeated */
	uint64_t confirmed; /* when the last 2xx came, absolute */
	uint64_t ended;     /* end of the request before, absolute */
	uint8_t before;     /* enum reply of it */
	bool any;
};

static enum reply script_next(const struct sim *sim, const struct script *script)
{
	return script->reply[(sim->sent - 1) % 4];
}

/* The reasons for which a request may start `since` the last 2xx. */
static bool has_reason(const struct sim *sim, const struct script *script)
{
	uint64_t interval = (uint64_t)sim->st.interval * S;
	uint64_t since = sim->now - script->confirmed;
	uint64_t gap = sim->now - script->ended;

	if (sim->st.role == STIMER_PEER) {
		uint64_t m = interval / 3 < 32 * S ? interval / 3 : 32 * S;

		if (since == interval - 2 * m)
			return true;
	} else {
		for (uint64_t k = 1; k < sim->par.segment; k++)
			if (since == interval * k / sim->par.segment)
				return true;
		if (since == interval - 64 * S || (since == interval && sim->par.early_hangup))
			return true;
	}
	if (!script->any)
		return false;
	if (gap == 0) /* waited for the one before, or takes the other method at once */
		return script->before != OK && script->before != LATE_OK;
	if (script->before == GLARE)
		return gap <= 4 * S;
	return script->before == BUSY_503 && gap >= 10 * S;
}

static void answer(struct sim *sim, uint8_t kind, struct stimer_event *ev, uint64_t *delay)
{
	struct script *script = sim->arg;
	enum reply reply = script_next(sim, script);

	assert_true(has_reason(sim, script));
	*delay = 70;
	switch (reply) {
	case SILENT:
		*delay = STIMER_TRANSACTION_MS;
		break;
	case OK:
		ev->code = 200;
		break;
	case LATE_OK:
		ev->code = 200;
		*delay = 20 * S;
		break;
	case REFUSED:
		ev->code = 486;
		break;
	case GLARE:
		ev->code = 491;
		ev->random = sim->sent * 977;
		break;
	case BUSY_503:
		ev->code = 503;
		ev->retry_after = 17;
		break;
	default:
		ev->code = kind == STIMER_SEND_UPDATE ? 405 : 488;
		break;
	}
	script->any = true;
	script->before = (uint8_t)reply;
	script->ended = sim->now + *delay;
}

/* Runs until the deadline that the script itself expects, confirmations included. */
static void run_one(
	uint32_t interval, uint32_t n, uint32_t grace, enum stimer_role role, unsigned int pattern)
{
	struct script script = {.confirmed = SIM_T0};
	uint64_t margin, deadline;
	struct sim sim;

	for (unsigned int i = 0; i < 4; i++, pattern /= REPLIES)
		script.reply[i] = (uint8_t)(pattern % REPLIES);
	sim_open(&sim, interval, role);
	sim.par.segment = n;
	sim.par.early_hangup = grace;
	sim.answer = answer;
	sim.arg = &script;
	sim_confirm(&sim, interval, role);
	margin = interval / 3.0 < 32 ? (uint64_t)interval * S / 3 : 32 * S;
	for (unsigned int confirmed = 0; confirmed < 3; confirmed++) {
		deadline = script.confirmed + interval * S;
		deadline = role == STIMER_US ? deadline + grace * S : deadline - margin;
		/* A 2xx on its way before the deadline counts, one after it does not. */
		while (!sim.ended_at && sim.st.confirmed_ms == script.confirmed) {
			uint64_t next = sim.next_ms;

			if (sim.result_ms && sim.result_ms < next)
				next = sim.result_ms;
			assert_true(next <= deadline);
			sim_run(&sim, next - SIM_T0);
			assert_false(sim.late);
			assert_false(sim.overlapped);
		}
		assert_true(sim.sent >= 1);
		if (sim.ended_at) {
			assert_int_equal(sim.cause, CAUSE_SESSION_TIMEOUT);
			assert_int_equal(sim.ended_at + SIM_T0, deadline);
			return;
		}
		assert_true(sim.st.confirmed_ms == script.ended);
		assert_true(sim.st.confirmed_ms <= deadline);
		assert_true(script.before == OK || script.before == LATE_OK);
		script.confirmed = sim.st.confirmed_ms;
	}
}

static void sweep(enum stimer_role role)
{
	static const uint32_t intervals[] = {90, 100, 128, 150, 300, 600, 1801};
	static const uint32_t graces[] = {0, 1, 31, 100};
	unsigned int patterns = REPLIES * REPLIES * REPLIES * REPLIES;

	for (size_t i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++)
		for (uint32_t n = 2; n <= 10; n++)
			for (size_t g = 0; g < sizeof(graces) / sizeof(graces[0]); g++)
				for (unsigned int p = 0; p < patterns; p++)
					run_one(intervals[i], n, graces[g], role, p);
}

static void test_sweep_us(void **state)
{
	sweep(STIMER_US);
}

static void test_sweep_peer(void **state)
{
	sweep(STIMER_PEER);
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

/* Any order of events, any numbers: one request at most, none while another transaction is open,
 * HANGUP once between two confirmations, next_ms never in the past, nothing after the end. */
static void test_random_events(void **state)
{
	uint64_t seed = 42;

	for (unsigned int run = 0; run < 20000; run++) {
		struct stimer st = {.allow_update = next_random(&seed) % 2,
			.spread = (uint16_t)next_random(&seed)};
		struct stimer_params par = {.ttl = 90 + next_random(&seed) % 86000,
			.segment = 2 + next_random(&seed) % 9,
			.early_hangup = next_random(&seed) % 301,
			.min_se = 90 + next_random(&seed) % 200,
			.no_timer = (uint8_t)(next_random(&seed) % 3)};
		uint64_t now = SIM_T0;
		bool hung_up = false, ended = false;

		for (unsigned int i = 0; i < 60; i++) {
			static const uint16_t codes[] = {
				0, 200, 408, 422, 481, 486, 488, 491, 500, 501, 503};
			struct stimer_event ev = {
				.kind = (uint8_t)(next_random(&seed) % (STIMER_ENDED + (i > 50))),
				.code = codes[next_random(&seed) % 11],
				.min_se = next_random(&seed) % 9000,
				.retry_after = next_random(&seed) % 3 ? next_random(&seed) % 900
								      : 0,
				.random = next_random(&seed),
				.terms = {.interval = 1 + next_random(&seed) % 4000,
					.role = (uint8_t)(next_random(&seed) % 3),
					.timer = true}};
			struct stimer_action act;
			bool open = st.pending != STIMER_REQUEST_NONE;

			stimer_step(&st, &par, &ev, now, &act);
			if (ev.kind == STIMER_CONFIRMED || ev.kind == STIMER_RESUME ||
				(ev.kind == STIMER_RESULT && open && ev.code == 200))
				hung_up = false;
			if (act.kind == STIMER_SEND_UPDATE || act.kind == STIMER_SEND_REINVITE) {
				assert_true(!open || ev.kind == STIMER_RESULT ||
					ev.kind == STIMER_RESUME);
				assert_int_equal(st.busy, 0);
				assert_true(act.se >= 90);
				assert_true(act.se >= act.min_se);
				assert_true(act.min_se == 0 || act.min_se >= 90);
				assert_true(act.kind != STIMER_SEND_UPDATE || st.allow_update);
			}
			if (act.kind == STIMER_HANGUP) {
				assert_false(hung_up);
				hung_up = true;
			}
			if (ended) {
				assert_int_equal(act.kind, STIMER_NOTHING);
				assert_true(act.next_ms == STIMER_NEVER);
			}
			ended = st.ended;
			if (act.next_ms != STIMER_NEVER && act.kind == STIMER_NOTHING)
				assert_true(act.next_ms > now);
			now += next_random(&seed) % 3 ? next_random(&seed) % 2000
						      : next_random(&seed) % 100000;
			if (act.next_ms < now && !ended)
				now = act.next_ms;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sweep_us),
		cmocka_unit_test(test_sweep_peer),
		cmocka_unit_test(test_random_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
