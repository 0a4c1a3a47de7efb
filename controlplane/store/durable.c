/* SPDX-License-Identifier: BSD-3-Clause */
/* Decisions to hang up count only when min_acks replicas hold them: one WAIT for all that were
 * replied so far, on a connection of its own, since WAIT blocks what comes behind it. */
#include "controlplane/store/calls.h"
#include "controlplane/store/internal.h"
#include "shared/log.h"

#define WAIT_MS "500"

void durable_replied(struct store_op *op)
{
	DL_APPEND(op->store->acking, op);
	store_wake(op->store);
}

static void on_wait(struct conn_cmd *cmd, const redisReply *reply)
{
	struct store *store = (struct store *)((char *)cmd - offsetof(struct store, wait));

	store->wait_busy = false;
	if (!reply)
		return;
	if (reply->type != REDIS_REPLY_INTEGER) {
		conn_doom(&store->hot, "WAIT: %s", reply->str ? reply->str : "not a number");
		return;
	}
	if (reply->integer < store->conf.min_acks) {
		if (!store->wait_said)
			log_warning("Redis: only %lld of redis.min_acks = %u replicas follow: "
				    "hang-ups wait",
				reply->integer, store->conf.min_acks);
		store->wait_said = true;
		return;
	}
	store->wait_said = false;
	while (store->acking && store->acking->number <= store->wait_covers) {
		struct store_op *op = store->acking;

		DL_DELETE(store->acking, op);
		op_done(op);
	}
}

void durable_pump(struct store *store, uint64_t now_ms)
{
	struct args *args = &store->args;

	if (!store->acking || store->wait_busy)
		return;
	args_start(args, "WAIT");
	args_add_num(args, store->conf.min_acks);
	args_add(args, WAIT_MS);
	store->wait.reply = on_wait;
	if (conn_send(&store->durable, &store->wait, args, now_ms))
		return;
	store->wait_busy = true;
	/* The list is in order of sending, and its last one has been replied. */
	store->wait_covers = store->acking->prev->number;
}

void durable_lost(struct store *store)
{
	while (store->acking) {
		struct store_op *op = store->acking;

		DL_DELETE(store->acking, op);
		op_unknown(op);
	}
}
