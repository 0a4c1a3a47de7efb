/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/timebase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint64_t rates[] = {1000000000, 2599998000, 3900000000, 5000000000};

/* The tick is the one of clock.h over days, at the common rates of processors. */
static void test_tick_follows_the_clock(void **state)
{
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		uint64_t start_tsc = 123456789012345, boot_ms = 86400000;
		struct timebase base;

		timebase_open(&base, rates[i]);
		timebase_sync(&base, start_tsc, boot_ms);
		for (uint64_t ms = 0; ms < 3 * 86400000ull; ms += 9973) {
			uint64_t tsc = start_tsc + ms * rates[i] / 1000;
			int32_t off = (int32_t)(timebase_tick(&base, tsc) -
				clock_tick(boot_ms + ms));

			assert_in_range(off + 1, 0, 1);
		}
	}
}

/* A correction moves the tick to where the clock is, whatever drift there was. */
static void test_sync_corrects(void **state)
{
	struct timebase base;

	timebase_open(&base, rates[1]);
	timebase_sync(&base, 1000, 5000);
	assert_int_equal(timebase_tick(&base, 1000), 500);
	timebase_sync(&base, 2000, 1000000005);
	assert_int_equal(timebase_tick(&base, 2000 + rates[1] / 1000), 100000000);
	assert_int_equal(timebase_tick(&base, 2000 + rates[1] / 100), 100000001);
}

static void test_tick_is_never_zero(void **state)
{
	struct timebase base;

	timebase_open(&base, rates[0]);
	timebase_sync(&base, 500, 0);
	assert_int_equal(timebase_tick(&base, 500), 1);
}

/* The tick wraps with its 32 bits, as clock_tick does. */
static void test_tick_wraps(void **state)
{
	uint64_t boot_ms = ((1ull << 32) + 7) * CLOCK_TICK_MS;
	struct timebase base;

	timebase_open(&base, rates[2]);
	timebase_sync(&base, 99, boot_ms);
	assert_int_equal(timebase_tick(&base, 99), 7);
	assert_int_equal(timebase_tick(&base, 99), clock_tick(boot_ms));
}

/* A worker's clock never goes back a little, as each correction would have it; but it does not wait
 * for an hour either, by which the counter of another machine was ahead. */
static void test_clock_follows(void **state)
{
	for (uint32_t tick = UINT32_MAX - 1000; tick != 1000; tick++) {
		assert_int_equal(timebase_follow(tick - 1, tick), tick);
		assert_int_equal(timebase_follow(tick, tick), tick);
		assert_int_equal(timebase_follow(tick + 1, tick), tick + 1);
		assert_int_equal(
			timebase_follow(tick + TIMEBASE_AHEAD, tick), tick + TIMEBASE_AHEAD);
		assert_int_equal(timebase_follow(tick + TIMEBASE_AHEAD + 1, tick), tick);
		assert_int_equal(timebase_follow(tick + 360000, tick), tick);
		assert_int_equal(timebase_follow(tick - 360000, tick), tick);
	}
}

static void test_microseconds(void **state)
{
	struct timebase base;

	timebase_open(&base, rates[1]);
	assert_int_equal(timebase_us(&base, 0), 0);
	assert_in_range(timebase_us(&base, rates[1] / 1000), 999, 1000);
	assert_in_range(timebase_us(&base, rates[1] * 10), 9999999, 10000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tick_follows_the_clock),
		cmocka_unit_test(test_sync_corrects),
		cmocka_unit_test(test_tick_is_never_zero),
		cmocka_unit_test(test_tick_wraps),
		cmocka_unit_test(test_clock_follows),
		cmocka_unit_test(test_microseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
