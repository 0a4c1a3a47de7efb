/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a worker sleeps. The sleeps are real, a millisecond at most; only their lengths, not the
 * clock, are looked at. */
#include "dataplane/core/idle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MAX_US 1000
#define HZ_US  1000
#define LATE   UINT64_MAX

/* Takes that many packets, and then goes through empty turns until it has slept; returns how many
 * these were. */
static uint32_t sleep_after(struct idle *idle, uint64_t taken)
{
	uint32_t turns = 0;

	if (taken)
		idle_reset(idle, taken);
	do {
		idle_wait(idle, 0, LATE);
		turns++;
	} while (idle->taken);
	return turns;
}

static void test_nothing_to_do(void **state)
{
	struct idle idle;

	idle_open(&idle, MAX_US, HZ_US);
	assert_int_equal(idle.step_us, 1);
	for (int i = 0; i < 80; i++)
		idle_wait(&idle, 0, LATE);
	assert_int_equal(idle.step_us, MAX_US);
	for (int i = 0; i < 3; i++)
		idle_wait(&idle, 0, LATE);
	assert_int_equal(idle.step_us, MAX_US);
}

/* Each sleep finds packets in proportion to its length: lengths settle where some dozens come. */
static void test_light_traffic(void **state)
{
	struct idle idle;

	idle_open(&idle, MAX_US, HZ_US);
	for (int i = 0; i < 30; i++)
		sleep_after(&idle, 1 + idle.step_us / 5);
	assert_in_range(idle.step_us, 32 * 5, 128 * 5);
}

/* Behind a flood it polls again, and takes many empty turns before the first sleep. */
static void test_flood(void **state)
{
	struct idle idle;

	idle_open(&idle, MAX_US, HZ_US);
	idle.step_us = MAX_US;
	assert_int_equal(sleep_after(&idle, 1000000), 1);
	assert_int_equal(idle.step_us, 1);
	assert_int_equal(sleep_after(&idle, 1000000), 64);
	assert_int_equal(idle.step_us, 1);
}

/* A due moment that has come is never slept past. */
static void test_due(void **state)
{
	struct idle idle;

	idle_open(&idle, MAX_US, HZ_US);
	idle.step_us = MAX_US;
	idle.taken = 5;
	idle_wait(&idle, 7, 7);
	assert_int_equal(idle.taken, 5);
}

static void test_never_sleeps(void **state)
{
	struct idle idle;

	idle_open(&idle, 0, HZ_US);
	for (int i = 0; i < 1000; i++)
		idle_wait(&idle, 0, LATE);
	assert_int_equal(idle.step_us, 1);
	assert_int_equal(idle.turns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_light_traffic),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_never_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
