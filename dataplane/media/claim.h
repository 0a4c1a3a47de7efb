/* SPDX-License-Identifier: BSD-3-Clause */
/* Claimed port ranges of media addresses. Main adds; workers read a table that never changes once
 * they can see it: a new claim makes a new one. */
#ifndef DATAPLANE_MEDIA_CLAIM_H
#define DATAPLANE_MEDIA_CLAIM_H

#include "shared/addr.h"
#include "shared/proto.h"

#include <rte_rcu_qsbr.h>
#include <stdint.h>
#include <string.h>

#define CLAIM_MAX    256  /* ranges, all clients together */
#define CLAIM_PLACES 1024 /* of each table: a power of two, at most a quarter used */
#define CLAIM_NONE   UINT32_MAX

struct claim4 {
	uint32_t ip; /* network order */
	uint16_t port_min;
	uint16_t ports; /* 0 = empty place */
	uint32_t base;  /* slot of port_min */
	uint32_t zero;
};

struct claim6 {
	uint64_t ip[2];
	uint16_t port_min;
	uint16_t ports;
	uint32_t base;
	uint64_t zero;
};

/* Open addressing; ranges of one address follow each other. */
struct claim_table {
	struct claim4 v4[CLAIM_PLACES];
	struct claim6 v6[CLAIM_PLACES];
	uint64_t token; /* once replaced */
	struct claim_table *next;
} __attribute__((aligned(64)));

struct claim {
	struct addr local; /* port 0 */
	uint16_t port_min, port_max;
	uint32_t base, slots;
	uint32_t client;
};

struct claims {
	const struct claim_table *table; /* never NULL */
	struct claim_table *retired;
	struct rte_rcu_qsbr *qsbr;
	struct claim claim[CLAIM_MAX];
	unsigned int count;
	uint32_t capacity, used; /* slots */
};

/* Returns 0 or -ENOMEM. */
int claims_open(struct claims *claims, struct rte_rcu_qsbr *qsbr, uint32_t capacity);
void claims_close(struct claims *claims);

/* Returns the index of the claim, the same for the same range again, or -ENOSPC, -EEXIST, -ENOMEM,
 * -EPERM (another client's). */
int claims_add(struct claims *claims, uint32_t client, const struct proto_media_addr *range);

/* An address, whatever the port, is one of ours. */
bool claims_have(const struct claims *claims, const struct addr *addr);

/* Frees what workers are done with. */
void claims_tick(struct claims *claims);

static inline uint32_t claim_hash4(uint32_t ip)
{
	return ip * 2654435769u >> 22 & (CLAIM_PLACES - 1);
}

static inline uint32_t claim_hash6(const uint64_t ip[2])
{
	return (uint32_t)((ip[0] ^ ip[1]) * 0x9e3779b97f4a7c15u >> 54) & (CLAIM_PLACES - 1);
}

static inline bool claim_holds4(const struct claim4 *c, uint32_t ip, uint16_t port)
{
	return c->ip == ip && (uint16_t)(port - c->port_min) < c->ports;
}

static inline uint32_t claim_slot4(const struct claim4 *c, uint16_t port)
{
	return c->base + (uint16_t)(port - c->port_min) / 2u;
}

/* Worker: the slot of a port (host order) of an address, CLAIM_NONE if nobody claimed it. */
static inline uint32_t claim_find4(const struct claim_table *table, uint32_t ip, uint16_t port)
{
	uint32_t i = claim_hash4(ip);
	const struct claim4 *c = &table->v4[i];

	if (__builtin_expect(claim_holds4(c, ip, port), true))
		return claim_slot4(c, port);
	for (; c->ports; c = &table->v4[i]) {
		if (claim_holds4(c, ip, port))
			return claim_slot4(c, port);
		i = (i + 1) & (CLAIM_PLACES - 1);
	}
	return CLAIM_NONE;
}

static inline uint32_t claim_find6(
	const struct claim_table *table, const uint8_t ip[static 16], uint16_t port)
{
	const struct claim6 *c;
	uint64_t word[2];

	memcpy(word, ip, sizeof(word));
	for (uint32_t i = claim_hash6(word); c = &table->v6[i], c->ports;
		i = (i + 1) & (CLAIM_PLACES - 1)) {
		uint16_t at = (uint16_t)(port - c->port_min);

		if (c->ip[0] == word[0] && c->ip[1] == word[1] && at < c->ports)
			return c->base + at / 2;
	}
	return CLAIM_NONE;
}

/* Worker: an address that has a claimed range, whatever the port. */
static inline bool claim_has4(const struct claim_table *table, uint32_t ip)
{
	const struct claim4 *c;

	for (uint32_t i = claim_hash4(ip); c = &table->v4[i], c->ports;
		i = (i + 1) & (CLAIM_PLACES - 1))
		if (c->ip == ip)
			return true;
	return false;
}

static inline bool claim_has6(const struct claim_table *table, const uint8_t ip[static 16])
{
	const struct claim6 *c;
	uint64_t word[2];

	memcpy(word, ip, sizeof(word));
	for (uint32_t i = claim_hash6(word); c = &table->v6[i], c->ports;
		i = (i + 1) & (CLAIM_PLACES - 1))
		if (c->ip[0] == word[0] && c->ip[1] == word[1])
			return true;
	return false;
}

#endif
