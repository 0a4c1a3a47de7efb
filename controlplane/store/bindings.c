/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings on their way to Redis: one entry per binding, the latest wins, one write at a time. */
#include "controlplane/store/internal.h"
#include "controlplane/store/keys.h"
#include "shared/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct store_bind {
	struct conn_cmd cmd;
	struct store *store;
	uint16_t partition;
	bool busy;   /* a write is under way */
	bool dirty;  /* something newer is to be written */
	bool queued; /* in store->bind_queue: dirty and not busy */
	bool del;
	uint64_t expires_ms;
	struct record rec;
	char aor[KEYS_AOR_MAX + 1];
	char bid[KEYS_BID_MAX + 1];
	char member[KEYS_MAX]; /* of {P}:regdue, also the key here */
	struct store_bind *prev, *next;
	UT_hash_handle hh;
};

static void queue(struct store_bind *bind)
{
	struct store *store = bind->store;

	bind->dirty = true;
	if (bind->queued || bind->busy)
		return;
	bind->queued = true;
	DL_APPEND(store->bind_queue, bind);
	store_wake(store);
}

static void bind_free(struct store_bind *bind)
{
	struct store *store = bind->store;

	if (bind->queued)
		DL_DELETE(store->bind_queue, bind);
	HASH_DELETE(hh, store->bind_known, bind);
	record_free(&bind->rec);
	free(bind);
}

static struct store_bind *bind_get(struct store *store, const char *aor, const char *bid)
{
	char member[KEYS_MAX];
	size_t len = keys_regdue_member(member, aor, bid);
	unsigned hash = (unsigned)siphash(&store->bind_key, member, len);
	struct store_bind *bind;

	HASH_FIND_BYHASHVALUE(hh, store->bind_known, member, len, hash, bind);
	if (bind)
		return bind;
	if (store->phase != PHASE_UP && HASH_COUNT(store->bind_known) >= store->conf.journal) {
		store->bindings_lost = true;
		return NULL;
	}
	bind = calloc(1, sizeof(*bind));
	if (!bind)
		return NULL;
	bind->store = store;
	bind->partition = keys_aor_partition(aor);
	strcpy(bind->aor, aor);
	strcpy(bind->bid, bid);
	memcpy(bind->member, member, len + 1);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, store->bind_known, bind->member, len, hash, bind);
	return bind;
}

static int change(struct store *store, const char *aor, const char *bid, const struct record *rec,
	uint64_t expires_ms, bool del)
{
	struct store_bind *bind;

	if (keys_check_name(aor, KEYS_AOR_MAX) || keys_check_name(bid, KEYS_BID_MAX))
		return -EINVAL;
	bind = bind_get(store, aor, bid);
	if (!bind)
		return store->bindings_lost ? 0 : -ENOMEM;
	if (rec && record_copy(&bind->rec, rec)) {
		if (!bind->busy && !bind->queued)
			bind_free(bind);
		return -ENOMEM;
	}
	bind->expires_ms = expires_ms;
	bind->del = del;
	queue(bind);
	return 0;
}

int store_binding_set(struct store *store, const char *aor, const char *bid,
	const struct record *rec, uint64_t expires_ms)
{
	return change(store, aor, bid, rec, expires_ms, false);
}

int store_binding_del(struct store *store, const char *aor, const char *bid)
{
	return change(store, aor, bid, NULL, 0, true);
}

static void on_reply(struct conn_cmd *cmd, const redisReply *reply)
{
	struct store_bind *bind = (struct store_bind *)cmd;
	struct store *store = bind->store;
	const char *code;

	bind->busy = false;
	if (!store_reply_code(store, bind->partition, reply, &code))
		bind->dirty = true;
	else
		store_wrote(store);
	if (bind->dirty)
		queue(bind);
	else
		bind_free(bind);
}

static void key_of_binding(struct args *args, const struct store_bind *bind)
{
	char *key = args_space(args, KEYS_MAX);

	args_add_len(args, key, keys_binding(key, bind->partition, bind->aor, bind->bid));
	key = args_space(args, KEYS_MAX);
	args_add_len(args, key, keys_reg(key, bind->partition, bind->aor));
}

static int transmit(struct store *store, struct store_bind *bind, uint64_t now_ms)
{
	struct args *args = &store->args;

	args_fcall(args, bind->del ? "b_del" : "b_set", 4);
	command_key(args, keys_lease, bind->partition);
	key_of_binding(args, bind);
	command_key(args, keys_regdue, bind->partition);
	args_add(args, lease_token(store, bind->partition));
	args_add(args, bind->bid);
	args_add(args, bind->member);
	if (!bind->del) {
		args_add_num(args, (int64_t)(bind->expires_ms - now_ms));
		args_add_record(args, &bind->rec, now_ms);
	}
	bind->cmd.reply = on_reply;
	return conn_send(&store->hot, &bind->cmd, args, now_ms);
}

void bindings_pump(struct store *store, uint64_t now_ms)
{
	while (store->bind_queue && store_may_send(store, now_ms)) {
		struct store_bind *bind = store->bind_queue;

		if (transmit(store, bind, now_ms)) {
			store->pause_until = now_ms + STORE_PAUSE_MS;
			return;
		}
		DL_DELETE(store->bind_queue, bind);
		bind->queued = false;
		bind->dirty = false;
		bind->busy = true;
	}
	if (store->bindings_lost && !store->bind_queue && store->phase == PHASE_UP) {
		store->bindings_lost = false;
		if (store->events.bindings && !store->closing.on)
			store->events.bindings(store->arg);
	}
}

void bindings_free(struct store *store)
{
	struct store_bind *bind, *next;

	HASH_ITER(hh, store->bind_known, bind, next)
		bind_free(bind);
}
