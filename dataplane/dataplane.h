/* SPDX-License-Identifier: BSD-3-Clause */
/* The one context of linewatch-dp, and its modules in the order in which they start. */
#ifndef DATAPLANE_DATAPLANE_H
#define DATAPLANE_DATAPLANE_H

#include "dataplane/control/server.h"
#include "dataplane/core/facts.h"
#include "dataplane/core/linkpair.h"
#include "dataplane/core/mem.h"
#include "dataplane/core/port.h"
#include "dataplane/core/timebase.h"
#include "dataplane/core/workers.h"
#include "dataplane/host/exception.h"
#include "dataplane/host/nexthop.h"
#include "dataplane/outage.h"
#include "shared/conf.h"

#include <uv.h>

struct dataplane {
	const struct conf_dataplane *conf;
	uv_loop_t loop;
	uv_prepare_t wait;
	uv_timer_t tick;
	uint64_t tick_ms; /* of the last one */
	uv_timer_t watch;
	uint64_t watch_ms; /* next look at the links */
	uv_timer_t second;
	struct mem mem;
	struct facts facts;
	struct rte_rcu_qsbr *qsbr;
	struct timebase timebase;
	uint64_t tsc_hz;
	struct rte_mempool *pool;            /* received frames */
	struct rte_mempool *keepalive_small; /* frames made here */
	struct rte_mempool *keepalive_large;
	struct port ports[WORKER_PORTS_MAX];
	uint16_t port_count;
	uint16_t monitor_count; /* ports[] behind those */
	struct exception exception;
	struct outages outages;
	struct linkpair links; /* of the monitor ports inline */
	struct nexthop_port nexthop_ports[WORKER_PORTS_MAX];
	struct nexthops *nexthops;
	struct server *server;
	struct workers workers;
	struct keepalive *keepalive;
	struct media *media;
	unsigned int started; /* modules */
};

/* Starts all modules in order; on failure those that started are stopped again. The struct must not
 * move. Returns 0 or -errno after a log line. */
int dataplane_start(struct dataplane *dp, const struct conf_dataplane *conf);

/* Runs the loop until uv_stop(&dp->loop). */
void dataplane_run(struct dataplane *dp);

/* Stops what started, in reverse order. */
void dataplane_stop(struct dataplane *dp);

#endif
