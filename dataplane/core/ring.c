/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/ring.h"

#include <rte_common.h>
#include <stdlib.h>

struct rte_ring *ring_open(const char *name, unsigned int size, unsigned int count)
{
	ssize_t need = rte_ring_get_memsize_elem(size, count);
	struct rte_ring *ring;

	if (need < 0)
		return NULL;
	ring = aligned_alloc(
		RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL((size_t)need, RTE_CACHE_LINE_SIZE));
	if (ring && rte_ring_init(ring, name, count, RING_F_SP_ENQ | RING_F_SC_DEQ) < 0) {
		free(ring);
		return NULL;
	}
	return ring;
}

void ring_close(struct rte_ring *ring)
{
	free(ring);
}
