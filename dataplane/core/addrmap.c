/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/addrmap.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_jhash.h>
#include <rte_lcore.h>
#include <sys/random.h>

struct rte_hash *addrmap_open(const char *name, uint32_t capacity, struct rte_rcu_qsbr *qsbr)
{
	struct rte_hash_rcu_config rcu = {.v = qsbr, .mode = RTE_HASH_QSBR_MODE_DQ};
	struct rte_hash_parameters params = {
		.name = name,
		/* A cuckoo table may refuse a key before it is quite full. */
		.entries = capacity + capacity / 8 + 64,
		.key_len = sizeof(struct addr),
		.hash_func = rte_jhash,
		.socket_id = (int)rte_socket_id(),
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};
	struct rte_hash *map;

	/* Strangers choose the keys. */
	if (getrandom(&params.hash_func_init_val, sizeof(params.hash_func_init_val), 0) < 0)
		params.hash_func_init_val = (uint32_t)rte_rdtsc();
	map = rte_hash_create(&params);
	if (map && rte_hash_rcu_qsbr_add(map, &rcu)) {
		rte_hash_free(map);
		return NULL;
	}
	return map;
}

void addrmap_close(struct rte_hash *map)
{
	rte_hash_free(map);
}

int addrmap_set(struct rte_hash *map, const struct addr *addr, uint32_t id)
{
	return rte_hash_add_key_data(map, addr, (void *)(uintptr_t)id) < 0 ? -ENOSPC : 0;
}

void addrmap_del(struct rte_hash *map, const struct addr *addr)
{
	rte_hash_del_key(map, addr);
}

uint32_t addrmap_get(const struct rte_hash *map, const struct addr *addr)
{
	void *data;

	if (rte_hash_lookup_data(map, addr, &data) < 0)
		return ADDRMAP_NONE;
	return (uint32_t)(uintptr_t)data;
}

uint64_t addrmap_find(const struct rte_hash *map, const struct addr *const key[], uint32_t n,
	uint32_t id[static ADDRMAP_BULK])
{
	void *data[ADDRMAP_BULK];
	uint64_t hits = 0;

	rte_hash_lookup_bulk_data(map, (const void **)(uintptr_t)key, n, &hits, data);
	for (uint32_t i = 0; i < n; i++)
		if (hits & (1ull << i))
			id[i] = (uint32_t)(uintptr_t)data[i];
	return hits;
}
