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
static struct dpclient_flow_facts facts[2];
static struct anchor_clock clocks[2];

uint64_t __wrap_sip_stack_now(const struct sip_stack *stack);
int __wrap_anchor_facts(const struct leg *leg, struct dpclient_flow_facts *out);
bool __wrap_anchor_clock(const struct leg *leg, struct anchor_clock *out);

uint64_t __wrap_sip_stack_now(const struct sip_stack *stack)
{
	return NOW;
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

/* An answered call of two legs that were heard a moment ago. */
static int setup(void **state)
{
	memset(&call, 0, sizeof(call));
	memset(&calls, 0, sizeof(calls));
	conf.media = (struct conf_media){.timeout_s = SILENCE / 1000, .hard_timeout_s = 300};
	wheel_init(&wheel, NOW);
	calls.conf = &conf;
	calls.wheel = &wheel;
	call.calls = &calls;
	call.state = CALL_ACTIVE;
	wheel_timer_init(&call.judge, watch_wake);
	for (int i = 0; i < 2; i++) {
		call.leg[i].call = &call;
		call.leg[i].name = i ? 'b' : 'a';
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

static void test_silence_that_was_lost(void **state)
{
	facts[1].rtp_ms = NOW - SILENCE - 5000;
	watch_dp_lost(&calls, 7);
	assert_false(call.verdict.leg[0].silent);
	assert_true(call.verdict.leg[1].silent);
	assert_int_equal(calls.counters.silent, 1);
	watch_dp_lost(&calls, 7);
	assert_int_equal(calls.counters.silent, 1);
}

/* Else a party that is heard again would be hung up at media_hard_timeout. */
static void test_end_of_silence_that_was_lost(void **state)
{
	facts[0].rtp_ms = NOW - SILENCE - 5000;
	facts[1].rtp_ms = NOW - SILENCE - 5000;
	watch_dp_lost(&calls, 7);
	assert_true(call.verdict.leg[0].silent && call.verdict.leg[1].silent);
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

/* The data plane decides within 100 ms. What it has not said yet it will say, and takes back: a
 * silence of our own it would know nothing of. */
static void test_silence_that_is_still_to_be_told(void **state)
{
	facts[0].rtp_ms = NOW - SILENCE - 50;
	watch_dp_lost(&calls, 7);
	assert_false(call.verdict.leg[0].silent);
}

static void test_clock_before_the_first_packet(void **state)
{
	facts[0].rtp_ms = facts[1].rtp_ms = 0;
	clocks[0] = (struct anchor_clock){.clock_ms = NOW - 31000, .start_ms = 30000};
	clocks[1] = (struct anchor_clock){.clock_ms = NOW + 10, .start_ms = 30000};
	watch_dp_lost(&calls, 7);
	assert_true(call.verdict.leg[0].silent);
	assert_false(call.verdict.leg[1].silent);
}

/* A resync restarts the clocks in the data plane, which then knows of no silence that could end. */
static void test_connection_that_came_back(void **state)
{
	facts[0].rtp_ms = NOW - SILENCE - 5000;
	watch_dp_lost(&calls, 7);
	assert_true(call.verdict.leg[0].silent);
	watch_dp_up(&calls);
	assert_false(call.verdict.leg[0].silent);
	assert_false(wheel_armed(&call.judge));
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
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_silence_that_was_lost),
		TEST(test_end_of_silence_that_was_lost),
		TEST(test_silence_that_is_still_to_be_told),
		TEST(test_clock_before_the_first_packet),
		TEST(test_connection_that_came_back),
		TEST(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
