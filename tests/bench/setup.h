/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane's worker with its tables on one port, for a bench: no netlink, no exception pump,
 * one fixed next hop. All functions end the process when something fails. */
#ifndef TESTS_BENCH_SETUP_H
#define TESTS_BENCH_SETUP_H

#include "dataplane/core/workers.h"
#include "dataplane/keepalive/keepalive.h"
#include "dataplane/media/media.h"

#include <stdbool.h>
#include <stdint.h>

struct setup_conf {
	const char *port; /* as in dataplane.ports */
	uint32_t bindings, flows;
	uint32_t monitors;   /* above 0: the port is a monitor port, */
	bool monitor_inline; /* and what it receives leaves by it again */
	uint32_t frames;     /* buffers in the pool for received frames */
	uint16_t room;       /* bytes in each */
	bool huge;
};

struct setup {
	struct mem mem;
	struct facts facts;
	struct rte_rcu_qsbr *qsbr;
	struct timebase timebase;
	struct nexthop_entry *nexthops;
	struct rte_mempool *pool, *small, *large;
	struct port port;
	struct workers workers;
	struct worker *w;
	struct media *media;
	struct keepalive *keepalive;
	uint64_t now_ms;
};

extern const uint8_t setup_gateway[6];

void setup_open(struct setup *setup, const struct setup_conf *conf);
void setup_close(struct setup *setup);

/* Ends the process with a sentence, unless `ok`. */
__attribute__((format(printf, 2, 3))) void setup_must(bool ok, const char *fmt, ...);

/* Runs the worker on this thread until `seconds` have passed. */
void setup_run(struct setup *setup, double seconds);

/* Says "ready", and then for each line on stdin, a number of seconds, makes a round of that length
 * and answers "FRAMES NANOSECONDS": what the round returned, and the processor time it took. */
void setup_rounds(uint64_t (*round)(double seconds));

/* Processor time of this thread. */
uint64_t setup_cpu_ns(void);

#endif
