/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/store/shipper.h"

#include "controlplane/store/cdrline.h"
#include "controlplane/store/internal.h"
#include "controlplane/store/keys.h"
#include "shared/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROUP         "bill"
#define READ_COUNT    "100" /* entries of one partition in a batch */
#define BATCH_PARTS   64    /* partitions in a batch */
#define SWEEP_MS      60000
#define CLAIM_IDLE_MS "60000"
#define RETRY_MS      1000

int shipper_open(struct shipper *shipper, struct store *store)
{
	shipper->store = store;
	shipper->file.fd = -1;
	for (uint32_t p = 0; p < IDS_PARTITIONS; p++) {
		shipper->parts[p].shipper = shipper;
		shipper->parts[p].again = true;
	}
	if (!store->conf.cdr_file)
		return 0;
	shipper->on = true;
	return cdrfile_init(&shipper->file, store->conf.cdr_file, store->conf.cdr_file_bytes);
}

void shipper_due(struct shipper *shipper, uint16_t partition)
{
	shipper->parts[partition].due = true;
	store_wake(shipper->store);
}

void shipper_up(struct shipper *shipper, uint64_t now_ms)
{
	shipper->sweep_at = now_ms;
}

static uint16_t partition_of(const struct shipper_part *part)
{
	return (uint16_t)(part - part->shipper->parts);
}

/* Reading ---------------------------------------------------------------------------------------*/

static void work_start(struct shipper *shipper);
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
		work_start(shipper);
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
	command_key(args, keys_cdr, partition_of(part));
	args_add(args, GROUP);
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
	command_key(args, keys_cdr, partition_of(part));
	args_add(args, GROUP);
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
	args_add(args, GROUP);
	args_add(args, store->conf.node);
	args_add(args, "COUNT");
	args_add(args, READ_COUNT);
	args_add(args, "STREAMS");
	command_key(args, keys_cdr, partition_of(part));
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
		if (entry_add(shipper, partition_of(part), entries->element[i])) {
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

static void batch_start(struct shipper *shipper)
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

/* Writing ---------------------------------------------------------------------------------------*/

static void on_work(uv_work_t *work)
{
	struct shipper *shipper = work->data;

	shipper->work_result = shipper->text_len
		? cdrfile_append(&shipper->file, shipper->text, shipper->text_len)
		: 0;
}

static void on_written(uv_work_t *work, int status)
{
	struct shipper *shipper = work->data;
	int err = status ? status : shipper->work_result;

	store_wake(shipper->store);
	if (err) {
		if (err != shipper->said)
			log_error("CDR file %s: %s; CDRs stay in Redis until it can be written",
				shipper->store->conf.cdr_file, strerror(-err));
		shipper->said = err;
		shipper->phase = SHIPPER_WAITING;
		shipper->retry_at = clock_boot_ms() + RETRY_MS;
		return;
	}
	if (shipper->said)
		log_notice("CDR file %s: written again", shipper->store->conf.cdr_file);
	shipper->said = 0;
	shipper->phase = SHIPPER_ACKING;
	shipper->outstanding = 0;
	shipper->retry_at = 0;
	for (uint32_t i = 0; i < shipper->entry_count; i++) {
		if (shipper->entries[i].call_id[0]) {
			shipper->lines++;
			done_shipped(shipper->store, shipper->entries[i].call_id);
		}
	}
}

static void work_start(struct shipper *shipper)
{
	shipper->work.data = shipper;
	shipper->phase = SHIPPER_WRITING;
	uv_queue_work(shipper->store->loop, &shipper->work, on_work, on_written);
}

/* Acknowledging ---------------------------------------------------------------------------------*/

static void on_ack(struct conn_cmd *cmd, const redisReply *reply)
{
	struct shipper_part *part = (struct shipper_part *)cmd;
	struct shipper *shipper = part->shipper;

	shipper->outstanding--;
	if (conn_reply_code(reply))
		part->count = 0;
	else
		shipper->retry_at = clock_boot_ms() + RETRY_MS;
	store_wake(shipper->store);
}

static void part_ack(struct shipper_part *part, uint64_t now_ms)
{
	struct shipper *shipper = part->shipper;
	struct store *store = shipper->store;
	struct args *args = &store->args;

	args_fcall(args, "cdr_ack", 1);
	command_key(args, keys_cdr, partition_of(part));
	args_add(args, GROUP);
	args_add_num(args, store->conf.cdr_keep);
	for (uint32_t i = 0; i < part->count; i++)
		args_add(args, shipper->entries[part->first + i].stream_id);
	part->cmd.reply = on_ack;
	if (conn_send(&store->hot, &part->cmd, args, now_ms) == 0)
		shipper->outstanding++;
}

static void acks_send(struct shipper *shipper, uint64_t now_ms)
{
	bool left = false;

	for (uint32_t p = 0; p < IDS_PARTITIONS; p++) {
		if (shipper->parts[p].count) {
			left = true;
			part_ack(&shipper->parts[p], now_ms);
		}
	}
	if (!left) {
		shipper->phase = SHIPPER_IDLE;
		store_wake(shipper->store);
	}
}

static void sweep(struct shipper *shipper, uint64_t now_ms)
{
	shipper->sweep_at = now_ms + SWEEP_MS;
	for (uint32_t p = 0; p < IDS_PARTITIONS; p++) {
		shipper->parts[p].due = true;
		shipper->parts[p].claim = true;
	}
}

static bool any_due(const struct shipper *shipper)
{
	for (uint32_t p = 0; p < IDS_PARTITIONS; p++) {
		if (shipper->parts[p].due)
			return true;
	}
	return false;
}

void shipper_pump(struct shipper *shipper, uint64_t now_ms)
{
	bool up = shipper->store->phase == PHASE_UP && conn_usable(&shipper->store->hot);

	if (!shipper->on)
		return;
	if (shipper->phase == SHIPPER_WAITING && now_ms >= shipper->retry_at)
		work_start(shipper);
	else if (shipper->phase == SHIPPER_ACKING && up && shipper->outstanding == 0 &&
		now_ms >= shipper->retry_at)
		acks_send(shipper, now_ms);
	if (shipper->phase != SHIPPER_IDLE || !up)
		return;
	if (now_ms >= shipper->sweep_at)
		sweep(shipper, now_ms);
	if (any_due(shipper))
		batch_start(shipper);
}

bool shipper_idle(const struct shipper *shipper)
{
	return !shipper->on || shipper->phase == SHIPPER_WAITING ||
		(shipper->phase == SHIPPER_IDLE && !any_due(shipper));
}

bool shipper_at_rest(const struct shipper *shipper)
{
	return shipper->phase != SHIPPER_WRITING;
}

void shipper_close(struct shipper *shipper)
{
	cdrfile_close(&shipper->file);
	free(shipper->entries);
	free(shipper->text);
}
