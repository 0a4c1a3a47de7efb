/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives on the media ports of a leg that gets no media (RFC 6263; LV-08). */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PERIOD    15000
#define LATE      250 /* of the scan, beyond the period */
#define DYNAMIC   127 /* the payload type that nobody in these scenes has negotiated */
#define RTP_CLOCK 8   /* timestamps a millisecond */

static uint32_t get(const struct frame *frame, unsigned int at, unsigned int len)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < len; i++)
		value = value << 8 | frame->payload[at + i];
	return value;
}

/* Time passes, and the worker does what main asks for. Returns how much passed until something
 * was sent, or `ms` if nothing was. */
static uint64_t wait_sent(struct scene *s, uint64_t ms, struct frame *frame)
{
	struct rig *rig = s->rig;
	uint64_t began = rig->now_ms;

	while (rig->now_ms - began < ms) {
		rig_pass(rig, 20);
		mailbox_run(&rig->w->mailbox, rig->w);
		worker_flush(rig->w, 0);
		if (rig_sent(rig, frame))
			break;
	}
	return rig->now_ms - began;
}

static void expect_silence(struct scene *s, uint64_t ms)
{
	struct frame frame;

	assert_int_equal(wait_sent(s, ms, &frame), ms);
}

/* The next keep-alive, to leg 1, after `ms`. */
static struct frame expect_keepalive(struct scene *s, uint64_t ms)
{
	uint64_t count = s->rig->w->count->rtp_keepalives;
	struct frame frame = {0};

	assert_in_range(wait_sent(s, ms + 1000, &frame), ms, ms + LATE);
	assert_int_equal(s->rig->w->count->rtp_keepalives, count + 1);
	assert_true(addr_equal(&frame.src, &s->local[1]));
	assert_true(addr_equal(&frame.dst, &s->phone[1]));
	assert_false(frame.no_checksum);
	return frame;
}

static void expect_rtp(const struct frame *frame, uint8_t type, uint16_t seq, uint32_t time)
{
	assert_int_equal(frame->len, 12);
	assert_int_equal(get(frame, 0, 1), 0x80);
	assert_int_equal(get(frame, 1, 1), type);
	assert_int_equal(get(frame, 2, 2), seq);
	assert_in_range(get(frame, 4, 4) - time + 100, 0, 200);
	assert_int_equal(get(frame, 8, 4), SCENE_SSRC);
}

static void expect_stun(const struct frame *frame)
{
	assert_int_equal(frame->len, 20);
	assert_int_equal(get(frame, 0, 4), 0x00110000);
	assert_int_equal(get(frame, 4, 4), 0x2112a442);
}

/* Leg 1 gets keep-alives. */
static struct scene *open_kept(uint32_t flags)
{
	struct scene *s = scene_open4();

	s->flow[1].keepalive_s = PERIOD / 1000;
	s->flow[0].flags |= flags;
	s->flow[1].flags |= flags;
	return s;
}

/* RTP of leg 0 passes, 20 ms apart as its timestamps say. Returns the last. */
static struct frame talk(struct scene *s, int packets)
{
	struct frame frame = {0};

	for (int n = 0; n < packets; n++) {
		rig_pass(s->rig, 20);
		mailbox_run(&s->rig->w->mailbox, s->rig->w);
		scene_rtp(s, 0);
		scene_expect(s, 0, &frame);
	}
	return frame;
}

/* A call on hold: its last packet's source and sequence number, and the timestamp of now. */
static void on_hold(void **state)
{
	struct scene *s = open_kept(0);
	struct frame last, frame;
	uint64_t began;

	scene_learn(s);
	last = talk(s, 2000);
	began = s->rig->now_ms;
	for (int n = 1; n <= 4; n++) {
		/* What the leg itself sends opens its NAT, and yet is not ours to count on. */
		scene_rtp(s, 1);
		scene_expect(s, 1, NULL);
		frame = expect_keepalive(s, PERIOD - 20);
		expect_rtp(&frame, DYNAMIC, (uint16_t)get(&last, 2, 2),
			get(&last, 4, 4) + (uint32_t)(s->rig->now_ms - began) * RTP_CLOCK);
		assert_int_equal(frame.ttl, 64);
		assert_int_equal(frame.tos, 0);
	}
	scene_close(s);
}

/* The call goes on as if nothing had been: same source, next packet, no event, no count. */
static void resumes(void **state)
{
	struct scene *s = open_kept(0);
	struct frame frame;

	scene_learn(s);
	talk(s, 50);
	for (int n = 0; n < 3; n++)
		expect_keepalive(s, PERIOD - 20);
	assert_int_equal(scene_count(s, 0)->packets, 51);
	assert_int_equal(scene_quality(s, 0)->ssrc_changes, 0);
	frame = talk(s, 50);
	assert_int_equal(frame.payload[1], 0);
	assert_int_equal(scene_count(s, 0)->packets, 101);
	assert_int_equal(s->rig->w->count->relayed_rtp, 101 + 1);
	assert_int_equal(s->rig->w->count->relayed_rtcp, 0);
	expect_keepalive(s, PERIOD - 20);
	scene_expect_no_event(s);
	scene_close(s);
}

/* Keep-alives are nobody's life, and do not hold back a media clock. */
static void is_no_life(void **state)
{
	struct scene *s = open_kept(PROTO_FLOW_CLOCK | PROTO_FLOW_RTCP_LIFE);
	uint32_t heard[2];

	for (int leg = 0; leg < 2; leg++) {
		s->flow[leg].silence_ms = 40000;
		s->flow[leg].clock_ms = s->rig->now_ms;
	}
	scene_learn(s);
	for (int leg = 0; leg < 2; leg++)
		heard[leg] = s->rig->facts.flow[s->flow[leg].id].count.heard;
	expect_keepalive(s, PERIOD - 40);
	expect_keepalive(s, PERIOD - 20);
	scene_expect_no_event(s);
	expect_keepalive(s, PERIOD - 20);
	scene_event(s, 0, PROTO_FLOW_SILENT);
	scene_event(s, 1, PROTO_FLOW_SILENT);
	for (int leg = 0; leg < 2; leg++) {
		assert_int_equal(s->rig->facts.flow[s->flow[leg].id].count.heard, heard[leg]);
		assert_int_equal(s->rig->facts.flow_rtcp[s->flow[leg].id], 0);
	}
	scene_close(s);
}

static void muxed(void **state)
{
	struct scene *s = open_kept(PROTO_FLOW_MUX);
	struct frame frame = {0};

	scene_learn(s);
	talk(s, 10);
	/* RTCP leaves by the same port: it keeps the mapping as well. */
	for (int n = 0; n < 10; n++) {
		expect_silence(s, 5000);
		frame_rtcp(&frame, SCENE_SSRC);
		scene_feed(s, 0, &s->phone[0], 0, &frame);
		scene_expect(s, 0, NULL);
	}
	frame = expect_keepalive(s, PERIOD - 20);
	assert_int_equal(frame.len, 8);
	assert_int_equal(get(&frame, 0, 4), 0x80c90001);
	assert_int_equal(get(&frame, 4, 4), SCENE_SSRC);
	scene_close(s);
}

/* RTCP on its own port keeps another mapping than that of RTP. */
static void not_muxed(void **state)
{
	struct scene *s = open_kept(0);
	struct frame frame = {0};

	scene_learn(s);
	talk(s, 10);
	for (int n = 0; n < 2; n++) {
		expect_silence(s, 5000);
		frame_rtcp(&frame, SCENE_SSRC);
		s->phone[0].port++;
		scene_feed(s, 0, &s->phone[0], 1, &frame);
		s->phone[0].port--;
		assert_true(rig_sent(s->rig, &frame));
	}
	frame = expect_keepalive(s, 4980);
	assert_int_equal(frame.len, 12);
	scene_close(s);
}

/* What we cannot authenticate is not sent in the parties' name. */
static void secure(void **state)
{
	struct scene *s = open_kept(PROTO_FLOW_SECURE);
	struct frame frame;

	scene_learn(s);
	talk(s, 10);
	frame = expect_keepalive(s, PERIOD - 20);
	expect_stun(&frame);
	s->flow[0].flags |= PROTO_FLOW_MUX;
	s->flow[1].flags |= PROTO_FLOW_MUX;
	scene_set(s, 0);
	scene_set(s, 1);
	frame = expect_keepalive(s, PERIOD - 20);
	expect_stun(&frame);
	scene_close(s);
}

/* No source to speak for: a phone would take a made-up one for the other party. Where nothing was
 * learnt either, the address of the SDP gets it. */
static void nothing_relayed_yet(void **state)
{
	struct scene *s = open_kept(0);
	struct frame frame;

	scene_set(s, 0);
	scene_set(s, 1);
	frame = expect_keepalive(s, PERIOD);
	expect_stun(&frame);
	s->flow[0].flags |= PROTO_FLOW_MUX;
	s->flow[1].flags |= PROTO_FLOW_MUX;
	scene_set(s, 0);
	scene_set(s, 1);
	frame = expect_keepalive(s, PERIOD - 20);
	expect_stun(&frame);
	scene_close(s);
}

/* The payload type is one that neither leg knows. */
static void payload_type(void **state)
{
	struct scene *s = open_kept(0);
	struct frame frame;

	s->flow[0].payload_types[15] = 0xc0;
	s->flow[1].payload_types[15] = 0x20;
	scene_learn(s);
	talk(s, 10);
	frame = expect_keepalive(s, PERIOD - 20);
	assert_int_equal(frame.payload[1], 124);
	memset(s->flow[1].payload_types + 12, 0xff, 4);
	scene_set(s, 1);
	frame = expect_keepalive(s, PERIOD - 20);
	expect_stun(&frame);
	scene_close(s);
}

static void ip6(void **state)
{
	static const char *const place[][4] = {
		{"[2001:db8::11]:4000", "2001:db8:1::1", "[2001:db8::13]:5000", "2001:db8:1::2"},
		{"10.0.0.11:4000", "192.0.2.1", "[2001:db8::13]:5000", "2001:db8:1::2"},
		{"[2001:db8::11]:4000", "2001:db8:1::1", "10.0.0.13:5000", "192.0.2.2"},
	};

	for (unsigned int i = 0; i < 3; i++) {
		struct scene *s = scene_open(place[i][0], place[i][1], place[i][2], place[i][3]);
		struct frame last, frame;

		s->flow[1].keepalive_s = PERIOD / 1000;
		s->flow[1].dscp = 46;
		scene_learn(s);
		last = talk(s, 10);
		frame = expect_keepalive(s, PERIOD - 20);
		assert_int_equal(frame.tos, 46 << 2);
		assert_int_equal(frame.len, 12);
		assert_int_equal(get(&frame, 2, 2), get(&last, 2, 2));
		scene_close(s);
	}
}

/* Updates of a flow, such as those that prolong it, leave the beat as it is; 0 ends it. */
static void updates(void **state)
{
	struct scene *s = open_kept(0);

	scene_learn(s);
	talk(s, 10);
	for (int n = 0; n < 7; n++) {
		expect_silence(s, 2000);
		scene_set(s, 1);
	}
	expect_keepalive(s, 980);
	s->flow[1].keepalive_s = 20;
	scene_set(s, 1);
	expect_keepalive(s, 19980);
	s->flow[1].keepalive_s = 0;
	scene_set(s, 1);
	expect_silence(s, 60000);
	s->flow[1].keepalive_s = 15;
	scene_set(s, 1);
	expect_keepalive(s, PERIOD);
	scene_close(s);
}

/* Nothing goes where nothing may: no peer, no address, no next hop, a flow that ended meanwhile. */
static void nowhere(void **state)
{
	struct scene *s = open_kept(0);
	struct proto_handle handle = {.id = s->flow[0].id, .gen = 1};
	struct frame frame;

	scene_set(s, 1);
	expect_silence(s, 40000);
	s->flow[1].remote = rig_addr("127.0.0.1:4000");
	scene_set(s, 0);
	scene_set(s, 1);
	expect_silence(s, 40000);
	s->flow[1].remote = rig_addr("10.0.0.99:4000");
	scene_set(s, 1);
	expect_silence(s, 40000);
	assert_int_equal(s->rig->w->count->rtp_keepalives, 0);
	s->flow[1].remote = s->phone[1];
	scene_set(s, 1);
	/* Ordered, and not yet sent when the other leg's flow is replaced. */
	rig_pass(s->rig, PERIOD + LATE);
	flow_del(s->rig->media, 0, &handle);
	s->flow[0].gen = 2;
	s->flow[1].peer_gen = 2;
	scene_set(s, 0);
	scene_set(s, 1);
	mailbox_run(&s->rig->w->mailbox, s->rig->w);
	worker_flush(s->rig->w, 0);
	scene_expect_none(s);
	assert_in_range(wait_sent(s, PERIOD + LATE, &frame), 1, PERIOD);
	assert_int_equal(s->rig->w->count->rtp_keepalives, 1);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_hold),
		cmocka_unit_test(resumes),
		cmocka_unit_test(is_no_life),
		cmocka_unit_test(muxed),
		cmocka_unit_test(not_muxed),
		cmocka_unit_test(secure),
		cmocka_unit_test(nothing_relayed_yet),
		cmocka_unit_test(payload_type),
		cmocka_unit_test(ip6),
		cmocka_unit_test(updates),
		cmocka_unit_test(nowhere),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
