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
	uint32_t order[WORKER_PORTS_MAX]; /* last one about a device: odd = out of service */
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

/* Tells all workers to leave a device alone; it is theirs until workers_paused() says that all have
 * heard. Frames for it are dropped and counted from then on. Returns 0 or -EAGAIN: a worker lags
 * behind, try again later. (workers_pause.c) */
int workers_pause(struct workers *workers, uint16_t port);

/* Whether every worker has carried out the last order about the device. */
bool workers_paused(const struct workers *workers, uint16_t port);

/* Once they all have, and before the device is touched: nothing of it stays with the workers. */
void workers_leave(struct workers *workers, uint16_t port);

/* Gives a device that was started back, maybe as another DPDK port. Returns 0 or -EAGAIN. */
int workers_resume(struct workers *workers, uint16_t port, uint16_t id);

/* Says which workers have given up waiting for interrupts. Main thread, now and then. */
void workers_watch(struct workers *workers);

/* Returns 0 or -errno. */
int workers_start(struct workers *workers);
void workers_stop(struct workers *workers);

#endif
