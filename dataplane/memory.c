/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/memory.h"

#include "dataplane/core/pool.h"
#include "dataplane/core/rcu.h"
#include "dataplane/dataplane.h"
#include "dataplane/keepalive/keepalive.h"
#include "dataplane/media/media.h"
#include "dataplane/ports.h"

#include <errno.h>

uint32_t memory_monitors(const struct dataplane *dp)
{
	return dp->conf->monitor == CONF_MONITOR_OFF ? 0 : dp->conf->monitors;
}

int memory_start(struct dataplane *dp)
{
	const struct conf_dataplane *conf = dp->conf;
	int err;

	dp->mem.hugepages = conf->hugepages;
	err = facts_open(&dp->facts, &dp->mem, conf->workers, conf->bindings,
		media_total(conf->flows, memory_monitors(dp)));
	if (err)
		return err;
	dp->qsbr = rcu_open(conf->workers);
	if (!dp->qsbr) {
		facts_close(&dp->facts);
		return -ENOMEM;
	}
	return 0;
}

void memory_stop(struct dataplane *dp)
{
	rcu_close(dp->qsbr);
	facts_close(&dp->facts);
}

void pools_stop(struct dataplane *dp)
{
	rte_mempool_free(dp->pool);
	rte_mempool_free(dp->keepalive_small);
	rte_mempool_free(dp->keepalive_large);
}

int pools_start(struct dataplane *dp)
{
	dp->pool = pool_open_frames(dp->conf->workers,
		(unsigned int)dp->conf->ports.count + ports_monitors(dp->conf),
		(uint16_t)dp->conf->mtu);
	dp->keepalive_small = pool_open_keepalives(
		"small", dp->conf->workers, KEEPALIVE_FRAME_SMALL);
	dp->keepalive_large = pool_open_keepalives(
		"large", dp->conf->workers, KEEPALIVE_FRAME_LARGE);
	if (dp->pool && dp->keepalive_small && dp->keepalive_large)
		return 0;
	pools_stop(dp);
	return -ENOMEM;
}
