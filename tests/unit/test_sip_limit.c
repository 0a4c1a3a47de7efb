/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/sip/limit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct siphash_key key = {1, 2};

static struct addr host(uint32_t n)
{
	return (struct addr){
		ADDR_IPV4, 0, 5060, {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

static unsigned int take(struct limit *limit, const struct addr *a, uint64_t now, unsigned int n)
{
	unsigned int got = 0;

	while (n--)
		got += limit_take(limit, a, now);
	return got;
}

static void test_bucket(void **state)
{
	struct limit_bucket bucket = {0};
	unsigned int got = 0;

	for (int i = 0; i < 100; i++)
		got += limit_bucket_take(&bucket, 10, 5, 1000);
	assert_int_equal(got, 5);
	/* Ten a second from then on, whatever the rhythm of asking. */
	got = 0;
	for (uint64_t now = 1000; now <= 11000; now++)
		got += limit_bucket_take(&bucket, 10, 5, now);
	assert_int_equal(got, 100);
	/* A long pause saves up no more than the burst. */
	got = 0;
	for (int i = 0; i < 100; i++)
		got += limit_bucket_take(&bucket, 10, 5, 1000000);
	assert_int_equal(got, 5);
	assert_false(limit_bucket_take(&bucket, 0, 5, 2000000));
}

static void test_sources_apart(void **state)
{
	static struct limit limit;
	struct addr a = host(1);
	struct addr b = host(2);

	limit_init(&limit, &key, 10, 20, 1000);
	assert_int_equal(take(&limit, &a, 1000, 100), 20);
	a.port = 9999; /* another port is the same source */
	assert_int_equal(take(&limit, &a, 1000, 100), 0);
	assert_int_equal(take(&limit, &b, 1000, 100), 20);
	assert_int_equal(take(&limit, &a, 2000, 100), 10);
}

static void test_ipv6_by_64(void **state)
{
	static struct limit limit;
	struct addr a = {ADDR_IPV6, 0, 1, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 1}};
	struct addr b = {ADDR_IPV6, 0, 1, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 2}};
	struct addr c = {ADDR_IPV6, 0, 1, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 1}};

	limit_init(&limit, &key, 10, 20, 1000);
	assert_int_equal(take(&limit, &a, 1000, 100), 20);
	assert_int_equal(take(&limit, &b, 1000, 100), 0);
	assert_int_equal(take(&limit, &c, 1000, 100), 20);
}

/* A million forged sources: the total holds, and so does the memory. */
static void test_total(void **state)
{
	static struct limit limit;
	unsigned int got = 0;

	limit_init(&limit, &key, 10, 20, 500);
	for (uint32_t i = 0; i < 1000000; i++) {
		struct addr a = host(i);

		got += limit_take(&limit, &a, 1000 + i / 1000);
	}
	assert_in_range(got, 990, 1010); /* one burst of 500, and 500 in the second that passed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_sources_apart),
		cmocka_unit_test(test_ipv6_by_64),
		cmocka_unit_test(test_total),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
