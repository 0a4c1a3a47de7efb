/* SPDX-License-Identifier: BSD-3-Clause */
/* Leases of the partitions (cluster.md 3.1). Every new connection takes them anew: the new token
 * fences whatever an old connection of ours may still have in a buffer, and the answer tells
 * whether Redis still has what it had acknowledged (3.6). */
#include "controlplane/store/internal.h"
#include "controlplane/store/keys.h"
#include "shared/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint16_t partition_of(const struct lease *lease)
{
	return (uint16_t)(lease - lease->store->leases);
}

const char *lease_token(const struct store *store, uint16_t partition)
{
	return store->leases[partition].tok;
}

void lease_reset(struct store *store)
{
	for (uint32_t p = 0; p < IDS_PARTITIONS; p++) {
		store->leases[p].store = store;
		store->leases[p].state = LEASE_NONE;
	}
	store->held_said = false;
}

static bool lease_all_mine(const struct store *store)
{
	for (uint32_t p = 0; p < IDS_PARTITIONS; p++) {
		if (store->leases[p].state != LEASE_MINE)
			return false;
	}
	return true;
}

/* Somebody stepped a clock: the deadlines in Redis are wrong by as much, so all records are written
 * again (a call that is written in full first is not asked for its old expiry). */
void lease_clock(struct store *store, int64_t redis_ms, uint64_t sent_us)
{
	int64_t clock = redis_ms - (int64_t)clock_boot_ms(), jump = clock - store->clock;

	if (store->clock_known && uv_hrtime() / 1000 - sent_us > STORE_CLOCK_SURE * 1000)
		return;
	if (store->clock_known && (jump > STORE_JUMP_MS || jump < -STORE_JUMP_MS)) {
		log_warning("Redis's clock jumped by %" PRId64 " ms: all calls are written again",
			jump);
		calls_reassert(store, IDS_PARTITIONS);
	}
	store->clock = clock;
	store->clock_known = true;
}

static void partition_lost(struct store *store, struct lease *lease)
{
	uint16_t partition = partition_of(lease);

	calls_reassert(store, partition);
	done_lost(store, partition);
	shipper_due(&store->shipper, partition);
	store->bindings_lost = true;
	lease->sweep = store->ready;
}

static void taken(struct store *store, struct lease *lease, const redisReply *reply)
{
	const char *tok = conn_reply_text(reply, 2), *before = conn_reply_text(reply, 3);
	bool mine_before = lease->tok[0] != 0;
	bool kept = strcmp(before, lease->tok) == 0 &&
		(uint64_t)conn_reply_num(reply, 4) >= lease->seq;

	if (strlen(tok) >= sizeof(lease->tok) || !*tok) {
		store_nonsense(store, "p_take");
		return;
	}
	strcpy(lease->tok, tok);
	lease->seq = (uint64_t)conn_reply_num(reply, 1);
	lease->state = LEASE_MINE;
	if (mine_before && !kept)
		partition_lost(store, lease);
}

/* Another node is there. If it moves while we believed to own the partition, we have lost it. */
static void held(struct store *store, struct lease *lease, const redisReply *reply)
{
	const char *tok = conn_reply_text(reply, 2), *rn = conn_reply_text(reply, 3);
	bool still = strcmp(tok, lease->seen_tok) == 0 && strcmp(rn, lease->seen_rn) == 0;
	char node[IDS_NODE_MAX * 4];

	log_escape(
		node, sizeof(node), conn_reply_text(reply, 4), strlen(conn_reply_text(reply, 4)));
	if (!still && lease->tok[0] && lease->state == LEASE_HELD) {
		store_fatal(store, "FENCED: partition %u is owned by node %s", partition_of(lease),
			node);
		return;
	}
	if (!still) {
		snprintf(lease->seen_tok, sizeof(lease->seen_tok), "%s", tok);
		snprintf(lease->seen_rn, sizeof(lease->seen_rn), "%s", rn);
		lease->seen_ms = clock_boot_ms();
	}
	lease->state = LEASE_HELD;
	if (!store->held_said)
		log_warning("store: partitions are held by node %s; waiting until it gives them "
			    "back or has been still for %u ms",
			node, store->conf.take_ms);
	store->held_said = true;
}

static void on_take(struct conn_cmd *cmd, const redisReply *reply)
{
	struct lease *lease = (struct lease *)cmd;
	struct store *store = lease->store;
	const char *code;

	lease->busy = false;
	if (!store_reply_code(store, partition_of(lease), reply, &code))
		return;
	if (strcmp(code, "OK") == 0)
		taken(store, lease, reply);
	else if (strcmp(code, "HELD") == 0)
		held(store, lease, reply);
	else
		store_nonsense(store, "p_take");
	if (store->phase == PHASE_TAKE && lease_all_mine(store))
		store_enter_up(store);
}

static void take(struct store *store, struct lease *lease, uint64_t now_ms)
{
	struct args *args = &store->args;
	bool still = lease->state == LEASE_HELD && now_ms - lease->seen_ms >= store->conf.take_ms;

	args_fcall(args, "p_take", 1);
	command_key(args, keys_lease, partition_of(lease));
	args_add(args, store->conf.node);
	args_add_num(args, store->incarnation);
	args_add(args, still ? lease->seen_tok : "");
	args_add(args, still ? lease->seen_rn : "");
	lease->cmd.reply = on_take;
	lease->busy = conn_send(&store->hot, &lease->cmd, args, now_ms) == 0;
}

static void on_renew(struct conn_cmd *cmd, const redisReply *reply)
{
	struct lease *lease = (struct lease *)cmd;
	const char *code;

	lease->busy = false;
	if (store_reply_code(lease->store, partition_of(lease), reply, &code) &&
		strcmp(code, "OK") == 0)
		lease_clock(lease->store, conn_reply_num(reply, 2), cmd->sent_us);
}

static void with_token(struct store *store, struct lease *lease, const char *function,
	void (*on_reply)(struct conn_cmd *cmd, const redisReply *reply), uint64_t now_ms)
{
	struct args *args = &store->args;

	args_fcall(args, function, 1);
	command_key(args, keys_lease, partition_of(lease));
	args_add(args, lease->tok);
	lease->cmd.reply = on_reply;
	lease->busy = conn_send(&store->hot, &lease->cmd, args, now_ms) == 0;
}

/* Takes what is not ours, renews what is. */
void lease_tick(struct store *store, uint64_t now_ms)
{
	for (uint32_t p = 0; p < IDS_PARTITIONS; p++) {
		struct lease *lease = &store->leases[p];

		if (lease->busy)
			continue;
		if (lease->state == LEASE_MINE)
			with_token(store, lease, "p_renew", on_renew, now_ms);
		else
			take(store, lease, now_ms);
	}
}

static void on_give(struct conn_cmd *cmd, const redisReply *reply)
{
	struct lease *lease = (struct lease *)cmd;

	lease->busy = false;
	lease->state = LEASE_NONE;
}

void lease_give(struct store *store, uint64_t now_ms)
{
	for (uint32_t p = 0; p < IDS_PARTITIONS; p++) {
		struct lease *lease = &store->leases[p];

		if (!lease->busy && lease->state == LEASE_MINE)
			with_token(store, lease, "p_give", on_give, now_ms);
	}
}
