/* SPDX-License-Identifier: BSD-3-Clause */
/* What others ask the store. */
#include "controlplane/store/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint32_t journal_used(const struct store *store)
{
	return store->pending_count + store->op_count + store->done_unwritten;
}

bool store_ready(const struct store *store)
{
	return store->ready && store->phase != PHASE_FATAL;
}

bool store_accepts_new(const struct store *store)
{
	return store_ready(store) && !store->closing.on &&
		journal_used(store) < store->conf.journal;
}

bool store_is_up(const struct store *store)
{
	return store->phase == PHASE_UP;
}

uint32_t store_incarnation(const struct store *store)
{
	return store->incarnation;
}

int store_next_id(struct store *store, struct ids_call *id)
{
	if (!store_accepts_new(store))
		return -EAGAIN;
	memset(id, 0, sizeof(*id));
	id->seq = store->next_seq++;
	id->partition = (uint16_t)(id->seq % IDS_PARTITIONS);
	id->incarnation = store->incarnation;
	snprintf(id->node, sizeof(id->node), "%s", store->conf.node);
	return 0;
}

struct record *store_scratch(struct store *store)
{
	record_reset(&store->scratch);
	return &store->scratch;
}

void store_stats_read(struct store *store, struct store_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->up = store_is_up(store);
	stats->ready = store_ready(store);
	stats->incarnation = store->incarnation;
	for (uint32_t p = 0; p < IDS_PARTITIONS; p++)
		stats->partitions += store->leases[p].state == LEASE_MINE;
	stats->calls = HASH_COUNT(store->calls);
	stats->journal = journal_used(store);
	stats->journal_max = store->conf.journal;
	stats->in_flight = store->hot.in_flight + store->durable.in_flight;
	stats->cdr_waiting = done_count(store);
	stats->writes = store->count.writes;
	stats->coalesced = store->count.coalesced;
	stats->reconnects = store->count.reconnects ? store->count.reconnects - 1 : 0;
	stats->reasserted = store->count.reasserted;
	stats->cdrs = store->shipper.lines;
	stats->reply_max_us = store->hot.reply_max_us;
	store->hot.reply_max_us = 0;
	snprintf(stats->error, sizeof(stats->error), "%s", store->error);
}
