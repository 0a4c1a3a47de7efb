/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of the data plane: what that one learnt, and what it tells. */
#include "tests/component/dpclient_scene.h"

#include "shared/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What was learnt is remembered, and given back to another process only. */
static void test_learnt(void **state)
{
	struct bench *b = *state;
	struct addr rtp = far(77), rtcp = far(78);
	const struct proto_flow *flow;
	struct proto_flow again = some_flow(1, 1);

	start(b);
	set_flow(b, at(1, 9), at(0, 9), 1);
	settle(b);
	event(b, at(1, 9), 2, PROTO_FLOW_LEARNT, &rtcp); /* of another generation */
	event(b, at(1, 9), 1, PROTO_FLOW_LEARNT, &rtp);
	event(b, at(1, 9), 1, PROTO_FLOW_LEARNT_RTCP, &rtcp);
	UNTIL(b, b->flow_events == 2);
	assert_int_equal(b->last_at.media, 1);
	assert_int_equal(b->last_at.port, PORT_MIN + 18);
	flow = dpclient_flow_get(b->c, at(1, 9));
	assert_true(flow->flags & PROTO_FLOW_LATCHED);
	assert_true(addr_equal(&flow->latched, &rtp));
	assert_int_equal(flow->ssrc, 0xabcd);

	/* An update of the same generation keeps it, and does not tell what the data plane knows.
	 */
	dpclient_flow_set(b->c, at(1, 9), at(0, 9), &again);
	settle(b);
	assert_false(held(b, 1, 9)->flow.flags & PROTO_FLOW_LATCHED);
	assert_true(dpclient_flow_get(b->c, at(1, 9))->flags & PROTO_FLOW_LATCHED);

	fake_die(&b->fake);
	UNTIL(b, b->downs == 1);
	fake_boot(&b->fake, 300, 0);
	start(b);
	assert_true(held(b, 1, 9)->flow.flags & PROTO_FLOW_LATCHED);
	assert_true(addr_equal(&held(b, 1, 9)->flow.latched, &rtp));
	assert_true(addr_equal(&held(b, 1, 9)->flow.latched_rtcp, &rtcp));
	assert_int_equal(held(b, 1, 9)->flow.ssrc, 0xabcd);

	/* A new offer forgets it, once; a restart before anything is learnt asks for it again. */
	again.flags |= PROTO_FLOW_RELEARN;
	dpclient_flow_set(b->c, at(1, 9), at(0, 9), &again);
	again.flags &= ~(uint32_t)PROTO_FLOW_RELEARN;
	dpclient_flow_set(b->c, at(1, 9), at(0, 9), &again); /* before the first one was sent */
	settle(b);
	assert_true(held(b, 1, 9)->flow.flags & PROTO_FLOW_RELEARN);
	assert_false(dpclient_flow_get(b->c, at(1, 9))->flags & PROTO_FLOW_LATCHED);
	dpclient_flow_set(b->c, at(1, 9), at(0, 9), &again);
	settle(b);
	assert_false(held(b, 1, 9)->flow.flags & PROTO_FLOW_RELEARN);
	fake_hang_up(&b->fake);
	UNTIL(b, b->downs == 2);
	UNTIL(b, dpclient_is_up(b->c));
	assert_true(held(b, 1, 9)->flow.flags & PROTO_FLOW_RELEARN);
	event(b, at(1, 9), 1, PROTO_FLOW_LEARNT, &rtcp);
	UNTIL(b, b->flow_events == 3);
	fake_hang_up(&b->fake);
	UNTIL(b, b->downs == 3);
	UNTIL(b, dpclient_is_up(b->c));
	assert_false(held(b, 1, 9)->flow.flags & PROTO_FLOW_RELEARN);
	assert_true(addr_equal(&held(b, 1, 9)->flow.latched, &rtcp));

	/* A higher generation starts with nothing. */
	set_flow(b, at(1, 9), at(0, 9), 2);
	assert_false(dpclient_flow_get(b->c, at(1, 9))->flags & PROTO_FLOW_LATCHED);
}

/* What a store kept is handed in by the caller. */
static void test_given_back(void **state)
{
	struct bench *b = *state;
	struct proto_flow flow = some_flow(5, 1);

	flow.flags |= PROTO_FLOW_LATCHED;
	flow.latched = far(50);
	flow.ssrc = 4711;
	assert_int_equal(dpclient_flow_set(b->c, at(0, 0), at(0, 1), &flow), 0);
	start(b);
	assert_true(held(b, 0, 0)->flow.flags & PROTO_FLOW_LATCHED);
	assert_true(addr_equal(&held(b, 0, 0)->flow.latched, &flow.latched));
	assert_int_equal(held(b, 0, 0)->flow.ssrc, 4711);
}

/* Expiry in the data plane: the flow is gone here too, unless it was prolonged meanwhile. */
static void test_expired(void **state)
{
	struct bench *b = *state;
	struct addr none = {0};
	struct proto_flow flow = some_flow(1, 1);
	struct proto_binding binding = some_binding(1, 1);
	struct proto_binding_event bev = {.id = 500 + 3, .gen = 1, .kind = PROTO_BINDING_EXPIRED};
	uint32_t sets;

	flow.expires_ms = binding.expires_ms = clock_boot_ms() + 1;
	start(b);
	dpclient_flow_set(b->c, at(0, 1), at(0, 2), &flow);
	set_flow(b, at(0, 3), at(0, 4), 1);
	dpclient_binding_set(b->c, 3, &binding);
	settle(b);
	UNTIL(b, clock_boot_ms() > flow.expires_ms);
	sets = b->fake.packets[PROTO_FLOW_SET];
	event(b, at(0, 1), 1, PROTO_FLOW_EXPIRED, &none);
	event(b, at(0, 3), 1, PROTO_FLOW_EXPIRED, &none);
	bev.at_ms = clock_boot_ms();
	fake_send(&b->fake, PROTO_BINDING_EVENT, 0, &bev, 1, -1);
	UNTIL(b, b->binding_events == 1);
	settle(b);
	assert_int_equal(b->flow_events, 1);
	assert_int_equal(b->last_at.port, at(0, 1).port);
	assert_null(dpclient_flow_get(b->c, at(0, 1)));
	assert_null(dpclient_binding_get(b->c, 3));
	assert_non_null(dpclient_flow_get(b->c, at(0, 3)));
	assert_int_equal(b->fake.packets[PROTO_FLOW_SET], sets + 1);
}

static void test_events(void **state)
{
	struct bench *b = *state;
	struct proto_binding binding = some_binding(6, 1);
	struct proto_binding_event bev = {
		.id = 500 + 2, .gen = 6, .kind = PROTO_BINDING_LOST, .at_ms = 1};
	struct proto_lost lost = {.events = 12};
	struct addr none = {0};

	start(b);
	dpclient_binding_set(b->c, 2, &binding);
	set_flow(b, at(0, 1), at(0, 2), 1);
	settle(b);
	fake_send(&b->fake, PROTO_BINDING_EVENT, 0, &bev, 1, -1);
	bev.gen = 5;
	fake_send(&b->fake, PROTO_BINDING_EVENT, 0, &bev, 1, -1);
	bev.id = 3; /* of another client */
	fake_send(&b->fake, PROTO_BINDING_EVENT, 0, &bev, 1, -1);
	event(b, at(0, 1), 1, PROTO_FLOW_SILENT, &none);
	event(b, at(0, 1), 1, PROTO_FLOW_HEARD, &none);
	event(b, at(0, 2), 1, PROTO_FLOW_SILENT, &none); /* not set */
	fake_send(&b->fake, PROTO_LOST, 0, &lost, 1, -1);
	UNTIL(b, b->lost == 12);
	assert_int_equal(b->binding_events, 1);
	assert_int_equal(b->last_index, 2);
	assert_int_equal(b->flow_events, 2);
	assert_int_equal(b->last_flow.kind, PROTO_FLOW_HEARD);
}

/* Lost events are made good by telling all again on the same connection: the data plane answers
 * with what was learnt. Nothing begins anew meanwhile, clocks least of all. */
static void test_lost_events_are_told_again(void **state)
{
	struct bench *b = *state;
	struct proto_binding binding = some_binding(6, 1);
	struct proto_lost lost = {.events = 1};
	uint64_t clock;

	dpclient_binding_set(b->c, 2, &binding);
	set_flow(b, at(0, 1), at(0, 2), 1);
	start(b);
	settle(b);
	assert_int_equal(b->resyncs, 1);
	clock = dpclient_flow_get(b->c, at(0, 1))->clock_ms;
	poll(NULL, 0, 2);
	fake_send(&b->fake, PROTO_LOST, 0, &lost, 1, -1);
	UNTIL(b, b->fake.generation == 2);
	settle(b);
	assert_int_equal(b->resyncs, 2);
	assert_int_equal(b->fake.packets[PROTO_BINDING_SET], 2);
	assert_int_equal(b->fake.packets[PROTO_FLOW_SET], 2);
	assert_int_equal(b->fake.packets[PROTO_MEDIA_ADDR], 0);
	assert_int_equal(b->fake.packets[PROTO_CONF], 1);
	assert_int_equal(held(b, 0, 1)->flow.clock_ms, clock);
	assert_int_equal(b->ups, 1);
	assert_int_equal(b->downs, 0);

	/* Two losses, one of them in the sync that the other caused: that is not enough then. */
	fake_send(&b->fake, PROTO_LOST, 0, &lost, 1, -1);
	fake_send(&b->fake, PROTO_LOST, 0, &lost, 1, -1);
	UNTIL(b, b->fake.generation == 4);
	settle(b);
	assert_int_equal(b->fake.generation, 4);
	assert_int_equal(b->resyncs, 4);
	/* It is up all the time, and down when the connection ends in the middle of it. */
	fake_send(&b->fake, PROTO_LOST, 0, &lost, 1, -1);
	b->fake.deaf = true;
	UNTIL(b, b->resyncs == 5);
	fake_hang_up(&b->fake);
	UNTIL(b, b->downs == 1);
	b->fake.deaf = false;
	UNTIL(b, b->ups == 2);
	assert_int_equal(b->fake.generation, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_learnt),
		CASE(test_given_back),
		CASE(test_expired),
		CASE(test_events),
		CASE(test_lost_events_are_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
