/* SPDX-License-Identifier: BSD-3-Clause */
/* A batch: read (shipper_read.c), written into the file, acknowledged. */
#include "controlplane/store/shipper.h"

#include "controlplane/store/internal.h"
#include "controlplane/store/keys.h"
#include "shared/log.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_MS 60000
#define RETRY_MS 1000

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

uint16_t shipper_partition(const struct shipper_part *part)
{
	return (uint16_t)(part - part->shipper->parts);
}

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

void shipper_work(struct shipper *shipper)
{
	shipper->work.data = shipper;
	shipper->phase = SHIPPER_WRITING;
	uv_queue_work(shipper->store->loop, &shipper->work, on_work, on_written);
}

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
	command_key(args, keys_cdr, shipper_partition(part));
	args_add(args, SHIPPER_GROUP);
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
		shipper_work(shipper);
	else if (shipper->phase == SHIPPER_ACKING && up && shipper->outstanding == 0 &&
		now_ms >= shipper->retry_at)
		acks_send(shipper, now_ms);
	if (shipper->phase != SHIPPER_IDLE || !up)
		return;
	if (now_ms >= shipper->sweep_at)
		sweep(shipper, now_ms);
	if (any_due(shipper))
		shipper_read(shipper);
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
