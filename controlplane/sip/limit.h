/* SPDX-License-Identifier: BSD-3-Clause */
/* Token buckets against floods (SE-14): one per source, one for all unknown sources together, one
 * for the refusals that we send. Pure; memory is fixed. */
#ifndef CONTROLPLANE_SIP_LIMIT_H
#define CONTROLPLANE_SIP_LIMIT_H

#include "controlplane/siphash.h"
#include "shared/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define LIMIT_SETS 1024
#define LIMIT_WAYS 4

struct limit_bucket {
	uint64_t full_us; /* when it will be full again */
};

struct limit_source {
	uint64_t hash;
	struct limit_bucket bucket;
};

struct limit {
	struct siphash_key key;
	uint32_t rate; /* of one source, a second */
	uint32_t burst;
	uint32_t total_rate; /* of all together; its burst is one second's worth */
	struct limit_bucket total;
	struct limit_source sources[LIMIT_SETS][LIMIT_WAYS];
};

/* One token at `rate` a second, at most `burst` saved up. */
bool limit_bucket_take(struct limit_bucket *bucket, uint32_t rate, uint32_t burst, uint64_t now_ms);

void limit_init(struct limit *limit, const struct siphash_key *key, uint32_t rate, uint32_t burst,
	uint32_t total_rate);

/* May this source (an IPv4 address, or an IPv6 /64) ask once more now? */
bool limit_take(struct limit *limit, const struct addr *source, uint64_t now_ms);

#endif
