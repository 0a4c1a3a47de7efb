/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct item {
	struct wheel_timer timer;
	uint64_t fired_ms;
	unsigned int times;
};

static struct wheel wheel;

static void on_fire(struct wheel_timer *timer)
{
	struct item *item = WHEEL_OWNER(timer, struct item, timer);

	item->fired_ms = wheel.now_ms;
	item->times++;
}

static void start(struct item *item, uint64_t deadline)
{
	*item = (struct item){0};
	wheel_timer_init(&item->timer, on_fire);
	wheel_arm(&wheel, &item->timer, deadline);
}

/* Every boundary of every level: fires at its very millisecond, not before. */
static void test_fires_at_its_millisecond(void **state)
{
	static const uint64_t bases[] = {0, 1, 63, 64, 4095, 123456789, 1ull << 36};
	struct item item;

	for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
		for (unsigned int shift = 0; shift < 40; shift++) {
			for (int off = -1; off <= 1; off++) {
				uint64_t delay = (1ull << shift) + (uint64_t)off;

				if (!delay)
					continue;
				wheel_init(&wheel, bases[b]);
				start(&item, bases[b] + delay);
				wheel_run(&wheel, bases[b] + delay - 1);
				assert_int_equal(item.times, 0);
				assert_true(wheel_next(&wheel) <= bases[b] + delay);
				wheel_run(&wheel, bases[b] + delay);
				assert_int_equal(item.times, 1);
				assert_true(item.fired_ms == bases[b] + delay);
				assert_true(wheel_next(&wheel) == UINT64_MAX);
				assert_int_equal(wheel.armed, 0);
			}
		}
	}
}

/* Against the plain truth: random arming, cancelling and jumps of time. */
static void test_random_against_truth(void **state)
{
	enum { N = 300 };
	static struct item items[N];
	uint64_t deadline[N] = {0};
	uint64_t now = 1000;
	unsigned int seed = 1;

	wheel_init(&wheel, now);
	for (int i = 0; i < N; i++)
		wheel_timer_init(&items[i].timer, on_fire);
	for (int round = 0; round < 20000; round++) {
		int i = rand_r(&seed) % N;
		uint64_t delay = 1 + (uint64_t)rand_r(&seed) % (1u << rand_r(&seed) % 24);

		if (rand_r(&seed) % 4) {
			wheel_arm(&wheel, &items[i].timer, now + delay);
			deadline[i] = now + delay;
			items[i].times = 0;
		} else {
			wheel_cancel(&wheel, &items[i].timer);
			deadline[i] = 0;
			items[i].times = 0;
		}
		now += (uint64_t)rand_r(&seed) % (1u << rand_r(&seed) % 18);
		wheel_run(&wheel, now);
		for (int k = 0; k < N; k++) {
			if (!deadline[k])
				continue;
			assert_int_equal(items[k].times, deadline[k] <= now);
			if (deadline[k] > now)
				continue;
			assert_true(items[k].fired_ms == deadline[k]);
			deadline[k] = 0;
			items[k].times = 0;
		}
	}
}

static void test_next_is_never_late(void **state)
{
	struct item item;
	unsigned int seed = 7;

	for (int round = 0; round < 2000; round++) {
		uint64_t base = (uint64_t)rand_r(&seed);
		uint64_t due = base + 1 + (uint64_t)rand_r(&seed) % 1000000;
		unsigned int runs = 0;

		wheel_init(&wheel, base);
		start(&item, due);
		while (!item.times) {
			uint64_t next = wheel_next(&wheel);

			assert_true(next > wheel.now_ms && next <= due);
			wheel_run(&wheel, next);
			assert_true(++runs <= WHEEL_LEVELS);
		}
	}
}

static void test_past_deadline_fires_next(void **state)
{
	struct item item;

	wheel_init(&wheel, 5000);
	start(&item, 10);
	assert_true(wheel_next(&wheel) == 5001);
	wheel_run(&wheel, 5001);
	assert_int_equal(item.times, 1);
	start(&item, UINT64_MAX);
	wheel_run(&wheel, 1ull << 45);
	assert_int_equal(item.times, 0);
	assert_int_equal(wheel.armed, 1);
}

static struct item victim;

static void on_cancel_other(struct wheel_timer *timer)
{
	wheel_cancel(&wheel, &victim.timer);
}

static void test_cancel_inside_a_callback(void **state)
{
	struct wheel_timer killer[2];

	/* One on either side of the victim, whatever the order inside a slot. */
	wheel_init(&wheel, 0);
	wheel_timer_init(&killer[0], on_cancel_other);
	wheel_timer_init(&killer[1], on_cancel_other);
	wheel_arm(&wheel, &killer[0], 100);
	start(&victim, 100);
	wheel_arm(&wheel, &killer[1], 100);
	wheel_run(&wheel, 200);
	assert_int_equal(victim.times, 0);
	assert_int_equal(wheel.armed, 0);
	assert_false(wheel_armed(&victim.timer));
}

static unsigned int again;

static void on_again(struct wheel_timer *timer)
{
	again++;
	wheel_arm(&wheel, timer, wheel.now_ms + 10);
}

static void test_periodic(void **state)
{
	struct wheel_timer timer;

	again = 0;
	wheel_init(&wheel, 0);
	wheel_timer_init(&timer, on_again);
	wheel_arm(&wheel, &timer, 10);
	wheel_run(&wheel, 1005);
	assert_int_equal(again, 100);
	wheel_cancel(&wheel, &timer);
	wheel_cancel(&wheel, &timer);
	assert_int_equal(wheel.armed, 0);
}

/* A million timers: each fires once; the work per timer is bounded by the number of levels. */
static void test_a_million(void **state)
{
	enum { N = 1000000 };
	struct item *items = calloc(N, sizeof(*items));
	unsigned int seed = 3;
	size_t fired = 0;

	assert_non_null(items);
	wheel_init(&wheel, 0);
	for (int i = 0; i < N; i++)
		start(&items[i], 1 + (uint64_t)rand_r(&seed) % 600000);
	for (uint64_t now = 0; now <= 600000; now += 100)
		fired += wheel_run(&wheel, now);
	assert_int_equal(fired, N);
	for (int i = 0; i < N; i++)
		assert_true(items[i].times == 1 && items[i].fired_ms == items[i].timer.deadline_ms);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fires_at_its_millisecond),
		cmocka_unit_test(test_random_against_truth),
		cmocka_unit_test(test_next_is_never_late),
		cmocka_unit_test(test_past_deadline_fires_next),
		cmocka_unit_test(test_cancel_inside_a_callback),
		cmocka_unit_test(test_periodic),
		cmocka_unit_test(test_a_million),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
