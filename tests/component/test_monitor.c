/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames at monitor ports: what counts as a sign of life of a stream that only passes by, and what
 * becomes of the frames (LV-01, LV-03, LV-07). */
#include "tests/component/tap_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void rtp_and_rtcp_are_stamped(void **state)
{
	struct tap *t = tap_open4();
	struct frame payload = {0};

	tap_rtp(t);
	assert_int_equal(tap_set(t), 0);
	assert_int_equal(tap_heard(t), 0);
	for (int n = 0; n < 10; n++)
		tap_rtp(t);
	assert_int_equal(tap_heard(t), t->rig->w->now_tick);
	assert_int_equal(tap_heard_rtcp(t), 0);
	assert_int_equal(tap_count(t)->packets, 10);
	assert_int_equal(tap_count(t)->bytes, 1720);
	assert_int_equal(tap_count(t)->ssrc, TAP_SSRC);
	rig_pass(t->rig, 1000);
	frame_rtcp(&payload, TAP_SSRC);
	tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst_rtcp);
	assert_int_equal(tap_heard_rtcp(t), t->rig->w->now_tick);
	assert_true(tap_heard(t) < tap_heard_rtcp(t));
	assert_int_equal(tap_quality(t)->rtcp, 1);
	/* Not muxed: RTCP has no business on the RTP port. */
	tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst);
	assert_int_equal(tap_quality(t)->rtcp, 1);
	assert_int_equal(tap_quality(t)->payload_type, 1);
	assert_int_equal(t->rig->w->count->watched_rtp, 10);
	assert_int_equal(t->rig->w->count->watched_rtcp, 1);
	tap_close(t);
}

static void muxed_rtcp_is_told_apart(void **state)
{
	struct tap *t = tap_open4();
	struct frame payload = {0};

	t->flow.flags = PROTO_FLOW_MUX;
	assert_int_equal(tap_set(t), 0);
	frame_rtcp(&payload, TAP_SSRC);
	tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst);
	tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst_rtcp);
	tap_rtp(t);
	assert_int_equal(tap_quality(t)->rtcp, 1);
	assert_int_equal(tap_count(t)->packets, 1);
	tap_close(t);
}

/* A stranger, or no RTP, keeps no dead stream alive (LV-07). */
static void junk_is_no_life(void **state)
{
	struct tap *t = tap_open4();
	struct addr stranger = rig_addr("203.0.113.66"), signal = rig_addr("198.51.100.7");
	struct frame payload = {0};

	assert_int_equal(tap_set(t), 0);
	frame_rtp(&payload, 0, 1, TAP_SSRC, 172);
	tap_arrive_to(t, &payload, &stranger, &t->flow.dst);
	assert_int_equal(tap_quality(t)->off_source, 1);
	frame_stun(&payload);
	tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst);
	memset(payload.payload, 22, payload.len); /* DTLS */
	tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst);
	payload.len = 0;
	tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst);
	frame_stun(&payload);
	tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst_rtcp);
	assert_int_equal(tap_quality(t)->malformed, 4);
	frame_rtp(&payload, 8, 1, TAP_SSRC, 172);
	tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst);
	frame_rtp(&payload, 40, 1, TAP_SSRC, 172);
	tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst);
	assert_int_equal(tap_quality(t)->payload_type, 2);
	assert_int_equal(tap_heard(t), 0);
	assert_int_equal(tap_heard_rtcp(t), 0);
	/* Behind a NAT its media comes from where its signalling does. */
	t->flow.signal = signal;
	t->flow.flags = PROTO_FLOW_SIGNAL;
	t->flow.payload_types[5] = 1;
	assert_int_equal(tap_set(t), 0);
	tap_arrive_to(t, &payload, &signal, &t->flow.dst);
	assert_int_equal(tap_heard(t), t->rig->w->now_tick);
	assert_int_equal(tap_count(t)->packets, 1);
	/* Comfort noise is negotiated by nobody. */
	frame_rtp(&payload, 13, 2, TAP_SSRC, 24);
	tap_arrive_to(t, &payload, &signal, &t->flow.dst);
	assert_int_equal(tap_count(t)->packets, 2);
	/* Nobody is known: anybody will do. */
	t->flow.source = t->flow.signal = (struct addr){0};
	t->flow.flags = 0;
	assert_int_equal(tap_set(t), 0);
	tap_arrive_to(t, &payload, &stranger, &t->flow.dst);
	assert_int_equal(tap_count(t)->packets, 3);
	t->flow.source = signal;
	tap_close(t);
}

/* Puts a VLAN tag into a frame. */
static uint16_t tag(uint8_t *data, uint16_t len, uint16_t type)
{
	memmove(data + 16, data + 12, len - 12u);
	data[12] = (uint8_t)(type >> 8);
	data[13] = (uint8_t)type;
	data[14] = 0x20;
	data[15] = 0x64;
	return (uint16_t)(len + 4);
}

static void tagged(const char *src, const char *dst)
{
	struct tap *t = tap_open(src, dst);
	struct addr from = rig_addr(src);
	struct frame payload = {0};
	uint8_t data[FRAME_MAX];
	uint16_t len;

	assert_int_equal(tap_set(t), 0);
	frame_rtp(&payload, 0, 1, TAP_SSRC, 172);
	len = tap_frame(&payload, &from, &t->flow.dst, data);
	tap_arrive(t, 0, data, len);
	assert_int_equal(tap_count(t)->packets, 1);
	len = tag(data, len, 0x8100);
	tap_arrive(t, 1, data, len);
	assert_int_equal(tap_count(t)->packets, 2);
	len = tag(data, len, 0x88a8);
	tap_arrive(t, 0, data, len);
	assert_int_equal(tap_count(t)->packets, 3);
	len = tag(data, len, 0x88a8);
	tap_arrive(t, 0, data, len);
	assert_int_equal(tap_count(t)->packets, 3);
	/* Cut anywhere it is harmless, and nothing. */
	for (uint16_t n = 0; n < len; n++)
		tap_arrive(t, 0, data, n);
	assert_int_equal(tap_count(t)->packets, 3);
	tap_close(t);
}

static void tags_and_families(void **state)
{
	tagged("10.0.0.1:4000", "10.0.0.2:5000");
	tagged("[2001:db8::1]:4000", "[2001:db8::2]:5000");
}

static void fragments_are_no_life(void **state)
{
	struct tap *t = tap_open4();
	struct addr from = rig_addr("10.0.0.1:4000");
	struct frame payload = {0};
	uint8_t data[FRAME_MAX];
	uint16_t len;

	assert_int_equal(tap_set(t), 0);
	frame_rtp(&payload, 0, 1, TAP_SSRC, 172);
	len = tap_frame(&payload, &from, &t->flow.dst, data);
	data[20] = 0x20; /* more follow */
	tap_arrive(t, 0, data, len);
	data[20] = 0;
	data[21] = 9; /* not the first */
	tap_arrive(t, 0, data, len);
	data[21] = 0;
	data[39] ^= 1; /* the UDP length */
	tap_arrive(t, 0, data, len);
	assert_int_equal(tap_count(t)->packets, 0);
	data[39] ^= 1;
	tap_arrive(t, 0, data, len);
	assert_int_equal(tap_count(t)->packets, 1);
	tap_close(t);
}

/* A whole burst of frames of many flows, IPv4 and IPv6, in one lookup. */
static void bursts_are_matched_at_once(void **state)
{
	struct tap *t = tap_open4();
	struct proto_monitor flow = t->flow;
	struct addr from = rig_addr("10.0.0.1:4000"), from6 = rig_addr("[2001:db8::1]:4000");
	struct rte_mbuf *mbuf[WORKER_BURST];
	struct frame payload = {0};
	uint8_t data[FRAME_MAX];

	for (uint32_t i = 0; i < 32; i++) {
		flow.id = TAP_FIRST + i;
		flow.source = i & 1 ? from6 : from;
		flow.source.port = 0;
		flow.dst = i & 1 ? rig_addr("[2001:db8::2]:5000") : rig_addr("10.0.0.2:5000");
		flow.dst.port = (uint16_t)(5000 + 2 * i);
		flow.dst_rtcp = (struct addr){0};
		assert_int_equal(monitor_set(t->rig->media, 0, &flow, t->rig->now_ms), 0);
	}
	for (uint32_t i = 0; i < WORKER_BURST; i++) {
		struct addr dst = i & 1 ? rig_addr("[2001:db8::2]:5000")
					: rig_addr("10.0.0.2:5000");
		uint16_t len;

		/* Every fourth is nobody's. */
		dst.port = (uint16_t)(5000 + 2 * i + (i % 4 == 3));
		frame_rtp(&payload, 0, (uint16_t)i, TAP_SSRC + i, 172);
		len = tap_frame(&payload, i & 1 ? &from6 : &from, &dst, data);
		mbuf[i] = rig_mbuf(data, len);
	}
	monitor_input(t->rig->w, mbuf, WORKER_BURST);
	rte_pktmbuf_free_bulk(mbuf, WORKER_BURST);
	for (uint32_t i = 0; i < 32; i++) {
		const struct facts_flow *c = &t->rig->facts.flow[TAP_FIRST + i].count;
		struct proto_handle handle = {TAP_FIRST + i, 1};

		assert_int_equal(c->packets, i % 4 != 3);
		assert_int_equal(c->ssrc, i % 4 != 3 ? TAP_SSRC + i : 0);
		assert_int_equal(flow_del(t->rig->media, 0, &handle), 0);
	}
	tap_close(t);
}

/* An IPv6 packet with a header before that of UDP. */
static uint16_t extended(uint8_t *data, uint8_t kind)
{
	struct addr from = rig_addr("[2001:db8::1]:4000"), to = rig_addr("[2001:db8::2]:5000");
	struct frame payload = {0};
	uint16_t len;

	frame_rtp(&payload, 0, 1, TAP_SSRC, 172);
	len = tap_frame(&payload, &from, &to, data);
	memmove(data + 62, data + 54, len - 54u);
	memset(data + 54, 0, 8);
	data[54] = data[20];
	data[20] = kind;
	data[19] = (uint8_t)(data[19] + 8);
	return (uint16_t)(len + 8);
}

/* Frames of any kind leave as they came, both ways, in order: tags, fragments and all. */
static void inline_changes_nothing(void **state)
{
	struct tap *t = tap_open4();
	struct addr from = rig_addr("10.0.0.1:4000");
	struct frame payload = {0};
	uint8_t data[11][FRAME_MAX];
	uint16_t len[11];

	t->rig->w->monitor_inline = true;
	assert_int_equal(tap_set(t), 0);
	for (int i = 0; i < 11; i++)
		for (int k = 0; k < FRAME_MAX; k++)
			data[i][k] = (uint8_t)(i * 7 + k * 13);
	frame_rtp(&payload, 0, 1, TAP_SSRC, 172);
	len[0] = tap_frame(&payload, &from, &t->flow.dst, data[0]);
	for (int i = 1; i < 5; i++)
		memcpy(data[i], data[0], len[0]);
	len[1] = tag(data[1], len[0], 0x8100);
	len[2] = tag(data[2], tag(data[2], len[0], 0x8100), 0x88a8);
	len[3] = len[4] = len[0];
	data[3][20] = 0x20;                                              /* more fragments follow */
	data[4][21] = 9;                                                 /* one of these */
	len[5] = extended(data[5], 0);                                   /* hop by hop */
	len[6] = extended(data[6], 44);                                  /* a fragment */
	memcpy(data[7], "\x01\x80\xc2\0\0\x02\2\0\0\0\0\1\x88\x09", 14); /* LACP */
	len[7] = 124;
	memcpy(data[8], "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x08\x06", 14); /* ARP */
	len[8] = 60;
	len[9] = FRAME_MAX; /* as much as a buffer holds */
	len[10] = 14;
	for (int side = 0; side < 2; side++) {
		for (int i = 0; i < 11; i++)
			tap_arrive(t, side, data[i], len[i]);
		for (int i = 0; i < 11; i++)
			tap_expect_same(!side, data[i], len[i]);
		tap_expect_none(side);
	}
	assert_int_equal(tap_count(t)->packets, 6);
	assert_int_equal(t->rig->w->count->tx, 22);
	tap_close(t);
}

static void mirror_sends_nothing(void **state)
{
	struct tap *t = tap_open4();

	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 1);
	tap_expect_none(0);
	tap_expect_none(1);
	assert_int_equal(t->rig->w->count->tx, 0);
	tap_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rtp_and_rtcp_are_stamped),
		cmocka_unit_test(muxed_rtcp_is_told_apart),
		cmocka_unit_test(junk_is_no_life),
		cmocka_unit_test(tags_and_families),
		cmocka_unit_test(fragments_are_no_life),
		cmocka_unit_test(bursts_are_matched_at_once),
		cmocka_unit_test(inline_changes_nothing),
		cmocka_unit_test(mirror_sends_nothing),
	};

	return cmocka_run_group_tests(tests, tap_eal, rig_eal_end);
}
