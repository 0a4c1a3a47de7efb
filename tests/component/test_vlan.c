/* SPDX-License-Identifier: BSD-3-Clause */
/* A call whose second leg is on VLAN 100, and keep-alives on it: tags are taken out of what is
 * ours, stay on what the kernel gets, and are put into what leaves. */
#include "dataplane/core/workers.h"
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define VLAN 100
#define LINK WORKER_PORTS_MAX /* its port */

static struct workers *workers;
static const struct nexthop_vlan there = {.link = LINK, .id = VLAN, .present = true};
static const struct nexthop_vlan gone = {.link = LINK, .id = VLAN};

/* Leg 0 is on the wire as it is, leg 1 behind next hop 2 on the VLAN. */
static struct scene *open_on_vlan(void)
{
	struct scene *s = scene_open4();

	workers = calloc(1, sizeof(*workers));
	workers->item = s->rig->w;
	workers->count = 1;
	s->rig->w->port[0].vlans = &workers->vlans[0];
	workers_set_vlan(workers, &there);
	s->rig->nexthops[2].port = LINK;
	scene_set_latched(s);
	return s;
}

static void close_on_vlan(struct scene *s)
{
	scene_close(s);
	free(workers);
}

/* RTP of a leg's phone as a frame. */
static uint16_t rtp(struct scene *s, int leg, uint8_t *data)
{
	struct frame frame = {.src = s->phone[leg], .dst = s->local[leg], .ttl = 64};

	frame_rtp(&frame, 0, s->seq[leg]++, (uint32_t)(SCENE_SSRC + leg), 172);
	memcpy(frame.mac_dst, rig_mac, 6);
	memcpy(frame.mac_src, rig_gateway[0], 6);
	return frame_write(&frame, data);
}

static uint16_t tag(uint8_t *data, uint16_t len, uint16_t id)
{
	memmove(data + 16, data + 12, len - 12u);
	memcpy(data + 12, (const uint8_t[]){0x81, 0x00, (uint8_t)(id >> 8), (uint8_t)id}, 4);
	return (uint16_t)(len + 4);
}

/* The next frame that was sent, with its tag taken out; returns the VLAN, 0 for none. */
static uint16_t sent(struct scene *s, struct frame *frame)
{
	uint8_t data[FRAME_MAX];
	uint16_t len = rig_sent_raw(s->rig, data), id = 0;

	assert_true(len > 0);
	if (data[12] == 0x81 && data[13] == 0x00) {
		assert_int_equal(data[14] >> 4, 0);
		id = (uint16_t)(data[14] << 8 | data[15]);
		memmove(data + 12, data + 16, len - 16u);
		len = (uint16_t)(len - 4);
	}
	assert_true(frame_read(frame, data, len));
	assert_memory_equal(frame->mac_src, rig_mac, 6);
	assert_memory_equal(frame->mac_dst, rig_gateway[id ? 1 : 0], 6);
	return id;
}

static void call(void **state)
{
	struct scene *s = open_on_vlan();
	uint8_t data[FRAME_MAX];
	struct frame frame;

	for (int i = 0; i < 100; i++) {
		scene_rtp(s, 0);
		assert_int_equal(sent(s, &frame), VLAN);
		assert_true(addr_equal(&frame.dst, &s->phone[1]));
		assert_int_equal(frame.len, 172);
		/* With a priority, which means nothing here. */
		rig_feed_raw(
			s->rig, data, tag(data, rtp(s, 1, data), (uint16_t)(VLAN | (i & 7) << 13)));
		assert_int_equal(sent(s, &frame), 0);
		assert_true(addr_equal(&frame.dst, &s->phone[0]));
		assert_int_equal(frame.len, 172);
	}
	scene_expect_none(s);
	close_on_vlan(s);
}

/* Frames of one burst that leave by both. */
static void mixed(void **state)
{
	struct scene *s = open_on_vlan();
	struct frame frame;

	for (int i = 0; i < 3; i++) {
		scene_rtp(s, 0);
		scene_rtp(s, 1);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sent(s, &frame), VLAN);
		assert_int_equal(sent(s, &frame), 0);
	}
	close_on_vlan(s);
}

/* What is not ours reaches the kernel in its class, and as it came. */
static void punted(void **state)
{
	static const struct {
		uint8_t type[2];
		enum punt_class alone, all; /* to us, to everybody */
	} rows[] = {
		{{0x08, 0x06}, PUNT_NEIGHBOUR, PUNT_NEIGHBOURS},
		{{0x12, 0x34}, PUNT_OTHER, PUNT_OTHER},
	};
	struct scene *s = open_on_vlan();
	uint8_t data[FRAME_MAX], got[FRAME_MAX];
	struct frame sip = {.src = rig_addr("10.0.0.12:5060"), .dst = rig_addr("192.0.2.1:5060")};
	struct rte_mbuf *mbuf = NULL;
	uint16_t len;

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		len = tag(data, rtp(s, 1, data), VLAN);
		memcpy(data + 16, rows[i].type, 2);
		rig_feed_raw(s->rig, data, len);
		assert_int_equal(rig_punted(s->rig, rows[i].alone), 1);
		memset(data, 0xff, 6);
		rig_feed_raw(s->rig, data, len);
		assert_int_equal(rig_punted(s->rig, rows[i].all), 1);
	}
	sip.ttl = 64;
	sip.len = 200;
	memcpy(sip.mac_dst, rig_mac, 6);
	len = tag(data, frame_write(&sip, data), VLAN);
	rig_feed_raw(s->rig, data, len);
	assert_int_equal(rte_ring_sc_dequeue(s->rig->w->punt[PUNT_SIP], (void **)&mbuf), 0);
	assert_int_equal(mbuf->pkt_len, len);
	memcpy(got, rte_pktmbuf_mtod(mbuf, void *), len);
	assert_memory_equal(got, data, len);
	rte_pktmbuf_free(mbuf);
	scene_expect_none(s);
	close_on_vlan(s);
}

/* Media on a VLAN that is none of ours is nobody's, also when it was ours a moment ago. */
static void unknown(void **state)
{
	struct scene *s = open_on_vlan();
	uint8_t data[FRAME_MAX];

	rig_feed_raw(s->rig, data, tag(data, rtp(s, 1, data), VLAN + 1));
	assert_int_equal(rig_punted(s->rig, PUNT_OTHER), 1);
	workers_set_vlan(workers, &gone);
	rig_feed_raw(s->rig, data, tag(data, rtp(s, 1, data), VLAN));
	assert_int_equal(rig_punted(s->rig, PUNT_OTHER), 1);
	/* Two tags. */
	workers_set_vlan(workers, &there);
	rig_feed_raw(s->rig, data, tag(data, tag(data, rtp(s, 1, data), VLAN + 1), VLAN));
	assert_int_equal(rig_punted(s->rig, PUNT_OTHER), 1);
	scene_expect_none(s);
	/* Cut anywhere: nothing leaves, nothing breaks. */
	for (uint16_t cut = 0; cut < 58; cut++) {
		tag(data, rtp(s, 1, data), VLAN);
		rig_feed_raw(s->rig, data, cut);
	}
	for (enum punt_class class = 0; class < PUNT_CLASSES; class ++)
		rig_punted(s->rig, class);
	scene_expect_none(s);
	close_on_vlan(s);
}

static void look(struct scene *s, unsigned int seen[2])
{
	uint8_t data[FRAME_MAX];
	uint16_t len;

	while ((len = rig_sent_raw(s->rig, data)) > 0) {
		bool tagged = data[12] == 0x81;
		struct frame frame;

		if (tagged) {
			assert_int_equal(data[15], VLAN);
			memmove(data + 12, data + 16, len - 16u);
			len = (uint16_t)(len - 4);
		}
		assert_true(frame_read(&frame, data, len));
		assert_memory_equal(frame.mac_dst, rig_gateway[tagged], 6);
		assert_memory_equal(frame.payload, "HELLO", 5);
		assert_int_equal(frame.dst.ip[3] & 1, !tagged);
		seen[tagged]++;
	}
}

static void binding(struct scene *s, uint32_t id, bool on)
{
	struct proto_binding order = {
		.id = id,
		.gen = 1,
		.dst = rig_addr("10.0.9.1:5060"),
		.local = rig_addr("192.0.2.10:5060"),
		.expires_ms = s->rig->now_ms + 3600000,
	};
	struct proto_handle handle = {.id = id, .gen = 1};

	order.dst.ip[3] = (uint8_t)(id + 1);
	if (on)
		assert_int_equal(binding_set(s->rig->keepalive, 0, &order, s->rig->now_ms), 0);
	else
		assert_int_equal(binding_del(s->rig->keepalive, 0, &handle), 0);
}

/* Keep-alives by both, from buffers that are used again and again. */
static void keepalives(void **state)
{
	struct scene *s = open_on_vlan();
	struct proto_conf conf = {
		.payload_kind = PROTO_PAYLOAD_TEXT,
		.payload_len = 5,
		.payload = "HELLO",
		.period_ms = 10000,
		.send_interval_ms = 500,
	};
	unsigned int seen[2] = {0, 0};
	uint64_t now = rte_rdtsc();

	assert_int_equal(keepalive_conf_set(s->rig->keepalive, &conf), 0);
	for (uint32_t i = 0; i < 40; i++)
		binding(s, i, true);
	for (int ms = 0; ms < 30000; ms++) {
		now += RIG_HZ / 1000;
		s->rig->w->now_tsc = now;
		mailbox_run(&s->rig->w->mailbox, s->rig->w);
		keepalive_turn(s->rig->w, now);
		look(s, seen);
	}
	/* Three periods, twenty bindings each, of which the first may come early. */
	assert_in_range(seen[0], 40, 80);
	assert_in_range(seen[1], 40, 80);
	for (uint32_t i = 0; i < 40; i++)
		binding(s, i, false);
	close_on_vlan(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(call),
		cmocka_unit_test(mixed),
		cmocka_unit_test(punted),
		cmocka_unit_test(unknown),
		cmocka_unit_test(keepalives),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
