/* SPDX-License-Identifier: BSD-3-Clause */
/* What keeps the machine on the net reaches the kernel, whatever else comes in. */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A frame of one of the protocols, IPv4 or IPv6. */
struct sample {
	enum punt_class class;
	uint8_t proto;
	uint16_t src, dst; /* ports */
	uint8_t hops;      /* 0: 64 */
	uint8_t many;      /* first byte of a MAC address that is not the port's, 0: to us */
};

static const struct sample samples[] = {
	{PUNT_BGP, 6, 40000, 179, 0, 0},         /* BGP, theirs and ours */
	{PUNT_BGP, 6, 179, 40000, 254, 0},       /* */
	{PUNT_ROUTING, 6, 40000, 179, 255, 0},   /* of a neighbour (RFC 5082) */
	{PUNT_ROUTING, 6, 179, 40000, 255, 0},   /* */
	{PUNT_OTHER, 6, 40000, 180, 0, 0},       /* */
	{PUNT_OTHER, 6, 40000, 5060, 255, 0},    /* SIP over TCP */
	{PUNT_ROUTING, 17, 49152, 3784, 255, 0}, /* BFD */
	{PUNT_SIP, 17, 49152, 3784, 254, 0},     /* from afar, so it is none */
	{PUNT_ROUTING, 17, 49152, 6784, 255, 0}, /* */
	{PUNT_SIP, 17, 49152, 6784, 64, 0},      /* */
	{PUNT_BGP, 17, 49152, 4784, 60, 0},      /* over hops */
	{PUNT_ROUTING, 17, 49152, 4784, 255, 0}, /* over none */
	{PUNT_DHCP, 17, 67, 68, 0, 0},           /* DHCP */
	{PUNT_DHCP, 17, 1, 67, 255, 0},          /* whoever seems to send it */
	{PUNT_DHCP, 17, 67, 68, 0, 0xff},        /* to everybody */
	{PUNT_DHCP, 17, 68, 67, 0, 0xff},        /* */
	{PUNT_DHCP, 17, 547, 546, 0, 0},         /* DHCPv6 */
	{PUNT_DHCP, 17, 546, 547, 0, 0x33},      /* */
	{PUNT_SIP, 17, 5060, 5060, 0, 0},        /* */
	{PUNT_SIP, 17, 68, 69, 255, 0},          /* */
	{PUNT_OTHER, 17, 5060, 5060, 0, 0xff},   /* SIP to everybody is served last */
	{PUNT_ROUTING, 89, 0, 0, 1, 0x01},       /* OSPF */
	{PUNT_BGP, 89, 0, 0, 1, 0},              /* to us alone: from a neighbour or anybody */
	{PUNT_ROUTING, 89, 0, 0, 255, 0},        /* */
	{PUNT_ROUTING, 112, 0, 0, 255, 0x01},    /* VRRP */
	{PUNT_OTHER, 112, 0, 0, 254, 0},         /* from afar, so it is none */
	{PUNT_OTHER, 132, 179, 179, 0, 0},       /* ports alone do not make it BGP */
	{PUNT_OTHER, 6, 179, 179, 0, 0x02},      /* another host's */
};

static uint16_t sample_write(const struct sample *sample, bool v6, uint8_t *data)
{
	struct frame frame = {
		.src = rig_addr(v6 ? "[2001:db8::11]:1" : "10.0.0.11:1"),
		.dst = rig_addr(v6 ? "[2001:db8::10]:1" : "192.0.2.10:1"),
		.ttl = sample->hops ? sample->hops : 64,
		.len = 40,
	};
	uint16_t len, port = v6 ? 54 : 34;

	memcpy(frame.mac_dst, rig_mac, 6);
	if (sample->many)
		memset(frame.mac_dst, sample->many, 6);
	len = frame_write(&frame, data);
	data[v6 ? 20 : 23] = sample->proto;
	data[port] = (uint8_t)(sample->src >> 8);
	data[port + 1] = (uint8_t)sample->src;
	data[port + 2] = (uint8_t)(sample->dst >> 8);
	data[port + 3] = (uint8_t)sample->dst;
	return len;
}

static unsigned int punted(struct scene *s, enum punt_class class)
{
	unsigned int n = rig_punted(s->rig, class);

	scene_expect_none(s);
	return n;
}

static void classes(void **state)
{
	struct scene *s = scene_open4();
	uint8_t data[FRAME_MAX];

	for (unsigned int i = 0; i < 2 * RTE_DIM(samples); i++) {
		const struct sample *sample = &samples[i / 2];

		rig_feed_raw(s->rig, data, sample_write(sample, i % 2, data));
		if (punted(s, sample->class) != 1)
			fail_msg("sample %u, IPv%c", i / 2, i % 2 ? '6' : '4');
	}
	scene_close(s);
}

/* Neighbour discovery from farther away than a neighbour is none. */
static void discovery(void **state)
{
	struct scene *s = scene_open4();
	uint8_t data[FRAME_MAX];

	for (unsigned int type = 133; type <= 137; type++) {
		struct sample sample = {
			.proto = 58, .src = (uint16_t)(type << 8), .hops = 255, .many = 0};

		rig_feed_raw(s->rig, data, sample_write(&sample, true, data));
		assert_int_equal(punted(s, PUNT_NEIGHBOUR), 1);
		sample.hops = 254;
		rig_feed_raw(s->rig, data, sample_write(&sample, true, data));
		assert_int_equal(punted(s, PUNT_ICMP), 1);
		sample.many = 0x33;
		rig_feed_raw(s->rig, data, sample_write(&sample, true, data));
		assert_int_equal(punted(s, PUNT_ICMP), 1);
	}
	scene_close(s);
}

/* Cut anywhere, with any header length, as a later fragment: nothing is read that is not there (the
 * sanitizers see it), and only what is whole is better than the rest. */
static void cut(void **state)
{
	static const struct sample bgp = {PUNT_BGP, 6, 1, 179, 0, 0};
	static const struct sample dhcp = {PUNT_DHCP, 17, 67, 68, 0, 0xff};
	struct scene *s = scene_open4();
	uint8_t data[FRAME_MAX];
	uint16_t len;

	for (len = 0; len < 62; len++) {
		sample_write(&bgp, false, data);
		data[17] = (uint8_t)(len > 14 ? len - 14 : 0);
		rig_feed_raw(s->rig, data, len);
		sample_write(&dhcp, len & 1, data);
		rig_feed_raw(s->rig, data, len);
		for (uint8_t vhl = 0x40; vhl < 0x50; vhl++) {
			sample_write(&dhcp, false, data);
			data[14] = vhl;
			rig_feed_raw(s->rig, data, len);
		}
		for (enum punt_class class = 0; class < PUNT_CLASSES; class ++)
			rig_punted(s->rig, class);
	}
	len = sample_write(&bgp, false, data);
	rig_feed_raw(s->rig, data, len);
	assert_int_equal(punted(s, PUNT_BGP), 1);
	data[21] = 1;
	rig_feed_raw(s->rig, data, len);
	assert_int_equal(punted(s, PUNT_OTHER), 1);
	scene_close(s);
}

static uint16_t class_write(enum punt_class class, uint8_t *data)
{
	static const struct sample one[] = {
		[PUNT_ROUTING] = {PUNT_ROUTING, 17, 1, 3784, 255, 0},
		[PUNT_BGP] = {PUNT_BGP, 6, 1, 179, 60, 0},
		[PUNT_DHCP] = {PUNT_DHCP, 17, 1, 67, 60, 0},
		[PUNT_SIP] = {PUNT_SIP, 17, 5060, 5060, 0, 0},
		[PUNT_ICMP] = {PUNT_ICMP, 1, 0, 0, 0, 0},
		[PUNT_OTHER] = {PUNT_OTHER, 6, 1, 5060, 0, 0},
	};

	if (class != PUNT_NEIGHBOUR && class != PUNT_NEIGHBOURS)
		return sample_write(&one[class], false, data);
	/* ARP */
	memset(data, 0, 60);
	memcpy(data, rig_mac, 6);
	if (class == PUNT_NEIGHBOURS)
		memset(data, 0xff, 6);
	data[12] = 8;
	data[13] = 6;
	return 60;
}

/* A flood of each class in turn fills its own ring and no other. */
static void flood(void **state)
{
	uint8_t data[FRAME_MAX];

	for (enum punt_class class = 0; class < PUNT_CLASSES; class ++) {
		struct scene *s = scene_open4();
		uint16_t len = class_write(class, data);
		uint64_t drops;

		for (int n = 0; n < 5000; n++)
			rig_feed_raw(s->rig, data, len);
		drops = scene_drops(s, FACTS_DROP_PUNT_FULL);
		assert_in_range(drops, 1, 4999);
		for (enum punt_class other = 0; other < PUNT_CLASSES; other++) {
			if (other == class)
				continue;
			len = class_write(other, data);
			rig_feed_raw(s->rig, data, len);
			assert_int_equal(rig_punted(s->rig, other), 1);
		}
		assert_int_equal(scene_drops(s, FACTS_DROP_PUNT_FULL), drops);
		scene_close(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(discovery),
		cmocka_unit_test(cut),
		cmocka_unit_test(flood),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
