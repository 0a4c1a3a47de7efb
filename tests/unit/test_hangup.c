/* SPDX-License-Identifier: BSD-3-Clause */
/* One end for one call, whichever clock or party is first, while the store has still to be told of
 * it and after that (LV-09). Store, requests and clock are the test's. */
#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/hangup.h"
#include "controlplane/call/watch.h"
#include "controlplane/wheel.h"
#include "shared/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000

typedef void done_fn(void *arg, enum store_result result);

static struct conf conf;
static struct wheel wheel;
static struct calls calls;
static struct call call;
static unsigned int commits, byes[2];
static done_fn *told; /* of the commit under way */

uint64_t __wrap_sip_stack_now(const struct sip_stack *stack);
osip_message_t *__wrap_leg_request(struct leg *leg, const char *method);
int __wrap_leg_ask(struct leg *leg, enum leg_ask kind, osip_message_t *req, sip_client_fn *fn);
void __wrap_store_call_end(struct store *store, struct store_call *stored, uint32_t parts,
	int64_t margin_ms, bool durable, done_fn *done, void *arg);

uint64_t __wrap_sip_stack_now(const struct sip_stack *stack)
{
	return NOW;
}

osip_message_t *__wrap_leg_request(struct leg *leg, const char *method)
{
	return NULL;
}

int __wrap_leg_ask(struct leg *leg, enum leg_ask kind, osip_message_t *req, sip_client_fn *fn)
{
	byes[leg_index(leg)] += kind == ASK_BYE;
	return 0;
}

void __wrap_store_call_end(struct store *store, struct store_call *stored, uint32_t parts,
	int64_t margin_ms, bool durable, done_fn *done, void *arg)
{
	commits++;
	told = done;
}

/* An answered call. */
static void begin(void)
{
	const struct verdict_event answered = {.kind = VERDICT_ANSWERED};

	memset(&call, 0, sizeof(call));
	memset(&calls, 0, sizeof(calls));
	commits = byes[0] = byes[1] = 0;
	told = NULL;
	conf.media = (struct conf_media){.timeout_s = 60, .hard_timeout_s = 300};
	wheel_init(&wheel, NOW);
	calls.conf = &conf;
	calls.wheel = &wheel;
	call.calls = &calls;
	call.state = CALL_ACTIVE;
	wheel_timer_init(&call.judge, watch_wake);
	for (int i = 0; i < 2; i++) {
		call.leg[i].call = &call;
		call.leg[i].name = i ? 'b' : 'a';
		call.leg[i].state = LEG_UP;
	}
	watch_step(&call, &answered);
}

static void silent(uint8_t leg)
{
	const struct verdict_event event = {
		.kind = VERDICT_SILENT, .leg = leg, .timeout_ms = 60000};

	watch_step(&call, &event);
}

/* Silence of a party that does not answer either. */
static void media_dies(void)
{
	const struct verdict_event mute = {.kind = VERDICT_REFRESH, .leg = 0, .on = true};

	watch_step(&call, &mute);
	silent(0);
}

static void session_expires(void)
{
	const struct verdict_event expired = {.kind = VERDICT_EXPIRED, .leg = 1};

	watch_step(&call, &expired);
}

static void operator_ends(void)
{
	hangup_decide(&call, CAUSE_OPERATOR, 0, 2);
}

static void caller_hangs_up(void)
{
	hangup_fact(&call, CAUSE_CALLER, 0, 0);
}

static const struct way {
	void (*end)(void);
	enum cause cause;
	bool fact; /* no commit is waited for */
} ways[] = {
	{media_dies, CAUSE_MEDIA_DEAD_A, false},
	{session_expires, CAUSE_SESSION_TIMEOUT, false},
	{operator_ends, CAUSE_OPERATOR, false},
	{caller_hangs_up, CAUSE_CALLER, true},
};

static void expect(enum cause cause, unsigned int sent)
{
	assert_int_equal(call.state, CALL_ENDING);
	assert_int_equal(call.cause, cause);
	assert_int_equal(commits, 1);
	assert_int_equal(byes[0], sent);
	assert_int_equal(byes[1], sent);
}

/* Each way after each other, before and after the parties were told. */
static void test_first_cause_wins(void **state)
{
	size_t n = sizeof(ways) / sizeof(ways[0]);

	for (size_t i = 0; i < n * n; i++) {
		const struct way *first = &ways[i / n], *second = &ways[i % n];

		begin();
		first->end();
		expect(first->cause, first->fact);
		second->end();
		expect(first->cause, first->fact);
		if (!first->fact)
			told(&call, STORE_OK);
		expect(first->cause, 1);
		second->end();
		expect(first->cause, 1);
		assert_false(wheel_armed(&call.judge));
	}
}

/* Redis knows better: the call goes on, and what comes then ends it. */
static void test_taken_back(void **state)
{
	begin();
	session_expires();
	told(&call, STORE_NOT_DUE);
	assert_int_equal(call.state, CALL_ACTIVE);
	assert_int_equal(call.cause, CAUSE_NONE);
	assert_int_equal(byes[0] + byes[1], 0);
	commits = 0;
	media_dies();
	told(&call, STORE_OK);
	expect(CAUSE_MEDIA_DEAD_A, 1);
}

/* A call that another process has ended already: what its media does is nobody's business. */
static void test_ended_before_the_restart(void **state)
{
	begin();
	call.cause = CAUSE_SESSION_TIMEOUT;
	hangup_resume(&call);
	media_dies();
	silent(1);
	assert_int_equal(call.cause, CAUSE_SESSION_TIMEOUT);
	assert_int_equal(commits, 0);
	assert_int_equal(byes[0], 1);
	assert_int_equal(byes[1], 1);
	assert_int_equal(calls.counters.silent, 0);
	assert_int_equal(calls.counters.alarms, 0);
	assert_false(wheel_armed(&call.judge));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_cause_wins),
		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_ended_before_the_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
