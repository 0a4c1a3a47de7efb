/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading what Redis has: at start everything; after a rollback the index only, to drop calls that
 * ended meanwhile. */
#include "controlplane/store/internal.h"
#include "controlplane/store/keys.h"
#include "shared/log.h"

#include <stdlib.h>
#include <string.h>

#define LOAD_WINDOW 512 /* commands under way before the next partition is asked */

enum load_kind {
	LOAD_DUE,    /* ids of live calls */
	LOAD_REGDUE, /* names of bindings */
	LOAD_CALL,
	LOAD_BINDING,
	LOAD_SWEEP, /* ids, to be compared */
	LOAD_DROP,
};

struct load {
	struct conn_cmd cmd;
	struct store *store;
	uint16_t partition;
	uint8_t kind;
	char member[KEYS_MAX];
};

static void on_reply(struct conn_cmd *cmd, const redisReply *reply);

static void load_send(
	struct store *store, enum load_kind kind, uint16_t partition, const char *member)
{
	struct load *load = calloc(1, sizeof(*load));

	if (!load) {
		conn_doom(&store->hot, "no memory");
		return;
	}
	load->store = store;
	load->partition = partition;
	load->kind = (uint8_t)kind;
	strncpy(load->member, member, sizeof(load->member) - 1);
	load->cmd.reply = on_reply;
	if (conn_send(&store->hot, &load->cmd, &store->args, clock_boot_ms()))
		free(load);
	else
		store->load_open++;
}

static void ask_index(struct store *store, enum load_kind kind, uint16_t partition)
{
	args_start(&store->args, "ZRANGE");
	command_key(&store->args, kind == LOAD_REGDUE ? keys_regdue : keys_due, partition);
	args_add(&store->args, "0");
	args_add(&store->args, "-1");
	load_send(store, kind, partition, "");
}

static void ask_call(struct store *store, uint16_t partition, const char *id)
{
	command_read(&store->args, partition, id);
	load_send(store, LOAD_CALL, partition, id);
}

static void ask_drop(struct store *store, uint16_t partition, const char *id)
{
	struct args *args = &store->args;

	args_fcall(args, "c_drop", STORE_CALL_KEYS);
	command_call_keys(args, partition, id);
	args_add(args, lease_token(store, partition));
	args_add(args, id);
	load_send(store, LOAD_DROP, partition, id);
}

static void ask_binding(struct store *store, uint16_t partition, const char *member)
{
	char copy[KEYS_MAX], *key;
	const char *aor, *bid;

	strcpy(copy, member);
	if (keys_regdue_split(copy, &aor, &bid))
		return;
	args_start(&store->args, "HGETALL");
	key = args_space(&store->args, KEYS_MAX);
	args_add_len(&store->args, key, keys_binding(key, partition, aor, bid));
	load_send(store, LOAD_BINDING, partition, member);
}

static bool id_fits(const char *id, uint16_t partition)
{
	struct ids_call ids;

	return ids_call_parse(&ids, id, strlen(id)) == 0 && ids.partition == partition;
}

static void index_member(struct store *store, const struct load *load, const char *member)
{
	char text[KEYS_MAX];

	if (load->kind == LOAD_REGDUE) {
		ask_binding(store, load->partition, member);
	} else if (!id_fits(member, load->partition)) {
		if (store->load_strange++ == 0)
			log_warning("Redis: %s in an index is not a call of its partition: such "
				    "entries are left alone",
				log_escape(text, sizeof(text), member, strlen(member)));
	} else if (load->kind == LOAD_DUE) {
		ask_call(store, load->partition, member);
	} else if (!calls_find(store, member) && !done_has(store, member)) {
		ask_drop(store, load->partition, member);
	}
}

static void index_answer(struct store *store, const struct load *load, const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY) {
		conn_doom(&store->hot, "ZRANGE: %s", reply->str ? reply->str : "not an array");
		return;
	}
	for (size_t i = 0; i < reply->elements; i++) {
		const char *member = conn_reply_text(reply, i);

		if (*member && strlen(member) < KEYS_MAX)
			index_member(store, load, member);
	}
}

static void call_answer(struct store *store, const struct load *load, const redisReply *reply)
{
	const char *st;

	if (reply->type == REDIS_REPLY_ERROR) {
		conn_doom(&store->hot, "c_read: %s", reply->str);
		return;
	}
	command_read_reply(store, &store->work, reply);
	st = record_get(&store->work, "st");
	if (!st || strcmp(st, "ended") == 0)
		ask_drop(store, load->partition, load->member);
	else if (!calls_find(store, load->member) && store->events.call)
		store->events.call(store->arg, load->member, &store->work);
}

static void binding_answer(struct store *store, struct load *load, const redisReply *reply)
{
	struct record *rec = &store->work;
	const char *aor, *bid;

	if (keys_regdue_split(load->member, &aor, &bid))
		return;
	record_reset(rec);
	rec->clock = store->clock;
	command_hash_reply(rec, reply, RECORD_TEXT);
	if (!rec->count)
		store_binding_del(store, aor, bid);
	else if (store->events.binding)
		store->events.binding(store->arg, aor, bid, rec, record_get_time(rec, "exp_ms"));
}

static void on_reply(struct conn_cmd *cmd, const redisReply *reply)
{
	struct load *load = (struct load *)cmd;
	struct store *store = load->store;

	store->load_open--;
	if (reply && !store->closing.on && conn_usable(&store->hot)) {
		if (load->kind == LOAD_CALL)
			call_answer(store, load, reply);
		else if (load->kind == LOAD_BINDING)
			binding_answer(store, load, reply);
		else if (load->kind != LOAD_DROP)
			index_answer(store, load, reply);
	}
	free(load);
}

void load_start(struct store *store)
{
	store->phase = PHASE_LOAD;
	store->load_next = 0;
	store->load_strange = 0;
}

void load_pump(struct store *store, uint64_t now_ms)
{
	if (store->phase != PHASE_LOAD)
		return;
	while (store->load_next < IDS_PARTITIONS && store->load_open < LOAD_WINDOW) {
		ask_index(store, LOAD_DUE, (uint16_t)store->load_next);
		ask_index(store, LOAD_REGDUE, (uint16_t)store->load_next);
		store->load_next++;
	}
	if (store->load_next == IDS_PARTITIONS && store->load_open == 0 && conn_usable(&store->hot))
		store_enter_up(store);
}

void load_sweep(struct store *store, uint64_t now_ms)
{
	for (uint32_t p = 0; p < IDS_PARTITIONS; p++) {
		if (!store->leases[p].sweep)
			continue;
		store->leases[p].sweep = false;
		ask_index(store, LOAD_SWEEP, (uint16_t)p);
	}
}
