/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/nexthop_table.h"

#include <rte_jhash.h>
#include <stdlib.h>
#include <sys/random.h>

#define TABLE_BUCKETS 2048 /* power of two */

struct nexthop_table {
	struct nexthop_entry entry[NEXTHOP_MAX];
	struct nexthop hop[NEXTHOP_MAX];
	uint16_t bucket[TABLE_BUCKETS]; /* first hop, 0 = none */
	uint16_t free;                  /* first free hop, 0 = none */
	uint32_t seed;                  /* neighbours may choose their addresses */
};

struct nexthop_table *nexthop_table_open(void)
{
	struct nexthop_table *table = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*table), 64));

	if (!table)
		return NULL;
	memset(table, 0, sizeof(*table));
	if (getrandom(&table->seed, sizeof(table->seed), 0) != sizeof(table->seed)) {
		free(table);
		return NULL;
	}
	for (uint16_t i = NEXTHOP_MAX - 1; i > NEXTHOP_NONE; i--) {
		table->hop[i].next = table->free;
		table->free = i;
	}
	return table;
}

void nexthop_table_close(struct nexthop_table *table)
{
	free(table);
}

const struct nexthop_entry *nexthop_table_entries(const struct nexthop_table *table)
{
	return table->entry;
}

uint16_t nexthop_table_index(const struct nexthop_table *table, const struct nexthop *hop)
{
	return (uint16_t)(hop - table->hop);
}

static uint16_t *table_bucket(struct nexthop_table *table, uint16_t port, const struct addr *addr)
{
	uint32_t hash = rte_jhash(addr->ip, sizeof(addr->ip), table->seed + port);

	return &table->bucket[hash & (TABLE_BUCKETS - 1)];
}

struct nexthop *nexthop_table_find(
	struct nexthop_table *table, uint16_t port, const struct addr *addr)
{
	uint16_t i = *table_bucket(table, port, addr);

	for (; i != NEXTHOP_NONE; i = table->hop[i].next) {
		if (table->hop[i].port == port && addr_same_ip(&table->hop[i].addr, addr))
			return &table->hop[i];
	}
	return NULL;
}

struct nexthop *nexthop_table_add(
	struct nexthop_table *table, uint16_t port, const struct addr *addr)
{
	uint16_t *bucket = table_bucket(table, port, addr), i = table->free;
	struct nexthop *hop = &table->hop[i];

	if (i == NEXTHOP_NONE)
		return NULL;
	table->free = hop->next;
	*hop = (struct nexthop){.addr = *addr, .port = port, .next = *bucket, .used = true};
	*bucket = i;
	return hop;
}

void nexthop_table_put(struct nexthop_table *table, uint16_t index, uint64_t now_ms)
{
	struct nexthop *hop = &table->hop[index];

	if (--hop->refs == 0)
		hop->idle_ms = now_ms;
}

__attribute__((no_sanitize("thread"))) static void table_store(
	struct nexthop_entry *to, const struct nexthop_entry *from)
{
	*(volatile xmm_t *)to = *(const xmm_t *)from;
}

void nexthop_table_publish(struct nexthop_table *table, struct nexthop *hop, const uint8_t dst[6],
	const uint8_t src[6])
{
	struct nexthop_entry entry = {.port = (uint8_t)hop->port};

	hop->valid = dst != NULL;
	if (dst) {
		memcpy(entry.dst, dst, sizeof(entry.dst));
		memcpy(entry.src, src, sizeof(entry.src));
		entry.flags = NEXTHOP_VALID;
	}
	table_store(&table->entry[hop - table->hop], &entry);
}

void nexthop_table_each(
	struct nexthop_table *table, void (*fn)(struct nexthop *hop, void *ctx), void *ctx)
{
	for (uint16_t i = 1; i < NEXTHOP_MAX; i++) {
		if (table->hop[i].used)
			fn(&table->hop[i], ctx);
	}
}

static void table_free(struct nexthop_table *table, uint16_t i)
{
	struct nexthop *hop = &table->hop[i];
	uint16_t *link = table_bucket(table, hop->port, &hop->addr);

	while (*link != i)
		link = &table->hop[*link].next;
	*link = hop->next;
	nexthop_table_publish(table, hop, NULL, NULL);
	*hop = (struct nexthop){.next = table->free};
	table->free = i;
}

void nexthop_table_expire(struct nexthop_table *table, uint64_t now_ms,
	void (*fn)(struct nexthop *hop, void *ctx), void *ctx)
{
	for (uint16_t i = 1; i < NEXTHOP_MAX; i++) {
		struct nexthop *hop = &table->hop[i];

		if (!hop->used || hop->refs || now_ms < hop->idle_ms + NEXTHOP_KEEP_MS)
			continue;
		fn(hop, ctx);
		table_free(table, i);
	}
}
