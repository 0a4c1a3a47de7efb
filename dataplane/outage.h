/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports whose device wants a reset, has gone, or is back. DPDK says so on a thread of its own,
 * which leaves a mark; the main thread does the rest, step by step: takes the port from the workers
 * (workers_pause), resets or closes the device, and when it is set up as it was, gives it back. The
 * other ports, bindings, flows and all that was learnt stay as they are. Of a bond one member at a
 * time is taken out and put back; the others carry on. Main thread, but for the marks. */
#ifndef DATAPLANE_OUTAGE_H
#define DATAPLANE_OUTAGE_H

#include "dataplane/core/event.h"
#include "dataplane/core/port.h"
#include "dataplane/core/workers.h"

#include <rte_config.h>
#include <stdbool.h>
#include <stdint.h>

/* A device that fails again and again must not eat the machine: the first outage in a while is
 * ended as soon as can be; each further one, and each further try, waits twice as long as the one
 * before, from the shortest to the longest wait. So a device gets at most eight tries in the first
 * two minutes and then one a minute. */
#define OUTAGE_WAIT_MIN_MS 1000
#define OUTAGE_WAIT_MAX_MS 60000
#define OUTAGE_CALM_MS     120000 /* in service for so long: the next one is the first */

struct exception;

struct outages_conf {
	struct port *ports;
	uint16_t count; /* monitor ports included */
	struct workers *workers;
	struct exception *exception; /* NULL: none */
	struct facts_head *head;
	struct event_sink events;
	/* A port can send again, which it could not since then. NULL: nobody wants to know. */
	void (*missed)(void *ctx, uint16_t port, uint64_t since_ms);
	void *ctx;
};

enum outage_stage {
	OUTAGE_NONE,    /* in service, but for members of a bond */
	OUTAGE_WANTED,  /* the workers are to be told to leave it alone */
	OUTAGE_LEAVING, /* they were told */
	OUTAGE_OUT,     /* it is main's */
	OUTAGE_OVER,    /* the workers are to be told to take it again */
};

enum outage_task {
	OUTAGE_RESET, /* device to be reset */
	OUTAGE_LOSE,  /* to be closed, since it has gone */
	OUTAGE_TAKE,  /* member of a bond to be put back */
};

/* Of one device. */
struct outage_device {
	bool out;          /* not in service */
	bool gone;         /* and why: it has gone, not: it is being reset */
	uint32_t wait_ms;  /* before the next try */
	uint64_t since_ms; /* for the log */
	uint64_t try_ms;   /* not before */
	uint64_t back_ms;  /* when it came back last, 0 = never */
};

/* Of one port. */
struct outage {
	uint8_t stage; /* enum outage_stage */
	uint8_t task;  /* enum outage_task */
	uint16_t member;
	uint64_t dark_ms; /* since when it could not send, 0 = it can */
	struct outage_device device[PORT_DEVICES_MAX];
};

struct outages {
	struct outages_conf conf;
	struct outage port[WORKER_PORTS_MAX];
	uint8_t marks[RTE_MAX_ETHPORTS]; /* by DPDK port: what its device said */
};

/* Listens to the devices from now on; writes the names of the ports into the facts. The struct must
 * not move. Returns 0 or -errno. */
int outages_open(struct outages *outages, const struct outages_conf *conf);

/* Stops listening. Ports stay as they are. */
void outages_close(struct outages *outages);

/* Several times a second, and soon again while it returns true: one step for each port that is not
 * in service. Resetting or starting a device takes as long as its driver needs, up to seconds for
 * some. */
bool outages_tick(struct outages *outages, uint64_t now_ms);

/* Several times a second: looks whether devices are still there, and tells the links. */
void outages_watch(struct outages *outages);

/* An operator wants a port reset: all members of a bond, one after another. `name` is that of the
 * facts. Returns 0, -ENOENT (no such port), -EBUSY (it is out of service already) or -EOPNOTSUPP
 * (device_can_reset). */
int outages_reset(struct outages *outages, const char *name);

#endif
