/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control plane says of flows, and what becomes of them when it says no more. */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A leg gets another peer: the one before reaches it no more. */
static void another_peer(void **state)
{
	struct scene *s = scene_open4();
	struct proto_flow third = s->flow[1];
	struct proto_handle handle = {.id = third.id + 1, .gen = 1};
	struct frame frame = {0};
	struct addr local = s->local[1];

	scene_set_latched(s);
	scene_rtp(s, 1);
	scene_expect(s, 1, NULL);
	local.port = (uint16_t)(local.port + 2);
	third.id = handle.id;
	third.flags = PROTO_FLOW_LATCHED;
	third.remote = third.latched = rig_addr("10.0.0.13:6000");
	assert_int_equal(flow_set(s->rig->media, 0, &third, s->rig->now_ms), 0);
	s->flow[0].peer_id = third.id;
	scene_set(s, 0);
	scene_rtp(s, 1);
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_NO_PEER), 1);
	frame_rtp(&frame, 0, 1, 7, 172);
	frame.src = third.remote;
	frame.dst = local;
	rig_feed(s->rig, &frame);
	scene_expect(s, 1, NULL);
	assert_int_equal(flow_del(s->rig->media, 0, &handle), 0);
	scene_close(s);
}

/* What was seen of a flow goes with it: a reader of the facts must not take it for the next one's,
 * which may have been told to us and not be here yet. */
static void facts_of_the_dead(void **state)
{
	struct scene *s = scene_open4();
	struct proto_handle handle = {.id = s->flow[0].id, .gen = s->flow[0].gen};
	struct addr stranger = rig_addr("203.0.113.66:4000");
	struct frame frame = {0};

	scene_set_latched(s);
	scene_rtp(s, 0);
	frame_rtcp(&frame, SCENE_SSRC);
	scene_feed(s, 0, &s->phone[0], 1, &frame);
	scene_rtp_from(s, 0, &stranger, SCENE_SSRC);
	assert_int_equal(scene_count(s, 0)->packets, 1);
	assert_int_equal(flow_del(s->rig->media, 0, &handle), 0);
	assert_int_equal(scene_count(s, 0)->packets, 0);
	assert_int_equal(scene_count(s, 0)->heard, 0);
	assert_int_equal(scene_quality(s, 0)->off_source, 0);
	assert_int_equal(s->rig->facts.flow_rtcp[handle.id], 0);
	scene_close(s);
}

/* A dead control plane does not make us relay for ever. */
static void expiry(void **state)
{
	struct scene *s = scene_open4();

	s->flow[0].expires_ms = s->rig->now_ms + 5015;
	/* Farther than ticks can tell. */
	s->flow[1].expires_ms = s->rig->now_ms + 300ull * 86400 * 1000;
	scene_set_latched(s);
	/* Never early, not by a tick. */
	rig_pass(s->rig, 5012);
	scene_expect_no_event(s);
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	rig_pass(s->rig, 1100);
	assert_int_equal(s->rig->flow_events, 1);
	assert_int_equal(s->rig->event[0].flow.kind, PROTO_FLOW_EXPIRED);
	assert_true(s->rig->event[0].flow.last_rtp_ms > 0);
	scene_rtp(s, 0);
	scene_rtp(s, 1);
	scene_expect_none(s);
	scene_close(s);
}

/* The next resync begins while main still looks for what the last one left out: nothing of this one
 * is missing before its end. */
static void sync_again(void **state)
{
	struct scene *s = scene_open4();

	scene_set_latched(s);
	for (int n = 0; n < 2; n++) {
		flow_sync_begin(s->rig->media, 0);
		rig_pass(s->rig, 2000);
		assert_int_equal(s->rig->facts.head->flows_used, 2);
		scene_set(s, 0);
		scene_set(s, 1);
		flow_sync_end(s->rig->media, 0);
	}
	rig_pass(s->rig, 2000);
	assert_int_equal(s->rig->facts.head->flows_used, 2);
	scene_close(s);
}

/* Mark and sweep: what the client did not set again between begin and end goes. */
static void sync(void **state)
{
	struct scene *s = scene_open4();

	scene_set_latched(s);
	rig_pass(s->rig, 3000);
	flow_sync_begin(s->rig->media, 0);
	scene_set(s, 0);
	rig_pass(s->rig, 3000);
	assert_int_equal(s->rig->facts.head->flows_used, 2);
	flow_sync_end(s->rig->media, 0);
	rig_pass(s->rig, 1100);
	assert_int_equal(s->rig->facts.head->flows_used, 1);
	/* Another client's sweep is its own. */
	flow_sync_begin(s->rig->media, 1);
	flow_sync_end(s->rig->media, 1);
	rig_pass(s->rig, 1100);
	assert_int_equal(s->rig->facts.head->flows_used, 1);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_peer),
		cmocka_unit_test(facts_of_the_dead),
		cmocka_unit_test(expiry),
		cmocka_unit_test(sync_again),
		cmocka_unit_test(sync),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
