/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures of flows, from the worker's packets to the records that a client gets, on a net_ring
 * port in virtual time. */
#include "dataplane/media/monitor.h"
#include "tests/component/capture_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_relayed_packet_comes_twice(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 77);
	struct frame in, out, sent;

	assert_int_equal(start(w, &set), 0);
	w->rig->w->now_tsc -= 3000000;
	scene_rtp(w->s, 0);
	scene_rtp(w->s, 1);
	w->rig->w->now_tsc += 3000000;
	scene_expect(w->s, 0, &sent);
	tick(w);
	assert_int_equal(w->frames, 2);
	assert_int_equal(w->frame[0].capture, 77);
	assert_int_equal(w->frame[0].fate, PROTO_FRAME_RELAYED);
	assert_int_equal(w->frame[0].out, 0);
	assert_int_equal(w->frame[0].at_us, w->rig->now_ms * 1000 - 3000);
	assert_true(frame_read(&in, w->frame[0].data, w->frame[0].kept));
	assert_true(addr_equal(&in.src, &w->s->phone[0]));
	assert_true(addr_equal(&in.dst, &w->s->local[0]));
	assert_int_equal(w->frame[1].out, 1);
	assert_true(frame_read(&out, w->frame[1].data, w->frame[1].kept));
	assert_memory_equal(&out, &sent, offsetof(struct frame, payload) + sent.len);
	world_close(w);
}

static void test_long_packet_is_cut(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 1);
	uint8_t data[FRAME_MAX] = {0};
	struct frame frame = {.src = w->s->phone[0], .dst = w->s->local[0], .ttl = 9};
	uint16_t len;

	assert_int_equal(start(w, &set), 0);
	memcpy(frame.mac_dst, rig_mac, 6);
	frame_rtp(&frame, 0, 1, 2, 172);
	len = frame_write(&frame, data);
	rig_feed_raw(w->rig, data, PROTO_FRAME_MAX + 80);
	tick(w);
	assert_int_equal(w->frame[0].len, PROTO_FRAME_MAX + 80);
	assert_int_equal(w->frame[0].kept, PROTO_FRAME_MAX);
	assert_memory_equal(w->frame[0].data, data, PROTO_FRAME_MAX);
	assert_int_equal(w->frame[1].kept, len);
	world_close(w);
}

/* Each with its reason, those before the relay too. */
static void test_dropped_packet_tells_why(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 1);
	struct addr stranger = rig_addr("203.0.113.9:9");
	struct frame frame = {0};
	uint8_t data[FRAME_MAX];
	static const uint8_t reasons[] = {
		FACTS_DROP_OFF_SOURCE,
		FACTS_DROP_PAYLOAD_TYPE,
		FACTS_DROP_TTL,
		FACTS_DROP_CHECKSUM,
		FACTS_DROP_NOT_RTP,
	};

	assert_int_equal(start(w, &set), 0);
	scene_rtp(w->s, 0);
	scene_rtp_from(w->s, 0, &stranger, 5);
	frame_rtp(&frame, 34, 7, SCENE_SSRC, 172);
	scene_feed(w->s, 0, &w->s->phone[0], 0, &frame);
	frame_rtp(&frame, 0, 102, SCENE_SSRC, 172);
	frame.ttl = 1;
	scene_feed(w->s, 0, &w->s->phone[0], 0, &frame);
	frame.ttl = 64;
	memcpy(frame.mac_dst, rig_mac, 6);
	frame_write(&frame, data);
	data[14 + 20 + 5]++;
	rig_feed_raw(w->rig, data, 14 + 20 + 8 + 172);
	frame_stun(&frame);
	scene_feed(w->s, 0, &w->s->phone[0], 0, &frame);
	tick(w);
	assert_int_equal(w->frames, 2 + 5);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(w->frame[2 + i].fate, PROTO_FRAME_DROPPED);
		assert_int_equal(w->frame[2 + i].reason, reasons[i]);
	}
	world_close(w);
}

/* The bound holds whatever comes, and one packet in and out is two frames. */
static void test_packets_are_bounded(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 1);
	struct frame frame;

	set.packets_max = 5;
	assert_int_equal(start(w, &set), 0);
	for (int i = 0; i < 50; i++) {
		scene_rtp(w->s, 0);
		assert_true(rig_sent(w->rig, &frame));
	}
	expect_end(w, PROTO_CAPTURE_FULL, 5);
	scene_rtp(w->s, 0);
	tick(w);
	assert_int_equal(w->frames, 5);
	/* Its name and place are free again. */
	assert_int_equal(start(w, &set), 0);
	scene_rtp(w->s, 0);
	tick(w);
	assert_int_equal(w->frames, 7);
	world_close(w);
}

static void test_time_is_bounded(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 1);

	assert_int_equal(start(w, &set), 0);
	scene_rtp(w->s, 0);
	rig_pass(w->rig, 9990);
	tick(w);
	assert_int_equal(w->ends, 0);
	rig_pass(w->rig, 20);
	expect_end(w, PROTO_CAPTURE_TIME, 2);
	world_close(w);
}

static void test_ends_with_its_flow(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 1);

	assert_int_equal(start(w, &set), 0);
	scene_rtp(w->s, 0);
	w->s->flow[0].gen = 2;
	scene_set(w->s, 0);
	/* What the new flow gets is not told any more. */
	scene_rtp(w->s, 0);
	expect_end(w, PROTO_CAPTURE_GONE, 2);
	world_close(w);
}

static void test_full_ring_is_counted(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 1);
	struct frame frame;

	assert_int_equal(start(w, &set), 0);
	for (int i = 0; i < CAPTURE_RING; i++) {
		scene_rtp(w->s, 0);
		assert_true(rig_sent(w->rig, &frame));
	}
	tick(w);
	/* A ring holds one less than its size. */
	assert_int_equal(w->frames, CAPTURE_RING - 1);
	scene_rtp(w->s, 0);
	tick(w);
	assert_int_equal(w->frame[w->frames - 1].lost, CAPTURE_RING + 1);
	set.until_ms = 0;
	rig_pass(w->rig, 11000);
	expect_end(w, PROTO_CAPTURE_TIME, CAPTURE_RING + 1);
	assert_int_equal(w->end[0].lost, CAPTURE_RING + 1);
	world_close(w);
}

/* A client that does not read loses frames, never the end. */
static void test_full_client_is_counted(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 1);

	assert_int_equal(start(w, &set), 0);
	w->room = 3;
	for (int i = 0; i < 5; i++)
		scene_rtp(w->s, 0);
	tick(w);
	rig_pass(w->rig, 11000);
	tick(w);
	tick(w);
	assert_int_equal(w->ends, 0);
	/* Nothing is copied for it any more. */
	assert_false(capture_on(w->rig->w, PROTO_CAPTURE_FLOW));
	w->room = 1;
	expect_end(w, PROTO_CAPTURE_TIME, 3);
	assert_int_equal(w->end[0].lost, 7);
	world_close(w);
}

static void test_two_of_the_same_and_one_of_another(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 1);
	unsigned int of[4] = {0};

	assert_int_equal(start(w, &set), 0);
	set.capture = 2;
	set.packets_max = 2;
	assert_int_equal(start(w, &set), 0);
	set.capture = 3;
	set.id = w->s->flow[1].id;
	assert_int_equal(start(w, &set), 0);
	scene_rtp(w->s, 0);
	scene_rtp(w->s, 0);
	scene_rtp(w->s, 1);
	tick(w);
	for (unsigned int i = 0; i < w->frames; i++)
		of[w->frame[i].capture]++;
	assert_int_equal(of[1], 4);
	assert_int_equal(of[2], 2);
	assert_int_equal(of[3], 2);
	captures_del(w->captures, 0, 1);
	captures_del(w->captures, 0, 99);
	scene_rtp(w->s, 0);
	tick(w);
	assert_int_equal(w->frames, 8);
	assert_int_equal(captures_count(w->captures), 0);
	world_close(w);
}

static void test_refuses(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 1);

	set.id = UINT32_MAX;
	assert_int_equal(start(w, &set), -ENOENT);
	set = wanted(w, 1);
	set.gen = 2;
	assert_int_equal(start(w, &set), -ENOENT);
	set = wanted(w, 1);
	assert_int_equal(captures_set(w->captures, 1, &set, w->rig->now_ms), -ENOENT);
	set.kind = PROTO_CAPTURE_BINDING;
	assert_int_equal(start(w, &set), -ENOENT);
	set.id = UINT32_MAX;
	assert_int_equal(start(w, &set), -ENOENT);
	set = wanted(w, 1);
	set.until_ms = w->rig->now_ms;
	assert_int_equal(start(w, &set), -ETIME);
	set.until_ms = w->rig->now_ms + PROTO_CAPTURE_MS_MAX + 1;
	assert_int_equal(start(w, &set), -ERANGE);
	set = wanted(w, 0);
	for (; set.capture < PROTO_CAPTURES; set.capture++)
		assert_int_equal(start(w, &set), 0);
	assert_int_equal(start(w, &set), -ENOSPC);
	set.capture = 3;
	assert_int_equal(start(w, &set), -EEXIST);
	captures_forget(w->captures, 1);
	assert_int_equal(captures_count(w->captures), PROTO_CAPTURES);
	captures_forget(w->captures, 0);
	assert_int_equal(start(w, &set), 0);
	world_close(w);
}

/* A name is one client's: another one's capture of that name is neither in its way nor its. */
static void test_names_are_a_clients_own(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 1);

	assert_int_equal(start(w, &set), 0);
	captures_del(w->captures, 1, 1);
	assert_int_equal(captures_count(w->captures), 1);
	assert_true(capture_on(w->rig->w, PROTO_CAPTURE_FLOW));
	captures_del(w->captures, 0, 1);
	assert_false(capture_on(w->rig->w, PROTO_CAPTURE_FLOW));
	/* Not its flow. */
	assert_int_equal(captures_set(w->captures, 1, &set, w->rig->now_ms), -ENOENT);
	world_close(w);
}

/* A worker may still be reading what stood at a place: nothing else is written there before it has
 * gone on. */
static void test_place_is_read_meanwhile(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 0);

	assert_int_equal(rte_rcu_qsbr_thread_register(w->rig->qsbr, 0), 0);
	rte_rcu_qsbr_thread_online(w->rig->qsbr, 0);
	for (; set.capture < PROTO_CAPTURES; set.capture++)
		assert_int_equal(start(w, &set), 0);
	captures_del(w->captures, 0, 3);
	assert_int_equal(start(w, &set), -ENOSPC);
	rte_rcu_qsbr_quiescent(w->rig->qsbr, 0);
	assert_int_equal(start(w, &set), 0);
	rte_rcu_qsbr_thread_offline(w->rig->qsbr, 0);
	rte_rcu_qsbr_thread_unregister(w->rig->qsbr, 0);
	world_close(w);
}

/* The data plane stops copying at once, and what waits in the ring is nobody's. */
static void test_forgotten_client_gets_nothing(void **state)
{
	struct world *w = world_of_call();
	struct proto_capture set = wanted(w, 1);

	assert_int_equal(start(w, &set), 0);
	scene_rtp(w->s, 0);
	captures_forget(w->captures, 0);
	set.capture = 2;
	assert_int_equal(start(w, &set), 0);
	tick(w);
	assert_int_equal(w->frames, 0);
	world_close(w);
}

/* A frame that passes by a monitor port, and one that does not count, but no other flow's. */
static void test_monitored_flow(void **state)
{
	struct world *w = world_open(rig_open(64, 64));
	struct proto_monitor flow = {
		.id = media_monitor_first(64),
		.gen = 3,
		.dst = rig_addr("10.0.0.2:5000"),
		.source = rig_addr("10.0.0.1"),
		.payload_types = {1},
		.expires_ms = w->rig->now_ms + 60000,
	};
	struct proto_capture set = {
		.capture = 9,
		.kind = PROTO_CAPTURE_FLOW,
		.id = flow.id,
		.gen = 3,
		.packets_max = 10,
		.until_ms = w->rig->now_ms + 10000,
	};
	struct frame frame = {.src = rig_addr("10.0.0.1:4000"), .ttl = 64};
	struct rte_mbuf *mbuf;
	uint8_t data[FRAME_MAX];

	assert_int_equal(start(w, &set), -ENOENT);
	assert_int_equal(monitor_set(w->rig->media, 0, &flow, w->rig->now_ms), 0);
	assert_int_equal(start(w, &set), 0);
	for (unsigned int i = 0; i < 3; i++) {
		frame.dst = rig_addr(i < 2 ? "10.0.0.2:5000" : "10.0.0.2:5002");
		frame_rtp(&frame, i ? 8 : 0, (uint16_t)i, 5, 172);
		mbuf = rig_mbuf(data, frame_write(&frame, data));
		monitor_input(w->rig->w, &mbuf, 1);
		rte_pktmbuf_free(mbuf);
	}
	tick(w);
	assert_int_equal(w->frames, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(w->frame[i].capture, 9);
		assert_int_equal(w->frame[i].fate, PROTO_FRAME_WATCHED);
		assert_int_equal(w->frame[i].out, 0);
		assert_true(frame_read(&frame, w->frame[i].data, w->frame[i].kept));
		assert_int_equal(frame.dst.port, 5000);
	}
	assert_int_equal(flow_del(w->rig->media, 0, &(struct proto_handle){flow.id, 3}), 0);
	expect_end(w, PROTO_CAPTURE_GONE, 2);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relayed_packet_comes_twice),
		cmocka_unit_test(test_long_packet_is_cut),
		cmocka_unit_test(test_dropped_packet_tells_why),
		cmocka_unit_test(test_packets_are_bounded),
		cmocka_unit_test(test_time_is_bounded),
		cmocka_unit_test(test_ends_with_its_flow),
		cmocka_unit_test(test_full_ring_is_counted),
		cmocka_unit_test(test_full_client_is_counted),
		cmocka_unit_test(test_two_of_the_same_and_one_of_another),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_names_are_a_clients_own),
		cmocka_unit_test(test_place_is_read_meanwhile),
		cmocka_unit_test(test_forgotten_client_gets_nothing),
		cmocka_unit_test(test_monitored_flow),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
