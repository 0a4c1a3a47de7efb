/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/media/claim.h"

#include <errno.h>
#include <stdlib.h>

static struct claim_table *claim_table_new(void)
{
	struct claim_table *table = aligned_alloc(
		_Alignof(struct claim_table), sizeof(struct claim_table));

	return table ? memset(table, 0, sizeof(*table)) : NULL;
}

static void claim_put4(struct claim_table *table, const struct claim *claim)
{
	struct claim4 c = {
		.ip = addr_ip4(&claim->local),
		.port_min = claim->port_min,
		.ports = (uint16_t)(claim->port_max - claim->port_min + 1),
		.base = claim->base,
	};
	uint32_t i;

	for (i = claim_hash4(c.ip); table->v4[i].ports; i = (i + 1) & (CLAIM_PLACES - 1))
		;
	table->v4[i] = c;
}

static void claim_put6(struct claim_table *table, const struct claim *claim)
{
	struct claim6 c = {
		.port_min = claim->port_min,
		.ports = (uint16_t)(claim->port_max - claim->port_min + 1),
		.base = claim->base,
	};
	uint32_t i;

	memcpy(c.ip, claim->local.ip, sizeof(c.ip));
	for (i = claim_hash6(c.ip); table->v6[i].ports; i = (i + 1) & (CLAIM_PLACES - 1))
		;
	table->v6[i] = c;
}

int claims_open(struct claims *claims, struct rte_rcu_qsbr *qsbr, uint32_t capacity)
{
	*claims = (struct claims){.qsbr = qsbr, .capacity = capacity};
	claims->table = claim_table_new();
	return claims->table ? 0 : -ENOMEM;
}

void claims_close(struct claims *claims)
{
	while (claims->retired) {
		struct claim_table *old = claims->retired;

		claims->retired = old->next;
		free(old);
	}
	free((void *)(uintptr_t)claims->table);
	claims->table = NULL;
}

static int claims_publish(struct claims *claims)
{
	struct claim_table *old = (struct claim_table *)(uintptr_t)claims->table;
	struct claim_table *table = claim_table_new();

	if (!table)
		return -ENOMEM;
	for (unsigned int i = 0; i < claims->count; i++) {
		if (claims->claim[i].local.family == ADDR_IPV4)
			claim_put4(table, &claims->claim[i]);
		else
			claim_put6(table, &claims->claim[i]);
	}
	__atomic_store_n(&claims->table, table, __ATOMIC_RELEASE);
	old->token = rte_rcu_qsbr_start(claims->qsbr);
	old->next = claims->retired;
	claims->retired = old;
	return 0;
}

int claims_add(struct claims *claims, uint32_t client, const struct proto_media_addr *range)
{
	struct claim *new = &claims->claim[claims->count];
	uint32_t slots = (uint32_t)(range->port_max - range->port_min + 1) / 2;

	for (unsigned int i = 0; i < claims->count; i++) {
		const struct claim *c = &claims->claim[i];

		if (!addr_same_ip(&c->local, &range->local) || range->port_min > c->port_max ||
			range->port_max < c->port_min)
			continue;
		if (range->port_min != c->port_min || range->port_max != c->port_max)
			return -EEXIST;
		return c->client == client ? (int)i : -EPERM;
	}
	if (claims->count == CLAIM_MAX || slots > claims->capacity - claims->used)
		return -ENOSPC;
	*new = (struct claim){
		.local = range->local,
		.port_min = range->port_min,
		.port_max = range->port_max,
		.base = claims->used,
		.slots = slots,
		.client = client,
	};
	claims->count++;
	if (claims_publish(claims)) {
		claims->count--;
		return -ENOMEM;
	}
	claims->used += slots;
	return (int)claims->count - 1;
}

bool claims_have(const struct claims *claims, const struct addr *addr)
{
	for (unsigned int i = 0; i < claims->count; i++)
		if (addr_same_ip(&claims->claim[i].local, addr))
			return true;
	return false;
}

void claims_tick(struct claims *claims)
{
	struct claim_table **link = &claims->retired;

	while (*link) {
		struct claim_table *old = *link;

		if (rte_rcu_qsbr_check(claims->qsbr, old->token, false) == 1) {
			*link = old->next;
			free(old);
		} else {
			link = &old->next;
		}
	}
}
