/* SPDX-License-Identifier: BSD-3-Clause */
/* From a hashed key to the numbers of all who have that key. Keys are not kept here: the reader
 * compares with what the number stands for, so a line of memory tells seven places from their tags.
 *
 * Arithmetic: a bucket is one cache line: 7 tags of 32 bits, 7 numbers, and how many entries of the
 * buckets so far had to go on to the next. The table has 7 places for at most 3.5 entries: with
 * half of the places taken (Poisson, 3.5 a bucket) 3 % of the buckets spill, with a quarter 0.04 %,
 * so a search reads one line, seldom two; even with two thirds taken every entry finds a place
 * within reach. A wrong tag is seen once in 600 million comparisons.
 *
 * One writer, any number of readers without a lock: an entry never moves, its number is there
 * before its tag, and what a reader finds it has to compare anyway; so nothing must wait for
 * readers. */
#ifndef DATAPLANE_CORE_TAGMAP_H
#define DATAPLANE_CORE_TAGMAP_H

#include "dataplane/core/mem.h"
#include "dataplane/core/mix.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#include <rte_vect.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAGMAP_WAYS  7
#define TAGMAP_REACH 64 /* buckets that a search reads at most */

struct tagmap_bucket {
	uint32_t tag[TAGMAP_WAYS + 1]; /* 0 = no entry; the last always */
	uint32_t number[TAGMAP_WAYS];
	uint32_t spilled; /* entries that passed by on their way to a later bucket */
} __attribute__((aligned(64)));

struct tagmap {
	struct tagmap_bucket *bucket;
	uint64_t mask;
	uint64_t seed[2];
	const struct mem *mem;
};

/* Of a key: which bucket comes first, and the tag. */
struct tagmap_at {
	uint32_t index, tag;
};

/* Returns 0 or -ENOMEM after one log line about `what`. */
int tagmap_open(struct tagmap *map, const struct mem *mem, uint32_t entries, const char *what);
void tagmap_close(struct tagmap *map);

/* Main: one more number for a key. Returns 0 or -ENOSPC. */
int tagmap_add(struct tagmap *map, struct tagmap_at at, uint32_t number);
/* Main: takes it out, if it is there. */
void tagmap_del(struct tagmap *map, struct tagmap_at at, uint32_t number);

/* All numbers of a key's tag, at most `most` of them; returns how many. */
uint32_t tagmap_all(const struct tagmap *map, struct tagmap_at at, uint32_t *number, uint32_t most);

/* Two words under a secret seed: strangers choose the keys. */
static inline uint64_t tagmap_mix(const struct tagmap *map, uint64_t a, uint64_t b)
{
	return mix_fold(a ^ map->seed[0], b ^ (map->seed[1] | 1));
}

static inline struct tagmap_at tagmap_at(const struct tagmap *map, uint64_t mixed)
{
	uint64_t hash = mix_last(mixed);
	uint32_t tag = (uint32_t)(hash >> 32);

	return (struct tagmap_at){(uint32_t)(hash & map->mask), tag ? tag : 1};
}

static inline void tagmap_prefetch(const struct tagmap *map, struct tagmap_at at)
{
	rte_prefetch0(&map->bucket[at.index]);
}

/* Places of a bucket that have the tag, as bits. */
static inline uint32_t tagmap_match(const struct tagmap_bucket *bucket, uint32_t tag)
{
#ifdef __AVX2__
	__m256i tags = _mm256_load_si256((const __m256i *)bucket->tag);
	__m256i same = _mm256_cmpeq_epi32(tags, _mm256_set1_epi32((int)tag));

	return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(same));
#else
	uint32_t same = 0;

	for (unsigned int i = 0; i < TAGMAP_WAYS; i++)
		same |= (uint32_t)(__atomic_load_n(&bucket->tag[i], __ATOMIC_RELAXED) == tag) << i;
	return same;
#endif
}

/* The key has at most one number, of which this tells the place: true, or it is not so simple. */
static inline bool tagmap_is_plain(const struct tagmap_bucket *bucket, uint32_t places)
{
	return !(places & (places - 1)) && !__atomic_load_n(&bucket->spilled, __ATOMIC_RELAXED);
}

#endif
