/* SPDX-License-Identifier: BSD-3-Clause */
/* The relay between two legs whose sources are known: what leaves, what is counted, what is not. */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint32_t heard(const struct scene *s, int leg)
{
	return s->rig->facts.flow[s->flow[leg].id].count.heard;
}

/* Both directions: addresses, ports, MACs, hops, checksums (by frame_read), payload to the byte. */
static void both_ways(void **state)
{
	struct scene *s = scene_open4();

	scene_set_latched(s);
	for (int leg = 0; leg < 2; leg++) {
		for (uint16_t len = 12; len <= 1400; len = (uint16_t)(len + 57)) {
			struct frame sent = {.ttl = 57, .tos = 0xb9}, got;
			const struct facts_flow before = *scene_count(s, leg);

			frame_rtp(&sent, 0, s->seq[leg]++, 0x1234, len);
			scene_feed(s, leg, &s->phone[leg], 0, &sent);
			scene_expect(s, leg, &got);
			assert_int_equal(got.len, len);
			assert_memory_equal(got.payload, sent.payload, len);
			assert_int_equal(got.ttl, 56);
			assert_int_equal(got.tos, 0xb9);
			assert_memory_equal(got.mac_dst, rig_gateway[!leg], 6);
			assert_int_equal(scene_count(s, leg)->packets, before.packets + 1);
			assert_int_equal(scene_count(s, leg)->bytes, before.bytes + len);
		}
		assert_int_equal(heard(s, leg), s->rig->w->now_tick);
		assert_int_equal(scene_quality(s, leg)->malformed, 0);
	}
	assert_int_equal(s->rig->w->count->relayed_rtp, 50);
	scene_expect_none(s);
	scene_close(s);
}

/* The checksum of a sender that has none stays none; a wrong one stays wrong. */
static void checksums(void **state)
{
	struct scene *s = scene_open4();
	struct frame sent = {.no_checksum = true, .ttl = 64}, got;
	uint8_t data[FRAME_MAX];
	uint16_t len;

	scene_set_latched(s);
	frame_rtp(&sent, 0, 1, 1, 172);
	scene_feed(s, 0, &s->phone[0], 0, &sent);
	scene_expect(s, 0, &got);
	assert_true(got.no_checksum);
	sent.no_checksum = false;
	memcpy(sent.mac_dst, rig_mac, 6);
	len = frame_write(&sent, data);
	data[100] ^= 1;
	rig_feed_raw(s->rig, data, len);
	len = rig_sent_raw(s->rig, data);
	assert_true(len > 0);
	assert_false(frame_read(&got, data, len));
	data[100] ^= 1;
	assert_true(frame_read(&got, data, len));
	scene_close(s);
}

/* Odd payload lengths, and every value that a checksum goes through. */
static void checksum_sweep(void **state)
{
	struct scene *s = scene_open4();

	scene_set_latched(s);
	srand(5);
	for (int round = 0; round < 20000; round++) {
		struct frame sent = {0};

		frame_rtp(&sent, 0, (uint16_t)round, 1, (uint16_t)(12 + round % 40));
		for (int i = 4; i < sent.len; i++)
			sent.payload[i] = (uint8_t)rand();
		scene_feed(s, round & 1, &s->phone[round & 1], 0, &sent);
		scene_expect(s, round & 1, NULL);
	}
	scene_close(s);
}

/* Each leg has its own DSCP, for all that goes to it, whatever its family; congestion marks stay.
 */
static void dscp(void **state)
{
	static const struct {
		uint8_t dscp, in, out;
	} row[] = {{PROTO_DSCP_KEEP, 0xb9, 0xb9}, {PROTO_DSCP_KEEP, 0, 0}, {46, 0x03, 46 << 2 | 3},
		{0, 0xb9, 0x01}, {0, 0xb8, 0}, {63, 0x01, 63 << 2 | 1}};
	static const char *const local[2][2] = {
		{"192.0.2.1", "2001:db8::1"}, {"192.0.2.2", "2001:db8::2"}};
	static const char *const phone[2][2] = {{"10.0.0.11:4000", "[2001:db8::11]:4000"},
		{"10.0.0.12:5000", "[2001:db8::12]:5000"}};

	/* Every row with each pair of families. */
	for (unsigned int i = 0; i < 4 * RTE_DIM(row); i++) {
		unsigned int in = i % 2, out = i / 2 % 2;
		struct scene *s = scene_open(
			phone[0][in], local[0][in], phone[1][out], local[1][out]);
		struct frame sent = {.tos = row[i / 4].in}, got;
		struct addr rtcp;

		s->flow[1].dscp = row[i / 4].dscp;
		scene_set_latched(s);
		frame_rtp(&sent, 0, 1, 1, 172);
		scene_feed(s, 0, &s->phone[0], 0, &sent);
		scene_expect(s, 0, &got);
		assert_int_equal(got.tos, row[i / 4].out);
		/* RTCP has it too. */
		rtcp = s->phone[0];
		rtcp.port++;
		frame_rtcp(&sent, 1);
		scene_feed(s, 0, &rtcp, 1, &sent);
		assert_true(rig_sent(s->rig, &got));
		assert_int_equal(got.tos, row[i / 4].out);
		/* The way back is the other leg's. */
		frame_rtp(&sent, 0, 1, 1, 172);
		scene_feed(s, 1, &s->phone[1], 0, &sent);
		scene_expect(s, 1, &got);
		assert_int_equal(got.tos, row[i / 4].in);
		scene_close(s);
	}
}

/* Only sound RTP of a negotiated type counts, even from the right source (LV-07). */
static void what_counts(void **state)
{
	static const struct {
		uint8_t type;
		bool passes;
	} types[] = {{0, true}, {13, true}, {101, true}, {8, false}, {96, false}, {72, false},
		{127, false}};
	struct scene *s = scene_open4();
	struct frame sent = {0};
	uint32_t rejected = 0;

	scene_set_latched(s);
	for (unsigned int i = 0; i < RTE_DIM(types); i++) {
		rig_pass(s->rig, 20);
		frame_rtp(&sent, types[i].type, (uint16_t)i, 1, 172);
		scene_feed(s, 0, &s->phone[0], 0, &sent);
		assert_int_equal(heard(s, 0) == s->rig->w->now_tick, types[i].passes);
		if (types[i].passes)
			scene_expect(s, 0, NULL);
		else
			rejected++;
	}
	assert_int_equal(scene_drops(s, FACTS_DROP_PAYLOAD_TYPE), rejected);
	rig_pass(s->rig, 20);
	for (int byte = 0; byte < 256; byte++) {
		if (byte >= 128 && byte <= 191)
			continue;
		frame_rtp(&sent, 0, 1, 1, 172);
		sent.payload[0] = (uint8_t)byte;
		scene_feed(s, 0, &s->phone[0], 0, &sent);
	}
	frame_stun(&sent);
	scene_feed(s, 0, &s->phone[0], 0, &sent);
	assert_int_equal(scene_drops(s, FACTS_DROP_NOT_RTP), 193);
	for (uint16_t len = 1; len < 12; len++) {
		frame_rtp(&sent, 0, 1, 1, 172);
		sent.len = len;
		scene_feed(s, 0, &s->phone[0], 0, &sent);
	}
	assert_int_equal(scene_drops(s, FACTS_DROP_BAD_RTP), 11);
	sent.len = 0;
	scene_feed(s, 0, &s->phone[0], 0, &sent);
	assert_int_equal(scene_drops(s, FACTS_DROP_NOT_RTP), 194);
	assert_int_equal(scene_quality(s, 0)->payload_type, rejected);
	assert_int_equal(scene_quality(s, 0)->malformed, 194 + 11);
	assert_true(heard(s, 0) != s->rig->w->now_tick);
	scene_expect_none(s);
	scene_close(s);
}

/* A transfer or music on hold brings a new SSRC: followed, never judged (RT-05). */
static void new_ssrc(void **state)
{
	struct scene *s = scene_open4();

	scene_set_latched(s);
	for (uint32_t ssrc = 1; ssrc < 5; ssrc++) {
		scene_rtp_from(s, 0, &s->phone[0], ssrc);
		scene_expect(s, 0, NULL);
		assert_int_equal(scene_count(s, 0)->ssrc, ssrc);
	}
	scene_close(s);
}

/* What keeps a sound packet from leaving: each has its own counter. */
static void reasons(void **state)
{
	struct scene *s = scene_open4();
	struct proto_handle peer = {.id = s->flow[1].id, .gen = 1};
	struct frame sent = {.ttl = 1};

	scene_rtp(s, 0);
	assert_int_equal(scene_drops(s, FACTS_DROP_NO_FLOW), 1);
	scene_set_latched(s);
	frame_rtp(&sent, 0, 1, 1, 172);
	scene_feed(s, 0, &s->phone[0], 0, &sent);
	assert_int_equal(scene_drops(s, FACTS_DROP_TTL), 1);
	s->rig->nexthops[2].flags = 0;
	scene_rtp(s, 1);
	scene_expect(s, 1, NULL);
	scene_rtp(s, 0);
	assert_int_equal(scene_drops(s, FACTS_DROP_NEXT_HOP), 1);
	s->rig->nexthops[2].flags = NEXTHOP_VALID;
	flow_del(s->rig->media, 0, &peer);
	rig_pass(s->rig, 20);
	scene_rtp(s, 0);
	assert_int_equal(scene_drops(s, FACTS_DROP_NO_PEER), 1);
	/* It was heard nevertheless. */
	assert_int_equal(heard(s, 0), s->rig->w->now_tick);
	scene_rtp(s, 1);
	assert_int_equal(scene_drops(s, FACTS_DROP_NO_FLOW), 2);
	scene_expect_none(s);
	scene_close(s);
}

/* The next call on a port knows nothing of the one before, and old orders are refused. */
static void generations(void **state)
{
	struct scene *s = scene_open4();
	struct proto_handle old = {.id = s->flow[0].id, .gen = 1};

	scene_set_latched(s);
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	s->flow[0].gen = 2;
	s->flow[0].flags = 0;
	s->flow[0].latched = (struct addr){0};
	scene_set(s, 0);
	assert_int_equal(heard(s, 0), 0);
	assert_int_equal(scene_count(s, 0)->packets, 0);
	scene_rtp(s, 0);
	assert_int_equal(scene_drops(s, FACTS_DROP_UNLATCHED), 1);
	/* The other leg still names the call that is gone. */
	scene_rtp(s, 1);
	assert_int_equal(scene_drops(s, FACTS_DROP_NO_PEER), 1);
	/* And gets nothing of the new one. */
	scene_rtp(s, 0);
	scene_rtp(s, 0);
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_NO_PEER), 2);
	flow_del(s->rig->media, 0, &old);
	assert_int_equal(s->rig->facts.head->flows_used, 2);
	s->flow[0].gen = 1;
	assert_int_equal(flow_set(s->rig->media, 0, &s->flow[0], s->rig->now_ms), -ESTALE);
	s->flow[0].gen = 2;
	assert_int_equal(flow_set(s->rig->media, 1, &s->flow[0], s->rig->now_ms), -EPERM);
	old.gen = 2;
	assert_int_equal(flow_del(s->rig->media, 1, &old), -EPERM);
	assert_int_equal(s->rig->facts.head->flows_used, 2);
	s->flow[0].id = 60;
	assert_int_equal(flow_set(s->rig->media, 0, &s->flow[0], s->rig->now_ms), -EINVAL);
	s->flow[0].id = old.id;
	s->flow[0].expires_ms = s->rig->now_ms;
	assert_int_equal(flow_set(s->rig->media, 0, &s->flow[0], s->rig->now_ms), -ETIME);
	scene_close(s);
}

/* A new next hop in mid-call: everybody moves within a second. */
static void reroute(void **state)
{
	struct scene *s = scene_open4();
	struct frame got;

	scene_set_latched(s);
	scene_rtp(s, 0);
	scene_expect(s, 0, &got);
	assert_int_equal(got.mac_dst[0], 2);
	s->rig->route_shift = 2;
	media_reroute(s->rig->media);
	rig_pass(s->rig, 1100);
	scene_rtp(s, 0);
	scene_expect(s, 0, &got);
	assert_int_equal(got.mac_dst[0], 6);
	assert_int_equal(s->rig->routes, 4);
	scene_close(s);
}

/* A port that takes no more frames than its ring holds: what is over is counted. */
static void full_port(void **state)
{
	const unsigned int room = 1023, over = 100;
	struct scene *s = scene_open4();
	struct frame frame;
	unsigned int sent = 0;

	scene_set_latched(s);
	for (unsigned int i = 0; i < room + over; i++)
		scene_rtp(s, 0);
	assert_int_equal(scene_drops(s, FACTS_DROP_TX_FULL), over);
	assert_int_equal(s->rig->w->count->tx, room);
	while (rig_sent(s->rig, &frame))
		sent++;
	assert_int_equal(sent, room);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(checksums),
		cmocka_unit_test(checksum_sweep),
		cmocka_unit_test(dscp),
		cmocka_unit_test(what_counts),
		cmocka_unit_test(new_ssrc),
		cmocka_unit_test(reasons),
		cmocka_unit_test(generations),
		cmocka_unit_test(reroute),
		cmocka_unit_test(full_port),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
