/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools of packet buffers. */
#ifndef DATAPLANE_CORE_POOL_H
#define DATAPLANE_CORE_POOL_H

#include <rte_mempool.h>

/* For frames that ports and host interfaces receive: as many as they, the workers and the rings
 * between them can hold, each for packets of up to mtu bytes, 0 = the usual. NULL after a log line.
 */
struct rte_mempool *pool_open_frames(unsigned int workers, unsigned int ports, uint16_t mtu);

/* Bytes of a frame with a packet of mtu bytes and all that drivers put around it, rounded up: room
 * of a buffer of that pool. */
uint16_t pool_room(uint16_t mtu);

/* For frames that the workers make, of up to `room` bytes: small buffers lie on few pages, which
 * nearly doubles the rate without huge pages. NULL after a log line. */
struct rte_mempool *pool_open_keepalives(const char *name, unsigned int workers, uint16_t room);

#endif
