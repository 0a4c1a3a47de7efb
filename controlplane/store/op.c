/* SPDX-License-Identifier: BSD-3-Clause */
/* One write of a call: c_new, c_commit, c_reassert or c_end, or a look at what another node wrote.
 */
#include "controlplane/store/calls.h"
#include "controlplane/store/keys.h"
#include "shared/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum op_kind {
	OP_NEW,
	OP_COMMIT,
	OP_REASSERT,
	OP_END,
	OP_READ,
};

static const struct {
	const char *function; /* library/call.lua */
	const char *name;     /* start of the operation id */
} kinds[] = {
	[OP_NEW] = {"c_new", "new"},
	[OP_COMMIT] = {"c_commit", "commit"},
	[OP_REASSERT] = {"c_reassert", "reassert"},
	[OP_END] = {"c_end", "end"},
};

static enum op_kind kind_choose(const struct store_call *call)
{
	if (call->flags & CALL_READ)
		return OP_READ;
	if (call->flags & CALL_FULL)
		return OP_REASSERT;
	if (!(call->flags & CALL_CREATED))
		return OP_NEW;
	return call->flags & CALL_END ? OP_END : OP_COMMIT;
}

static void build(struct store *store, struct store_op *op, const struct store_call *call,
	uint32_t parts, uint64_t now_ms)
{
	struct args *args = &store->args;
	char *name;

	if (op->kind == OP_READ) {
		command_read(args, call->partition, call->id);
		return;
	}
	record_reset(&store->work);
	store->events.record(store->arg, (struct store_call *)call, parts, &store->work);
	args_fcall(args, kinds[op->kind].function, STORE_CALL_KEYS);
	command_call_keys(args, call->partition, call->id);
	args_add(args, lease_token(store, call->partition));
	args_add_num(args, op->kind == OP_REASSERT ? op->ver : op->ver - 1);
	name = args_space(args, 24);
	snprintf(name, 24, "%s-%u", kinds[op->kind].name, op->ver);
	args_add(args, name);
	args_add(args, call->id);
	if (op->kind == OP_END)
		args_add_num(args, call->end_margin);
	args_add_record(args, &store->work, now_ms);
}

static void on_reply(struct conn_cmd *cmd, const redisReply *reply);

static int transmit(struct store *store, struct store_op *op, struct store_call *call,
	uint32_t parts, uint64_t now_ms)
{
	bool durable = op->kind == OP_END && store->conf.min_acks;
	int err;

	op->cmd.reply = on_reply;
	build(store, op, call, parts, now_ms);
	if (durable)
		op->number = ++store->op_number;
	err = conn_send(durable ? &store->durable : &store->hot, &op->cmd, &store->args, now_ms);
	if (err == -E2BIG)
		log_error("store: the record of call %s is too large", call->id);
	return err;
}

void op_send(struct store *store, struct store_call *call, uint64_t now_ms)
{
	struct store_op *op;
	uint32_t parts;

	if ((call->flags & (CALL_OVER | CALL_READ)) == CALL_OVER) {
		call->dirty = 0;
		call->flags &= ~(CALL_END | CALL_FULL);
		wait_fire(store, &call->waits, STORE_ENDED);
		return;
	}
	op = calloc(1, sizeof(*op));
	if (!op) {
		calls_requeue(store, call);
		return;
	}
	op->store = store;
	op->kind = (uint8_t)kind_choose(call);
	op->partition = call->partition;
	/* A write whose outcome is unknown may have made ver + 1; the next number is above it. */
	op->ver = call->ver + (op->kind == OP_REASSERT ? 2 : 1);
	parts = op->kind == OP_NEW || op->kind == OP_REASSERT ? STORE_ALL : call->dirty;
	if (transmit(store, op, call, parts, now_ms)) {
		free(op);
		store->pause_until = now_ms + STORE_PAUSE_MS;
		calls_requeue(store, call);
		return;
	}
	op->call = call;
	call->op = op;
	store->op_count++;
	if (op->kind == OP_READ)
		return;
	if (op->kind == OP_REASSERT)
		call->ver = op->ver;
	op->dirty = call->dirty;
	call->dirty = 0;
	wait_move(&op->waits, &call->waits, op->kind == OP_END);
}

static void op_finish(struct store_op *op)
{
	struct store *store = op->store;
	struct store_call *call = op->call;

	if (call) {
		call->op = NULL;
		wait_move(&call->waits, &op->waits, true);
		calls_requeue(store, call);
	}
	wait_drop(store, &op->waits);
	store->op_count--;
	free(op);
	store_wake(store);
}

/* The write goes back to the call, which is then written in full. */
void op_unknown(struct store_op *op)
{
	if (op->call) {
		op->call->dirty |= op->dirty;
		op->call->flags |= CALL_FULL;
	}
	op_finish(op);
}

/* DUP: the operation was made before, perhaps with older values. */
static void succeeded(struct store_op *op, uint32_t ver, bool dup)
{
	struct store_call *call = op->call;

	if (call) {
		call->ver = ver;
		if (dup)
			call->dirty |= op->dirty;
		call->flags |= CALL_CREATED;
		if (op->kind == OP_REASSERT) {
			call->flags &= ~CALL_FULL;
			op->store->count.reasserted++;
		}
	}
	store_wrote(op->store);
	if (op->kind == OP_END && op->store->conf.min_acks)
		durable_replied(op);
	else
		op_done(op);
}

void op_done(struct store_op *op)
{
	if (op->call && op->kind == OP_END)
		op->call->flags &= ~CALL_END;
	wait_fire(op->store, &op->waits, STORE_OK);
	op_finish(op);
}

static void not_due(struct store_op *op)
{
	struct store_call *call = op->call;

	if (call) {
		call->flags &= ~CALL_END;
		call->dirty |= op->dirty;
		wait_move(&call->waits, &op->waits, false);
	}
	wait_fire(op->store, &op->waits, STORE_NOT_DUE);
	op_finish(op);
}

/* What another node wrote is read first, then our record is written again above it. */
static void stale(struct store_op *op, uint32_t ver)
{
	struct store_call *call = op->call;

	if (call) {
		call->flags |= ver ? CALL_FULL | CALL_READ : CALL_FULL;
		call->dirty |= op->dirty;
		if (ver > call->ver)
			call->ver = ver;
	}
	op_finish(op);
}

static void ended(struct store_op *op)
{
	if (op->call) {
		op->call->flags |= CALL_OVER;
		op->call->flags &= ~(CALL_FULL | CALL_END);
	}
	wait_fire(op->store, &op->waits, STORE_ENDED);
	if (op->call && op->store->events.fact)
		op->call->flags |= CALL_READ;
	op_finish(op);
}

static void was_read(struct store_op *op, const redisReply *reply)
{
	struct store *store = op->store;
	struct store_call *call = op->call;

	if (call) {
		call->flags &= ~CALL_READ;
		command_read_reply(store, &store->work, reply);
		if (store->work.count && store->events.fact && !store->closing.on)
			store->events.fact(store->arg, call, &store->work);
	}
	op_finish(op);
}

static void mad(struct store_op *op)
{
	store_nonsense(op->store, kinds[op->kind].function);
	op_unknown(op);
}

static void on_reply(struct conn_cmd *cmd, const redisReply *reply)
{
	struct store_op *op = (struct store_op *)cmd;
	const char *code;
	int64_t ver;

	if (op->kind == OP_READ) {
		if (reply)
			was_read(op, reply);
		else
			op_finish(op);
		return;
	}
	if (!store_reply_code(op->store, op->partition, reply, &code))
		op_unknown(op);
	else if ((ver = conn_reply_num(reply, 2)) < 0 || ver > INT32_MAX)
		mad(op);
	else if (strcmp(code, "OK") == 0 || strcmp(code, "DUP") == 0)
		succeeded(op, (uint32_t)ver, *code == 'D');
	else if (strcmp(code, "NOTDUE") == 0)
		not_due(op);
	else if (strcmp(code, "STATE") == 0)
		ended(op);
	else if (strcmp(code, "STALE") == 0)
		stale(op, (uint32_t)ver);
	else
		mad(op);
}
