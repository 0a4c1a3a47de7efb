/* SPDX-License-Identifier: BSD-3-Clause */
/* From a transport address to a number: the binding that a SIP packet comes from. Written by main,
 * read by workers without a lock. */
#ifndef DATAPLANE_CORE_ADDRMAP_H
#define DATAPLANE_CORE_ADDRMAP_H

#include "shared/addr.h"

#include <rte_hash.h>
#include <rte_rcu_qsbr.h>
#include <stdint.h>

#define ADDRMAP_BULK 32 /* most keys of one lookup */
#define ADDRMAP_NONE UINT32_MAX

/* The name is this map's alone in the process. NULL with rte_errno set. Needs the EAL. */
struct rte_hash *addrmap_open(const char *name, uint32_t capacity, struct rte_rcu_qsbr *qsbr);
void addrmap_close(struct rte_hash *map);

/* Main: the number of an address is `id` from now on. Returns 0 or -ENOSPC. */
int addrmap_set(struct rte_hash *map, const struct addr *addr, uint32_t id);
void addrmap_del(struct rte_hash *map, const struct addr *addr);

/* Main: the number of an address, ADDRMAP_NONE if there is none. */
uint32_t addrmap_get(const struct rte_hash *map, const struct addr *addr);

/* Worker: n keys, 1 .. ADDRMAP_BULK. Bit i of the result tells that id[i] is the number of key[i].
 */
uint64_t addrmap_find(const struct rte_hash *map, const struct addr *const key[], uint32_t n,
	uint32_t id[static ADDRMAP_BULK]);

#endif
