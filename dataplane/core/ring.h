/* SPDX-License-Identifier: BSD-3-Clause */
/* A ring of small messages from one thread to one other. In ordinary memory, so it needs no EAL and
 * no memory zone, of which DPDK has only so many. */
#ifndef DATAPLANE_CORE_RING_H
#define DATAPLANE_CORE_RING_H

#include <rte_ring.h>
#include <rte_ring_elem.h>

/* size: of an element in bytes, a multiple of four. count: a power of two; one less fits in.
 * Returns NULL when memory is short or size or count is wrong. */
struct rte_ring *ring_open(const char *name, unsigned int size, unsigned int count);

/* ring: may be NULL. */
void ring_close(struct rte_ring *ring);

#endif
