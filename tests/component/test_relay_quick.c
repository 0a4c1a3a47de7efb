/* SPDX-License-Identifier: BSD-3-Clause */
/* The relay's short way for plain packets, beside its long way: nobody can tell them apart. */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define AT_ID  18 /* in a frame: identification and checksum of the IPv4 header */
#define AT_SUM 24

static uint16_t header_sum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The frame that a leg's phone sends. */
static uint16_t write_frame(const struct scene *s, int leg, struct frame *frame, uint8_t *data)
{
	frame->src = s->phone[leg];
	frame->dst = s->local[leg];
	frame->ttl = 60;
	memcpy(frame->mac_dst, rig_mac, 6);
	return frame_write(frame, data);
}

/* Every header checksum there is goes out right, and none that is wrong passes. */
static void header_sums(void **state)
{
	for (int marked = 0; marked < 2; marked++) {
		struct scene *s = scene_open4();
		struct frame sent = {0}, got;
		uint8_t data[FRAME_MAX], out[FRAME_MAX];
		uint16_t len;

		s->flow[1].dscp = marked ? 46 : PROTO_DSCP_KEEP;
		scene_set_latched(s);
		frame_rtp(&sent, 0, 1, 1, 172);
		len = write_frame(s, 0, &sent, data);
		for (uint32_t id = 0; id <= UINT16_MAX; id++) {
			uint16_t sum;

			put16(data + AT_ID, (uint16_t)id);
			put16(data + AT_SUM, 0);
			sum = header_sum(data + 14);
			put16(data + AT_SUM, sum);
			rig_feed_raw(s->rig, data, len);
			assert_int_equal(rig_sent_raw(s->rig, out), len);
			assert_true(frame_read(&got, out, len));
			assert_int_equal(got.ttl, 59);
			/* The zero that IP uses. */
			assert_false(out[AT_SUM] == 0xff && out[AT_SUM + 1] == 0xff);
			put16(data + AT_SUM, (uint16_t)(sum ^ 1 << id % 16));
			/* 0 is 0xffff in other words. */
			if (header_sum(data + 14) == 0)
				continue;
			rig_feed_raw(s->rig, data, len);
			assert_int_equal(rig_sent_raw(s->rig, out), 0);
		}
		scene_close(s);
	}
}

/* Plain ones, padded ones, with an extension, of a rare payload type, and one that is dropped, of
 * both legs, all in one burst: each stays behind the one before it. */
static void order(void **state)
{
	struct scene *s = scene_open4();
	uint8_t data[WORKER_BURST][FRAME_MAX];
	uint16_t len[WORKER_BURST], relayed = 0;

	for (int leg = 0; leg < 2; leg++)
		s->flow[leg].payload_types[40 / 8] |= 1 << 40 % 8;
	scene_set_latched(s);
	for (uint16_t i = 0; i < WORKER_BURST; i++) {
		struct frame frame = {0};

		frame_rtp(&frame, i % 5 == 2 ? 40 : 0, i, 7, i % 5 == 1 ? 14 : 172);
		if (i % 5 == 3) {
			frame.payload[0] |= 0x10;
			memset(frame.payload + 12, 0, 4);
		} else if (i % 5 == 4) {
			frame.payload[0] = 0;
		}
		len[i] = write_frame(s, i / 2 % 2, &frame, data[i]);
	}
	rig_feed_burst(s->rig, data, len, WORKER_BURST);
	for (uint16_t i = 0; i < WORKER_BURST; i++) {
		struct frame got;

		if (i % 5 == 4)
			continue;
		scene_expect(s, i / 2 % 2, &got);
		assert_int_equal(got.payload[2] << 8 | got.payload[3], i);
		relayed++;
	}
	scene_expect_none(s);
	assert_int_equal(s->rig->w->count->relayed_rtp, relayed);
	assert_int_equal(scene_drops(s, FACTS_DROP_NOT_RTP), WORKER_BURST - relayed);
	scene_close(s);
}

/* The legs leave by two ports, in turns: each frame by its own, in order, and none is lost. */
static void two_ports(void **state)
{
	struct scene *s = scene_open4();
	struct worker *w = s->rig->w;
	uint8_t data[WORKER_BURST][FRAME_MAX];
	uint16_t len[WORKER_BURST], n;
	struct rte_mbuf *back[WORKER_BURST];
	struct frame got;

	w->port[1] = (struct worker_port){.id = rig_open_port("net_ring9"), .device = 1};
	s->rig->nexthops[2].port = 1;
	scene_set_latched(s);
	for (uint16_t i = 0; i < WORKER_BURST; i++) {
		struct frame frame = {0};

		frame_rtp(&frame, 0, i, 7, 172);
		len[i] = write_frame(s, i % 3 == 2, &frame, data[i]);
	}
	rig_feed_burst(s->rig, data, len, WORKER_BURST);
	worker_flush(w, 1);
	n = rte_eth_rx_burst(w->port[1].id, 0, back, WORKER_BURST);
	for (uint16_t i = 0, at = 0; i < WORKER_BURST; i++) {
		if (i % 3 == 2) {
			scene_expect(s, 1, &got);
		} else {
			assert_true(at < n);
			assert_true(frame_read(
				&got, rte_pktmbuf_mtod(back[at], uint8_t *), back[at]->data_len));
			assert_true(addr_equal(&got.dst, &s->phone[1]));
			rte_pktmbuf_free(back[at++]);
		}
		assert_int_equal(got.payload[2] << 8 | got.payload[3], i);
	}
	assert_int_equal(n, WORKER_BURST - WORKER_BURST / 3);
	assert_int_equal(w->count->relayed_rtp, WORKER_BURST);
	assert_int_equal(w->count->tx, WORKER_BURST);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_sums),
		cmocka_unit_test(order),
		cmocka_unit_test(two_ports),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
