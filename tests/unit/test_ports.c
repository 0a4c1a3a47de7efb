/* SPDX-License-Identifier: BSD-3-Clause */
/* Allocator of media ports (checklist LA-05, SE-23). */
#include "controlplane/media/ports.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIN   20000
#define SLOTS 500
#define MAX   (MIN + 2 * SLOTS - 1)

static struct ports *open_ports(void)
{
	struct ports *p;

	assert_int_equal(ports_open(&p, MIN, MAX, 7 << 16), 0);
	return p;
}

static void test_range(void **state)
{
	struct ports *p;

	assert_int_equal(ports_open(&p, 20001, 20999, 0), -EINVAL);
	assert_int_equal(ports_open(&p, 20000, 20998, 0), -EINVAL);
	assert_int_equal(ports_open(&p, 20000, 19999, 0), -EINVAL);
	assert_int_equal(ports_open(&p, 0, 19999, 0), -EINVAL);
	assert_int_equal(ports_open(&p, 2, 65535, 0), 0);
	assert_int_equal(ports_total(p), 32767);
	ports_close(p);
}

/* Each even port once, then none; resting ports are not free before their time. */
static void test_exhaust(void **state)
{
	struct ports *p = open_ports();
	bool seen[SLOTS] = {false};
	uint16_t port;
	uint32_t gen;

	for (int i = 0; i < SLOTS; i++) {
		assert_int_equal(ports_take(p, 1000, &port, &gen), 0);
		assert_true(port >= MIN && port < MAX && port % 2 == 0);
		assert_false(seen[(port - MIN) / 2]);
		seen[(port - MIN) / 2] = true;
		assert_int_equal(gen, (7 << 16) + 1);
	}
	assert_int_equal(ports_take(p, 1000, &port, &gen), -ENOSPC);
	assert_int_equal(ports_used(p), SLOTS);

	ports_release(p, MIN + 40, 2000);
	ports_release(p, MIN + 40, 9000); /* a second time: not taken any more */
	ports_release(p, MIN + 41, 2000);
	ports_release(p, MIN - 2, 2000);
	assert_int_equal(ports_used(p), SLOTS - 1);
	assert_int_equal(ports_take(p, 2000 + PORTS_REST_MS - 1, &port, &gen), -ENOSPC);
	assert_int_equal(ports_take(p, 2000 + PORTS_REST_MS, &port, &gen), 0);
	assert_int_equal(port, MIN + 40);
	assert_int_equal(gen, (7 << 16) + 2);
	ports_close(p);
}

/* Two allocators with the same history agree on almost nothing. */
static void test_random(void **state)
{
	struct ports *a = open_ports(), *b = open_ports();
	int same = 0, rising = 0;
	uint16_t last = 0;

	for (int i = 0; i < SLOTS; i++) {
		uint16_t pa, pb;
		uint32_t gen;

		assert_int_equal(ports_take(a, 0, &pa, &gen), 0);
		assert_int_equal(ports_take(b, 0, &pb, &gen), 0);
		same += pa == pb;
		rising += pa > last;
		last = pa;
	}
	assert_true(same < SLOTS / 10);
	assert_true(rising > SLOTS / 4 && rising < SLOTS * 3 / 4);
	ports_close(a);
	ports_close(b);
}

static void test_claim(void **state)
{
	struct ports *p = open_ports();
	uint16_t port;
	uint32_t gen;

	assert_int_equal(ports_claim(p, MIN + 10, (9 << 16) + 3), 0);
	assert_int_equal(ports_claim(p, MIN + 10, (9 << 16) + 3), -EBUSY);
	assert_int_equal(ports_claim(p, MIN + 11, 1), -EINVAL);
	assert_int_equal(ports_claim(p, MIN - 2, 1), -EINVAL);
	assert_int_equal(ports_claim(p, MAX + 1, 1), -EINVAL);
	assert_int_equal(ports_used(p), 1);
	for (int i = 1; i < SLOTS; i++) {
		assert_int_equal(ports_take(p, 0, &port, &gen), 0);
		assert_int_not_equal(port, MIN + 10);
	}
	ports_release(p, MIN + 10, 0);
	assert_int_equal(ports_claim(p, MIN + 10, 1), -EBUSY); /* it rests */
	assert_int_equal(ports_take(p, PORTS_REST_MS, &port, &gen), 0);
	assert_int_equal(port, MIN + 10);
	assert_int_equal(gen, (9 << 16) + 4); /* above the stored one */
	ports_close(p);
}

/* Long churn: never the same port twice at a time, never within the rest, none lost. */
static void test_churn(void **state)
{
	struct ports *p = open_ports();
	uint64_t released[SLOTS], now = PORTS_REST_MS;
	uint32_t gens[SLOTS] = {0};
	bool taken[SLOTS] = {false};
	int held = 0;

	memset(released, 0, sizeof(released));
	srand(1);
	for (int i = 0; i < 300000; i++) {
		int slot = rand() % SLOTS;
		uint16_t port;
		uint32_t gen;

		now += (uint64_t)(rand() % 150);
		if (taken[slot]) {
			ports_release(p, (uint16_t)(MIN + 2 * slot), now);
			taken[slot] = false;
			released[slot] = now;
			held--;
		} else if (ports_take(p, now, &port, &gen) == 0) {
			slot = (port - MIN) / 2;
			assert_false(taken[slot]);
			assert_true(now - released[slot] >= PORTS_REST_MS);
			assert_true(gen > gens[slot]);
			gens[slot] = gen;
			taken[slot] = true;
			held++;
		}
		assert_int_equal(ports_used(p), held);
	}
	for (int slot = 0; slot < SLOTS; slot++)
		if (taken[slot])
			ports_release(p, (uint16_t)(MIN + 2 * slot), now);
	assert_int_equal(ports_used(p), 0);
	ports_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_exhaust),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_claim),
		cmocka_unit_test(test_churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
