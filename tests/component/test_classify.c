/* SPDX-License-Identifier: BSD-3-Clause */
/* What is the relay's, what the kernel's, and what nobody's. */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t somebody[6] = {2, 0, 0, 0, 0, 0x77};

/* Expects that many frames in one class and none in the others, and none sent. */
static void expect_punted(struct scene *s, enum punt_class class, unsigned int n)
{
	assert_int_equal(rig_punted(s->rig, class), n);
	scene_expect_none(s);
}

/* A UDP frame to one of our addresses as bytes, for tests that bend it. */
static uint16_t udp(uint8_t *data, const char *src, const char *dst, uint16_t len)
{
	struct frame frame = {.src = rig_addr(src), .dst = rig_addr(dst), .ttl = 64};

	frame_rtp(&frame, 0, 1, SCENE_SSRC, len);
	memcpy(frame.mac_dst, rig_mac, 6);
	return frame_write(&frame, data);
}

static uint16_t media(uint8_t *data)
{
	return udp(data, "10.0.0.11:4000", "192.0.2.1:20000", 172);
}

/* After a change of the IPv4 header. */
static void sum4(uint8_t *data)
{
	uint32_t sum = 0;

	data[24] = data[25] = 0;
	for (int i = 14; i < 34; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	data[24] = (uint8_t)(~sum >> 8);
	data[25] = (uint8_t)~sum;
}

/* All that is not UDP to a claimed port goes to the kernel, in its class. */
static void classes(void **state)
{
	struct scene *s = scene_open4();
	uint8_t data[FRAME_MAX];
	uint16_t len;

	/* ARP, for us and for all. */
	len = media(data);
	data[12] = 0x08;
	data[13] = 0x06;
	rig_feed_raw(s->rig, data, len);
	expect_punted(s, PUNT_NEIGHBOUR, 1);
	memcpy(data, everybody, 6);
	rig_feed_raw(s->rig, data, len);
	expect_punted(s, PUNT_NEIGHBOURS, 1);
	/* Other broadcast is served last: a storm of it starves nobody. */
	data[13] = 0x00;
	rig_feed_raw(s->rig, data, len);
	expect_punted(s, PUNT_OTHER, 1);
	/* SIP, also to the media address itself; ports beside the range. */
	rig_feed_raw(s->rig, data, udp(data, "10.0.0.11:5060", "192.0.2.10:5060", 100));
	rig_feed_raw(s->rig, data, udp(data, "10.0.0.11:5060", "192.0.2.1:5060", 100));
	rig_feed_raw(s->rig, data, udp(data, "10.0.0.11:4000", "192.0.2.1:19999", 100));
	rig_feed_raw(s->rig, data, udp(data, "10.0.0.11:4000", "192.0.2.1:20008", 100));
	rig_feed_raw(s->rig, data, udp(data, "[2001:db8::11]:5060", "[2001:db8::1]:5060", 100));
	expect_punted(s, PUNT_SIP, 5);
	/* ICMP and TCP to the media address. */
	len = media(data);
	data[23] = 1;
	sum4(data);
	rig_feed_raw(s->rig, data, len);
	expect_punted(s, PUNT_ICMP, 1);
	data[23] = 6;
	sum4(data);
	rig_feed_raw(s->rig, data, len);
	expect_punted(s, PUNT_OTHER, 1);
	/* ICMPv6: neighbour discovery, and the rest. */
	len = udp(data, "[2001:db8::11]:5060", "[2001:db8::1]:5060", 100);
	data[20] = 58;
	data[21] = 255;
	data[54] = 135;
	rig_feed_raw(s->rig, data, len);
	expect_punted(s, PUNT_NEIGHBOUR, 1);
	data[54] = 128;
	rig_feed_raw(s->rig, data, len);
	expect_punted(s, PUNT_ICMP, 1);
	data[0] = 0x33;
	data[54] = 135;
	rig_feed_raw(s->rig, data, len);
	expect_punted(s, PUNT_NEIGHBOURS, 1);
	/* Another host's frame, and a type that nobody knows. */
	len = media(data);
	memcpy(data, somebody, 6);
	rig_feed_raw(s->rig, data, len);
	memcpy(data, rig_mac, 6);
	data[12] = 0x12;
	rig_feed_raw(s->rig, data, len);
	expect_punted(s, PUNT_OTHER, 2);
	scene_close(s);
}

/* A media port without a flow is silent: no answer, nothing for the kernel to answer. */
static void no_flow(void **state)
{
	struct scene *s = scene_open4();
	uint8_t data[FRAME_MAX];

	for (uint16_t port = 20000; port <= 20007; port++) {
		char dst[32];

		snprintf(dst, sizeof(dst), "192.0.2.2:%u", port);
		rig_feed_raw(s->rig, data, udp(data, "10.0.0.11:4000", dst, 172));
	}
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_NO_FLOW), 8);
	scene_close(s);
}

/* Every way in which a header can lie; none is relayed, none crashes. */
static void malformed(void **state)
{
	static const struct {
		uint16_t at;
		uint8_t value;
	} rows[] = {
		{14, 0x55}, /* version 5 */
		{14, 0x44}, /* header of 16 bytes */
		{16, 0xff}, /* total length beyond the frame */
		{17, 20},   /* total length without UDP */
		{17, 27},   /* cut in the UDP header */
		{38, 0xff}, /* UDP longer than IP */
		{39, 7},    /* UDP shorter than its header */
		{39, 100},  /* UDP shorter than IP */
	};
	struct scene *s = scene_open4();
	uint8_t data[FRAME_MAX];
	uint16_t len = media(data);

	scene_set_latched(s);
	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		media(data);
		data[rows[i].at] = rows[i].value;
		if (rows[i].at == 17)
			data[16] = 0;
		if (rows[i].at == 39)
			data[38] = 0;
		sum4(data);
		rig_feed_raw(s->rig, data, len);
	}
	media(data);
	data[25] ^= 1;
	rig_feed_raw(s->rig, data, len);
	/* Options, which no media has. */
	media(data + 4);
	memmove(data, data + 4, 34);
	memset(data + 34, 1, 4);
	data[14] = 0x46;
	data[17] = (uint8_t)(data[17] + 4);
	sum4(data);
	rig_feed_raw(s->rig, data, (uint16_t)(len + 4));
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_CHECKSUM), RTE_DIM(rows) + 2);
	/* Cut anywhere. */
	for (uint16_t cut = 0; cut < len; cut++) {
		media(data);
		rig_feed_raw(s->rig, data, cut);
	}
	scene_expect_none(s);
	rig_feed_raw(s->rig, data, len);
	scene_expect(s, 0, NULL);
	scene_close(s);
}

static void malformed6(void **state)
{
	struct scene *s = scene_open(
		"[2001:db8:1::11]:4000", "2001:db8::1", "[2001:db8:2::12]:5000", "2001:db8::2");
	uint8_t data[FRAME_MAX];
	uint16_t len;

	scene_set_latched(s);
	len = udp(data, "[2001:db8:1::11]:4000", "[2001:db8::1]:20000", 172);
	for (uint16_t cut = 0; cut < len; cut++)
		rig_feed_raw(s->rig, data, cut);
	data[14] = 0x50;
	rig_feed_raw(s->rig, data, len);
	data[14] = 0x60;
	data[19] ^= 1;
	rig_feed_raw(s->rig, data, len);
	data[19] ^= 1;
	scene_expect_none(s);
	rig_feed_raw(s->rig, data, len);
	scene_expect(s, 0, NULL);
	scene_close(s);
}

/* A frame that is padded, or longer than its packet, leaves without the tail. */
static void padding(void **state)
{
	struct scene *s = scene_open4();
	uint8_t data[FRAME_MAX];
	uint16_t len = udp(data, "10.0.0.11:4000", "192.0.2.1:20000", 12);

	scene_set_latched(s);
	assert_int_equal(len, 60);
	memset(data + 54, 0xee, 200);
	rig_feed_raw(s->rig, data, 200);
	assert_int_equal(rig_sent_raw(s->rig, data), 60);
	for (int i = 54; i < 60; i++)
		assert_int_equal(data[i], 0);
	scene_close(s);
}

/* Priority tags mean nothing; other VLANs are the kernel's. */
static void vlan(void **state)
{
	struct scene *s = scene_open4();
	uint8_t data[FRAME_MAX], plain[FRAME_MAX];
	uint16_t len = media(plain);

	scene_set_latched(s);
	memcpy(data, plain, 12);
	memcpy(data + 12, (const uint8_t[]){0x81, 0x00, 0xa0, 0x00}, 4);
	memcpy(data + 16, plain + 12, len - 12u);
	rig_feed_raw(s->rig, data, (uint16_t)(len + 4));
	scene_expect(s, 0, NULL);
	data[15] = 7;
	rig_feed_raw(s->rig, data, (uint16_t)(len + 4));
	expect_punted(s, PUNT_OTHER, 1);
	rig_feed_raw(s->rig, data, 16);
	expect_punted(s, PUNT_OTHER, 1);
	scene_close(s);
}

static void fragment(uint8_t *data, uint8_t flags, uint8_t offset, uint8_t id)
{
	data[18] = 0;
	data[19] = id;
	data[20] = flags;
	data[21] = offset;
	sum4(data);
}

/* Fragments of media are dropped and counted; those of a SIP message to the same address pass. */
static void fragments(void **state)
{
	struct scene *s = scene_open4();
	uint8_t data[FRAME_MAX];
	uint16_t len;

	scene_set_latched(s);
	len = media(data);
	fragment(data, 0x20, 0, 1);
	rig_feed_raw(s->rig, data, len);
	fragment(data, 0x20, 21, 1);
	rig_feed_raw(s->rig, data, len);
	fragment(data, 0x00, 42, 1);
	rig_feed_raw(s->rig, data, len);
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_FRAGMENT), 3);
	/* One too short to tell its port. */
	data[16] = 0;
	data[17] = 20 + 3;
	data[36] = 5060 >> 8;
	data[37] = 5060 & 0xff;
	fragment(data, 0x20, 0, 2);
	rig_feed_raw(s->rig, data, 60);
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_FRAGMENT), 4);
	/* SIP: first fragment with its port, then the rest of the same datagram. */
	len = udp(data, "10.0.0.11:5060", "192.0.2.1:5060", 400);
	fragment(data, 0x20, 0, 9);
	rig_feed_raw(s->rig, data, len);
	fragment(data, 0x00, 51, 9);
	rig_feed_raw(s->rig, data, len);
	expect_punted(s, PUNT_SIP, 2);
	/* A tail of which nobody saw the head. */
	fragment(data, 0x00, 51, 10);
	rig_feed_raw(s->rig, data, len);
	scene_expect_none(s);
	assert_int_equal(scene_drops(s, FACTS_DROP_FRAGMENT), 5);
	/* To an address without media all go to the kernel. */
	len = udp(data, "10.0.0.11:5060", "192.0.2.10:20000", 400);
	fragment(data, 0x00, 51, 11);
	rig_feed_raw(s->rig, data, len);
	expect_punted(s, PUNT_SIP, 1);
	scene_close(s);
}

static void fragments6(void **state)
{
	struct scene *s = scene_open(
		"[2001:db8:1::11]:4000", "2001:db8::1", "[2001:db8:2::12]:5000", "2001:db8::2");
	static const char *const dst[] = {"[2001:db8::1]:20000", "[2001:db8::1]:5060"};
	uint8_t data[FRAME_MAX];

	for (int sip = 0; sip < 2; sip++) {
		uint16_t len = udp(data, "[2001:db8:1::11]:4000", dst[sip], 172);

		memmove(data + 62, data + 54, len - 54u);
		len = (uint16_t)(len + 8);
		data[19] = (uint8_t)(data[19] + 8);
		data[20] = 44;
		memcpy(data + 54, (const uint8_t[]){17, 0, 0, 1, 0, 0, 0, 9}, 8);
		rig_feed_raw(s->rig, data, len);
		data[57] = 0x50;
		rig_feed_raw(s->rig, data, len);
		if (sip)
			expect_punted(s, PUNT_SIP, 2);
		scene_expect_none(s);
		for (uint16_t cut = 54; cut < 62; cut++)
			rig_feed_raw(s->rig, data, cut);
	}
	assert_int_equal(scene_drops(s, FACTS_DROP_FRAGMENT), 2);
	scene_close(s);
}

/* SIP of a known binding is stamped on its way to the kernel; of a stranger it is not. */
static void sip_stamp(void **state)
{
	struct scene *s = scene_open4();
	const uint32_t *heard = s->rig->facts.binding_heard;
	struct proto_binding binding = {
		.gen = 1,
		.dst = rig_addr("10.0.0.77:5060"),
		.local = rig_addr("192.0.2.10:5060"),
		.expires_ms = s->rig->now_ms + 100000,
	};
	uint8_t data[FRAME_MAX];

	binding.id = 5;
	assert_int_equal(binding_set(s->rig->keepalive, 0, &binding, s->rig->now_ms), 0);
	/* A second line of the same phone. */
	binding.id = 9;
	assert_int_equal(binding_set(s->rig->keepalive, 0, &binding, s->rig->now_ms), 0);
	binding.id = 12;
	binding.dst = rig_addr("[2001:db8::77]:5060");
	binding.local = rig_addr("[2001:db8::10]:5060");
	assert_int_equal(binding_set(s->rig->keepalive, 0, &binding, s->rig->now_ms), 0);
	rig_feed_raw(s->rig, data, udp(data, "10.0.0.77:5061", "192.0.2.10:5060", 300));
	assert_int_equal(heard[5], 0);
	rig_feed_raw(s->rig, data, udp(data, "10.0.0.77:5060", "192.0.2.10:5060", 300));
	assert_int_equal(heard[5], s->rig->w->now_tick);
	assert_int_equal(heard[12], 0);
	rig_feed_raw(s->rig, data, udp(data, "[2001:db8::77]:5060", "[2001:db8::10]:5060", 300));
	assert_int_equal(heard[12], s->rig->w->now_tick);
	assert_int_equal(s->rig->w->count->sip_heard, 2);
	rig_pass(s->rig, 1100);
	assert_int_equal(heard[9], heard[5]);
	/* What it answered later is its own. */
	s->rig->facts.binding_heard[9] = s->rig->w->now_tick;
	rig_pass(s->rig, 1100);
	assert_int_not_equal(heard[9], heard[5]);
	/* The first line unregisters: the other is stamped now. */
	assert_int_equal(
		binding_del(s->rig->keepalive, 0, &(struct proto_handle){.id = 5, .gen = 1}), 0);
	rig_feed_raw(s->rig, data, udp(data, "10.0.0.77:5060", "192.0.2.10:5060", 300));
	assert_int_equal(heard[9], s->rig->w->now_tick);
	assert_int_equal(rig_punted(s->rig, PUNT_SIP), 4);
	for (uint32_t id = 9; id <= 12; id += 3)
		binding_del(s->rig->keepalive, 0, &(struct proto_handle){.id = id, .gen = 1});
	rig_feed_raw(s->rig, data, udp(data, "10.0.0.77:5060", "192.0.2.10:5060", 300));
	assert_int_equal(s->rig->w->count->sip_heard, 3);
	scene_close(s);
}

static void claims(void **state)
{
	struct scene *s = scene_open4();
	struct proto_media_addr range = {
		.local = rig_addr("192.0.2.1"), .port_min = 20000, .port_max = 20007};
	struct proto_media_ready ready;

	/* The same again, another client's, one that overlaps, and too many. */
	assert_int_equal(media_addr_claim(s->rig->media, 0, &range, &ready), 0);
	assert_int_equal(ready.base, s->flow[0].id);
	assert_int_equal(ready.slots, 4);
	assert_int_equal(media_addr_claim(s->rig->media, 1, &range, &ready), -EPERM);
	range.port_max = 20009;
	assert_int_equal(media_addr_claim(s->rig->media, 0, &range, &ready), -EEXIST);
	range.port_min = 30000;
	range.port_max = 30199;
	assert_int_equal(media_addr_claim(s->rig->media, 0, &range, &ready), -ENOSPC);
	/* More ranges of one address. */
	for (uint16_t i = 0; i < 10; i++) {
		range.port_min = (uint16_t)(40000 + 100 * i);
		range.port_max = (uint16_t)(range.port_min + 3);
		assert_int_equal(media_addr_claim(s->rig->media, 0, &range, &ready), 0);
		assert_int_equal(ready.base, 8 + 2 * i);
	}
	/* One too many, and then all that is left: 64 in all. */
	range.port_min = 30000;
	range.port_max = 30000 + 2 * 37 - 1;
	assert_int_equal(media_addr_claim(s->rig->media, 0, &range, &ready), -ENOSPC);
	range.port_max = 30000 + 2 * 36 - 1;
	assert_int_equal(media_addr_claim(s->rig->media, 0, &range, &ready), 0);
	assert_int_equal(ready.base + ready.slots, 64);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(no_flow),
		cmocka_unit_test(malformed),
		cmocka_unit_test(malformed6),
		cmocka_unit_test(padding),
		cmocka_unit_test(vlan),
		cmocka_unit_test(fragments),
		cmocka_unit_test(fragments6),
		cmocka_unit_test(sip_stamp),
		cmocka_unit_test(claims),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
