/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alive frames: every byte, and the checksums against a full computation. */
#include "dataplane/keepalive/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct nexthop_entry nexthop = {
	.dst = {2, 0, 0, 0, 0, 1},
	.src = {2, 0, 0, 0, 0, 2},
	.port = 0x55, /* must not show up in the frame */
	.flags = 0xff,
};

static struct addr at(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text, 0), 0);
	return addr;
}

/* What DPDK computes over the whole of a frame whose checksum is left out. */
static uint16_t full4(const struct template_frame4 *frame)
{
	uint8_t copy[TEMPLATE_FRAME_MAX];
	struct template_frame4 *f = (struct template_frame4 *)copy;

	memcpy(copy, frame, sizeof(copy));
	f->udp.dgram_cksum = 0;
	return rte_ipv4_udptcp_cksum(&f->ip, &f->udp);
}

static uint16_t full6(const struct template_frame6 *frame)
{
	uint8_t copy[TEMPLATE_FRAME_MAX];
	struct template_frame6 *f = (struct template_frame6 *)copy;

	memcpy(copy, frame, sizeof(copy));
	f->udp.dgram_cksum = 0;
	return rte_ipv6_udptcp_cksum(&f->ip, &f->udp);
}

static void check4(const uint8_t *frame, uint16_t len, const struct addr *local, uint32_t ip,
	uint16_t port, const uint8_t *payload, uint16_t payload_len, uint8_t dscp)
{
	const struct template_frame4 *f = (const struct template_frame4 *)frame;

	assert_memory_equal(frame, &nexthop, 12);
	assert_int_equal(f->eth.ether_type, rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4));
	assert_int_equal(f->ip.type_of_service, dscp << 2);
	assert_int_equal(rte_be_to_cpu_16(f->ip.total_length), 28 + payload_len);
	assert_int_equal(f->ip.fragment_offset, rte_cpu_to_be_16(0x4000));
	assert_int_equal(f->ip.next_proto_id, IPPROTO_UDP);
	assert_int_equal(f->ip.dst_addr, ip);
	assert_memory_equal(&f->ip.src_addr, local->ip, 4);
	assert_int_equal(f->udp.dst_port, port);
	assert_int_equal(f->udp.src_port, rte_cpu_to_be_16(local->port));
	assert_memory_equal(f + 1, payload, payload_len);
	assert_int_equal(rte_ipv4_cksum(&f->ip), 0);
	assert_int_not_equal(f->udp.dgram_cksum, 0);
	assert_int_equal(f->udp.dgram_cksum, full4(f));
	assert_int_equal(len, payload_len < 18 ? 60 : 42 + payload_len);
	for (uint16_t i = (uint16_t)(42 + payload_len); i < len; i++)
		assert_int_equal(frame[i], 0);
}

static void check6(const uint8_t *frame, const struct addr *local, const uint8_t ip[16],
	uint16_t port, const uint8_t *payload, uint16_t payload_len, uint8_t dscp)
{
	const struct template_frame6 *f = (const struct template_frame6 *)frame;

	assert_memory_equal(frame, &nexthop, 12);
	assert_int_equal(f->eth.ether_type, rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6));
	assert_int_equal(rte_be_to_cpu_32(f->ip.vtc_flow), 6u << 28 | (uint32_t)dscp << 22);
	assert_int_equal(rte_be_to_cpu_16(f->ip.payload_len), 8 + payload_len);
	assert_int_equal(f->ip.proto, IPPROTO_UDP);
	assert_memory_equal(f->ip.dst_addr, ip, 16);
	assert_memory_equal(f->ip.src_addr, local->ip, 16);
	assert_int_equal(f->udp.dst_port, port);
	assert_memory_equal(f + 1, payload, payload_len);
	assert_int_equal(f->udp.dgram_cksum, full6(f));
}

/* Random addresses and payloads of each length. */
static void frames(void **state)
{
	static uint8_t frame[TEMPLATE_FRAME_MAX], payload[TEMPLATE_PAYLOAD_MAX];
	struct template *t = aligned_alloc(64, sizeof(*t));
	struct addr local4 = at("192.0.2.10:5060"), local6 = at("[2001:db8::10]:5060");

	srand(3);
	for (uint16_t len = 1; len <= TEMPLATE_PAYLOAD_MAX; len++) {
		uint32_t ip = (uint32_t)rand() ^ (uint32_t)rand() << 16;
		uint16_t port = (uint16_t)rand();
		uint8_t ip6[16], dscp = (uint8_t)(rand() % 64);

		for (uint16_t i = 0; i < len; i++)
			payload[i] = (uint8_t)rand();
		for (int i = 0; i < 16; i++)
			ip6[i] = (uint8_t)rand();
		memset(frame, 0xee, sizeof(frame));
		template_build(t, &local4, payload, len, dscp);
		template_write4(t, frame, &nexthop, ip, port);
		check4(frame, t->len, &local4, ip, port, payload, len, dscp);
		template_build(t, &local6, payload, len, dscp);
		template_write6(t, frame, &nexthop, ip6, port);
		check6(frame, &local6, ip6, port, payload, len, dscp);
	}
	free(t);
}

/* A checksum that comes out as zero is sent as all ones (RFC 768). */
static void zero_checksum(void **state)
{
	static uint8_t frame[TEMPLATE_FRAME_MAX];
	struct template *t = aligned_alloc(64, sizeof(*t));
	const struct template_frame4 *f = (const struct template_frame4 *)frame;
	struct addr local = at("192.0.2.10:5060");
	int ones = 0;

	template_build(t, &local, "HELLO", 5, 0);
	for (uint32_t port = 0; port < 65536; port++) {
		template_write4(t, frame, &nexthop, 0x01020304, (uint16_t)port);
		assert_int_not_equal(f->udp.dgram_cksum, 0);
		ones += f->udp.dgram_cksum == 0xffff;
		assert_int_equal(f->udp.dgram_cksum, full4(f));
	}
	assert_int_equal(ones, 1);
	free(t);
}

/* From registers: the same bytes, for every port and for every sum of the IP header. */
static void ready_is_the_same(void **state)
{
	static uint8_t frame[TEMPLATE_FRAME_MAX], other[TEMPLATE_FRAME_MAX];
	struct template *t = aligned_alloc(64, sizeof(*t));
	struct addr local = at("192.0.2.10:5060");
	struct template_ready ready;

	template_build(t, &local, "HELLO, you there!", 17, 46);
	ready = template_get_ready(t, &nexthop);
	for (uint32_t i = 0; i < 65536; i++) {
		uint32_t ip = 0x01020304 + (i << 16);

		template_write4(t, frame, &nexthop, ip, (uint16_t)i);
		template_write_ready4(&ready, other, ip, (uint16_t)i);
		assert_memory_equal(frame, other, TEMPLATE_READY4);
		template_write4(t, frame, &nexthop, 0xfffefdfc, (uint16_t)i);
		template_write_ready4(&ready, other, 0xfffefdfc, (uint16_t)i);
		assert_memory_equal(frame, other, TEMPLATE_READY4);
	}
	free(t);
}

static void ready_is_the_same_ip6(void **state)
{
	static uint8_t frame[TEMPLATE_FRAME_MAX], other[TEMPLATE_FRAME_MAX];
	struct template *t = aligned_alloc(64, sizeof(*t));
	struct addr local = at("[2001:db8::10]:5060");
	uint8_t ip[16] = {0x20, 1, 0xd, 0xb8, [15] = 9}, full[16];
	struct template_ready ready;

	memset(full, 0xff, sizeof(full));
	template_build(t, &local, "HELLO, you there!", 17, 46);
	ready = template_get_ready(t, &nexthop);
	for (uint32_t i = 0; i < 65536; i++) {
		memcpy(ip + 6, &i, sizeof(i));
		template_write6(t, frame, &nexthop, ip, (uint16_t)i);
		template_write_ready6(&ready, other, ip, (uint16_t)i);
		assert_memory_equal(frame, other, TEMPLATE_READY6);
		template_write6(t, frame, &nexthop, full, (uint16_t)i);
		template_write_ready6(&ready, other, full, (uint16_t)i);
		assert_memory_equal(frame, other, TEMPLATE_READY6);
	}
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames),
		cmocka_unit_test(zero_checksum),
		cmocka_unit_test(ready_is_the_same),
		cmocka_unit_test(ready_is_the_same_ip6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
