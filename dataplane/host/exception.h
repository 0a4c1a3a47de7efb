/* SPDX-License-Identifier: BSD-3-Clause */
/* The exception path: one thread that carries frames between the workers' rings and the kernel's
 * host interfaces. It alone pays the system calls of a TAP device; lull.h says when it sleeps. */
#ifndef DATAPLANE_HOST_EXCEPTION_H
#define DATAPLANE_HOST_EXCEPTION_H

#include "dataplane/core/worker.h"
#include "dataplane/host/hostif.h"
#include "dataplane/host/lull.h"

#include <stdbool.h>
#include <stdint.h>

struct exception_port {
	struct hostif host;
	uint16_t wire;              /* DPDK id of the port it stands for */
	struct rte_ring *from_host; /* pump to one worker, SP/SC */
	struct idle_irq *irq;       /* of that worker */
};

/* Written by the pump, read by telemetry. */
struct exception_count {
	uint64_t to_host;
	uint64_t from_host;
	uint64_t to_host_drop;   /* the kernel did not take it */
	uint64_t from_host_drop; /* the worker lags behind */
};

/* What a worker had counted at the last look. */
struct exception_load {
	uint64_t total, busy; /* cycles */
};

struct exception {
	struct exception_port port[WORKER_PORTS_MAX];
	uint16_t port_count;
	struct worker *workers;
	unsigned int worker_count;
	struct exception_count count;
	uint8_t port_of[RTE_MAX_ETHPORTS]; /* DPDK id of a wire port to index in port[] */
	uint32_t left[PUNT_CLASSES];       /* frames that may still pass in this interval */
	uint64_t refill_tsc;
	uint64_t tsc_hz;
	struct lull lull;
	struct exception_load load[WORKER_MAX];
	struct idle_irq *irq; /* what wakes it, NULL: time alone */
	unsigned int lcore;
	bool stop;
	bool running;
};

/* Makes a host interface for each port. Returns 0 or -errno after a log line. */
int exception_open(struct exception *ex, const struct port *ports, uint16_t port_count,
	const char *ifname, struct rte_mempool *pool);
void exception_close(struct exception *ex);

/* Gives the workers the rings of frames that come from the kernel, port i to worker i, and round
 * again; and the bell for those that go there. Before they run. */
void exception_attach(struct exception *ex, struct worker *workers, unsigned int count);

/* A device of port[index] is this DPDK port now. Main thread. */
static inline void exception_set_wire(struct exception *ex, uint16_t index, uint16_t wire)
{
	__atomic_store_n(&ex->port_of[wire], (uint8_t)index, __ATOMIC_RELAXED);
}

/* Starts and ends the thread on its lcore. It naps as long as the workers do (0, spin, is theirs
 * alone). Returns 0 or -errno. */
int exception_start(
	struct exception *ex, unsigned int lcore, uint64_t tsc_hz, uint32_t idle_sleep_us);
void exception_stop(struct exception *ex);

#endif
