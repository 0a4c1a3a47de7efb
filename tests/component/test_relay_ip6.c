/* SPDX-License-Identifier: BSD-3-Clause */
/* The relay between IPv6 legs, and between the families (RT-09). */
#include "dataplane/media/context.h"
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct scene *open6(void)
{
	return scene_open(
		"[2001:db8:1::11]:4000", "2001:db8::1", "[2001:db8:2::12]:5000", "2001:db8::2");
}

static struct scene *open_cross(void)
{
	return scene_open("10.0.0.11:4000", "192.0.2.1", "[2001:db8:2::12]:5000", "2001:db8::2");
}

/* RTP and RTCP of both legs, learnt, with every length. */
static void life(struct scene *s)
{
	scene_learn(s);
	for (int leg = 0; leg < 2; leg++) {
		struct addr source = s->phone[leg];
		struct frame sent = {.ttl = 9, .tos = 0xb8}, got;

		for (uint16_t len = 12; len < 700; len++) {
			frame_rtp(&sent, 0, s->seq[leg]++, 1, len);
			scene_feed(s, leg, &source, 0, &sent);
			scene_expect(s, leg, &got);
			assert_int_equal(got.ttl, 8);
			assert_int_equal(got.tos, 0xb8);
			assert_int_equal(got.len, len);
			assert_memory_equal(got.payload, sent.payload, len);
			assert_memory_equal(got.mac_dst, rig_gateway[!leg], 6);
		}
		source.port++;
		frame_rtcp(&sent, 1);
		scene_feed(s, leg, &source, 1, &sent);
		assert_true(rig_sent(s->rig, &got));
		assert_int_equal(got.src.port, s->local[!leg].port + 1);
		assert_int_equal(got.dst.port, s->phone[!leg].port + 1);
		assert_true(addr_same_ip(&got.dst, &s->phone[!leg]));
		assert_int_equal(s->rig->facts.flow_rtcp[s->flow[leg].id], s->rig->w->now_tick);
		assert_int_equal(s->rig->w->count->relayed_rtcp, leg + 1);
	}
	scene_expect_none(s);
}

static void same_family(void **state)
{
	struct scene *s = open6();

	life(s);
	scene_close(s);
}

static void across(void **state)
{
	struct scene *s = open_cross();

	life(s);
	scene_close(s);
}

/* IPv6 knows no datagram without a checksum: it gets one on its way, and one that comes without is
 * dropped. */
static void no_checksum(void **state)
{
	struct scene *s = open_cross();
	struct frame sent = {.no_checksum = true}, got;

	scene_set_latched(s);
	frame_rtp(&sent, 0, 1, 1, 173);
	scene_feed(s, 0, &s->phone[0], 0, &sent);
	scene_expect(s, 0, &got);
	assert_false(got.no_checksum);
	scene_feed(s, 1, &s->phone[1], 0, &sent);
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_CHECKSUM), 1);
	scene_close(s);
}

/* Every UDP checksum there is goes out right: where it would be zero it is written as the other
 * zero, since zero means that there is none. */
static void every_sum(void **state)
{
	static const char *const phone[] = {"10.0.0.11:4000", "[2001:db8:1::11]:4000"};
	static const char *const local[] = {"192.0.2.1", "2001:db8::1"};

	for (int way = 0; way < 4; way++) {
		struct scene *s = scene_open(phone[way & 1], local[way & 1],
			way & 2 ? "[2001:db8:2::12]:5000" : "10.0.0.12:5000",
			way & 2 ? "2001:db8::2" : "192.0.2.2");
		struct frame sent = {0}, got;

		scene_set_latched(s);
		frame_rtp(&sent, 0, 1, 1, 32);
		for (uint32_t n = 0; n <= UINT16_MAX; n++) {
			memcpy(sent.payload + 12, &n, 2);
			scene_feed(s, 0, &s->phone[0], 0, &sent);
			scene_expect(s, 0, &got);
			assert_false(got.no_checksum);
		}
		scene_close(s);
	}
}

/* Addresses that differ in their last byte only are strangers. */
static void off_source(void **state)
{
	struct scene *s = open6();
	struct addr other = rig_addr("[2001:db8:1::19]:4000");
	struct frame frame = {0};

	scene_set_latched(s);
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	scene_rtp_from(s, 0, &other, SCENE_SSRC);
	other = rig_addr("[2001:db8:1::11]:4001");
	scene_rtp_from(s, 0, &other, SCENE_SSRC);
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_OFF_SOURCE), 2);
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	/* RTCP likewise, once its source is known. */
	other = rig_addr("[2001:db8:1::11]:4001");
	frame_rtcp(&frame, SCENE_SSRC);
	scene_feed(s, 0, &other, 1, &frame);
	assert_true(rig_sent(s->rig, &frame));
	other = rig_addr("[2001:db8:1::19]:4001");
	frame_rtcp(&frame, SCENE_SSRC);
	scene_feed(s, 0, &other, 1, &frame);
	scene_expect_none(s);
	scene_close(s);
}

/* Each change of a destination shows at once, and never half. */
static void destination_moves(void **state)
{
	struct scene *s = open6();

	scene_learn(s);
	for (unsigned int n = 1; n < 200; n++) {
		const uint64_t *out = &s->rig->media->record[s->flow[0].id].out;
		uint32_t version = record_ip(*out);

		s->phone[1].ip[15] = (uint8_t)(n == 99 ? 1 : n);
		s->phone[1].ip[8] = (uint8_t)(n * 3);
		s->flow[1].remote = s->phone[1];
		s->flow[1].flags = PROTO_FLOW_RELEARN;
		scene_set(s, 1);
		/* A worker that reads the address meanwhile sees that it changed. */
		assert_int_not_equal(record_ip(*out), version);
		scene_rtp(s, 0);
		scene_expect(s, 0, NULL);
		rig_pass(s->rig, 20);
	}
	scene_close(s);
}

/* A leg's addresses are of its port's family. */
static void families(void **state)
{
	struct scene *s = open6();

	struct addr *const told[] = {&s->flow[0].remote, &s->flow[0].remote_rtcp,
		&s->flow[0].signal, &s->flow[0].latched, &s->flow[0].latched_rtcp};

	for (unsigned int i = 0; i < RTE_DIM(told); i++) {
		struct addr was = *told[i];

		*told[i] = rig_addr("10.0.0.11:4000");
		assert_int_equal(flow_set(s->rig->media, 0, &s->flow[0], s->rig->now_ms), -EINVAL);
		*told[i] = was;
	}
	assert_int_equal(flow_set(s->rig->media, 0, &s->flow[0], s->rig->now_ms), 0);
	scene_close(s);
}

/* What was learnt before the leg was opened again is no news, although what is learnt now has the
 * same port. */
static void relearn_crosses(void **state)
{
	struct scene *s = open6();
	const struct proto_flow_event *event;

	scene_set(s, 0);
	scene_set_latched_leg(s, 1);
	for (int round = 0; round < 2; round++) {
		for (int n = 0; n < 3; n++)
			scene_rtp(s, 0);
		scene_expect(s, 0, NULL);
		if (round)
			break;
		s->phone[0] = s->flow[0].remote = rig_addr("[2001:db8:1::13]:4000");
		s->flow[0].flags = PROTO_FLOW_RELEARN;
		scene_set(s, 0);
	}
	rig_pass(s->rig, 20);
	event = scene_event(s, 0, PROTO_FLOW_LEARNT);
	assert_true(addr_equal(&event->addr, &s->phone[0]));
	scene_expect_no_event(s);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_family),
		cmocka_unit_test(across),
		cmocka_unit_test(no_checksum),
		cmocka_unit_test(every_sum),
		cmocka_unit_test(off_source),
		cmocka_unit_test(destination_moves),
		cmocka_unit_test(families),
		cmocka_unit_test(relearn_crosses),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
