/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/addrmap.h"

#include "dataplane/core/mix.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <sys/random.h>

/* Odd numbers without pattern. */
#define ADDRMAP_A 0x9e3779b97f4a7c15u
#define ADDRMAP_B 0xd1b54a32d192ed03u
#define ADDRMAP_C 0xa0761d6478bd642fu

/* An address as words. */
struct addrmap_words {
	uint64_t a, b; /* family, port and the first half of the IP address; the second but for: */
	uint32_t c;
};

static inline struct addrmap_words addrmap_load(const void *key)
{
	struct addrmap_words w;

	static_assert(sizeof(struct addr) == 20, "two words and a half");
	memcpy(&w.a, key, sizeof(w.a));
	memcpy(&w.b, (const uint8_t *)key + 8, sizeof(w.b));
	memcpy(&w.c, (const uint8_t *)key + 16, sizeof(w.c));
	return w;
}

/* Two words and a half under a secret seed. */
static uint32_t addrmap_hash(const void *key, uint32_t len, uint32_t seed)
{
	struct addrmap_words w = addrmap_load(key);
	uint64_t hash = mix_fold(w.a ^ seed * ADDRMAP_A, w.b ^ (seed * ADDRMAP_B | 1));

	hash = mix_last(hash ^ (w.c ^ seed) * ADDRMAP_C);
	return (uint32_t)(hash ^ hash >> 32);
}

static int addrmap_differ(const void *key1, const void *key2, size_t len)
{
	struct addrmap_words x = addrmap_load(key1), y = addrmap_load(key2);

	return ((x.a ^ y.a) | (x.b ^ y.b) | (x.c ^ y.c)) != 0;
}

struct rte_hash *addrmap_open(const char *name, uint32_t capacity, struct rte_rcu_qsbr *qsbr)
{
	struct rte_hash_rcu_config rcu = {.v = qsbr, .mode = RTE_HASH_QSBR_MODE_DQ};
	struct rte_hash_parameters params = {
		.name = name,
		/* A cuckoo table may refuse a key before it is quite full. */
		.entries = capacity + capacity / 8 + 64,
		.key_len = sizeof(struct addr),
		.hash_func = addrmap_hash,
		.socket_id = (int)rte_socket_id(),
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};
	struct rte_hash *map;

	/* Strangers choose the keys. */
	if (getrandom(&params.hash_func_init_val, sizeof(params.hash_func_init_val), 0) < 0)
		params.hash_func_init_val = (uint32_t)rte_rdtsc();
	map = rte_hash_create(&params);
	if (map)
		rte_hash_set_cmp_func(map, addrmap_differ);
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
