/* SPDX-License-Identifier: BSD-3-Clause */
/* From whom media is taken: checklist LA-01 to LA-04, LV-07, with the relay in one piece. */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const stranger = "203.0.113.66:4000";

static uint32_t heard(const struct scene *s, int leg)
{
	return s->rig->facts.flow[s->flow[leg].id].count.heard;
}

static void learn(void **state)
{
	struct scene *s = scene_open4();
	const struct proto_flow_event *event;

	scene_set(s, 0);
	scene_set(s, 1);
	scene_rtp(s, 0);
	scene_rtp(s, 0);
	scene_expect_none(s);
	assert_int_equal(heard(s, 0), 0);
	assert_int_equal(scene_drops(s, FACTS_DROP_UNLATCHED), 2);
	scene_rtp(s, 0);
	/* The one that completes it goes through. */
	scene_expect(s, 0, NULL);
	assert_int_equal(heard(s, 0), s->rig->w->now_tick);
	scene_expect_no_event(s);
	rig_pass(s->rig, 20);
	event = scene_event(s, 0, PROTO_FLOW_LEARNT);
	assert_true(addr_equal(&event->addr, &s->phone[0]));
	assert_int_equal(event->ssrc, SCENE_SSRC);
	assert_int_equal(event->last_rtp_ms, 1000000);
	scene_expect_no_event(s);
	scene_close(s);
}

/* A third IP sprays from the start and all the time (LA-01): nothing of it is forwarded, nothing is
 * sent to it, it does not count as life, and the honest phone is learnt all the same. */
static void spray(void **state)
{
	struct scene *s = scene_open4();
	struct addr other = rig_addr(stranger);
	uint32_t sprayed = 0;

	s->flow[0].flags = s->flow[1].flags = PROTO_FLOW_SIGNAL;
	s->flow[0].signal = rig_addr("198.51.100.1");
	s->flow[1].signal = rig_addr("198.51.100.2");
	scene_set(s, 0);
	scene_set(s, 1);
	for (int n = 0; n < 200; n++) {
		uint16_t seq = s->seq[0];

		scene_rtp_from(s, 0, &other, 0xbad);
		s->seq[0] = seq;
		sprayed++;
		if (n % 10 == 0)
			scene_rtp(s, 0);
		if (n < 20)
			scene_expect_none(s);
		else if (n % 10 == 0)
			scene_expect(s, 0, NULL);
		rig_pass(s->rig, 20);
	}
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_OFF_SOURCE), sprayed);
	assert_int_equal(scene_quality(s, 0)->off_source, sprayed);
	assert_int_equal(scene_count(s, 0)->packets, 18);
	scene_event(s, 0, PROTO_FLOW_LEARNT);
	scene_expect_no_event(s);
	scene_close(s);
}

/* A stranger cannot keep a dead leg alive. */
static void stranger_is_no_life(void **state)
{
	struct scene *s = scene_open4();
	struct addr other = rig_addr(stranger);
	struct addr near = rig_addr("10.0.0.11:4444");

	scene_set_latched(s);
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	rig_pass(s->rig, 1000);
	for (int n = 0; n < 50; n++) {
		scene_rtp_from(s, 0, &other, SCENE_SSRC);
		/* Nor can another port of the same host, once learnt. */
		scene_rtp_from(s, 0, &near, SCENE_SSRC);
	}
	assert_int_equal(heard(s, 0), clock_tick(1000000));
	assert_int_equal(scene_count(s, 0)->packets, 1);
	assert_int_equal(scene_quality(s, 0)->off_source, 100);
	scene_expect_none(s);
	scene_close(s);
}

/* The NAT forgot a silent mapping: the same host and SSRC come from another port (LA-03). */
static void moved(void **state)
{
	struct scene *s = scene_open4();
	struct addr near = rig_addr("10.0.0.11:4444");
	struct addr other = rig_addr(stranger);
	const struct proto_flow_event *event;

	scene_set_latched(s);
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	rig_pass(s->rig, 2900);
	for (int n = 0; n < 20; n++)
		scene_rtp_from(s, 0, &near, SCENE_SSRC);
	rig_pass(s->rig, 200);
	for (int n = 0; n < 20; n++) {
		scene_rtp_from(s, 0, &near, 0xbad);
		scene_rtp_from(s, 0, &other, SCENE_SSRC);
	}
	scene_expect_none(s);
	rig_pass(s->rig, 600);
	for (int n = 0; n < 3; n++)
		scene_rtp_from(s, 0, &near, SCENE_SSRC);
	scene_expect_none(s);
	scene_rtp_from(s, 0, &near, SCENE_SSRC);
	scene_expect(s, 0, NULL);
	rig_pass(s->rig, 20);
	event = scene_event(s, 0, PROTO_FLOW_LEARNT);
	assert_true(addr_equal(&event->addr, &near));
	/* Its statistics go on: what it sent in vain is lost. */
	assert_int_equal(scene_quality(s, 0)->lost_base + scene_count(s, 0)->seq -
			scene_count(s, 0)->packets,
		20 + 40 + 3);
	/* What goes to the leg follows, and the old port is a stranger's now. */
	scene_rtp(s, 0);
	scene_expect_none(s);
	s->phone[0] = near;
	scene_rtp(s, 1);
	scene_expect(s, 1, NULL);
	scene_close(s);
}

/* Behind NAT: the SDP's address is private, media comes from the signalling IP, and what goes to
 * the leg follows. */
static void nat(void **state)
{
	struct scene *s = scene_open4();
	struct addr sdp = s->phone[1];
	const struct proto_flow_event *event;

	s->phone[1] = rig_addr("198.51.100.2:31002");
	s->flow[1].remote = sdp;
	s->flow[1].flags = PROTO_FLOW_SIGNAL;
	s->flow[1].signal = rig_addr("198.51.100.2");
	scene_set(s, 0);
	scene_set(s, 1);
	for (int n = 0; n < 4; n++)
		scene_rtp(s, 1);
	scene_expect_none(s);
	scene_rtp(s, 1);
	scene_expect(s, 1, NULL);
	rig_pass(s->rig, 20);
	event = scene_event(s, 1, PROTO_FLOW_LEARNT);
	assert_true(addr_equal(&event->addr, &s->phone[1]));
	for (int n = 0; n < 3; n++)
		scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	/* Without the flag the signalling IP is a stranger. */
	s->flow[1].gen = s->flow[0].peer_gen = 2;
	s->flow[1].flags = 0;
	scene_set(s, 1);
	scene_set(s, 0);
	for (int n = 0; n < 20; n++)
		scene_rtp(s, 1);
	scene_expect_none(s);
	rig_pass(s->rig, 20);
	scene_event(s, 0, PROTO_FLOW_LEARNT);
	scene_expect_no_event(s);
	scene_close(s);
}

/* A leg that was never heard gets a stream, not a hammer. */
static void guess(void **state)
{
	struct scene *s = scene_open4();
	struct frame frame;
	unsigned int sent = 0;

	scene_set(s, 0);
	scene_set(s, 1);
	for (int n = 0; n < 3; n++)
		scene_rtp(s, 0);
	scene_expect(s, 0, &frame);
	rig_pass(s->rig, 200);
	/* A second of a flood: at most 200 packets of it pass. */
	for (int n = 0; n < 1000; n++) {
		scene_rtp(s, 0);
		sent += rig_sent(s->rig, &frame);
		if (n % 10 == 9)
			rig_pass(s->rig, 10);
	}
	assert_in_range(sent, 180, 200);
	/* As fast as it likes when the other leg has been heard. */
	for (int n = 0; n < 3; n++)
		scene_rtp(s, 1);
	rig_pass(s->rig, 20);
	scene_event(s, 0, PROTO_FLOW_LEARNT);
	scene_event(s, 1, PROTO_FLOW_LEARNT);
	while (rig_sent(s->rig, &frame))
		;
	for (int n = 0; n < 300; n++) {
		scene_rtp(s, 0);
		scene_expect(s, 0, NULL);
	}
	scene_close(s);
}

/* Addresses of an SDP to which nothing is sent on its word (LA-04). */
static void victims(void **state)
{
	static const char *const victim[] = {"127.0.0.1:4000", "224.0.0.5:4000",
		"255.255.255.255:4000", "0.0.0.0:4000", "10.0.0.12:53", "192.0.2.1:20002"};

	for (unsigned int i = 0; i < RTE_DIM(victim); i++) {
		struct scene *s = scene_open4();

		s->flow[1].remote = rig_addr(victim[i]);
		scene_set(s, 0);
		scene_set(s, 1);
		for (int n = 0; n < 5; n++)
			scene_rtp(s, 0);
		scene_expect_none(s);
		assert_int_equal(scene_drops(s, FACTS_DROP_NO_PEER), 3);
		scene_close(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(learn),
		cmocka_unit_test(spray),
		cmocka_unit_test(stranger_is_no_life),
		cmocka_unit_test(moved),
		cmocka_unit_test(nat),
		cmocka_unit_test(guess),
		cmocka_unit_test(victims),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
