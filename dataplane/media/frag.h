/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments to media addresses are dropped, but where such an address is the service address too, a
 * large SIP message may come in fragments, of which only the first tells its port. First fragments
 * that are not media are remembered, so that the rest may pass to the kernel. Workers share the
 * table; an entry that is overwritten early costs one datagram. */
#ifndef DATAPLANE_MEDIA_FRAG_H
#define DATAPLANE_MEDIA_FRAG_H

#include "dataplane/media/context.h"

/* A datagram in fragments: both addresses, mixed, and its identification. */
static inline uint64_t frag_key(uint64_t addresses, uint32_t id)
{
	uint64_t key = (addresses ^ (uint64_t)id << 17) * 0x9e3779b97f4a7c15u + id;

	return key | 1;
}

static inline void frag_remember(struct media *m, uint64_t key)
{
	__atomic_store_n(&m->frag[key >> 56 & (MEDIA_FRAG_PLACES - 1)], key, __ATOMIC_RELAXED);
}

static inline bool frag_known(const struct media *m, uint64_t key)
{
	return __atomic_load_n(&m->frag[key >> 56 & (MEDIA_FRAG_PLACES - 1)], __ATOMIC_RELAXED) ==
		key;
}

#endif
