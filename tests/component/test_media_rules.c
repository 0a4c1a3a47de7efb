/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of the checklist that no other test has in one piece; tests/component/README.md says where
 * the others are. */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static bool is_heard_now(const struct scene *s, int leg)
{
	return s->rig->facts.flow[s->flow[leg].id].count.heard == s->rig->w->now_tick;
}

static void both_ways(struct scene *s)
{
	for (int leg = 0; leg < 2; leg++) {
		scene_rtp(s, leg);
		scene_expect(s, leg, NULL);
	}
}

/* RT-06: RTCP BYE is relayed, and ends nothing. */
static void rtcp_bye(void **state)
{
	struct scene *s = scene_open4();
	struct addr source = s->phone[0];
	struct frame frame = {0};

	scene_learn(s);
	source.port++;
	frame_rtcp(&frame, SCENE_SSRC);
	frame.payload[1] = 203;
	scene_feed(s, 0, &source, 1, &frame);
	assert_true(rig_sent(s->rig, &frame));
	assert_int_equal(frame.payload[1], 203);
	rig_pass(s->rig, 5000);
	scene_event(s, 0, PROTO_FLOW_LEARNT_RTCP);
	scene_expect_no_event(s);
	both_ways(s);
	scene_close(s);
}

/* RT-06: ICMP about a media port is the kernel's to read; the stream goes on. */
static void icmp_unreachable(void **state)
{
	struct scene *s = scene_open4();
	struct frame frame = {.ttl = 64, .len = 36};
	uint8_t data[FRAME_MAX];
	uint16_t len;

	scene_set_latched(s);
	frame.src = s->phone[1];
	frame.dst = s->local[1];
	memcpy(frame.mac_dst, rig_mac, 6);
	len = frame_write(&frame, data);
	data[23] = IPPROTO_ICMP;
	data[34] = 3;
	data[35] = 3;
	rig_feed_raw(s->rig, data, len);
	assert_int_equal(rig_punted(s->rig, PUNT_ICMP), 1);
	scene_expect_no_event(s);
	both_ways(s);
	scene_close(s);
}

/* RT-07: SRTP is not looked into. Any payload, any extension, a padding bit whose count is
 * encrypted, an SRTCP tail: byte for byte the same. */
static void srtp(void **state)
{
	struct scene *s = scene_open4();
	struct addr source = s->phone[0];
	uint32_t random = 1;

	scene_set_latched(s);
	for (int n = 0; n < 400; n++) {
		bool rtcp = n % 4 == 3;
		struct frame sent = {0}, got;
		uint16_t len;

		frame_rtp(&sent, 0, (uint16_t)n, SCENE_SSRC, 172);
		for (int i = 12; i < 172; i++)
			sent.payload[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
		if (n % 4 == 1)
			sent.payload[0] |= 0x20;
		if (n % 4 == 2) {
			sent.payload[0] |= 0x10;
			sent.payload[14] = 0;
			sent.payload[15] = 2;
		}
		if (rtcp) {
			frame_rtcp(&sent, SCENE_SSRC);
			for (int i = 8; i < 46; i++)
				sent.payload[i] = (uint8_t)(n * i);
			sent.len = 46;
			source.port = (uint16_t)(s->phone[0].port + 1);
		}
		len = sent.len;
		scene_feed(s, 0, rtcp ? &source : &s->phone[0], rtcp, &sent);
		assert_true(rig_sent(s->rig, &got));
		assert_int_equal(got.len, len);
		assert_memory_equal(got.payload, sent.payload, len);
	}
	scene_close(s);
}

/* RT-09: one party that cannot be reached holds nobody up, and full frames pass. */
static void dead_peer(void **state)
{
	struct scene *s = scene_open("10.0.0.11:4000", "192.0.2.1", "10.0.0.99:5000", "192.0.2.2");
	struct frame sent = {0}, got;

	scene_set_latched(s);
	for (int n = 0; n < 100; n++) {
		scene_rtp(s, 0);
		frame_rtp(&sent, 0, (uint16_t)n, SCENE_SSRC + 1, 1472);
		scene_feed(s, 1, &s->phone[1], 0, &sent);
		scene_expect(s, 1, &got);
		assert_int_equal(got.len, 1472);
	}
	assert_int_equal(scene_drops(s, FACTS_DROP_NEXT_HOP), 100);
	scene_expect_none(s);
	scene_close(s);
}

/* LA-02, SE-18: an attacker who is there first and never stops; the honest party is learnt, and
 * nothing of the other is forwarded. Here he even shares the SSRC and knows the sequence. */
static void attacker_first(void **state)
{
	struct scene *s = scene_open4();
	struct addr attacker = rig_addr("203.0.113.66:4000");
	struct frame frame;

	s->flow[1].flags = PROTO_FLOW_LATCHED;
	s->flow[1].latched = s->phone[1];
	s->flow[1].ssrc = SCENE_SSRC + 1;
	scene_set(s, 0);
	scene_set(s, 1);
	for (int n = 0; n < 50; n++)
		scene_rtp_from(s, 0, &attacker, SCENE_SSRC);
	scene_expect_none(s);
	for (int n = 0; n < 20; n++) {
		uint16_t seq = s->seq[0];

		scene_rtp_from(s, 0, &attacker, SCENE_SSRC);
		s->seq[0] = seq;
		scene_rtp(s, 0);
		rig_pass(s->rig, 20);
	}
	assert_true(addr_equal(&scene_event(s, 0, PROTO_FLOW_LEARNT)->addr, &s->phone[0]));
	while (rig_sent(s->rig, &frame))
		;
	scene_rtp_from(s, 0, &attacker, SCENE_SSRC);
	scene_expect_none(s);
	/* What goes to the leg goes to the honest party. */
	scene_rtp(s, 1);
	assert_true(rig_sent(s->rig, &frame));
	assert_true(addr_equal(&frame.dst, &s->phone[0]));
	scene_close(s);
}

/* LA-05: packets to a port that is free again reach nobody, neither then nor in its next call. */
static void freed_port(void **state)
{
	struct scene *s = scene_open4();
	struct proto_handle old = {.id = s->flow[0].id, .gen = 1};
	struct addr former = s->phone[0];

	scene_learn(s);
	assert_int_equal(flow_del(s->rig->media, 0, &old), 0);
	for (int n = 0; n < 10; n++)
		scene_rtp_from(s, 0, &former, SCENE_SSRC);
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_NO_FLOW), 10);
	s->phone[0] = s->flow[0].remote = rig_addr("10.0.0.21:6000");
	s->flow[0].remote_rtcp = rig_addr("10.0.0.21:6001");
	s->flow[0].gen++;
	s->flow[1].peer_gen++;
	scene_set(s, 0);
	scene_set(s, 1);
	for (int n = 0; n < 10; n++)
		scene_rtp_from(s, 0, &former, SCENE_SSRC);
	scene_expect_none(s);
	assert_int_equal(scene_count(s, 0)->packets, 0);
	scene_close(s);
}

/* LA-06: ten thousand packets of junk, from strangers and from the party's own address, change
 * nothing: no event, the same source, the stream goes on. */
static void junk(void **state)
{
	struct scene *s = scene_open4();
	struct addr stranger = rig_addr("203.0.113.66:4000");
	uint32_t random = 7;

	scene_learn(s);
	for (int n = 0; n < 10000; n++) {
		bool own = n % 2;
		struct frame frame = {.len = (uint16_t)(n % 200)};

		for (int i = 0; i < frame.len; i++)
			frame.payload[i] = (uint8_t)((random = random * 1664525 + 1013904223) >>
				24);
		/* From the learnt source it would be its own RTP. */
		if (own)
			frame.payload[0] &= 0x7f;
		scene_feed(s, 0, own ? &s->phone[0] : &stranger, n % 3 == 0 && !own, &frame);
	}
	scene_expect_none(s);
	rig_pass(s->rig, 100);
	scene_expect_no_event(s);
	both_ways(s);
	scene_close(s);
}

/* LV-04: comfort noise every 30 s is life, although it was not named in the SDP. */
static void comfort_noise(void **state)
{
	struct scene *s = scene_open4();
	struct frame frame = {0};

	s->flow[0].flags = PROTO_FLOW_CLOCK;
	s->flow[0].start_ms = s->flow[0].silence_ms = 60000;
	s->flow[0].clock_ms = s->rig->now_ms;
	scene_set_latched(s);
	for (int n = 0; n < 10; n++) {
		frame_rtp(&frame, 13, (uint16_t)n, SCENE_SSRC, 13);
		scene_feed(s, 0, &s->phone[0], 0, &frame);
		scene_expect(s, 0, NULL);
		rig_pass(s->rig, 30000);
		scene_expect_no_event(s);
	}
	rig_pass(s->rig, 31000);
	scene_event(s, 0, PROTO_FLOW_SILENT);
	scene_close(s);
}

/* LV-08: a party's RTP keep-alive, of a payload type that was not negotiated, is neither relayed
 * nor life; LV-07: nor are STUN and an empty datagram. */
static void keepalive_of_party(void **state)
{
	struct scene *s = scene_open4();
	struct frame frame = {0};

	scene_set_latched(s);
	rig_pass(s->rig, 20);
	frame_rtp(&frame, 20, 1, SCENE_SSRC, 12);
	scene_feed(s, 0, &s->phone[0], 0, &frame);
	frame_stun(&frame);
	scene_feed(s, 0, &s->phone[0], 0, &frame);
	frame.len = 0;
	scene_feed(s, 0, &s->phone[0], 0, &frame);
	scene_expect_none(s);
	assert_false(is_heard_now(s, 0));
	assert_int_equal(scene_quality(s, 0)->payload_type, 1);
	/* DTMF and comfort noise were negotiated: they are. */
	frame_rtp(&frame, 101, 1, SCENE_SSRC, 16);
	scene_feed(s, 0, &s->phone[0], 0, &frame);
	scene_expect(s, 0, NULL);
	assert_true(is_heard_now(s, 0));
	scene_close(s);
}

/* A flow ends at its expiry, also where the tick after it would be written as "never". */
static void expiry_at_the_wrap(void **state)
{
	struct scene *s = scene_open4();
	uint64_t wrap_ms = (UINT32_MAX + 1ull) * CLOCK_TICK_MS;

	s->rig->now_ms = wrap_ms - 1000;
	rig_pass(s->rig, 20);
	s->flow[0].expires_ms = wrap_ms - CLOCK_TICK_MS;
	s->flow[1].expires_ms = wrap_ms + 3600000;
	scene_set(s, 0);
	scene_set(s, 1);
	rig_pass(s->rig, 900);
	scene_expect_no_event(s);
	rig_pass(s->rig, 2100);
	scene_event(s, 0, PROTO_FLOW_EXPIRED);
	scene_expect_no_event(s);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rtcp_bye),
		cmocka_unit_test(icmp_unreachable),
		cmocka_unit_test(srtp),
		cmocka_unit_test(dead_peer),
		cmocka_unit_test(attacker_first),
		cmocka_unit_test(freed_port),
		cmocka_unit_test(junk),
		cmocka_unit_test(comfort_noise),
		cmocka_unit_test(keepalive_of_party),
		cmocka_unit_test(expiry_at_the_wrap),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
