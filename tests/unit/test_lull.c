/* SPDX-License-Identifier: BSD-3-Clause */
/* When the pump sleeps, how long, and what wakes it. Sleeps are real, 80 milliseconds at most; how
 * long they were meant to be is looked at, not the clock. */
#include "dataplane/core/idle_irq.h"
#include "dataplane/host/lull.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_US 1000
#define HZ     1000000000ull

static struct lull lull;

static int setup(void **state)
{
	lull = (struct lull){0};
	lull_open(&lull, MAX_US, HZ);
	return idle_irq_open(&lull.irq, NULL, 0);
}

static int teardown(void **state)
{
	idle_irq_close(lull.irq);
	return 0;
}

/* The turn in which it is armed, and the one in which it sleeps. */
static void sleep_once(void)
{
	assert_false(lull.armed);
	lull_wait(&lull, 0, false);
	assert_true(lull.armed && lull.irq->asleep);
	lull_wait(&lull, 0, false);
	assert_false(lull.armed || lull.irq->asleep);
}

static void ring_and_sleep(void)
{
	lull_wait(&lull, 0, false);
	idle_irq_kick(lull.irq);
	assert_false(lull.irq->asleep);
	lull_wait(&lull, 0, false);
}

/* Nothing anywhere: each sleep is longer, up to the longest. */
static void test_silence(void **state)
{
	const uint32_t ms[] = {1, 2, 4, 8, 10, 10};

	for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
		assert_int_equal(lull.ms, ms[i]);
		sleep_once();
		assert_true(lull.over);
		/* What it looks at after that is empty, too. */
		lull_wait(&lull, 0, true);
	}
}

/* Longer ones while its owner says so, and at once no longer. */
static void test_calm(void **state)
{
	lull.ms = LULL_MOST_MS;
	lull.most_ms = LULL_CALM_MS;
	for (uint32_t ms = LULL_MOST_MS; ms < LULL_CALM_MS; ms *= 2) {
		assert_int_equal(lull.ms, ms);
		sleep_once();
		lull_wait(&lull, 0, true);
	}
	assert_int_equal(lull.ms, LULL_CALM_MS);
	lull.over = true;
	lull.most_ms = LULL_MOST_MS;
	lull_wait(&lull, 0, true);
	assert_int_equal(lull.ms, LULL_MOST_MS);
}

/* A bell that came before the sleep ends it at once: this one would last for hours. */
static void test_rung(void **state)
{
	lull.ms = 3600 * 1000;
	alarm(60);
	ring_and_sleep();
	alarm(0);
	assert_false(lull.over);
	lull_end(&lull, 5);
	/* What the next nap is to find follows from what came since. */
	assert_int_equal(lull.idle.taken, 5);
	lull_refill(&lull);
	ring_and_sleep();
	assert_int_equal(lull.idle.taken, 0);
	/* Who rings is heard: no reason to look more often. */
	assert_int_equal(lull.ms, 3600 * 1000);
}

/* Frames that nobody rang for: it looks each millisecond, as long as there are such. */
static void test_busy_worker(void **state)
{
	for (int i = 0; i < 5; i++) {
		sleep_once();
		lull_wait(&lull, 0, true);
	}
	assert_int_equal(lull.ms, LULL_MOST_MS);
	for (int i = 0; i < 3; i++) {
		sleep_once();
		lull_end(&lull, 1);
		assert_int_equal(lull.ms, LULL_LEAST_MS);
	}
}

/* What comes between the last look and the sleep is seen by that look. */
static void test_last_look(void **state)
{
	lull_wait(&lull, 0, false);
	assert_true(lull.irq->asleep);
	lull_end(&lull, 1);
	assert_false(lull.armed || lull.irq->asleep);
	assert_int_equal(lull.ms, LULL_LEAST_MS);
}

/* Rung too often it naps, whose bell nobody needs to ring, until the next interval. */
static void test_rung_too_often(void **state)
{
	for (int i = 0; i < LULL_WAKES; i++) {
		ring_and_sleep();
		lull_end(&lull, 1);
	}
	for (int i = 0; i < 3; i++) {
		lull_wait(&lull, 0, false);
		assert_false(lull.armed || lull.irq->asleep);
	}
	lull_refill(&lull);
	lull_wait(&lull, 0, false);
	assert_true(lull.armed);
}

/* Frames are there that no budget is left for: their bell has been rung, so it must not wait for
 * one. */
static void test_nap(void **state)
{
	lull_wait(&lull, 0, false);
	lull_wait(&lull, 0, true);
	assert_false(lull.armed || lull.irq->asleep);
}

/* A host interface without interrupts: naps only. */
static void test_no_interrupts(void **state)
{
	struct idle_irq *irq = lull.irq;

	lull.irq = NULL;
	for (int i = 0; i < 5; i++) {
		lull_wait(&lull, 0, false);
		assert_false(lull.armed);
		lull_end(&lull, 1);
	}
	lull.irq = irq;
}

/* Sleeps that nothing ended cost no wakes. */
static void test_sleeps_are_free(void **state)
{
	for (int i = 0; i < 2 * LULL_WAKES; i++) {
		lull.ms = LULL_LEAST_MS;
		sleep_once();
	}
	assert_int_equal(lull.wakes, LULL_WAKES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_silence),
		TEST(test_calm),
		TEST(test_rung),
		TEST(test_busy_worker),
		TEST(test_last_look),
		TEST(test_rung_too_often),
		TEST(test_nap),
		TEST(test_no_interrupts),
		TEST(test_sleeps_are_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
