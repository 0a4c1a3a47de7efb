/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives that draw answers: the frames with their checksums, the tag, and what counts as an
 * answer. */
#include "dataplane/keepalive/tag.h"
#include "dataplane/keepalive/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct nexthop_entry nexthop = {.dst = {2, 0, 0, 0, 0, 1}, .src = {2, 0, 0, 0, 0, 2}};

static struct addr at(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text, 0), 0);
	return addr;
}

static uint32_t random_word(void)
{
	return (uint32_t)rand() << 16 ^ (uint32_t)rand();
}

static void hex(void **state)
{
	for (int i = 0; i < 100000; i++) {
		uint32_t value = i == 0 ? 0 : i == 1 ? UINT32_MAX : random_word();
		uint8_t digits[8];
		char want[9];

		snprintf(want, sizeof(want), "%08x", value);
		probe_hex(digits, value);
		assert_memory_equal(digits, want, 8);
	}
}

/* One bit of any input or of the key changes about half of the tag. */
static void tags(void **state)
{
	struct tag_key key = {{random_word(), random_word()}};
	uint32_t changed = 0;

	for (int i = 0; i < 20000; i++) {
		uint32_t id = random_word(), stamp = random_word(), bit = (uint32_t)rand();
		uint8_t gen = (uint8_t)rand();
		struct tag_key other = key;
		uint32_t tag = tag_of(&key, id, stamp, gen), now;

		assert_int_equal(tag, tag_of(&key, id, stamp, gen));
		if (i % 4 == 0)
			now = tag_of(&key, id ^ 1u << bit % 32, stamp, gen);
		else if (i % 4 == 1)
			now = tag_of(&key, id, stamp ^ 1u << bit % 32, gen);
		else if (i % 4 == 2)
			now = tag_of(&key, id, stamp, (uint8_t)(gen ^ 1 << bit % 8));
		else
			other.k[bit % 2] ^= 1ull << bit / 2 % 64,
				now = tag_of(&other, id, stamp, gen);
		assert_int_not_equal(now, tag);
		changed += (uint32_t)__builtin_popcount(now ^ tag);
	}
	assert_in_range(changed, 20000 * 15, 20000 * 17);
}

/* The checksum over the whole frame against DPDK's own sum; returns the payload. */
static const uint8_t *check(uint8_t *frame, bool v6, uint16_t *len)
{
	struct template_frame4 *f4 = (struct template_frame4 *)frame;
	struct template_frame6 *f6 = (struct template_frame6 *)frame;
	struct rte_udp_hdr *udp = v6 ? &f6->udp : &f4->udp;
	uint16_t sum = udp->dgram_cksum;

	udp->dgram_cksum = 0;
	assert_int_equal(sum,
		v6 ? rte_ipv6_udptcp_cksum(&f6->ip, udp) : rte_ipv4_udptcp_cksum(&f4->ip, udp));
	assert_int_not_equal(sum, 0);
	*len = (uint16_t)(rte_be_to_cpu_16(udp->dgram_len) - sizeof(*udp));
	return (const uint8_t *)(udp + 1);
}

static void make(struct probe_payload *payload, uint8_t form, const struct addr *local)
{
	if (form == PROBE_STUN)
		probe_stun(payload);
	else
		probe_options(payload, local);
	for (uint8_t i = 0; i < payload->places; i++)
		assert_int_equal(payload->at[i] % 2, 0);
}

static void frames(void **state)
{
	static const char *const locals[] = {"192.0.2.10:5060", "10.0.0.1:65535",
		"203.0.113.100:506", "[2001:db8::10]:5060", "[2001:db8:1:2:3:4:5:6]:15060"};
	static uint8_t frame[TEMPLATE_FRAME_MAX];
	struct template *t = aligned_alloc(64, sizeof(*t));
	struct probe_payload payload;

	for (int i = 0; i < 4000; i++) {
		struct addr local = at(locals[i % 5]);
		uint8_t form = i / 5 % 2 ? PROBE_STUN : PROBE_OPTIONS;
		struct probe probe = {random_word(), random_word(), random_word()};
		const uint8_t *got;
		uint8_t ip6[16], name[PROBE_HEX];
		uint16_t len;

		for (int n = 0; n < 16; n++)
			ip6[n] = (uint8_t)rand();
		make(&payload, form, &local);
		template_build_probe(t, &local, &payload, 26);
		if (local.family == ADDR_IPV6)
			template_write6(t, frame, &nexthop, ip6, (uint16_t)rand());
		else
			template_write4(t, frame, &nexthop, random_word(), (uint16_t)rand());
		template_probe(t, frame, &probe);
		got = check(frame, local.family == ADDR_IPV6, &len);
		assert_int_equal(len, payload.len);
		len = probe_name(name, form, &probe);
		for (uint8_t n = 0; n < payload.places; n++)
			assert_memory_equal(got + payload.at[n], name, len);
	}
	free(t);
}

/* The request as a phone reads it. */
static void options_text(void **state)
{
	struct addr local = at("192.0.2.10:5060");
	struct probe probe = {0x01020304, 0xa0b0c0d0, 0xdeadbeef};
	struct probe_payload payload;
	char text[PROBE_TEXT_MAX + 1] = "";

	probe_options(&payload, &local);
	for (uint8_t i = 0; i < payload.places; i++)
		probe_name(payload.data + payload.at[i], PROBE_OPTIONS, &probe);
	memcpy(text, payload.data, payload.len);
	assert_int_equal(strlen(text), payload.len);
	assert_non_null(strstr(text, "OPTIONS sip:keepalive@192.0.2.10:5060 SIP/2.0\r\n"));
	assert_non_null(strstr(text,
		"SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK-lwka-"
		"01020304a0b0c0d0deadbeef\r\n"));
	assert_non_null(
		strstr(text, "<sip:keepalive@192.0.2.10:5060>;tag=01020304a0b0c0d0deadbeef\r\n"));
	assert_non_null(strstr(text, "Contact: <sip:keepalive@192.0.2.10:5060>\r\n"));
	assert_non_null(strstr(text, "CSeq: 1 OPTIONS\r\n"));
	assert_non_null(strstr(text, "\r\nContent-Length: 0\r\n\r\n"));
	assert_int_equal(strcmp(text + payload.len - 4, "\r\n\r\n"), 0);
}

static enum probe_verdict parse(const char *text, struct probe *probe)
{
	/* Memory of exactly its size, so that a sanitizer sees any read beyond. */
	size_t len = strlen(text);
	uint8_t *data = malloc(len);
	enum probe_verdict verdict;

	memcpy(data, text, len);
	verdict = probe_parse(data, len, probe);
	free(data);
	return verdict;
}

#define NAME "branch=z9hG4bK-lwka-01020304A0b0c0d0deadbeef"

/* KA-04: any final code. */
static void options_answers(void **state)
{
	static const char *const good[] = {
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;" NAME "\r\n\r\n",
		"SIP/2.0 404 Nobody\r\nFrom: <sip:v>\r\nv : SIP/2.0/UDP x;" NAME ";received=1\r\n",
		"SIP/2.0 486 Busy\nVIA\t:  SIP/2.0/UDP x;rport=4;" NAME,
		"SIP/2.0 603 No\r\nVia: a;" NAME "\r\nVia: b;branch=z9hG4bKother\r\n",
	};
	static const char *const refused[] = {
		"SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP x;" NAME "\r\n\r\n",
		"SIP/2.0 700 What\r\nVia: SIP/2.0/UDP x;" NAME "\r\n\r\n",
		"SIP/2.0 200 OK\r\nVia: x;branch=z9hG4bK-lwka-01020304a0b0c0d0deadbee\r\n",
		"SIP/2.0 200 OK\r\nVia: x;branch=z9hG4bK-lwka-01020304a0b0c0d0deadbeeg\r\n",
	};
	static const char *const other[] = {
		"SIP/2.0 200 OK\r\nVia: x;branch=z9hG4bKabc\r\nVia: x;" NAME "\r\n",
		"SIP/2.0 200 OK\r\nSubject: Via: x;" NAME "\r\n\r\n",
		"SIP/2.0 200 OK\r\nVi: x;" NAME "\r\nViaduct: x;" NAME "\r\n\r\n",
		"OPTIONS sip:x SIP/2.0\r\nVia: x;" NAME "\r\n\r\n",
		"SIP/2.0 200 OK",
		"SIP/2.0 200 OK\r\n\r\n\r\n\r\n",
		"SIP/2.0 ",
		"jaK",
		"",
	};
	struct probe probe;

	for (size_t i = 0; i < RTE_DIM(good); i++) {
		memset(&probe, 0, sizeof(probe));
		assert_int_equal(parse(good[i], &probe), PROBE_ANSWER);
		assert_int_equal(probe.id, 0x01020304);
		assert_int_equal(probe.stamp, 0xa0b0c0d0);
		assert_int_equal(probe.tag, 0xdeadbeef);
	}
	for (size_t i = 0; i < RTE_DIM(refused); i++)
		assert_int_equal(parse(refused[i], &probe), PROBE_REFUSE);
	for (size_t i = 0; i < RTE_DIM(other); i++)
		assert_int_equal(parse(other[i], &probe), PROBE_OTHER);
}

static void stun_answers(void **state)
{
	uint8_t data[32] = {1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
		12, 0, 0x20, 0, 8};
	struct probe probe;

	assert_int_equal(probe_parse(data, 32, &probe), PROBE_ANSWER);
	assert_int_equal(probe.id, 0x01020304);
	assert_int_equal(probe.stamp, 0x05060708);
	assert_int_equal(probe.tag, 0x090a0b0c);
	data[1] = 0x11; /* an error response is an answer all the same */
	assert_int_equal(probe_parse(data, 32, &probe), PROBE_ANSWER);
	assert_int_equal(probe_parse(data, 28, &probe), PROBE_REFUSE);
	assert_int_equal(probe_parse(data, 19, &probe), PROBE_OTHER);
	data[7] = 0;
	assert_int_equal(probe_parse(data, 32, &probe), PROBE_OTHER);
	data[7] = 0x42;
	data[0] = data[1] = 0;
	data[1] = 1; /* a request */
	assert_int_equal(probe_parse(data, 32, &probe), PROBE_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex),
		cmocka_unit_test(tags),
		cmocka_unit_test(frames),
		cmocka_unit_test(options_text),
		cmocka_unit_test(options_answers),
		cmocka_unit_test(stun_answers),
	};

	srand(5);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
