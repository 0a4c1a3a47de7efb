/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

struct log {
	uint64_t expected; /* next arg[0] */
	bool in_order;
};

static void note(struct worker *w, const struct mail *mail)
{
	struct log *seen = mail->ptr;

	if (mail->arg[0] != seen->expected || mail->arg[1] != ~mail->arg[0])
		seen->in_order = false;
	seen->expected++;
}

static struct mail numbered(struct log *seen, uint64_t number)
{
	return (struct mail){.run = note, .ptr = seen, .arg = {number, ~number}};
}

static void test_runs_in_order_and_bounded(void **state)
{
	struct log seen = {.in_order = true};
	struct mailbox box;

	assert_int_equal(mailbox_open(&box), 0);
	assert_int_equal(mailbox_run(&box, NULL), 0);
	for (uint64_t i = 0; i < MAILBOX_BURST + 3; i++) {
		struct mail mail = numbered(&seen, i);

		assert_int_equal(mailbox_send(&box, &mail), 0);
	}
	assert_int_equal(mailbox_run(&box, NULL), MAILBOX_BURST);
	assert_int_equal(mailbox_run(&box, NULL), 3);
	assert_int_equal(seen.expected, MAILBOX_BURST + 3);
	assert_true(seen.in_order);
	mailbox_close(&box);
}

static void test_refuses_when_full(void **state)
{
	struct log seen = {.in_order = true};
	struct mail mail = numbered(&seen, 0);
	unsigned int room;
	struct mailbox box;

	assert_int_equal(mailbox_open(&box), 0);
	room = mailbox_room(&box);
	assert_int_equal(room, MAILBOX_SIZE - 1);
	for (unsigned int i = 0; i < room; i++)
		assert_int_equal(mailbox_send(&box, &mail), 0);
	assert_int_equal(mailbox_room(&box), 0);
	assert_int_equal(mailbox_send(&box, &mail), -EAGAIN);
	mailbox_run(&box, NULL);
	assert_int_equal(mailbox_room(&box), MAILBOX_BURST);
	assert_int_equal(mailbox_send(&box, &mail), 0);
	mailbox_close(&box);
}

#define MANY 200000

struct race {
	struct mailbox box;
	struct log seen;
};

static void *consume(void *arg)
{
	struct race *race = arg;

	while (race->seen.expected < MANY) {
		if (mailbox_run(&race->box, NULL) == 0)
			sched_yield();
	}
	return NULL;
}

/* Two threads: nothing is lost, doubled or torn. */
static void test_two_threads(void **state)
{
	struct race race = {.seen = {.in_order = true}};
	pthread_t consumer;

	assert_int_equal(mailbox_open(&race.box), 0);
	assert_int_equal(pthread_create(&consumer, NULL, consume, &race), 0);
	for (uint64_t i = 0; i < MANY; i++) {
		struct mail mail = numbered(&race.seen, i);

		while (mailbox_send(&race.box, &mail))
			sched_yield();
	}
	pthread_join(consumer, NULL);
	assert_true(race.seen.in_order);
	assert_int_equal(race.seen.expected, MANY);
	mailbox_close(&race.box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_in_order_and_bounded),
		cmocka_unit_test(test_refuses_when_full),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
