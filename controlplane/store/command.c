/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/store/internal.h"
#include "controlplane/store/keys.h"

void command_key(struct args *args, size_t (*make)(char *, uint16_t), uint16_t partition)
{
	char *key = args_space(args, KEYS_MAX);

	args_add_len(args, key, make(key, partition));
}

static void key_of_call(struct args *args, size_t (*make)(char *, uint16_t, const char *),
	uint16_t partition, const char *id)
{
	char *key = args_space(args, KEYS_MAX);

	args_add_len(args, key, make(key, partition, id));
}

static void key_of_sdp(struct args *args, uint16_t partition, const char *id, char leg)
{
	char *key = args_space(args, KEYS_MAX);

	args_add_len(args, key, keys_sdp(key, partition, id, leg));
}

/* In the order of library/call.lua. */
void command_call_keys(struct args *args, uint16_t partition, const char *id)
{
	command_key(args, keys_lease, partition);
	key_of_call(args, keys_call, partition, id);
	command_key(args, keys_due, partition);
	key_of_sdp(args, partition, id, 'a');
	key_of_sdp(args, partition, id, 'b');
	key_of_call(args, keys_media, partition, id);
}

void command_read(struct args *args, uint16_t partition, const char *id)
{
	args_start(args, "FCALL_RO");
	args_add(args, "c_read");
	args_add(args, "4");
	key_of_call(args, keys_call, partition, id);
	key_of_call(args, keys_media, partition, id);
	key_of_sdp(args, partition, id, 'a');
	key_of_sdp(args, partition, id, 'b');
}

void command_hash_reply(struct record *rec, const redisReply *hash, enum record_kind kind)
{
	if (hash->type != REDIS_REPLY_ARRAY)
		return;
	for (size_t i = 0; i + 1 < hash->elements; i += 2) {
		const redisReply *name = hash->element[i], *value = hash->element[i + 1];

		if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
			continue;
		if (kind == RECORD_MEDIA)
			record_put_media(rec, name->str, value->str);
		else if (value->len)
			record_put_len(rec, name->str, value->str, value->len);
	}
}

void command_read_reply(const struct store *store, struct record *rec, const redisReply *reply)
{
	record_reset(rec);
	rec->clock = store->clock;
	if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 4)
		return;
	command_hash_reply(rec, reply->element[0], RECORD_TEXT);
	command_hash_reply(rec, reply->element[1], RECORD_MEDIA);
	if (reply->element[2]->type == REDIS_REPLY_STRING)
		record_put_sdp(rec, 'a', reply->element[2]->str);
	if (reply->element[3]->type == REDIS_REPLY_STRING)
		record_put_sdp(rec, 'b', reply->element[3]->str);
}
