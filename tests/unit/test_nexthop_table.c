/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/nexthop_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct nexthop_table *table;
static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 1}, mac_b[6] = {2, 0, 0, 0, 0, 2};

static int setup(void **state)
{
	table = nexthop_table_open();
	return table ? 0 : -1;
}

static int teardown(void **state)
{
	nexthop_table_close(table);
	return 0;
}

static struct addr host(uint32_t number)
{
	struct addr addr = {.family = ADDR_IPV4};

	memcpy(addr.ip, &number, sizeof(number));
	return addr;
}

static void count(struct nexthop *hop, void *ctx)
{
	(*(unsigned int *)ctx)++;
}

/* Whoever looks at a hop that expires finds it whole. */
static void count_whole(struct nexthop *hop, void *ctx)
{
	struct addr a = host(1);

	assert_true(hop->used && addr_equal(&hop->addr, &a));
	count(hop, ctx);
}

static void test_found_by_port_and_address(void **state)
{
	struct addr a = host(1), b = host(2);
	struct nexthop *on_0 = nexthop_table_add(table, 0, &a);
	struct nexthop *on_1 = nexthop_table_add(table, 1, &a);

	assert_ptr_not_equal(on_0, on_1);
	assert_ptr_equal(nexthop_table_find(table, 0, &a), on_0);
	assert_ptr_equal(nexthop_table_find(table, 1, &a), on_1);
	assert_null(nexthop_table_find(table, 0, &b));
	assert_int_not_equal(nexthop_table_index(table, on_0), NEXTHOP_NONE);
}

/* The same neighbours on many ports, so that some of them share a bucket. */
static void test_ports_are_told_apart(void **state)
{
	for (uint32_t i = 1; i < NEXTHOP_MAX; i++) {
		struct addr a = host(i / NEXTHOP_PORTS_MAX);
		uint16_t port = (uint16_t)(i % NEXTHOP_PORTS_MAX);

		assert_null(nexthop_table_find(table, port, &a));
		assert_non_null(nexthop_table_add(table, port, &a));
		assert_int_equal(nexthop_table_find(table, port, &a)->port, port);
	}
}

static void test_workers_see_what_is_published(void **state)
{
	const struct nexthop_entry *entries = nexthop_table_entries(table);
	struct nexthop_entry entry;
	struct addr a = host(1);
	struct nexthop *hop = nexthop_table_add(table, 3, &a);
	uint16_t index = nexthop_table_index(table, hop);

	assert_false(nexthop_load(entries, NEXTHOP_NONE, &entry));
	assert_false(nexthop_load(entries, index, &entry));
	nexthop_table_publish(table, hop, mac_a, mac_b);
	assert_true(nexthop_load(entries, index, &entry));
	assert_memory_equal(entry.dst, mac_a, 6);
	assert_memory_equal(entry.src, mac_b, 6);
	assert_int_equal(entry.port, 3);
	assert_true(nexthop_table_valid(hop));
	nexthop_table_publish(table, hop, NULL, mac_b);
	assert_false(nexthop_table_valid(hop));
	assert_false(nexthop_load(entries, index, &entry));
}

static void test_kept_while_used_and_for_a_while_after(void **state)
{
	struct addr a = host(1);
	struct nexthop *hop = nexthop_table_add(table, 0, &a);
	uint16_t index = nexthop_table_index(table, hop);
	struct nexthop_entry entry;
	unsigned int seen = 0;

	hop->refs = 2;
	nexthop_table_publish(table, hop, mac_a, mac_b);
	nexthop_table_put(table, index, 1000);
	nexthop_table_expire(table, 1000000, count, &seen);
	assert_int_equal(seen, 0);
	nexthop_table_put(table, index, 1000000);
	nexthop_table_expire(table, 1000000 + NEXTHOP_KEEP_MS - 1, count, &seen);
	assert_int_equal(seen, 0);
	assert_ptr_equal(nexthop_table_find(table, 0, &a), hop);
	nexthop_table_expire(table, 1000000 + NEXTHOP_KEEP_MS, count_whole, &seen);
	assert_int_equal(seen, 1);
	assert_null(nexthop_table_find(table, 0, &a));
	assert_false(nexthop_load(nexthop_table_entries(table), index, &entry));
}

/* Fills the table, frees every third, and finds the rest: chains survive removals. */
static void test_full_table(void **state)
{
	unsigned int seen = 0;
	struct addr a;

	for (uint32_t i = 1; i < NEXTHOP_MAX; i++) {
		a = host(i);
		assert_non_null(nexthop_table_add(table, 0, &a));
	}
	a = host(NEXTHOP_MAX);
	assert_null(nexthop_table_add(table, 0, &a));
	for (uint32_t i = 1; i < NEXTHOP_MAX; i++) {
		a = host(i);
		nexthop_table_find(table, 0, &a)->refs = i % 3 == 0 ? 0 : 1;
	}
	nexthop_table_expire(table, 2 * NEXTHOP_KEEP_MS, count, &seen);
	assert_int_equal(seen, (NEXTHOP_MAX - 1) / 3);
	for (uint32_t i = 1; i < NEXTHOP_MAX; i++) {
		a = host(i);
		assert_int_equal(nexthop_table_find(table, 0, &a) != NULL, i % 3 != 0);
	}
	seen = 0;
	nexthop_table_each(table, count, &seen);
	assert_int_equal(seen, NEXTHOP_MAX - 1 - (NEXTHOP_MAX - 1) / 3);
	a = host(NEXTHOP_MAX);
	assert_non_null(nexthop_table_add(table, 0, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_found_by_port_and_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_workers_see_what_is_published, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_kept_while_used_and_for_a_while_after, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_table, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
