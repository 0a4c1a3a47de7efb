/* SPDX-License-Identifier: BSD-3-Clause */
/* Ended calls. Each keeps its CDR here until Redis has it and, if this node ships CDRs, until its
 * line is in the file: so not even a Redis that loses its data loses a CDR. */
#include "controlplane/store/internal.h"
#include "controlplane/store/keys.h"
#include "shared/log.h"

#include <stdlib.h>
#include <string.h>

enum done_state {
	DONE_QUEUED,
	DONE_SENT,
	DONE_WRITTEN, /* in Redis, not yet in the file */
};

struct store_done {
	struct conn_cmd cmd;
	struct store *store;
	char id[IDS_CALL_STRLEN];
	uint16_t partition;
	uint8_t state; /* enum done_state */
	bool shipped;  /* its line is in the file, though we do not know yet that Redis has it */
	struct record cdr;
	struct store_done *prev, *next; /* store->done_queue while queued */
	UT_hash_handle hh;
};

static void queue(struct store_done *done)
{
	struct store *store = done->store;

	if (done->state == DONE_WRITTEN)
		store->done_unwritten++;
	done->state = DONE_QUEUED;
	DL_APPEND(store->done_queue, done);
	store_wake(store);
}

static void done_drop(struct store_done *done)
{
	struct store *store = done->store;

	if (done->state == DONE_QUEUED)
		DL_DELETE(store->done_queue, done);
	if (done->state != DONE_WRITTEN)
		store->done_unwritten--;
	HASH_DEL(store->done_known, done);
	record_free(&done->cdr);
	free(done);
}

void store_call_done(struct store *store, struct store_call *call, const struct record *cdr)
{
	struct store_done *done;

	if (!call->known)
		return;
	done = calloc(1, sizeof(*done));
	if (!done || record_copy(&done->cdr, cdr)) {
		log_error("store: no memory for the CDR of call %s: it is lost", call->id);
		free(done);
		calls_let_go(store, call);
		return;
	}
	memcpy(done->id, call->id, sizeof(done->id));
	done->store = store;
	done->partition = call->partition;
	calls_let_go(store, call);
	HASH_ADD_STR(store->done_known, id, done);
	store->done_unwritten++;
	queue(done);
}

/* Redis has it. It is kept for the shipper, but not without bound: a file that cannot be written
 * must not fill the memory with what Redis holds safely. */
static void written(struct store_done *done)
{
	struct store *store = done->store;

	uint16_t partition = done->partition;

	store->done_unwritten--;
	done->state = DONE_WRITTEN;
	store->count.writes++;
	if (!store->shipper.on || done->shipped ||
		HASH_COUNT(store->done_known) > store->done_unwritten + store->conf.journal)
		done_drop(done);
	shipper_due(&store->shipper, partition);
}

static void on_reply(struct conn_cmd *cmd, const redisReply *reply)
{
	struct store_done *done = (struct store_done *)cmd;
	const char *code;

	if (!store_reply_code(done->store, done->partition, reply, &code)) {
		queue(done);
	} else if (strcmp(code, "OK") == 0 || strcmp(code, "DUP") == 0) {
		written(done);
	} else {
		store_nonsense(done->store, "c_done");
		queue(done);
	}
}

static int transmit(struct store *store, struct store_done *done, uint64_t now_ms)
{
	struct args *args = &store->args;

	args_fcall(args, "c_done", STORE_CALL_KEYS + 1);
	command_call_keys(args, done->partition, done->id);
	command_key(args, keys_cdr, done->partition);
	args_add(args, lease_token(store, done->partition));
	args_add(args, "done");
	args_add(args, done->id);
	if (!record_get(&done->cdr, "id")) {
		args_add(args, "=id");
		args_add(args, done->id);
	}
	args_add_record(args, &done->cdr, now_ms);
	done->cmd.reply = on_reply;
	return conn_send(&store->hot, &done->cmd, args, now_ms);
}

void done_pump(struct store *store, uint64_t now_ms)
{
	while (store->done_queue && store_may_send(store, now_ms)) {
		struct store_done *done = store->done_queue;

		if (transmit(store, done, now_ms)) {
			store->pause_until = now_ms + STORE_PAUSE_MS;
			return;
		}
		DL_DELETE(store->done_queue, done);
		done->state = DONE_SENT;
	}
}

/* The partition's data is gone: what is not in the file yet is written again. */
void done_lost(struct store *store, uint16_t partition)
{
	struct store_done *done, *next;

	HASH_ITER(hh, store->done_known, done, next) {
		if (done->partition == partition && done->state == DONE_WRITTEN)
			queue(done);
	}
}

static struct store_done *find(const struct store *store, const char *id)
{
	struct store_done *done;

	HASH_FIND_STR(store->done_known, id, done);
	return done;
}

uint32_t done_count(const struct store *store)
{
	return HASH_COUNT(store->done_known);
}

bool done_has(const struct store *store, const char *id)
{
	return find(store, id) != NULL;
}

void done_shipped(struct store *store, const char *id)
{
	struct store_done *done = find(store, id);

	if (done && done->state == DONE_WRITTEN)
		done_drop(done);
	else if (done)
		done->shipped = true;
}

void done_free(struct store *store)
{
	struct store_done *done, *next;

	HASH_ITER(hh, store->done_known, done, next)
		done_drop(done);
}
