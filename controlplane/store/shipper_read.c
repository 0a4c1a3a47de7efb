/* SPDX-License-Identifier: BSD-3-Clause */
/* Collects a batch: what was given to us before and never acknowledged, what another consumer left
 * behind, then what is new. */
#include "controlplane/store/cdrline.h"
#include "controlplane/store/internal.h"
#include "controlplane/store/keys.h"
#include "controlplane/store/shipper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READ_COUNT    "100" /* entries of one partition in a batch */
#define BATCH_PARTS   64    /* partitions in a batch */
#define CLAIM_IDLE_MS "60000"

static void on_read(struct conn_cmd *cmd, const redisReply *reply);
static void on_claim(struct conn_cmd *cmd, const redisReply *reply);
static void on_create(struct conn_cmd *cmd, const redisReply *reply);

static void part_finished(struct shipper_part *part)
{
	struct shipper *shipper = part->shipper;

	if (--shipper->outstanding)
		return;
	shipper->phase = SHIPPER_IDLE;
	if (shipper->entry_count)
		shipper_work(shipper);
	store_wake(shipper->store);
}

static void part_send(
	struct shipper_part *part, void (*reply)(struct conn_cmd *cmd, const redisReply *reply))
{
	struct store *store = part->shipper->store;

	part->cmd.reply = reply;
	if (conn_send(&store->hot, &part->cmd, &store->args, clock_boot_ms()))
		part_finished(part);
}

static void part_claim(struct shipper_part *part)
{
	struct store *store = part->shipper->store;
	struct args *args = &store->args;

	args_start(args, "XAUTOCLAIM");
	command_key(args, keys_cdr, shipper_partition(part));
	args_add(args, SHIPPER_GROUP);
	args_add(args, store->conf.node);
	args_add(args, CLAIM_IDLE_MS);
	args_add(args, "0-0");
	args_add(args, "COUNT");
	args_add(args, READ_COUNT);
	args_add(args, "JUSTID");
	part_send(part, on_claim);
}

static void part_create(struct shipper_part *part)
{
	struct args *args = &part->shipper->store->args;

	args_start(args, "XGROUP");
	args_add(args, "CREATE");
	command_key(args, keys_cdr, shipper_partition(part));
	args_add(args, SHIPPER_GROUP);
	args_add(args, "0");
	part_send(part, on_create);
}

static void part_read(struct shipper_part *part)
{
	struct store *store = part->shipper->store;
	struct args *args = &store->args;

	part->asked = part->again;
	args_start(args, "XREADGROUP");
	args_add(args, "GROUP");
	args_add(args, SHIPPER_GROUP);
	args_add(args, store->conf.node);
	args_add(args, "COUNT");
	args_add(args, READ_COUNT);
	args_add(args, "STREAMS");
	command_key(args, keys_cdr, shipper_partition(part));
	args_add(args, part->again ? "0" : ">");
	part_send(part, on_read);
}

static bool is_nogroup(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOGROUP", 7) == 0;
}

static void on_claim(struct conn_cmd *cmd, const redisReply *reply)
{
	struct shipper_part *part = (struct shipper_part *)cmd;

	if (!reply) {
		part_finished(part);
		return;
	}
	if (is_nogroup(reply)) {
		part_create(part);
		return;
	}
	part->claim = false;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 1 &&
		reply->element[1]->type == REDIS_REPLY_ARRAY && reply->element[1]->elements)
		part->again = true;
	part_read(part);
}

/* Without a stream there is no CDR, and nothing to be done. */
static void on_create(struct conn_cmd *cmd, const redisReply *reply)
{
	struct shipper_part *part = (struct shipper_part *)cmd;

	if (reply && reply->type != REDIS_REPLY_ERROR) {
		part->claim = false;
		part_read(part);
		return;
	}
	if (reply) {
		part->claim = false;
		part->due = false;
	}
	part_finished(part);
}

static int entry_add(struct shipper *shipper, uint16_t partition, const redisReply *entry)
{
	struct shipper_entry *e;

	if (shipper->entry_count == shipper->entry_room) {
		uint32_t room = shipper->entry_room ? shipper->entry_room * 2 : 128;

		e = realloc(shipper->entries, room * sizeof(*e));
		if (!e)
			return -ENOMEM;
		shipper->entries = e;
		shipper->entry_room = room;
	}
	e = &shipper->entries[shipper->entry_count];
	memset(e, 0, sizeof(*e));
	e->partition = partition;
	if (strlen(conn_reply_text(entry, 0)) >= sizeof(e->stream_id))
		return -EINVAL;
	strcpy(e->stream_id, conn_reply_text(entry, 0));
	/* An entry that was deleted meanwhile has no fields: it is acknowledged only. */
	if (entry->elements > 1 && entry->element[1]->type == REDIS_REPLY_ARRAY &&
		cdrline_add(&shipper->text, &shipper->text_len, &shipper->text_room,
			entry->element[1], e->call_id, sizeof(e->call_id),
			shipper->store->conf.cdr_is_number))
		return -ENOMEM;
	shipper->entry_count++;
	return 0;
}

static const redisReply *entries_of(const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 ||
		reply->element[0]->type != REDIS_REPLY_ARRAY || reply->element[0]->elements != 2 ||
		reply->element[0]->element[1]->type != REDIS_REPLY_ARRAY)
		return NULL;
	return reply->element[0]->element[1];
}

static void take_entries(struct shipper_part *part, const redisReply *entries)
{
	struct shipper *shipper = part->shipper;

	part->first = shipper->entry_count;
	for (size_t i = 0; i < entries->elements; i++) {
		if (entry_add(shipper, shipper_partition(part), entries->element[i])) {
			/* The rest stays pending and is read again. */
			part->again = true;
			break;
		}
	}
	part->count = shipper->entry_count - part->first;
}

static void on_read(struct conn_cmd *cmd, const redisReply *reply)
{
	struct shipper_part *part = (struct shipper_part *)cmd;
	const redisReply *entries;

	if (!reply) {
		/* Whatever was on its way counts as given to us. */
		part->again = true;
	} else if (is_nogroup(reply)) {
		part_create(part);
		return;
	} else if ((entries = entries_of(reply)) && entries->elements) {
		take_entries(part, entries);
	} else if (part->asked) {
		part->again = false;
		part_read(part);
		return;
	} else {
		part->due = false;
	}
	part_finished(part);
}

void shipper_read(struct shipper *shipper)
{
	uint32_t parts = 0;

	shipper->entry_count = 0;
	shipper->text_len = 0;
	shipper->phase = SHIPPER_READING;
	/* Held above zero until all are asked. */
	shipper->outstanding = 1;
	for (uint32_t i = 0; i < IDS_PARTITIONS && parts < BATCH_PARTS; i++) {
		struct shipper_part *part = &shipper->parts[shipper->cursor];

		shipper->cursor = (shipper->cursor + 1) % IDS_PARTITIONS;
		part->count = 0;
		if (!part->due)
			continue;
		parts++;
		shipper->outstanding++;
		if (part->claim)
			part_claim(part);
		else
			part_read(part);
	}
	part_finished(&shipper->parts[0]);
}
