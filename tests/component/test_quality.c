/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics of a leg: loss and jitter (RFC 3550 A.3, A.8), SSRC changes, refused packets. */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND_STREAM 0x7777

static void send_at(struct scene *s, uint16_t seq, uint32_t time, uint32_t ssrc)
{
	struct frame frame = {0};

	frame_rtp(&frame, 0, seq, ssrc, 172);
	for (int i = 0; i < 4; i++)
		frame.payload[4 + i] = (uint8_t)(time >> (24 - 8 * i));
	scene_feed(s, 0, &s->phone[0], 0, &frame);
	scene_expect(s, 0, NULL);
}

static void send_seq(struct scene *s, uint16_t seq, uint32_t ssrc)
{
	send_at(s, seq, seq * 160u, ssrc);
}

/* As a reader of the facts memory reckons. */
static int32_t lost(const struct scene *s)
{
	const struct facts_flow *c = scene_count(s, 0);

	return (int32_t)(scene_quality(s, 0)->lost_base + c->seq - c->packets);
}

static double jitter_ms(const struct scene *s, double rate)
{
	return scene_count(s, 0)->jitter / 16.0 / rate * 1000;
}

static void loss(void **state)
{
	struct scene *s = scene_open4();

	scene_set_latched(s);
	/* Over the end of the sequence numbers, every tenth is missing. */
	for (uint32_t n = 65000; n < 65000 + 2000; n++)
		if (n % 10)
			send_seq(s, (uint16_t)n, SCENE_SSRC);
	assert_int_equal(lost(s), 199);
	/* Late ones and repeated ones come off, as A.3 says. */
	send_seq(s, (uint16_t)66990, SCENE_SSRC);
	assert_int_equal(lost(s), 198);
	send_seq(s, (uint16_t)66990, SCENE_SSRC);
	assert_int_equal(lost(s), 197);
	send_seq(s, (uint16_t)67001, SCENE_SSRC);
	assert_int_equal(lost(s), 198);
	/* The other leg's count is its own. */
	assert_int_equal(scene_quality(s, 1)->lost_base, 0);
	scene_close(s);
}

/* A sequence that jumps far is a source that began anew, and no loss of thousands. */
static void far_jump(void **state)
{
	struct scene *s = scene_open4();

	scene_set_latched(s);
	for (uint16_t n = 1; n <= 100; n++)
		send_seq(s, n, SCENE_SSRC);
	/* One stray packet changes nothing. */
	send_seq(s, 30000, SCENE_SSRC);
	send_seq(s, 101, SCENE_SSRC);
	assert_int_equal(lost(s), 0);
	for (uint16_t n = 40000; n < 40100; n++)
		if (n != 40050)
			send_seq(s, n, SCENE_SSRC);
	assert_int_equal(lost(s), 1);
	assert_int_equal(scene_count(s, 0)->packets, 100 + 2 + 99);
	/* The packet by which it was known to have begun anew comes a second time, very late. */
	for (uint16_t n = 40100; n < 40200; n++)
		send_seq(s, n, SCENE_SSRC);
	send_seq(s, 40001, SCENE_SSRC);
	send_seq(s, 40200, SCENE_SSRC);
	assert_int_equal(lost(s), 1);
	scene_close(s);
}

static void ssrc_change(void **state)
{
	struct scene *s = scene_open4();

	scene_set_latched(s);
	send_seq(s, 10, SCENE_SSRC);
	send_seq(s, 13, SCENE_SSRC);
	assert_int_equal(scene_quality(s, 0)->ssrc_changes, 0);
	send_seq(s, 50000, SECOND_STREAM);
	send_seq(s, 50002, SECOND_STREAM);
	assert_int_equal(scene_quality(s, 0)->ssrc_changes, 1);
	assert_int_equal(scene_count(s, 0)->ssrc, SECOND_STREAM);
	assert_int_equal(lost(s), 3);
	/* The same port, another call: nothing is left. */
	s->flow[0].gen++;
	s->flow[1].peer_gen++;
	scene_set(s, 0);
	scene_set(s, 1);
	assert_int_equal(scene_quality(s, 0)->ssrc_changes, 0);
	assert_int_equal(lost(s), 0);
	scene_close(s);
}

/* Packets every 20 ms, every other one `late` ms late: jitter goes to that difference. */
static double jitter_of(uint16_t rate, uint32_t hz, uint64_t late)
{
	struct scene *s = scene_open4();
	double ms;

	s->flow[0].clock_rate = rate;
	scene_set_latched(s);
	for (uint16_t n = 0; n < 200; n++) {
		rig_pass(s->rig, 20);
		if (n % 2)
			rig_pass(s->rig, late);
		send_at(s, n, n * (hz / 50), SCENE_SSRC);
		if (n % 2)
			s->rig->now_ms -= late;
	}
	ms = jitter_ms(s, hz);
	scene_close(s);
	return ms;
}

static void jitter(void **state)
{
	assert_true(jitter_of(0, 8000, 0) < 0.3);
	assert_in_range(jitter_of(0, 8000, 12) * 10, 115, 125);
	assert_in_range(jitter_of(16000, 16000, 12) * 10, 115, 125);
	assert_in_range(jitter_of(32000, 32000, 12) * 10, 115, 125);
	assert_in_range(jitter_of(48000, 48000, 30) * 10, 295, 305);
	/* A rate for which the record has no number. */
	assert_in_range(jitter_of(44100, 44100, 30) * 10, 295, 305);
	/* By the wrong clock it would be another number. */
	assert_true(jitter_of(8000, 48000, 0) > 10);
}

/* A.8 by hand: one packet 16 ms late gives 1/16 of it, then it decays. */
static void jitter_steps(void **state)
{
	struct scene *s = scene_open4();

	scene_set_latched(s);
	for (uint16_t n = 0; n < 10; n++) {
		rig_pass(s->rig, 20);
		send_seq(s, n, SCENE_SSRC);
	}
	rig_pass(s->rig, 36);
	send_seq(s, 10, SCENE_SSRC);
	assert_in_range(scene_count(s, 0)->jitter, 126, 132);
	/* A new source has no transit time to compare with. */
	rig_pass(s->rig, 20);
	send_at(s, 1, 0x12345678, SECOND_STREAM);
	assert_in_range(scene_count(s, 0)->jitter, 115, 125);
	scene_close(s);
}

static void reasons(void **state)
{
	struct scene *s = scene_open4();
	struct addr stranger = rig_addr("203.0.113.66:4000"), source = s->phone[0];
	struct frame frame = {0};
	const struct facts_quality *q;

	scene_set_latched(s);
	scene_rtp_from(s, 0, &stranger, SCENE_SSRC);
	frame_rtp(&frame, 64, 1, SCENE_SSRC, 172);
	scene_feed(s, 0, &source, 0, &frame);
	frame_rtp(&frame, 35, 1, SCENE_SSRC, 172);
	scene_feed(s, 0, &source, 0, &frame);
	frame_stun(&frame);
	scene_feed(s, 0, &source, 0, &frame);
	scene_expect_none(s);
	source.port++;
	for (int n = 0; n < 3; n++) {
		frame_rtcp(&frame, SCENE_SSRC);
		scene_feed(s, 0, &source, 1, &frame);
	}
	q = scene_quality(s, 0);
	assert_int_equal(q->off_source, 1);
	assert_int_equal(q->payload_type, 2);
	assert_int_equal(q->malformed, 1);
	assert_int_equal(q->rtcp, 3);
	assert_int_equal(scene_count(s, 0)->packets, 0);
	while (rig_sent(s->rig, &frame))
		;
	scene_close(s);
}

/* Payload types that no profile names are still passed where they were negotiated. */
static void rare_types(void **state)
{
	static const uint8_t type[] = {0, 31, 32, 35, 63, 64, 71, 95, 96, 127};
	struct scene *s = scene_open4();
	struct frame frame = {0};

	for (unsigned int i = 0; i < RTE_DIM(type); i++)
		s->flow[0].payload_types[type[i] / 8] |= (uint8_t)(1 << type[i] % 8);
	scene_set_latched(s);
	for (unsigned int t = 0; t < 128; t++) {
		bool named = t == 13 || t == 101;

		for (unsigned int i = 0; i < RTE_DIM(type); i++)
			named |= type[i] == t;
		frame_rtp(&frame, (uint8_t)t, (uint16_t)t, SCENE_SSRC, 172);
		scene_feed(s, 0, &s->phone[0], 0, &frame);
		assert_int_equal(rig_sent(s->rig, &frame), named);
	}
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loss),
		cmocka_unit_test(far_jump),
		cmocka_unit_test(ssrc_change),
		cmocka_unit_test(jitter),
		cmocka_unit_test(jitter_steps),
		cmocka_unit_test(reasons),
		cmocka_unit_test(rare_types),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
