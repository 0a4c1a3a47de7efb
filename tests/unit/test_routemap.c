/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranges of destinations against the plain rule: two addresses of one range lie in the same
 * prefixes. */
#include "dataplane/host/routemap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PREFIXES 60
#define PROBES   4000

struct prefix {
	struct addr addr;
	uint8_t len;
};

static int bits_of(const struct addr *addr)
{
	return addr->family == ADDR_IPV6 ? 128 : 32;
}

static bool inside(const struct prefix *p, const struct addr *addr)
{
	for (int bit = 0; bit < p->len; bit++)
		if ((p->addr.ip[bit / 8] ^ addr->ip[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

/* Few bytes are random, so that prefixes meet. */
static struct addr some_addr(uint8_t family, int bits)
{
	struct addr addr = {.family = family};

	for (int bit = 0; bit < bits; bit++)
		if ((bit < 4 || bit > (family == ADDR_IPV6 ? 116 : 20)) && rand() % 2)
			addr.ip[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return addr;
}

static void same_range_same_prefixes(uint8_t family)
{
	struct routemap *map = routemap_open();
	struct prefix prefix[PREFIXES];
	struct addr seen[PROBES];

	assert_non_null(map);
	assert_null(routemap_find(map, &(struct addr){.family = family}));
	for (int i = 0; i < PREFIXES; i++) {
		int bits = family == ADDR_IPV6 ? 128 : 32;

		prefix[i].len = (uint8_t)(rand() % (bits + 1));
		prefix[i].addr = some_addr(family, prefix[i].len);
		routemap_add(map, &prefix[i].addr, prefix[i].len, false);
	}
	assert_false(routemap_is_ready(map));
	routemap_ready(map);
	for (int i = 0; i < PROBES; i++) {
		struct addr addr = some_addr(family, bits_of(&prefix[0].addr));
		struct routemap_answer *answer = routemap_find(map, &addr);

		seen[i] = addr;
		assert_non_null(answer);
		if (answer->port < 0) {
			answer->port = i;
			continue;
		}
		for (int k = 0; k < PREFIXES; k++)
			assert_int_equal(
				inside(&prefix[k], &addr), inside(&prefix[k], &seen[answer->port]));
	}
	/* What was known is gone with the routes. */
	routemap_clear(map);
	assert_null(routemap_find(map, &seen[0]));
	routemap_ready(map);
	assert_int_equal(routemap_find(map, &seen[0])->port, -1);
	routemap_close(map);
}

static void ipv4(void **state)
{
	for (unsigned int seed = 1; seed <= 50; seed++) {
		srand(seed);
		same_range_same_prefixes(ADDR_IPV4);
	}
}

static void ipv6(void **state)
{
	for (unsigned int seed = 1; seed <= 50; seed++) {
		srand(seed);
		same_range_same_prefixes(ADDR_IPV6);
	}
}

static struct routemap_answer *range_of(struct routemap *map, uint8_t first)
{
	return routemap_find(map, &(struct addr){.family = ADDR_IPV4, .ip = {first, 1}});
}

/* Ends of prefixes at the first bit, and at the end of all addresses. */
static void ends(void **state)
{
	struct addr half = {.family = ADDR_IPV4}, loop = half, last = half;
	struct routemap *map = routemap_open();

	routemap_add(map, &half, 1, false);
	routemap_ready(map);
	assert_ptr_equal(range_of(map, 0), range_of(map, 127));
	assert_ptr_not_equal(range_of(map, 127), range_of(map, 128));
	loop.ip[0] = 127;
	last.ip[0] = 255;
	routemap_clear(map);
	routemap_add(map, &loop, 8, false);
	routemap_add(map, &last, 8, false);
	routemap_ready(map);
	assert_ptr_not_equal(range_of(map, 126), range_of(map, 127));
	assert_ptr_not_equal(range_of(map, 127), range_of(map, 128));
	assert_ptr_equal(range_of(map, 128), range_of(map, 254));
	assert_ptr_not_equal(range_of(map, 254), range_of(map, 255));
	routemap_close(map);
}

/* Several next hops, a length that cannot be, too many routes: no map of that family. */
static void no_map(void **state)
{
	struct addr v4 = {.family = ADDR_IPV4}, v6 = {.family = ADDR_IPV6};
	struct routemap *map = routemap_open();

	routemap_add(map, &v4, 0, true);
	routemap_ready(map);
	assert_null(routemap_find(map, &v4));
	assert_non_null(routemap_find(map, &v6));
	routemap_clear(map);
	routemap_add(map, &v4, 33, false);
	routemap_ready(map);
	assert_null(routemap_find(map, &v4));
	routemap_clear(map);
	for (uint32_t i = 0; i < ROUTEMAP_MAX; i++) {
		v4.ip[1] = (uint8_t)(i >> 8);
		v4.ip[2] = (uint8_t)i;
		routemap_add(map, &v4, 24, false);
	}
	routemap_ready(map);
	assert_null(routemap_find(map, &v4));
	routemap_clear(map);
	routemap_ready(map);
	assert_non_null(routemap_find(map, &v4));
	routemap_close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(ends),
		cmocka_unit_test(no_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
