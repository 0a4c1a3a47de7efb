/* SPDX-License-Identifier: BSD-3-Clause */
/* Monitored flows as the control plane sets them: clocks, destinations, generations, ends (LV-02,
 * LV-03, LV-11). */
#include "tests/component/tap_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The clock of a flow, from its start, over a pause, to its silence (LV-02, LV-11). */
static void silence_is_told(void **state)
{
	struct tap *t = tap_open4();
	struct frame payload = {0};

	t->flow.flags = PROTO_FLOW_CLOCK | PROTO_FLOW_RTCP_LIFE;
	t->flow.start_ms = 5000;
	t->flow.silence_ms = 3000;
	t->flow.clock_ms = t->rig->now_ms;
	assert_int_equal(tap_set(t), 0);
	rig_pass(t->rig, 4900);
	assert_int_equal(t->rig->flow_events, 0);
	rig_pass(t->rig, 200);
	tap_expect_event(t, PROTO_FLOW_SILENT);
	tap_rtp(t);
	rig_pass(t->rig, 200);
	tap_expect_event(t, PROTO_FLOW_HEARD);
	/* RTCP alone is life as well (LV-03). */
	frame_rtcp(&payload, TAP_SSRC);
	for (int n = 0; n < 10; n++) {
		tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst_rtcp);
		rig_pass(t->rig, 2000);
	}
	assert_int_equal(t->rig->flow_events, 0);
	rig_pass(t->rig, 1100);
	tap_expect_event(t, PROTO_FLOW_SILENT);
	/* Held: no clock. */
	t->flow.flags = 0;
	assert_int_equal(tap_set(t), 0);
	rig_pass(t->rig, 60000);
	assert_int_equal(t->rig->flow_events, 0);
	tap_close(t);
}

/* Of two flows with one destination the last set has it; nothing is lost when the other goes. */
static void destinations_move(void **state)
{
	struct tap *t = tap_open4();
	struct proto_monitor late = t->flow;
	const struct facts_flow *after = &t->rig->facts.flow[TAP_FIRST + 5].count;

	late.id = TAP_FIRST + 5;
	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	assert_int_equal(monitor_set(t->rig->media, 0, &late, t->rig->now_ms), 0);
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 1);
	assert_int_equal(after->packets, 1);
	/* An update that changes nothing takes nothing back. */
	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	assert_int_equal(after->packets, 2);
	/* A re-INVITE moves the first one elsewhere: the second keeps what it has. */
	t->flow.dst = rig_addr("10.0.0.3:6000");
	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 2);
	t->flow.dst = late.dst;
	tap_rtp(t);
	assert_int_equal(after->packets, 3);
	assert_int_equal(flow_del(t->rig->media, 0, &(struct proto_handle){late.id, 1}), 0);
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 2);
	/* Free again. */
	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 3);
	/* On hold there is no address. */
	t->flow.dst = (struct addr){0};
	assert_int_equal(tap_set(t), 0);
	t->flow.dst = late.dst;
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 3);
	tap_close(t);
}

/* A call that passes twice is watched by two pairs of flows. The one that lost its destination is
 * never told silent, not even when it is prolonged, until it has its destination again. */
static void no_silence_of_the_blind(void **state)
{
	struct tap *t = tap_open4();
	struct proto_monitor late;

	t->flow.flags = PROTO_FLOW_CLOCK;
	t->flow.start_ms = 5000;
	t->flow.silence_ms = 3000;
	t->flow.clock_ms = t->rig->now_ms;
	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	late = t->flow;
	late.id = TAP_FIRST + 5;
	assert_int_equal(monitor_set(t->rig->media, 0, &late, t->rig->now_ms), 0);
	for (int n = 0; n < 10; n++) {
		tap_rtp(t);
		rig_pass(t->rig, 2000);
		if (n >= 5)
			assert_int_equal(tap_set(t), 0);
	}
	assert_int_equal(t->rig->flow_events, 0);
	assert_int_equal(flow_del(t->rig->media, 0, &(struct proto_handle){late.id, 1}), 0);
	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	rig_pass(t->rig, 2900);
	assert_int_equal(t->rig->flow_events, 0);
	rig_pass(t->rig, 300);
	tap_expect_event(t, PROTO_FLOW_SILENT);
	tap_close(t);
}

static void sets_and_ends(void **state)
{
	struct tap *t = tap_open4();
	struct proto_handle old = {TAP_FIRST, 6};
	struct media *m = t->rig->media;

	t->flow.gen = 7;
	t->flow.expires_ms = t->rig->now_ms + 2000;
	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	assert_int_equal(flow_del(m, 0, &old), 0);
	assert_int_equal(tap_count(t)->packets, 1);
	t->flow.gen = 6;
	assert_int_equal(tap_set(t), -ESTALE);
	/* The second client's, beyond all, a port slot. */
	assert_int_equal(monitor_set(m, 1, &t->flow, t->rig->now_ms), -ERANGE);
	assert_int_equal(flow_del(m, 1, &old), -ERANGE);
	t->flow.id = TAP_FIRST + RIG_MONITORS;
	assert_int_equal(tap_set(t), -ERANGE);
	t->flow.id = TAP_FIRST - 1;
	assert_int_equal(tap_set(t), -ERANGE);
	t->flow.id = TAP_FIRST + RIG_MONITORS - 1;
	assert_int_equal(tap_set(t), -ERANGE);
	t->flow.id = TAP_FIRST;
	/* A new generation begins at nothing. */
	t->flow.gen = 8;
	assert_int_equal(tap_set(t), 0);
	assert_int_equal(tap_count(t)->packets, 0);
	assert_int_equal(tap_heard(t), 0);
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 1);
	rig_pass(t->rig, 3500);
	tap_expect_event(t, PROTO_FLOW_EXPIRED);
	assert_int_equal(t->rig->facts.head->flows_used, 0);
	assert_int_equal(tap_set(t), -ETIME);
	/* What a sync leaves out goes. */
	t->flow.expires_ms = t->rig->now_ms + 100000;
	assert_int_equal(tap_set(t), 0);
	flow_sync_begin(m, 0);
	assert_int_equal(tap_set(t), 0);
	flow_sync_end(m, 0);
	rig_pass(t->rig, 2000);
	assert_int_equal(t->rig->facts.head->flows_used, 1);
	flow_sync_begin(m, 0);
	flow_sync_end(m, 0);
	rig_pass(t->rig, 2000);
	assert_int_equal(t->rig->facts.head->flows_used, 0);
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 0);
	tap_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_told),
		cmocka_unit_test(destinations_move),
		cmocka_unit_test(no_silence_of_the_blind),
		cmocka_unit_test(sets_and_ends),
	};

	return cmocka_run_group_tests(tests, tap_eal, rig_eal_end);
}
