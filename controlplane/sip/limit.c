/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/sip/limit.h"

#include <string.h>

/* A bucket is the moment at which it would be full: each token taken moves it on by 1/rate seconds,
 * and it may not lie further ahead than the burst. In microseconds, so that no rate is rounded off.
 */
bool limit_bucket_take(struct limit_bucket *bucket, uint32_t rate, uint32_t burst, uint64_t now_ms)
{
	uint64_t now = now_ms * 1000;
	uint64_t token = rate ? 1000000 / rate : 0;
	uint64_t full = bucket->full_us > now ? bucket->full_us : now;

	if (!rate || full + token > now + token * burst)
		return false;
	bucket->full_us = full + token;
	return true;
}

void limit_init(struct limit *limit, const struct siphash_key *key, uint32_t rate, uint32_t burst,
	uint32_t total_rate)
{
	memset(limit, 0, sizeof(*limit));
	limit->key = *key;
	limit->rate = rate;
	limit->burst = burst;
	limit->total_rate = total_rate;
}

static struct limit_bucket *bucket_of(struct limit *limit, const struct addr *source)
{
	uint64_t hash = siphash(&limit->key, source->ip, source->family == ADDR_IPV4 ? 4 : 8);
	struct limit_source *set = limit->sources[hash % LIMIT_SETS];
	struct limit_source *fullest = set;

	hash |= 1; /* 0 is an entry never used */
	for (int i = 0; i < LIMIT_WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i].bucket;
		if (set[i].bucket.full_us < fullest->bucket.full_us)
			fullest = &set[i];
	}
	/* Whoever has used least of his share loses nothing by being forgotten. */
	fullest->hash = hash;
	fullest->bucket.full_us = 0;
	return &fullest->bucket;
}

bool limit_take(struct limit *limit, const struct addr *source, uint64_t now_ms)
{
	if (!limit_bucket_take(bucket_of(limit, source), limit->rate, limit->burst, now_ms))
		return false;
	return limit_bucket_take(&limit->total, limit->total_rate, limit->total_rate, now_ms);
}
