/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/pool.h"

#include "dataplane/core/worker.h"
#include "shared/log.h"

#include <rte_errno.h>
#include <rte_mbuf.h>

#define POOL_CACHE     256
#define POOL_QUEUES    1024 /* both rings of a port's queue pair */
#define POOL_HOST      2048 /* a host interface, and the frames on their way from it */
#define POOL_WORKER    2048 /* caches and bursts */
#define POOL_PUNT      (PUNT_CLASSES * WORKER_PUNT_RING) /* what waits for the pump */
#define POOL_KEEPALIVE 4096
#define POOL_AROUND    128  /* headers of Ethernet and of packet sockets */
#define POOL_STEP      1024 /* some NICs want whole ones */

uint16_t pool_room(uint16_t mtu)
{
	return RTE_MAX((uint16_t)RTE_ALIGN_CEIL(mtu + POOL_AROUND, POOL_STEP),
		(uint16_t)RTE_MBUF_DEFAULT_DATAROOM);
}

static struct rte_mempool *pool_open(const char *name, unsigned int count, uint16_t room)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		name, count, POOL_CACHE, 0, (uint16_t)(RTE_PKTMBUF_HEADROOM + room), SOCKET_ID_ANY);

	if (!pool)
		log_error("no memory for %u packet buffers of %u bytes: %s (dataplane.memory)",
			count, room, rte_strerror(rte_errno));
	return pool;
}

struct rte_mempool *pool_open_frames(unsigned int workers, unsigned int ports, uint16_t mtu)
{
	return pool_open("frames",
		workers * (POOL_WORKER + POOL_PUNT + ports * POOL_QUEUES) + ports * POOL_HOST,
		pool_room(mtu));
}

struct rte_mempool *pool_open_keepalives(const char *name, unsigned int workers, uint16_t room)
{
	return pool_open(name, workers * POOL_KEEPALIVE, room);
}
