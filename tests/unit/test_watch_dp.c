/* SPDX-License-Identifier: BSD-3-Clause */
/* What the verdict on a call makes of a data plane that lost events or was reached anew (LV-01).
 * The clocks and facts of the legs are the test's. */
#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/watch.h"
#include "controlplane/wheel.h"
#include "shared/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW     1000000
#define SILENCE 20000

static struct conf conf;
static struct wheel wheel;
static struct calls calls;
static struct call call;
static struct leg *legs[2];
static struct dpclient_flow_facts facts[2];
static struct anchor_clock clocks[2];
static uint64_t now;
static unsigned int ends, probes;
static enum cause end;

uint64_t __wrap_sip_stack_now(const struct sip_stack *stack);
int __wrap_anchor_facts(const struct leg *leg, struct dpclient_flow_facts *out);
bool __wrap_anchor_clock(const struct leg *leg, struct anchor_clock *out);
void __wrap_hangup_decide(struct call *which, enum cause cause, unsigned int code, uint8_t leg);
void __wrap_refresh_step(struct leg *leg, const struct stimer_event *event);

uint64_t __wrap_sip_stack_now(const struct sip_stack *stack)
{
	return now;
}

int __wrap_anchor_facts(const struct leg *leg, struct dpclient_flow_facts *out)
{
	*out = facts[leg_index(leg)];
	return 0;
}

bool __wrap_anchor_clock(const struct leg *leg, struct anchor_clock *out)
{
	*out = clocks[leg_index(leg)];
	return true;
}

void __wrap_hangup_decide(struct call *which, enum cause cause, unsigned int code, uint8_t leg)
{
	which->state = CALL_ENDING;
	end = cause;
	ends++;
}

void __wrap_refresh_step(struct leg *leg, const struct stimer_event *event)
{
	assert_int_equal(event->kind, STIMER_PROBE);
	probes++;
}

/* An answered call of two legs that were heard a moment ago. */
static int setup(void **state)
{
	memset(&call, 0, sizeof(call));
	memset(&calls, 0, sizeof(calls));
	conf.media = (struct conf_media){.timeout_s = SILENCE / 1000, .hard_timeout_s = 300};
	conf.media.probe_timeout_s = 8;
	now = NOW;
	ends = probes = 0;
	wheel_init(&wheel, NOW);
	calls.conf = &conf;
	calls.wheel = &wheel;
	calls.port_leg[0] = legs;
	call.calls = &calls;
	call.state = CALL_ACTIVE;
	wheel_timer_init(&call.judge, watch_wake);
	for (int i = 0; i < 2; i++) {
		legs[i] = &call.leg[i];
		call.leg[i].call = &call;
		call.leg[i].name = i ? 'b' : 'a';
		call.verdict.leg[i].probing = true;
		facts[i] = (struct dpclient_flow_facts){.rtp_ms = NOW - 100};
		clocks[i] = (struct anchor_clock){.clock_ms = 5000, .silence_ms = SILENCE};
	}
	strcpy(call.store.id, "p000-n01-1-1");
	HASH_ADD_STR(calls.table, store.id, &call);
	return 0;
}

static int teardown(void **state)
{
	HASH_DEL(calls.table, &call);
	return 0;
}

/* What the data plane says of a leg, with what it knew then. */
static void tell(int leg, uint32_t kind, uint64_t last_rtp_ms)
{
	const struct proto_flow_event event = {
		.kind = kind, .last_rtp_ms = last_rtp_ms, .at_ms = now};

	watch_dp_flow(&calls, (struct dpclient_port){.port = (uint16_t)(2 * leg)}, &event);
}

/* The leg is silent, and the data plane says so. */
static void fall_silent(int leg)
{
	facts[leg].rtp_ms = now - SILENCE - 5;
	tell(leg, PROTO_FLOW_SILENT, facts[leg].rtp_ms);
	assert_true(call.verdict.leg[leg].silent);
}

/* The data plane judges, nobody else: it may not see the packets of a flow at all. What was lost it
 * says again. */
static void test_silence_that_was_lost(void **state)
{
	facts[1].rtp_ms = 0;
	clocks[1] = (struct anchor_clock){.clock_ms = 5000, .start_ms = 30000};
	watch_dp_lost(&calls, 7);
	assert_false(call.verdict.leg[0].silent || call.verdict.leg[1].silent);
	tell(1, PROTO_FLOW_SILENT, 0);
	assert_true(call.verdict.leg[1].silent);
	tell(1, PROTO_FLOW_SILENT, 0);
	assert_int_equal(calls.counters.silent, 1);
	assert_int_equal(probes, 1);
}

/* Else a party that is heard again would be hung up at media_hard_timeout. */
static void test_end_of_silence_that_was_lost(void **state)
{
	fall_silent(0);
	fall_silent(1);
	assert_true(wheel_armed(&call.judge));
	facts[0].rtp_ms = NOW - 100;
	watch_dp_lost(&calls, 7);
	assert_false(call.verdict.leg[0].silent);
	assert_true(call.verdict.leg[1].silent);
	facts[1].rtcp_ms = NOW - 100;
	watch_dp_lost(&calls, 7);
	assert_false(call.verdict.leg[1].silent);
	assert_false(wheel_armed(&call.judge));
}

/* An event that was told late is no evidence against who has been heard since. */
static void test_silence_that_came_late(void **state)
{
	call.verdict.leg[0].unanswered = true;
	tell(0, PROTO_FLOW_SILENT, NOW - SILENCE - 5);
	assert_false(call.verdict.leg[0].silent);
	assert_int_equal(ends, 0);
	/* Nor a clock that was started anew. */
	facts[0].rtp_ms = NOW - SILENCE - 5;
	clocks[0].clock_ms = NOW - 50;
	tell(0, PROTO_FLOW_SILENT, facts[0].rtp_ms);
	assert_int_equal(ends, 0);
	clocks[0].clock_ms = 5000;
	tell(0, PROTO_FLOW_SILENT, facts[0].rtp_ms);
	assert_int_equal(ends, 1);
	assert_int_equal(end, CAUSE_MEDIA_DEAD_A);
}

/* The event's clock may be ahead of ours by what a turn of the loop takes. */
static void test_silence_of_just_now(void **state)
{
	now = NOW - 300;
	facts[0].rtp_ms = NOW - SILENCE;
	tell(0, PROTO_FLOW_SILENT, facts[0].rtp_ms);
	assert_true(call.verdict.leg[0].silent);
}

/* So does the end of a silence: a party that is heard again is not hung up for an answer to a probe
 * that did not come, or a refresh. */
static void test_end_of_silence_that_comes_late(void **state)
{
	for (int heard = 1; heard >= 0; heard--) {
		teardown(NULL);
		setup(NULL);
		fall_silent(0);
		assert_int_equal(probes, 1);
		now += 8000;
		if (heard)
			facts[0].rtp_ms = now - 20;
		watch_wake(&call.judge);
		assert_int_equal(call.verdict.leg[0].silent, !heard);
		assert_int_equal(ends, !heard);
	}
}

/* A leg that was heard before its clock started anew is judged as one that was heard. */
static void test_clock_that_began_anew(void **state)
{
	facts[0].rtp_ms = NOW - 100000;
	clocks[0] = (struct anchor_clock){.clock_ms = NOW - SILENCE, .silence_ms = SILENCE};
	tell(0, PROTO_FLOW_SILENT, facts[0].rtp_ms);
	assert_true(call.verdict.leg[0].silent);
	watch_dp_lost(&calls, 7);
	assert_true(call.verdict.leg[0].silent);
}

/* A resync restarts the clocks in the data plane, which then knows of no silence that could end;
 * and while it is away, nobody would tell of one. */
static void test_connection_that_came_back(void **state)
{
	void (*const news[])(void *arg) = {watch_dp_down, watch_dp_up};

	for (int i = 0; i < 2; i++) {
		fall_silent(0);
		news[i](&calls);
		assert_false(call.verdict.leg[0].silent);
		assert_false(wheel_armed(&call.judge));
	}
}

/* A new process takes over a call that is older than those without session timers may get. */
static void test_old_call_with_timers(void **state)
{
	conf.session.no_timer_limit_s = 60;
	call.media = CONF_MEDIA_NONE;
	call.answered_ms = NOW - 500000;
	for (int i = 0; i < 2; i++)
		call.leg[i].stimer.timer = true;
	watch_start(&call, call.answered_ms);
	conf.session.no_timer_limit_s = 0;
	assert_int_equal(call.state, CALL_ACTIVE);
	assert_false(call.verdict.ended);
	assert_true(call.verdict.leg[0].timer && call.verdict.leg[1].timer);
}

static void counted(uint64_t boot_id, uint32_t packets, uint32_t lost, uint64_t all, uint64_t gone)
{
	struct leg_media *media = &call.leg[0].media;

	facts[0].boot_id = boot_id;
	facts[0].packets = packets;
	facts[0].lost = lost;
	watch_read_facts(&call.leg[0]);
	assert_int_equal(media->packets + media->packets_past, all);
	assert_int_equal(media->lost + media->lost_past, gone);
}

/* No packet is counted twice or forgotten, whichever program was restarted. */
static void test_counters(void **state)
{
	counted(7, 500, 3, 500, 3);
	counted(7, 900, 4, 900, 4);
	counted(8, 1000, 2, 1900, 6);
	counted(8, 1100, 2, 2000, 6);
	/* What a control plane that is restarted takes from the store, and goes on from. */
	assert_int_equal(call.leg[0].media.boot_id, 8);
	assert_int_equal(call.leg[0].media.packets_past, 900);
	assert_int_equal(call.leg[0].media.lost_past, 4);
	counted(9, 0, 0, 2000, 6);
	/* One that had expired is another flow. */
	counted(9, 50, 1, 2050, 7);
	counted(9, 10, 0, 2060, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_silence_that_was_lost),
		TEST(test_end_of_silence_that_was_lost),
		TEST(test_silence_that_came_late),
		TEST(test_silence_of_just_now),
		TEST(test_end_of_silence_that_comes_late),
		TEST(test_clock_that_began_anew),
		TEST(test_connection_that_came_back),
		TEST(test_old_call_with_timers),
		TEST(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
