/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/store/internal.h"

#include <errno.h>
#include <stdlib.h>

int wait_add(struct store *store, struct store_call *call,
	void (*done)(void *arg, enum store_result result), void *arg, bool durable, bool end)
{
	struct store_wait *wait;

	if (!done)
		return 0;
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return -ENOMEM;
	wait->done = done;
	wait->arg = arg;
	wait->since_ms = clock_boot_ms();
	wait->durable = durable;
	wait->end = end;
	wait->list = &call->waits;
	DL_APPEND(call->waits, wait);
	if (!durable)
		DL_APPEND2(store->due, wait, prev_due, next_due);
	return 0;
}

void wait_move(struct store_wait **to, struct store_wait **from, bool end_too)
{
	struct store_wait *wait, *next;

	DL_FOREACH_SAFE(*from, wait, next)
	{
		if (wait->end && !end_too)
			continue;
		DL_DELETE(*from, wait);
		wait->list = to;
		DL_APPEND(*to, wait);
	}
}

static void wait_free(struct store *store, struct store_wait *wait)
{
	DL_DELETE(*wait->list, wait);
	if (!wait->durable)
		DL_DELETE2(store->due, wait, prev_due, next_due);
	free(wait);
}

static void fire(struct store *store, struct store_wait *wait, enum store_result result)
{
	void (*done)(void *arg, enum store_result result) = wait->done;
	void *arg = wait->arg;

	wait_free(store, wait);
	if (!store->closing.on)
		done(arg, result);
}

/* The list may change, or lose its owner's interest, in each callback. */
void wait_fire(struct store *store, struct store_wait **list, enum store_result result)
{
	while (*list)
		fire(store, *list, result);
}

void wait_drop(struct store *store, struct store_wait **list)
{
	while (*list)
		wait_free(store, *list);
}

void calls_expire(struct store *store, uint64_t now_ms)
{
	bool up = store->phase == PHASE_UP;

	/* Who does not own its calls any more must not act on them. */
	if (store->phase == PHASE_FATAL)
		return;
	while (store->due && (!up || now_ms - store->due->since_ms >= store->conf.answer_ms))
		fire(store, store->due, STORE_JOURNALLED);
}
