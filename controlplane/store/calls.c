/* SPDX-License-Identifier: BSD-3-Clause */
/* Live calls: which of them have something to write. */
#include "controlplane/store/calls.h"

#include "shared/log.h"

#include <errno.h>
#include <string.h>

static void queue(struct store *store, struct store_call *call)
{
	if (call->op || (call->flags & CALL_PENDING))
		return;
	call->flags |= CALL_PENDING;
	DL_APPEND(store->pending, call);
	store->pending_count++;
	store_wake(store);
}

static void unqueue(struct store *store, struct store_call *call)
{
	if (!(call->flags & CALL_PENDING))
		return;
	call->flags &= ~CALL_PENDING;
	DL_DELETE(store->pending, call);
	store->pending_count--;
}

void calls_requeue(struct store *store, struct store_call *call)
{
	if (call->dirty || call->waits || (call->flags & (CALL_FULL | CALL_END | CALL_READ)))
		queue(store, call);
}

static int make_known(struct store *store, struct store_call *call, const char *id)
{
	size_t len = strlen(id);
	struct ids_call ids;

	if (ids_call_parse(&ids, id, len))
		return -EINVAL;
	if (calls_find(store, id))
		return -EEXIST;
	memset(call, 0, sizeof(*call));
	memcpy(call->id, id, len + 1);
	call->partition = ids.partition;
	call->known = 1;
	HASH_ADD_STR(store->calls, id, call);
	return 0;
}

void store_call_new(struct store *store, struct store_call *call, const struct ids_call *id,
	void (*done)(void *arg, enum store_result result), void *arg)
{
	char text[IDS_CALL_STRLEN];

	if (make_known(store, call, ids_call_format(id, text)))
		return;
	store_call_commit(store, call, STORE_ALL, done, arg);
}

int store_call_adopt(
	struct store *store, struct store_call *call, const char *id, const struct record *rec)
{
	int err = make_known(store, call, id);
	int64_t ver;

	if (err)
		return err;
	ver = record_get_num(rec, "ver", 0);
	call->ver = ver > 0 && ver < INT32_MAX ? (uint32_t)ver : 0;
	call->flags = CALL_CREATED;
	return 0;
}

/* Without memory for the wait the write is made all the same; nobody is told. */
static void change(struct store *store, struct store_call *call, uint32_t parts,
	void (*done)(void *arg, enum store_result result), void *arg, bool durable, bool end)
{
	if (wait_add(store, call, done, arg, durable, end))
		log_error("store: no memory to report a write of %s", call->id);
	if (call->dirty)
		store->count.coalesced++;
	call->dirty |= parts;
	queue(store, call);
	/* Something may have to be reported at once. */
	store_wake(store);
}

void store_call_commit(struct store *store, struct store_call *call, uint32_t parts,
	void (*done)(void *arg, enum store_result result), void *arg)
{
	if (call->known)
		change(store, call, parts, done, arg, false, false);
}

void store_call_end(struct store *store, struct store_call *call, uint32_t parts, int64_t margin_ms,
	bool durable, void (*done)(void *arg, enum store_result result), void *arg)
{
	if (!call->known)
		return;
	call->end_margin = margin_ms;
	call->flags |= CALL_END;
	change(store, call, parts, done, arg, durable, true);
}

void calls_let_go(struct store *store, struct store_call *call)
{
	unqueue(store, call);
	wait_drop(store, &call->waits);
	if (call->op) {
		wait_drop(store, &call->op->waits);
		call->op->call = NULL;
		call->op = NULL;
	}
	HASH_DEL(store->calls, call);
	call->known = 0;
}

void store_call_forget(struct store *store, struct store_call *call)
{
	if (call->known)
		calls_let_go(store, call);
}

struct store_call *calls_find(struct store *store, const char *id)
{
	struct store_call *call;

	HASH_FIND_STR(store->calls, id, call);
	return call;
}

void calls_reassert(struct store *store, uint16_t partition)
{
	struct store_call *call, *next;

	HASH_ITER(hh, store->calls, call, next) {
		if (partition != IDS_PARTITIONS && call->partition != partition)
			continue;
		if (call->flags & CALL_OVER)
			continue;
		call->flags |= CALL_FULL;
		queue(store, call);
	}
}

void calls_pump(struct store *store, uint64_t now_ms)
{
	/* A call that cannot be sent now goes to the end of the list: once round is enough. */
	uint32_t left = store->pending_count;

	while (left-- && store->pending && store_may_send(store, now_ms)) {
		struct store_call *call = store->pending;

		unqueue(store, call);
		op_send(store, call, now_ms);
	}
	durable_pump(store, now_ms);
}

void calls_free(struct store *store)
{
	struct store_call *call, *next;

	HASH_ITER(hh, store->calls, call, next)
		calls_let_go(store, call);
}
