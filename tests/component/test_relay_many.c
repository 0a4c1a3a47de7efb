/* SPDX-License-Identifier: BSD-3-Clause */
/* A million legs over 32 local addresses, half of them IPv4 and half IPv6: calls within each and
 * across the two. Each packet is for the right party, from the right port, and counts on its own
 * leg alone. */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	LEGS = 1000000,
	RANGES = 32, /* local addresses */
	SLOTS = LEGS / RANGES,
	HALF = LEGS / 2, /* from here on they are IPv6 */
	FIRST = 2,       /* lowest port */
	STRIDE = 611953, /* prime: every leg once, neighbours far apart */
	RTCP_OF = 16,
};

/* Calls of two legs of one family, or of one each: every second pair of legs is of these. */
static uint32_t peer_of(uint32_t id)
{
	if (id & 2)
		return id < HALF ? id + HALF : id - HALF;
	return id ^ 1;
}

static struct addr addr_of(const char *text4, const char *text6, uint32_t number, uint16_t port)
{
	bool v6 = number >= HALF;
	struct addr addr = rig_addr(v6 ? text6 : text4);

	addr.port = port;
	return addr;
}

static struct addr local_of(uint32_t id)
{
	struct addr addr = addr_of("192.0.2.1", "2001:db8::1", id, 0);

	addr.ip[addr.family == ADDR_IPV4 ? 3 : 15] = (uint8_t)(1 + id / SLOTS);
	addr.port = (uint16_t)(FIRST + 2 * (id % SLOTS));
	return addr;
}

/* No two legs have one host. */
static struct addr phone_of(uint32_t id)
{
	struct addr addr = addr_of("10.0.0.0", "2001:db8:1::", id, (uint16_t)(4000 + id % 1000));

	memcpy(addr.ip + (addr.family == ADDR_IPV4 ? 1 : 13),
		(const uint8_t[]){
			(uint8_t)(id >> 14), (uint8_t)(id >> 6 & 0xff), (uint8_t)(100 + (id & 63))},
		3);
	return addr;
}

static struct addr above(struct addr addr)
{
	addr.port++;
	return addr;
}

static void set_leg(struct rig *rig, uint32_t id)
{
	struct proto_flow flow = {
		.id = id,
		.gen = 1,
		.peer_id = peer_of(id),
		.peer_gen = 1,
		.flags = PROTO_FLOW_LATCHED,
		.dscp = PROTO_DSCP_KEEP,
		.remote = phone_of(id),
		.latched = phone_of(id),
		.payload_types = {1},
		.ssrc = id + 1,
		.expires_ms = rig->now_ms + 3600000,
	};

	flow.remote_rtcp = flow.latched_rtcp = above(flow.remote);
	assert_int_equal(flow_set(rig->media, 0, &flow, rig->now_ms), 0);
}

static struct rig *open_all(void)
{
	struct rig *rig = rig_open(64, LEGS + 64);

	for (uint32_t i = 0; i < RANGES; i++) {
		struct proto_media_addr range = {.local = local_of(i * SLOTS)};
		struct proto_media_ready ready;

		range.local.port = 0;
		range.port_min = FIRST;
		range.port_max = FIRST + 2 * SLOTS - 1;
		assert_int_equal(media_addr_claim(rig->media, 0, &range, &ready), 0);
		assert_int_equal(ready.base, i * SLOTS);
	}
	for (uint32_t id = 0; id < LEGS; id++)
		set_leg(rig, id);
	assert_int_equal(rig->facts.head->flows_used, LEGS);
	return rig;
}

/* From a leg's party; what comes out goes to the other's, from our port there, unchanged. */
static void cross(struct rig *rig, uint32_t id, bool rtcp)
{
	uint32_t peer = peer_of(id);
	struct addr src = local_of(peer), dst = phone_of(peer);
	struct frame frame = {.src = phone_of(id), .dst = local_of(id)}, got;

	if (rtcp) {
		frame_rtcp(&frame, id + 1);
		frame.src.port++;
		frame.dst.port++;
		src.port++;
		dst.port++;
	} else {
		frame_rtp(&frame, 0, (uint16_t)id, id + 1, 32);
	}
	rig_feed(rig, &frame);
	if (!rig_sent(rig, &got) || !addr_equal(&got.src, &src) || !addr_equal(&got.dst, &dst) ||
		got.len != frame.len || memcmp(got.payload, frame.payload, got.len) != 0)
		fail_msg("a packet of leg %u went astray", id);
}

static void stranger(struct rig *rig, uint32_t id)
{
	struct frame frame = {.src = phone_of((id + 4) % HALF + id / HALF * HALF),
			     .dst = local_of(id)},
		     got;

	frame_rtp(&frame, 0, (uint16_t)id, id + 1, 32);
	rig_feed(rig, &frame);
	assert_false(rig_sent(rig, &got));
}

static void at_size(void **state)
{
	struct rig *rig = open_all();
	uint32_t id = 0;

	for (uint32_t n = 0; n < LEGS; n++, id = (id + STRIDE) % LEGS) {
		cross(rig, id, false);
		if (n % RTCP_OF == 0) {
			cross(rig, id, true);
			stranger(rig, id);
		}
	}
	for (uint32_t n = 0; n < LEGS; n++, id = (id + STRIDE) % LEGS) {
		const struct flow_record *record = &(
			(const struct flow_record *)rig->facts.flow)[id];
		const struct facts_quality *quality = &rig->facts.flow_quality[id];
		bool more = n % RTCP_OF == 0;

		assert_int_equal(record->count.packets, 1);
		assert_int_equal(record->count.bytes, 32);
		assert_int_equal(rig->facts.flow[id].count.heard, rig->w->now_tick);
		assert_int_equal(rig->facts.flow_rtcp[id], more ? rig->w->now_tick : 0);
		assert_int_equal(quality->rtcp, more);
		assert_int_equal(quality->off_source, more);
	}
	assert_int_equal(rig->w->count->relayed_rtp, LEGS);
	assert_int_equal(rig->w->count->relayed_rtcp, LEGS / RTCP_OF);
	for (id = 0; id < LEGS; id++) {
		const struct proto_handle handle = {.id = id, .gen = 1};

		assert_int_equal(flow_del(rig->media, 0, &handle), 0);
	}
	assert_int_equal(rig->facts.head->flows_used, 0);
	assert_int_equal(rig->routes, 0);
	rig_close(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_size),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
