/* SPDX-License-Identifier: BSD-3-Clause */
/* One leg on virtual time: runs the timer, and answers its requests as a script says. */
#ifndef TESTS_UNIT_STIMER_SIM_H
#define TESTS_UNIT_STIMER_SIM_H

#include "controlplane/call/stimer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIM_T0       1000000ull /* the first 2xx */
#define SIM_SENT_MAX 512

struct sim;

/* What a request gets: ev->code and company, after *delay_ms (0 code: silence, for 32 s). */
typedef void sim_answer(struct sim *sim, uint8_t kind, struct stimer_event *ev, uint64_t *delay_ms);

struct sim {
	struct stimer st;
	struct stimer_params par;
	struct stimer_action act;
	sim_answer *answer;
	void *arg;
	uint64_t now;
	uint64_t next_ms;
	uint64_t result_ms; /* when the open request ends, 0 = none open */
	struct stimer_event result;
	unsigned int sent;
	uint8_t kind[SIM_SENT_MAX];
	uint64_t at[SIM_SENT_MAX]; /* since SIM_T0 */
	struct stimer_action wire[SIM_SENT_MAX];
	unsigned int options;
	uint64_t ended_at; /* since SIM_T0, 0 = alive */
	enum cause cause;
	uint16_t code;
	bool overlapped; /* a request was sent while one was open */
	bool late;       /* time stood still or a deadline lay in the past */
};

static inline void sim_step(struct sim *sim, const struct stimer_event *ev)
{
	struct stimer_action *act = &sim->act;

	stimer_step(&sim->st, &sim->par, ev, sim->now, act);
	sim->next_ms = act->next_ms;
	if (act->next_ms <= sim->now && act->kind == STIMER_NOTHING && act->next_ms != STIMER_NEVER)
		sim->late = true;
	switch (act->kind) {
	case STIMER_SEND_UPDATE:
	case STIMER_SEND_REINVITE:
		sim->overlapped |= sim->result_ms != 0;
		if (sim->sent < SIM_SENT_MAX) {
			sim->kind[sim->sent] = act->kind;
			sim->at[sim->sent] = sim->now - SIM_T0;
			sim->wire[sim->sent] = *act;
		}
		sim->sent++;
		memset(&sim->result, 0, sizeof(sim->result));
		sim->result.kind = STIMER_RESULT;
		sim->result.terms = (struct stimer_terms){
			.interval = sim->st.interval, .role = sim->st.role, .timer = sim->st.timer};
		sim->result_ms = STIMER_TRANSACTION_MS;
		if (sim->answer)
			sim->answer(sim, act->kind, &sim->result, &sim->result_ms);
		if (sim->result.code == 0)
			sim->result_ms = STIMER_TRANSACTION_MS;
		sim->result_ms += sim->now;
		break;
	case STIMER_SEND_OPTIONS:
		sim->options++;
		break;
	case STIMER_HANGUP:
		if (!sim->ended_at) {
			sim->ended_at = sim->now - SIM_T0;
			sim->cause = act->cause;
			sim->code = act->code;
		}
		break;
	default:
		break;
	}
}

static inline void sim_event(struct sim *sim, enum stimer_event_kind kind)
{
	struct stimer_event ev = {.kind = kind};

	sim_step(sim, &ev);
}

static inline void sim_confirm(struct sim *sim, uint32_t interval, enum stimer_role role)
{
	struct stimer_event ev = {.kind = STIMER_CONFIRMED,
		.terms = {.interval = interval, .role = role, .timer = true}};

	sim_step(sim, &ev);
}

/* A leg that was just confirmed; the defaults of product.md 1. */
static inline void sim_open(struct sim *sim, uint32_t interval, enum stimer_role role)
{
	memset(sim, 0, sizeof(*sim));
	sim->par = (struct stimer_params){
		.ttl = 600, .segment = 2, .min_se = 90, .no_timer = STIMER_PROBE_OPTIONS};
	sim->now = SIM_T0;
	sim->st.allow_update = true;
	sim_confirm(sim, interval, role);
}

/* Goes on to T0 + until_ms, or to the end of the call. */
static inline void sim_run(struct sim *sim, uint64_t until_ms)
{
	uint64_t until = SIM_T0 + until_ms;

	while (!sim->ended_at) {
		uint64_t next = sim->next_ms;
		struct stimer_event ev;

		if (sim->result_ms && sim->result_ms <= next) {
			if (sim->result_ms > until)
				break;
			sim->now = sim->result_ms;
			sim->result_ms = 0;
			ev = sim->result;
			sim_step(sim, &ev);
			continue;
		}
		if (next > until)
			break;
		if (next > sim->now)
			sim->now = next;
		sim_event(sim, STIMER_TICK);
		if (sim->late)
			break;
	}
	if (!sim->ended_at)
		sim->now = until;
}

/* Answers to every request: 200 after 50 ms; the code that arg points to (an int), after 100 ms. */
static inline void sim_ok(struct sim *sim, uint8_t kind, struct stimer_event *ev, uint64_t *delay)
{
	ev->code = 200;
	*delay = 50;
}

static inline void sim_code(struct sim *sim, uint8_t kind, struct stimer_event *ev, uint64_t *delay)
{
	ev->code = (uint16_t) * (int *)sim->arg;
	ev->random = 7 * sim->sent;
	*delay = 100;
}

/* Request i was of that kind, `at` ms after SIM_T0. */
static inline void sim_assert_sent(const struct sim *sim, unsigned int i, uint8_t kind, uint64_t at)
{
	assert_true(sim->sent > i);
	assert_int_equal(sim->kind[i], kind);
	assert_int_equal(sim->at[i], at);
}

#endif
