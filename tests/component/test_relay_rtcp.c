/* SPDX-License-Identifier: BSD-3-Clause */
/* RTCP: its own port or muxed, each leg as it negotiated (RT-01, RT-02), and whose it must be. */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The SDP's RTCP address is taken at its first packet; the stamp is RTCP's own. */
static void own_port(void **state)
{
	struct scene *s = scene_open4();
	struct addr source = scene_above(s->phone[0]), dst = scene_above(s->phone[1]);
	struct addr local = scene_above(s->local[1]);
	const struct proto_flow_event *event;

	scene_set(s, 0);
	scene_set(s, 1);
	scene_report(s, 0, &source, 1, 7);
	scene_expect_report(s, &local, &dst);
	assert_int_equal(s->rig->facts.flow_rtcp[s->flow[0].id], s->rig->w->now_tick);
	assert_int_equal(s->rig->facts.flow[s->flow[0].id].count.heard, 0);
	assert_int_equal(scene_count(s, 0)->packets, 0);
	assert_int_equal(s->rig->w->count->relayed_rtcp, 1);
	rig_pass(s->rig, 20);
	event = scene_event(s, 0, PROTO_FLOW_LEARNT_RTCP);
	assert_true(addr_equal(&event->addr, &source));
	/* From now on it is the only one. */
	scene_report(s, 0, &s->phone[0], 1, 7);
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_OFF_SOURCE), 1);
	/* What goes to the leg goes there. */
	source = scene_above(s->phone[1]);
	dst = scene_above(s->phone[0]);
	local = scene_above(s->local[0]);
	scene_report(s, 1, &source, 1, 8);
	scene_expect_report(s, &local, &dst);
	scene_close(s);
}

/* NAT gives RTCP a port of its own: taken from the host whose RTP was learnt, at once if the SSRC
 * is that of its RTP. */
static void behind_nat(void **state)
{
	struct scene *s = scene_open4();
	struct addr source = s->phone[0];
	struct addr local = scene_above(s->local[1]), dst = scene_above(s->phone[1]);

	scene_learn(s);
	source.port = 61234;
	scene_report(s, 0, &source, 1, 0x999);
	scene_expect_none(s);
	scene_report(s, 0, &source, 1, SCENE_SSRC);
	scene_expect_report(s, &local, &dst);
	rig_pass(s->rig, 20);
	scene_event(s, 0, PROTO_FLOW_LEARNT_RTCP);
	dst = scene_above(s->phone[1]);
	scene_report(s, 1, &dst, 1, SCENE_SSRC + 1);
	local = scene_above(s->local[0]);
	scene_expect_report(s, &local, &source);
	scene_close(s);
}

/* Where the SDP told a private address, RTCP goes to the port above the learnt source of RTP until
 * its own is learnt. */
static void to_nat(void **state)
{
	struct scene *s = scene_open4();
	struct addr source = scene_above(s->phone[0]), local = scene_above(s->local[1]), dst;

	s->flow[1].flags = PROTO_FLOW_SIGNAL;
	s->flow[1].signal = rig_addr("198.51.100.2");
	s->phone[1] = rig_addr("198.51.100.2:31002");
	scene_set(s, 0);
	scene_set(s, 1);
	for (int n = 0; n < 5; n++)
		scene_rtp(s, 1);
	scene_expect(s, 1, NULL);
	rig_pass(s->rig, 20);
	scene_event(s, 1, PROTO_FLOW_LEARNT);
	dst = scene_above(s->phone[1]);
	scene_report(s, 0, &source, 1, SCENE_SSRC);
	scene_expect_report(s, &local, &dst);
	scene_close(s);
}

/* A route of RTCP alone changes: its SDP names a place for RTCP, but none for RTP. */
static void rerouted(void **state)
{
	struct scene *s = scene_open4();
	struct addr source = scene_above(s->phone[0]);
	struct frame got;

	s->flow[1].remote = (struct addr){0};
	scene_set(s, 0);
	scene_set(s, 1);
	for (s->rig->route_shift = 0; s->rig->route_shift <= 2; s->rig->route_shift += 2) {
		media_reroute(s->rig->media);
		rig_pass(s->rig, 1100);
		scene_report(s, 0, &source, 1, SCENE_SSRC);
		assert_true(rig_sent(s->rig, &got));
		assert_int_equal(got.mac_dst[0], s->rig->route_shift ? 6 : 2);
	}
	scene_close(s);
}

/* A stranger's RTCP is neither forwarded nor life (SE-18). */
static void stranger(void **state)
{
	struct scene *s = scene_open4();
	struct addr other = rig_addr("203.0.113.66:4001");

	scene_learn(s);
	for (int n = 0; n < 20; n++)
		scene_report(s, 0, &other, 1, SCENE_SSRC);
	scene_expect_none(s);
	assert_int_equal(s->rig->facts.flow_rtcp[s->flow[0].id], 0);
	assert_int_equal(scene_quality(s, 0)->off_source, 20);
	assert_int_equal(scene_quality(s, 0)->rtcp, 0);
	scene_close(s);
}

/* With all on one port RTP has told the source of both: RTCP from another port of the same host,
 * even with the right SSRC, is not taken. */
static void mux_other_port(void **state)
{
	struct scene *s = scene_open4();
	struct addr source = s->phone[0];

	s->flow[0].flags = PROTO_FLOW_MUX;
	scene_learn(s);
	source.port = 61234;
	for (int n = 0; n < 5; n++)
		scene_report(s, 0, &source, 0, SCENE_SSRC);
	scene_expect_none(s);
	assert_int_equal(s->rig->facts.flow_rtcp[s->flow[0].id], 0);
	assert_int_equal(scene_quality(s, 0)->off_source, 5);
	rig_pass(s->rig, 20);
	scene_expect_no_event(s);
	scene_close(s);
}

/* Known RTCP sources are kept: neither RTP's port nor another one of the same host is taken, even
 * with the right SSRC, until the known one was silent for 15 s (LA-03). */
static void moved(void **state)
{
	struct scene *s = scene_open4();
	struct addr source = scene_above(s->phone[0]), near = s->phone[0];
	struct addr local = scene_above(s->local[1]), dst = scene_above(s->phone[1]);

	scene_learn(s);
	near.port = 61234;
	scene_report(s, 0, &source, 1, SCENE_SSRC);
	scene_expect_report(s, &local, &dst);
	rig_pass(s->rig, 20);
	scene_event(s, 0, PROTO_FLOW_LEARNT_RTCP);
	for (int n = 0; n < 20; n++) {
		scene_report(s, 0, &s->phone[0], 1, SCENE_SSRC);
		scene_report(s, 0, &near, 1, SCENE_SSRC);
	}
	rig_pass(s->rig, 14900);
	scene_report(s, 0, &near, 1, SCENE_SSRC);
	scene_expect_none(s);
	assert_int_equal(scene_quality(s, 0)->off_source, 41);
	rig_pass(s->rig, 100);
	scene_report(s, 0, &near, 1, SCENE_SSRC);
	scene_expect_report(s, &local, &dst);
	/* An offer/answer that opens the leg again forgets it at once. */
	s->flow[0].flags = PROTO_FLOW_RELEARN;
	s->flow[0].remote = rig_addr("10.0.0.13:4000");
	s->flow[0].remote_rtcp = rig_addr("10.0.0.13:4001");
	scene_set(s, 0);
	scene_report(s, 0, &near, 1, SCENE_SSRC);
	scene_expect_none(s);
	scene_close(s);
}

/* A leg that was not heard yet gets a stream of RTCP and no hammer (LA-04); once its RTCP was
 * heard, that is no guess any more, though its RTP still is. */
static void guess(void **state)
{
	struct scene *s = scene_open4();
	struct addr source = scene_above(s->phone[0]), answer = scene_above(s->phone[1]);
	struct frame got;
	unsigned int sent = 0;

	s->flow[0].flags = PROTO_FLOW_LATCHED;
	s->flow[0].latched = s->phone[0];
	scene_set(s, 0);
	scene_set(s, 1);
	for (int n = 0; n < 100; n++) {
		scene_report(s, 0, &source, 1, SCENE_SSRC);
		sent += rig_sent(s->rig, &got);
	}
	assert_int_equal(sent, 20);
	scene_report(s, 1, &answer, 1, SCENE_SSRC + 1);
	assert_true(rig_sent(s->rig, &got));
	rig_pass(s->rig, 20);
	for (int n = 0; n < 100; n++) {
		scene_report(s, 0, &source, 1, SCENE_SSRC);
		assert_true(rig_sent(s->rig, &got));
	}
	scene_rtp(s, 0);
	assert_false(rig_sent(s->rig, &got));
	scene_close(s);
}

/* Nor is it a guess once its RTP was heard. */
static void no_guess(void **state)
{
	struct scene *s = scene_open4();
	struct addr source = scene_above(s->phone[0]), local = scene_above(s->local[1]);
	struct addr dst = scene_above(s->phone[1]);

	scene_learn(s);
	for (int n = 0; n < 100; n++) {
		scene_report(s, 0, &source, 1, SCENE_SSRC);
		scene_expect_report(s, &local, &dst);
	}
	scene_close(s);
}

static void malformed(void **state)
{
	struct scene *s = scene_open4();
	struct addr source = scene_above(s->phone[0]);
	struct frame frame = {0};

	scene_set_latched(s);
	for (uint16_t len = 0; len < 32; len++) {
		frame_rtcp(&frame, 1);
		frame.len = len;
		scene_feed(s, 0, &source, 1, &frame);
	}
	frame_rtcp(&frame, 1);
	frame.payload[1] = 100;
	scene_feed(s, 0, &source, 1, &frame);
	/* RTP on the RTCP port. */
	frame_rtp(&frame, 0, 1, 1, 172);
	scene_feed(s, 0, &source, 1, &frame);
	scene_expect_none(s);
	assert_int_equal(s->rig->facts.flow_rtcp[s->flow[0].id], 0);
	assert_int_equal(scene_quality(s, 0)->malformed, 34);
	scene_close(s);
}

/* All four ways in which two legs can have negotiated it. */
static void mux(void **state)
{
	for (int way = 0; way < 4; way++) {
		struct scene *s = scene_open4();

		for (int leg = 0; leg < 2; leg++)
			s->flow[leg].flags = way >> leg & 1 ? PROTO_FLOW_MUX : 0;
		scene_learn(s);
		for (int leg = 0; leg < 2; leg++) {
			bool in = way >> leg & 1, out = way >> !leg & 1;
			struct addr source = in ? s->phone[leg] : scene_above(s->phone[leg]);
			struct addr local = out ? s->local[!leg] : scene_above(s->local[!leg]);
			struct addr dst = out ? s->phone[!leg] : scene_above(s->phone[!leg]);

			scene_report(s, leg, &source, !in, SCENE_SSRC + (uint32_t)leg);
			scene_expect_report(s, &local, &dst);
			assert_int_equal(
				s->rig->facts.flow_rtcp[s->flow[leg].id], s->rig->w->now_tick);
		}
		/* RTP goes on beside it. */
		scene_rtp(s, 0);
		scene_expect(s, 0, NULL);
		scene_close(s);
	}
}

/* Without mux, RTCP on the RTP port is nothing that was negotiated. */
static void not_muxed(void **state)
{
	struct scene *s = scene_open4();

	scene_set_latched(s);
	scene_report(s, 0, &s->phone[0], 0, SCENE_SSRC);
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_PAYLOAD_TYPE), 1);
	scene_close(s);
}

/* A muxed leg that only listens is known by its RTCP. */
static void only_rtcp(void **state)
{
	struct scene *s = scene_open4();

	s->flow[0].flags = PROTO_FLOW_MUX;
	s->flow[0].remote_rtcp = s->phone[0];
	scene_set(s, 0);
	scene_set(s, 1);
	scene_report(s, 0, &s->phone[0], 0, 5);
	assert_int_equal(s->rig->facts.flow_rtcp[s->flow[0].id], s->rig->w->now_tick);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_port),
		cmocka_unit_test(behind_nat),
		cmocka_unit_test(to_nat),
		cmocka_unit_test(rerouted),
		cmocka_unit_test(stranger),
		cmocka_unit_test(mux_other_port),
		cmocka_unit_test(moved),
		cmocka_unit_test(guess),
		cmocka_unit_test(no_guess),
		cmocka_unit_test(malformed),
		cmocka_unit_test(mux),
		cmocka_unit_test(not_muxed),
		cmocka_unit_test(only_rtcp),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
