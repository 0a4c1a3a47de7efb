/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked on each new connection, one question after another: who are we, is it a master, has
 * it our functions and our schema, which incarnation is this process. */
#include "controlplane/store/internal.h"
#include "controlplane/store/keys.h"
#include "controlplane/store/library.h"
#include "shared/log.h"

#include <stdlib.h>
#include <string.h>

enum join_step {
	STEP_AUTH,
	STEP_ROLE,
	STEP_LIBRARY, /* which one is loaded */
	STEP_LOAD,
	STEP_SETTING, /* hash-max-listpack-value */
	STEP_JOIN,
};

#define LISTPACK_VALUE "hash-max-listpack-value"
#define LISTPACK_MIN   512

static void on_reply(struct conn_cmd *cmd, const redisReply *reply);

static void auth_words(struct store *store)
{
	args_start(&store->args, "AUTH");
	if (store->conf.user)
		args_add(&store->args, store->conf.user);
	args_add(&store->args, store->conf.password);
}

static void join_words(struct store *store)
{
	struct args *args = &store->args;
	char *key;

	args_fcall(args, "n_join", 4);
	key = args_space(args, KEYS_MAX);
	args_add_len(args, key, keys_ver(key));
	key = args_space(args, KEYS_MAX);
	args_add_len(args, key, keys_conf(key));
	key = args_space(args, KEYS_MAX);
	args_add_len(args, key, keys_nodes(key));
	key = args_space(args, KEYS_MAX);
	args_add_len(args, key, keys_node(key, store->conf.node));
	args_add_num(args, STORE_SCHEMA);
	args_add_num(args, IDS_PARTITIONS);
	args_add(args, store->conf.node);
	args_add_num(args, store->incarnation);
}

static void ask(struct store *store, enum join_step step)
{
	struct args *args = &store->args;

	store->join_step = (uint8_t)step;
	switch (step) {
	case STEP_AUTH:
		auth_words(store);
		break;
	case STEP_ROLE:
		args_start(args, "ROLE");
		break;
	case STEP_LIBRARY:
		args_start(args, "FUNCTION");
		args_add(args, "LIST");
		args_add(args, "LIBRARYNAME");
		args_add(args, "linewatch");
		args_add(args, "WITHCODE");
		break;
	case STEP_LOAD:
		args_start(args, "FUNCTION");
		args_add(args, "LOAD");
		args_add(args, "REPLACE");
		args_add_len(args, library_text, library_len);
		break;
	case STEP_SETTING:
		args_start(args, "CONFIG");
		args_add(args, "GET");
		args_add(args, LISTPACK_VALUE);
		break;
	case STEP_JOIN:
		join_words(store);
		break;
	}
	store->join.reply = on_reply;
	if (conn_send(&store->hot, &store->join, args, clock_boot_ms()))
		conn_doom(&store->hot, "no memory");
}

/* Version of the library that Redis has (its code is the 6th word of the listing), 0 for none. */
static unsigned loaded_version(const redisReply *reply, bool *same)
{
	static const char mark[] = "\nlocal VERSION = ";
	const redisReply *lib;
	const char *at;

	*same = false;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
		return 0;
	lib = reply->element[0];
	for (size_t i = 0; lib->type == REDIS_REPLY_ARRAY && i + 1 < lib->elements; i += 2) {
		const redisReply *code = lib->element[i + 1];

		if (strcmp(conn_reply_text(lib, i), "library_code") != 0 ||
			code->type != REDIS_REPLY_STRING)
			continue;
		*same = (size_t)code->len == library_len &&
			memcmp(code->str, library_text, library_len) == 0;
		at = strstr(code->str, mark);
		return at ? (unsigned)strtoul(at + strlen(mark), NULL, 10) : 0;
	}
	return 0;
}

static void library_answer(struct store *store, const redisReply *reply)
{
	unsigned ours = (unsigned)strtoul(strstr(library_text, "VERSION = ") + 10, NULL, 10);
	bool same;
	unsigned theirs = loaded_version(reply, &same);

	ask(store, same || theirs > ours ? STEP_SETTING : STEP_LOAD);
}

static void setting_answer(struct store *store, const redisReply *reply)
{
	long value = strtol(conn_reply_text(reply, 1), NULL, 10);

	if (value > 0 && value < LISTPACK_MIN && !store->ready)
		log_warning("Redis: " LISTPACK_VALUE " is %ld: calls take up to twice the memory; "
			    "set it to %d",
			value, LISTPACK_MIN);
	ask(store, STEP_JOIN);
}

static void join_answer(struct store *store, const redisReply *reply, uint64_t sent_us)
{
	const char *code = conn_reply_code(reply);

	if (!code) {
		store_nonsense(store, "n_join");
	} else if (strcmp(code, "OK") == 0) {
		store->incarnation = (uint32_t)conn_reply_num(reply, 1);
		lease_clock(store, conn_reply_num(reply, 2), sent_us);
		store->phase = PHASE_TAKE;
		lease_reset(store);
		lease_tick(store, clock_boot_ms());
	} else if (strcmp(code, "FENCED") == 0) {
		store_fatal(store, "FENCED: another process runs as node %s, incarnation %lld",
			store->conf.node, (long long)conn_reply_num(reply, 1));
	} else if (strcmp(code, "VERSION") != 0 && strcmp(code, "PARTITIONS") != 0) {
		store_nonsense(store, "n_join");
	} else {
		char text[32];

		log_escape(text, sizeof(text), conn_reply_text(reply, 1),
			strlen(conn_reply_text(reply, 1)));
		store_fatal(store,
			"Redis has %s %s, this program works with schema %d and %d "
			"partitions",
			strcmp(code, "VERSION") == 0 ? "schema" : "partitions", text, STORE_SCHEMA,
			IDS_PARTITIONS);
	}
}

static void refused(struct store *store, const redisReply *reply)
{
	static const char *const what[] = {
		"AUTH", "ROLE", "FUNCTION LIST", "FUNCTION LOAD", "CONFIG GET", "n_join"};
	char text[CONN_WHY_LEN / 2];

	log_escape(text, sizeof(text), reply->str, reply->len);
	conn_doom(&store->hot, "%s: %s", what[store->join_step], text);
}

static void on_reply(struct conn_cmd *cmd, const redisReply *reply)
{
	struct store *store = (struct store *)((char *)cmd - offsetof(struct store, join));

	if (!reply || store->phase != PHASE_JOIN)
		return;
	/* An ACL may well forbid CONFIG. */
	if (reply->type == REDIS_REPLY_ERROR && store->join_step != STEP_SETTING) {
		refused(store, reply);
		return;
	}
	switch (store->join_step) {
	case STEP_AUTH:
		ask(store, STEP_ROLE);
		break;
	case STEP_ROLE:
		if (strcmp(conn_reply_text(reply, 0), "master") == 0)
			ask(store, STEP_LIBRARY);
		else
			conn_doom(&store->hot, "it is not a master");
		break;
	case STEP_LIBRARY:
		library_answer(store, reply);
		break;
	case STEP_LOAD:
		log_notice("Redis: function library loaded");
		ask(store, STEP_SETTING);
		break;
	case STEP_SETTING:
		setting_answer(store, reply);
		break;
	case STEP_JOIN:
		join_answer(store, reply, cmd->sent_us);
		break;
	}
}

static void on_auth(struct conn_cmd *cmd, const redisReply *reply)
{
	struct store *store = (struct store *)((char *)cmd - offsetof(struct store, wait));

	store->wait_busy = false;
	if (reply && reply->type == REDIS_REPLY_ERROR)
		conn_doom(cmd->conn, "AUTH refused on the second connection");
}

void join_start(struct store *store, uint64_t now_ms)
{
	store->phase = PHASE_JOIN;
	ask(store, store->conf.password ? STEP_AUTH : STEP_ROLE);
	if (!store->conf.min_acks || !store->conf.password)
		return;
	auth_words(store);
	store->wait.reply = on_auth;
	store->wait_busy = conn_send(&store->durable, &store->wait, &store->args, now_ms) == 0;
}

static void on_beat(struct conn_cmd *cmd, const redisReply *reply)
{
	struct store *store = (struct store *)((char *)cmd - offsetof(struct store, beat));
	const char *code = conn_reply_code(reply);

	store->beat_busy = false;
	if (code && strcmp(code, "FENCED") == 0)
		store_fatal(store, "FENCED: another process runs as node %s, incarnation %lld",
			store->conf.node, (long long)conn_reply_num(reply, 1));
}

void join_beat(struct store *store, const char *state, uint64_t now_ms)
{
	struct args *args = &store->args;
	char *key;

	if (store->beat_busy)
		return;
	args_fcall(args, "n_beat", 1);
	key = args_space(args, KEYS_MAX);
	args_add_len(args, key, keys_node(key, store->conf.node));
	args_add_num(args, store->incarnation);
	args_add(args, "state");
	args_add(args, state);
	args_add(args, "calls");
	args_add_num(args, HASH_COUNT(store->calls));
	args_add(args, "version");
	args_add(args, LW_VERSION);
	if (store->conf.sip_address) {
		args_add(args, "sip");
		args_add(args, store->conf.sip_address);
	}
	store->beat.reply = on_beat;
	store->beat_busy = conn_send(&store->hot, &store->beat, args, now_ms) == 0;
}
