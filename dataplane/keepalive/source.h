/* SPDX-License-Identifier: BSD-3-Clause */
/* From the source address of a SIP packet to the binding it belongs to. Written by main, read by
 * workers without a lock. */
#ifndef DATAPLANE_KEEPALIVE_SOURCE_H
#define DATAPLANE_KEEPALIVE_SOURCE_H

#include "shared/addr.h"

#include <rte_hash.h>
#include <rte_rcu_qsbr.h>
#include <stdint.h>

#define SOURCE_BULK 32 /* most keys of one lookup */
#define SOURCE_NONE UINT32_MAX

/* NULL with rte_errno set. Needs the EAL. */
struct rte_hash *source_open(uint32_t capacity, struct rte_rcu_qsbr *qsbr);
void source_close(struct rte_hash *table);

/* Main: the binding of an address is `id` from now on. Returns 0 or -ENOSPC. */
int source_set(struct rte_hash *table, const struct addr *addr, uint32_t id);
void source_del(struct rte_hash *table, const struct addr *addr);

/* Main: the binding of an address, SOURCE_NONE if there is none. */
uint32_t source_get(const struct rte_hash *table, const struct addr *addr);

/* Worker: n keys, 1 .. SOURCE_BULK. Bit i of the result tells that id[i] is the binding of key[i].
 */
uint64_t source_find(const struct rte_hash *table, const struct addr *const key[], uint32_t n,
	uint32_t id[static SOURCE_BULK]);

#endif
