/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/sip/stun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

static const uint8_t request[20] = {
	0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static uint8_t out[STUN_ANSWER_MAX];

/* RFC 5769 2.2 gives 192.0.2.1:32853 as a1 47 e1 12 a6 43. */
static void test_mapped_ipv4(void **state)
{
	static const uint8_t want[12] = {0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43};
	struct addr source = {ADDR_IPV4, 0, 32853, {192, 0, 2, 1}};

	assert_int_equal(stun_answer(request, 20, &source, out), 32);
	assert_int_equal(out[0] << 8 | out[1], 0x0101);
	assert_int_equal(out[2] << 8 | out[3], 12);
	assert_memory_equal(out + 4, request + 4, 16);
	assert_memory_equal(out + 20, want, sizeof(want));
}

/* RFC 5769 2.3: 2001:db8:1234:5678:11:2233:4455:6677, with its transaction id. */
static void test_mapped_ipv6(void **state)
{
	static const uint8_t id[12] = {
		0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};
	static const uint8_t want[24] = {0, 0x20, 0, 0x14, 0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
		0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9};
	struct addr source = {ADDR_IPV6, 0, 32853,
		{0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55,
			0x66, 0x77}};
	uint8_t with_id[20];

	memcpy(with_id, request, 8);
	memcpy(with_id + 8, id, 12);
	assert_int_equal(stun_answer(with_id, 20, &source, out), 44);
	assert_memory_equal(out + 20, want, sizeof(want));
}

static size_t answer(const uint8_t *attributes, size_t len)
{
	struct addr source = {ADDR_IPV4, 0, 1, {192, 0, 2, 1}};
	uint8_t *copy = malloc(20 + len);
	size_t n;

	assert_non_null(copy);
	memcpy(copy, request, 20);
	memcpy(copy + 20, attributes, len);
	copy[3] = (uint8_t)len;
	n = stun_answer(copy, 20 + len, &source, out);
	free(copy);
	return n;
}

static void test_attributes(void **state)
{
	static const uint8_t software[8] = {0x80, 0x22, 0, 3, 'x', 'y', 'z', 0};
	static const uint8_t username[8] = {0, 6, 0, 3, 'x', 'y', 'z', 0};
	static const uint8_t beyond[8] = {0x80, 0x22, 0, 5};
	static const uint8_t huge[8] = {0x80, 0x22, 0xff, 0xff};

	assert_int_equal(answer(software, 8), 32);
	assert_int_equal(out[1], 0x01);
	assert_int_equal(answer(username, 8), 36);
	assert_int_equal(out[1], 0x11);
	assert_int_equal(out[26] * 100 + out[27], 420);
	assert_int_equal(out[32] << 8 | out[33], 6);
	assert_int_equal(answer(beyond, 8), 0);
	assert_int_equal(answer(huge, 8), 0);
	for (size_t cut = 1; cut < 8; cut++)
		assert_int_equal(answer(software, cut), 0);
}

static void test_nothing_else_is_answered(void **state)
{
	struct addr source = {ADDR_IPV4, 0, 1, {192, 0, 2, 1}};
	uint8_t other[20];

	for (unsigned int type = 0; type < 0x4000; type++) {
		memcpy(other, request, 20);
		other[0] = (uint8_t)(type >> 8);
		other[1] = (uint8_t)type;
		assert_int_equal(stun_answer(other, 20, &source, out) > 0, type == 1);
	}
	for (size_t len = 0; len < 20; len++)
		assert_int_equal(stun_answer(request, len, &source, out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mapped_ipv4),
		cmocka_unit_test(test_mapped_ipv6),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_nothing_else_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
