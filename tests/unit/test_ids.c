/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/addr.h"
#include "shared/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <string.h>

static void test_tag_round_trip(void **state)
{
	struct ids_tag tag = {
		.call = {.partition = 0x17, .node = "n03", .incarnation = 5, .seq = 0xa41f2},
		.leg = 'b',
		.random = 0x0123456789abcdefull,
	};
	struct ids_tag back;
	char text[IDS_TAG_STRLEN];

	ids_tag_format(&tag, text);
	assert_string_equal(text, "p017-n03-5-00a41f2-b-0123456789abcdef");
	assert_int_equal(ids_tag_parse(&back, text, strlen(text)), 0);
	assert_int_equal(back.call.partition, 0x17);
	assert_string_equal(back.call.node, "n03");
	assert_int_equal(back.call.incarnation, 5);
	assert_int_equal(back.call.seq, 0xa41f2);
	assert_int_equal(back.leg, 'b');
	assert_true(back.random == tag.random);
}

static void test_refuses_what_it_would_not_write(void **state)
{
	static const char *const bad[] = {"", "p017", "p17-n03-5-00a41f2", "p100-n03-5-00a41f2",
		"p017-n03-05-00a41f2", "p017-n03-5-0a41f2", "p017-n03-5-00A41f2", "p017--5-00a41f2",
		"p017-n_3-5-00a41f2", "p017-n03-5-00a41f2x", "p017-n234567890123456-5-00a41f2"};
	struct ids_call id;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(ids_call_parse(&id, bad[i], strlen(bad[i])), 0);
	assert_int_equal(ids_call_parse(&id, "p0ff-a-1-fffffff", 16), 0);
}

/* The check value of CRC16/XMODEM, and of the Redis Cluster specification. */
static void test_crc16_is_that_of_redis(void **state)
{
	assert_int_equal(ids_crc16("123456789", 9), 0x31c3);
}

static void test_addr_text(void **state)
{
	static const char *const good[] = {"1.2.3.4:5060", "[2001:db8::1]:5060"};
	static const char *const bad[] = {"", "1.2.3", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:5o",
		"[2001:db8::1", "[2001:db8::1]5060", "host:5060", "1.2.3.4:-1"};
	struct addr a;
	char text[ADDR_STRLEN];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(addr_parse(&a, good[i], 0), 0);
		assert_string_equal(addr_format(&a, text), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(addr_parse(&a, bad[i], 5060), 0);
	assert_int_equal(addr_parse(&a, "2001:db8::1", 5060), 0);
	assert_int_equal(a.port, 5060);
	assert_int_equal(addr_parse(&a, "127.0.0.9", 0), 0);
	assert_true(addr_is_special(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tag_round_trip),
		cmocka_unit_test(test_refuses_what_it_would_not_write),
		cmocka_unit_test(test_crc16_is_that_of_redis),
		cmocka_unit_test(test_addr_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
