/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/tagmap.h"

#include <assert.h>
#include <errno.h>
#include <rte_common.h>
#include <rte_cycles.h>
#include <sys/random.h>

static_assert(sizeof(struct tagmap_bucket) == 64, "one cache line");

static size_t tagmap_size(const struct tagmap *map)
{
	return (map->mask + 1) * sizeof(*map->bucket);
}

int tagmap_open(struct tagmap *map, const struct mem *mem, uint32_t entries, const char *what)
{
	uint64_t buckets = rte_align64pow2((uint64_t)entries * 2 / TAGMAP_WAYS + TAGMAP_REACH);

	*map = (struct tagmap){.mem = mem, .mask = buckets - 1};
	if (getrandom(map->seed, sizeof(map->seed), 0) != sizeof(map->seed))
		map->seed[0] = map->seed[1] = rte_rdtsc();
	map->bucket = mem_get(mem, tagmap_size(map), what);
	return map->bucket ? 0 : -ENOMEM;
}

void tagmap_close(struct tagmap *map)
{
	if (map->bucket)
		mem_put(map->mem, map->bucket, tagmap_size(map));
	map->bucket = NULL;
}

static struct tagmap_bucket *tagmap_bucket(
	const struct tagmap *map, struct tagmap_at at, uint32_t step)
{
	return &map->bucket[(at.index + step) & map->mask];
}

/* Counts an entry that lies `steps` buckets on in or out of those that it passed by. */
static void tagmap_spill(struct tagmap *map, struct tagmap_at at, uint32_t steps, int32_t change)
{
	for (uint32_t i = 0; i < steps; i++) {
		uint32_t *spilled = &tagmap_bucket(map, at, i)->spilled;

		__atomic_store_n(spilled, *spilled + (uint32_t)change, __ATOMIC_RELEASE);
	}
}

int tagmap_add(struct tagmap *map, struct tagmap_at at, uint32_t number)
{
	for (uint32_t step = 0; step < TAGMAP_REACH; step++) {
		struct tagmap_bucket *bucket = tagmap_bucket(map, at, step);
		uint32_t places = tagmap_match(bucket, 0) & ((1u << TAGMAP_WAYS) - 1);
		uint32_t place;

		if (!places)
			continue;
		place = (uint32_t)__builtin_ctz(places);
		tagmap_spill(map, at, step, 1);
		__atomic_store_n(&bucket->number[place], number, __ATOMIC_RELAXED);
		__atomic_store_n(&bucket->tag[place], at.tag, __ATOMIC_RELEASE);
		return 0;
	}
	return -ENOSPC;
}

void tagmap_del(struct tagmap *map, struct tagmap_at at, uint32_t number)
{
	for (uint32_t step = 0; step < TAGMAP_REACH; step++) {
		struct tagmap_bucket *bucket = tagmap_bucket(map, at, step);
		uint32_t places = tagmap_match(bucket, at.tag);

		for (; places; places &= places - 1) {
			uint32_t place = (uint32_t)__builtin_ctz(places);

			if (bucket->number[place] != number)
				continue;
			__atomic_store_n(&bucket->tag[place], 0, __ATOMIC_RELEASE);
			tagmap_spill(map, at, step, -1);
			return;
		}
		if (!bucket->spilled)
			return;
	}
}

uint32_t tagmap_all(const struct tagmap *map, struct tagmap_at at, uint32_t *number, uint32_t most)
{
	uint32_t count = 0;

	for (uint32_t step = 0; step < TAGMAP_REACH; step++) {
		const struct tagmap_bucket *bucket = tagmap_bucket(map, at, step);
		uint32_t places = tagmap_match(bucket, at.tag);

		for (; places && count < most; places &= places - 1)
			number[count++] = __atomic_load_n(
				&bucket->number[__builtin_ctz(places)], __ATOMIC_RELAXED);
		if (!__atomic_load_n(&bucket->spilled, __ATOMIC_ACQUIRE))
			break;
	}
	return count;
}
