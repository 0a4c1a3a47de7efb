/* SPDX-License-Identifier: BSD-3-Clause */
/* What the data plane is told of a leg, out of odd descriptions and changed ones. The client of the
 * data plane is the real one, without a connection. */
#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/watch.h"
#include "controlplane/wheel.h"
#include "shared/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW  1000000
#define HEAD "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n"
#define IP4  "c=IN IP4 10.0.0.1\r\nt=0 0\r\n"

static struct conf conf;
static struct wheel wheel;
static struct calls calls;
static struct call call;
static uv_loop_t loop;
static uint64_t now;
static struct addr own; /* media address */

uint64_t __wrap_sip_stack_now(const struct sip_stack *stack);

uint64_t __wrap_sip_stack_now(const struct sip_stack *stack)
{
	return now;
}

static struct addr addr_of(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text, 0), 0);
	return addr;
}

static void set_up_leg(struct leg *leg, int i)
{
	leg->call = &call;
	leg->name = i ? 'b' : 'a';
	leg->state = LEG_UP;
	leg->media.gen = 1;
	leg->local_sdp = strdup(HEAD IP4 "m=audio 20000 RTP/AVP 0\r\n");
	leg->dialog.flow.remote = addr_of("10.0.0.1:5060");
}

static int setup(void **state)
{
	struct dpclient_conf dp = {
		.socket = "/nowhere",
		.media = {addr_of("192.0.2.1:0")},
		.media_count = 1,
		.port_min = 20000,
		.port_max = 20007,
		.monitors_max = 2,
		.classes = {{.payload_kind = PROTO_PAYLOAD_ZERO,
			.period_ms = 30000,
			.send_interval_ms = 500,
			.send_one_time = 1}},
		.class_count = 1,
	};

	memset(&call, 0, sizeof(call));
	memset(&calls, 0, sizeof(calls));
	now = NOW;
	conf.media = (struct conf_media){.timeout_s = 60,
		.start_timeout_s = 60,
		.hard_timeout_s = 300,
		.probe_timeout_s = 8};
	own = dp.media[0];
	conf.node.media = (struct conf_addrs){.count = 1, .item = &own};
	wheel_init(&wheel, NOW);
	calls.conf = &conf;
	calls.wheel = &wheel;
	uv_loop_init(&loop);
	assert_int_equal(dpclient_open(&calls.dp, &loop, &dp), 0);
	call.calls = &calls;
	call.state = CALL_ACTIVE;
	call.answered_ms = NOW;
	wheel_timer_init(&call.judge, watch_wake);
	for (int i = 0; i < 2; i++)
		set_up_leg(&call.leg[i], i);
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 2; i++) {
		free(call.leg[i].local_sdp);
		free(call.leg[i].remote_sdp);
	}
	dpclient_close(calls.dp);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

static void relayed(void)
{
	for (int i = 0; i < 2; i++)
		call.leg[i].media.at = (struct dpclient_port){.port = (uint16_t)(20000 + 2 * i)};
}

static void watched(void)
{
	for (int i = 0; i < 2; i++)
		call.leg[i].media.monitor = (uint32_t)i + 1;
}

static void describe(int leg, const char *sdp)
{
	assert_int_equal(anchor_accept(&call.leg[leg], sdp, strlen(sdp)), 0);
}

/* Whatever a description says of RTCP, or in which family: the stream itself is relayed, and
 * watched.
 */
static void test_odd_descriptions(void **state)
{
	static const char *const odd[] = {
		HEAD IP4 "m=audio 65535 RTP/AVP 0\r\n",
		HEAD IP4 "m=audio 4000 RTP/AVP 0\r\na=rtcp:0\r\n",
		HEAD IP4 "m=audio 4000 RTP/AVP 0\r\na=rtcp:5 IN IP4 0.0.0.0\r\n",
		HEAD IP4 "m=audio 4000 RTP/AVP 0\r\na=rtcp:5 IN IP6 2001:db8::1\r\n",
		HEAD "c=IN IP4 phone.example\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:5\r\n",
		HEAD "c=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		const struct proto_flow *flow;

		if (i) {
			teardown(state);
			setup(state);
		}
		relayed();
		describe(0, odd[i]);
		describe(1, HEAD IP4 "m=audio 4000 RTP/AVP 0\r\n");
		anchor_push(&call);
		flow = dpclient_flow_get(calls.dp, call.leg[0].media.at);
		assert_non_null(flow);
		assert_int_equal(flow->remote_rtcp.family, ADDR_NONE);
		assert_int_equal(flow->remote.family, i < 4 ? ADDR_IPV4 : ADDR_NONE);
		/* Then the host that it signals from may be learnt. */
		assert_int_equal(!!(flow->flags & PROTO_FLOW_SIGNAL), i >= 4);
		assert_true(flow->flags & PROTO_FLOW_CLOCK);
		flow = dpclient_flow_get(calls.dp, call.leg[1].media.at);
		assert_int_equal(flow->remote_rtcp.port, 4001);
		for (int leg = 0; leg < 2; leg++)
			call.leg[leg].media.at.port = 0;
		watched();
		anchor_push(&call);
		assert_non_null(dpclient_monitor_get(calls.dp, 0));
		assert_non_null(dpclient_monitor_get(calls.dp, 1));
	}
}

/* Signalling of the other family than all our media addresses. */
static void test_other_family(void **state)
{
	const struct proto_flow *flow;

	call.leg[0].dialog.flow.remote = addr_of("[2001:db8::7]:5060");
	relayed();
	describe(0, HEAD IP4 "m=audio 4000 RTP/AVP 0\r\n");
	describe(1, HEAD IP4 "m=audio 4000 RTP/AVP 0\r\n");
	anchor_push(&call);
	flow = dpclient_flow_get(calls.dp, call.leg[0].media.at);
	assert_non_null(flow);
	assert_int_equal(flow->remote.port, 4000);
	assert_int_equal(flow->signal.family, ADDR_NONE);
	assert_false(flow->flags & PROTO_FLOW_SIGNAL);
}

/* A new offer moves a silent leg: its clock begins anew, in the data plane as well, which will not
 * tell of the end of a silence that it has forgotten. */
static void test_silent_leg_moves(void **state)
{
	void (*const ways[])(void) = {relayed, watched};

	for (int way = 0; way < 2; way++) {
		struct verdict_event silent = {.kind = VERDICT_SILENT, .timeout_ms = 60000};
		struct anchor_clock clock;

		if (way) {
			teardown(state);
			setup(state);
		}
		ways[way]();
		describe(0, HEAD IP4 "m=audio 4000 RTP/AVP 0\r\n");
		describe(1, HEAD IP4 "m=audio 4000 RTP/AVP 0\r\n");
		anchor_push(&call);
		now += 61000;
		watch_step(&call, &silent);
		assert_true(call.verdict.leg[0].silent);
		/* The same once more changes nothing. */
		anchor_push(&call);
		assert_true(call.verdict.leg[0].silent);
		/* By a monitor port, who sends is the same leg, and where to is the other's. */
		describe(0, HEAD "c=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n");
		anchor_push(&call);
		assert_false(call.verdict.leg[0].silent);
		assert_true(anchor_clock(&call.leg[0], &clock));
		assert_int_equal(clock.clock_ms, now);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_odd_descriptions),
		TEST(test_other_family),
		TEST(test_silent_leg_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
