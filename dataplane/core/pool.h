/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools of packet buffers. */
#ifndef DATAPLANE_CORE_POOL_H
#define DATAPLANE_CORE_POOL_H

#include <rte_mempool.h>

/* For frames that ports and host interfaces receive: as many as they, the workers and the rings
 * between them can hold. NULL after a log line. */
struct rte_mempool *pool_open_frames(unsigned int workers, unsigned int ports);

/* For frames that the workers make, of up to `room` bytes: small buffers lie on few pages, which
 * nearly doubles the rate without huge pages. NULL after a log line. */
struct rte_mempool *pool_open_keepalives(const char *name, unsigned int workers, uint16_t room);

#endif
