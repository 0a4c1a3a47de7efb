/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a worker sleeps: naps are only noted, sleeps until an interrupt are real, and of these
 * the meant lengths, not the clock, are looked at. */
#include "dataplane/core/idle.h"
#include "dataplane/core/idle_irq.h"
#include "dataplane/core/rcu.h"
#include "shared/facts.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_US  1000
#define HZ_US   1000
#define LATE    UINT64_MAX
#define FOREVER UINT32_MAX
#define MS      1000000ull /* cycles of a sleeper's clock */

static long napped; /* ns, the last nap */

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
	napped = wanted->tv_sec * 1000000000 + wanted->tv_nsec;
	return 0;
}

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

/* Nor past one that is near: a nap ends there, and one that is not worth it is none. */
static void test_nap_until_due(void **state)
{
	static const struct {
		uint64_t due_us;
		long ns;
	} naps[] = {{UINT32_MAX, 1000000}, {1000, 1000000}, {999, 999000}, {2, 2000}, {1, 0}};
	struct idle idle;

	idle_open(&idle, MAX_US, 1000 * MS);
	for (size_t i = 0; i < sizeof(naps) / sizeof(naps[0]); i++) {
		idle.step_us = MAX_US;
		napped = 0;
		idle_wait(&idle, 7, 7 + naps[i].due_us * MS / 1000);
		assert_int_equal(napped, naps[i].ns);
	}
}

/* The kernel may not add its usual 50 us to each. */
static void test_short_sleeps_are_short(void **state)
{
	struct idle idle;

	assert_int_equal(prctl(PR_SET_TIMERSLACK, 50000, 0, 0, 0), 0);
	idle_open(&idle, 0, HZ_US);
	assert_int_equal(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 50000);
	idle_open(&idle, MAX_US, HZ_US);
	assert_int_equal(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 1000);
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

/* A worker without queues. Its clock begins at 0, so that every sleep is as long as it was meant to
 * be at most. */
struct sleeper {
	struct idle idle;
	struct facts_worker count;
	struct rte_rcu_qsbr *qsbr;
};

static void sleeper_open(struct sleeper *s)
{
	s->qsbr = rcu_open(1);
	assert_non_null(s->qsbr);
	assert_int_equal(rte_rcu_qsbr_thread_register(s->qsbr, 0), 0);
	rte_rcu_qsbr_thread_online(s->qsbr, 0);
	idle_open(&s->idle, MAX_US, 1000 * MS);
	assert_int_equal(idle_irq_open(&s->idle.irq, s->qsbr, 0), 0);
	s->count = (struct facts_worker){0};
	s->idle.count = &s->count;
	s->idle.step_us = MAX_US;
}

static void sleeper_close(struct sleeper *s)
{
	idle_irq_close(s->idle.irq);
	rcu_close(s->qsbr);
}

/* Interrupts are for a worker that found nothing for the longest time, and work or a nearby due
 * moment keeps them off. */
static void test_when_armed(void **state)
{
	struct sleeper s;

	sleeper_open(&s);
	s.idle.taken = 1;
	assert_int_equal(idle_wait(&s.idle, 0, LATE), 0);
	assert_int_not_equal(s.idle.state, IDLE_ARMED);
	s.idle.step_us = MAX_US / 2;
	idle_wait(&s.idle, 0, LATE);
	assert_int_not_equal(s.idle.state, IDLE_ARMED);
	s.idle.step_us = MAX_US;
	idle_wait(&s.idle, 0, MS - 1);
	assert_int_not_equal(s.idle.state, IDLE_ARMED);
	s.idle.step_us = MAX_US;
	assert_int_equal(idle_wait(&s.idle, 0, LATE), 0);
	assert_true(s.idle.state == IDLE_ARMED && s.idle.irq->asleep);
	idle_reset(&s.idle, 1);
	assert_false(s.idle.state == IDLE_ARMED || s.idle.irq->asleep);
	sleeper_close(&s);
}

/* No later than the due moment, and no longer than IDLE_IRQ_MAX_MS. */
static void test_length_of_armed_sleep(void **state)
{
	struct sleeper s;

	sleeper_open(&s);
	idle_wait(&s.idle, 0, LATE);
	assert_int_equal(idle_wait(&s.idle, 0, 2 * MS + 1), 2 * MS);
	assert_int_not_equal(s.idle.state, IDLE_ARMED);
	assert_false(s.idle.irq->asleep);
	idle_wait(&s.idle, 0, LATE);
	assert_int_equal(idle_wait(&s.idle, 0, LATE), IDLE_IRQ_MAX_MS * MS);
	/* The turn in which it was armed took so long that the moment has come. */
	idle_wait(&s.idle, 0, LATE);
	assert_int_equal(s.idle.state, IDLE_ARMED);
	assert_int_equal(idle_wait(&s.idle, 9 * MS, 5 * MS), 0);
	assert_int_not_equal(s.idle.state, IDLE_ARMED);
	assert_false(s.idle.irq->asleep);
	sleeper_close(&s);
}

/* Told in its last look that the interrupts do not come: they are off, and never on again. */
static void test_deafened(void **state)
{
	struct sleeper s;
	struct idle_irq *irq;

	sleeper_open(&s);
	irq = s.idle.irq;
	idle_wait(&s.idle, 0, LATE);
	assert_true(irq->asleep);
	idle_deafen(&s.idle);
	assert_false(irq->asleep);
	for (int i = 0; i < 5; i++)
		idle_wait(&s.idle, 0, LATE);
	assert_int_not_equal(s.idle.state, IDLE_ARMED);
	s.idle.irq = irq;
	sleeper_close(&s);
}

static void *sleep_long(void *arg)
{
	alarm(60); /* ends the test if nothing ends the sleep */
	idle_irq_sleep(arg, FOREVER);
	alarm(0);
	return NULL;
}

/* Rung while it sleeps or between its last look and that: it wakes, and main did not wait for it.
 */
static void test_bell(void **state)
{
	struct sleeper s;
	struct idle_irq *irq;
	pthread_t thread;
	uint64_t token;

	sleeper_open(&s);
	irq = s.idle.irq;
	for (int i = 0; i < 2; i++) { /* 0: asleep, 1: before that */
		idle_irq_arm(irq);
		token = rte_rcu_qsbr_start(s.qsbr);
		if (i)
			idle_irq_kick(irq);
		pthread_create(&thread, NULL, sleep_long, irq);
		while (i == 0 && rte_rcu_qsbr_check(s.qsbr, token, false) != 1)
			;
		if (i == 0)
			idle_irq_kick(irq);
		pthread_join(thread, NULL);
		assert_false(irq->asleep);
		idle_irq_disarm(irq);
	}
	/* Awake: nobody pays for a system call. */
	idle_irq_kick(irq);
	assert_false(irq->asleep);
	sleeper_close(&s);
}

/* Packets that no interrupt came for; an empty turn or a mail after the sleep is no such. */
static void test_interrupts_do_not_come(void **state)
{
	struct sleeper s;
	struct idle_irq *irq;

	sleeper_open(&s);
	irq = s.idle.irq;
	for (int i = 0; i < 5; i++) {
		s.idle.taken = 0;
		s.idle.turns = s.idle.step_us = MAX_US;
		idle_wait(&s.idle, 0, LATE);
		assert_int_equal(s.idle.state, IDLE_ARMED);
		idle_wait(&s.idle, 0, 2 * MS);
		assert_int_equal(s.idle.state, IDLE_OVER);
		assert_false(irq->deaf);
		if (i == 0)
			idle_wait(&s.idle, 0, 0);
		else
			idle_reset(&s.idle, i > 1);
	}
	assert_true(irq->deaf);
	assert_null(s.idle.irq);
	assert_int_equal(s.count.irq_sleeps, 5);
	assert_int_equal(s.count.irq_missed, 3);
	assert_int_equal(s.count.irq_woken, 0);
	s.idle.irq = irq;
	sleeper_close(&s);
}

/* Sleeps that a queue's interrupt ends, and what is found behind it: packets at once, nothing, and
 * packets that came later. */
static void test_woken(void **state)
{
	struct sleeper s;
	struct rte_epoll_event event = {.epdata.event = EPOLLIN | EPOLLET};
	int queue = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	sleeper_open(&s);
	assert_int_equal(rte_epoll_ctl(s.idle.irq->epoll, EPOLL_CTL_ADD, queue, &event), 0);
	for (int i = 0; i < 3; i++) {
		s.idle.taken = 0;
		s.idle.turns = s.idle.step_us = MAX_US;
		idle_wait(&s.idle, 0, LATE);
		eventfd_write(queue, 1);
		idle_wait(&s.idle, 0, LATE);
		assert_int_equal(s.idle.state, IDLE_WOKEN);
		assert_false(s.idle.irq->asleep);
		if (i)
			idle_wait(&s.idle, 0, 0);
		idle_reset(&s.idle, i != 1);
		assert_int_equal(s.idle.state, IDLE_AWAKE);
	}
	assert_int_equal(s.count.irq_sleeps, 3);
	assert_int_equal(s.count.irq_woken, 1);
	assert_int_equal(s.count.irq_missed, 0);
	sleeper_close(&s);
	close(queue);
}

/* What comes a turn later did not come in the sleep. */
static void test_packets_after_an_empty_turn(void **state)
{
	struct sleeper s;

	sleeper_open(&s);
	for (int i = 0; i < 5; i++) {
		s.idle.taken = 0;
		s.idle.turns = s.idle.step_us = MAX_US;
		idle_wait(&s.idle, 0, LATE);
		idle_wait(&s.idle, 0, 2 * MS);
		assert_int_equal(s.idle.state, IDLE_OVER);
		idle_wait(&s.idle, 0, 0);
		idle_reset(&s.idle, 1);
		assert_false(s.idle.irq->deaf);
	}
	sleeper_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_light_traffic),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_nap_until_due),
		cmocka_unit_test(test_short_sleeps_are_short),
		cmocka_unit_test(test_never_sleeps),
		cmocka_unit_test(test_when_armed),
		cmocka_unit_test(test_length_of_armed_sleep),
		cmocka_unit_test(test_deafened),
		cmocka_unit_test(test_bell),
		cmocka_unit_test(test_interrupts_do_not_come),
		cmocka_unit_test(test_packets_after_an_empty_turn),
		cmocka_unit_test(test_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
