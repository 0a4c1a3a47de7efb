/* SPDX-License-Identifier: BSD-3-Clause */
/* All workers of the process: their memory, rings, start and end. Main thread. */
#ifndef DATAPLANE_CORE_WORKERS_H
#define DATAPLANE_CORE_WORKERS_H

#include "dataplane/core/facts.h"
#include "dataplane/core/port.h"
#include "dataplane/core/worker.h"

struct workers_conf {
	unsigned int count;
	unsigned int lcore_first; /* worker i runs on lcore_first + i */
	uint32_t idle_sleep_us;
	bool rx_interrupts;
	const struct facts *facts;
	const struct timebase *timebase;
	struct rte_rcu_qsbr *qsbr;
	const struct nexthop_entry *nexthops;
	const struct port *ports;
	uint16_t port_count;
	uint16_t monitor_count; /* ports[] behind those */
	bool monitor_inline;
	uint64_t tsc_hz;
};

struct workers {
	struct worker *item;
	unsigned int count;
	struct spread *spread[WORKER_PORTS_MAX]; /* NULL where each worker has its queues */
	struct capture_board *board;             /* what they are to copy */
	struct vlan_set vlans[WORKER_PORTS_MAX];
	bool stop;
	bool running;
};

/* Makes the workers, with mailboxes and punt rings; media, keepalive and from_host are set by their
 * owners. The struct must not move afterwards. Returns 0 or -errno after a log line. */
int workers_open(struct workers *workers, const struct workers_conf *conf);
void workers_close(struct workers *workers);

/* A VLAN came: its link becomes a port of every worker, before any next hop names it, and media on
 * it is accepted from now on; a link that was another VLAN's must have been without next hops for
 * as long as nexthop_table.h keeps them. Or it went. Main thread. */
void workers_set_vlan(struct workers *workers, const struct nexthop_vlan *vlan);

/* Says which workers have given up waiting for interrupts. Main thread, now and then. */
void workers_watch(struct workers *workers);

/* Returns 0 or -errno. */
int workers_start(struct workers *workers);
void workers_stop(struct workers *workers);

#endif
