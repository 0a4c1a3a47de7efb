/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures as clients set them: their bounds, and the way of the copied frames from the workers to
 * the client. Main thread. */
#ifndef DATAPLANE_CONTROL_CAPTURES_H
#define DATAPLANE_CONTROL_CAPTURES_H

#include "dataplane/core/event.h"
#include "dataplane/core/worker.h"

#include <stdint.h>

struct captures;
struct media;
struct keepalive;

struct captures_conf {
	struct rte_rcu_qsbr *qsbr;
	struct event_sink events;
	const struct worker *workers;
	struct capture_board *board; /* of these workers */
	unsigned int worker_count;
	struct media *media;
	struct keepalive *keepalive;
	uint64_t tsc_hz;
};

/* Returns 0 or -ENOMEM. */
int captures_open(struct captures **captures, const struct captures_conf *conf);

void captures_close(struct captures *captures);

/* Begins one; the record passed proto_check. Returns 0, -EEXIST (the client has one of that name),
 * -ENOSPC, -ENOENT (no such flow or binding of this client), -ETIME (its end has passed), -ERANGE
 * (its end is too far away). */
int captures_set(
	struct captures *captures, uint32_t slot, const struct proto_capture *set, uint64_t now_ms);

/* Ends one without a word, if there is one of that name. */
void captures_del(struct captures *captures, uint32_t slot, uint32_t capture);

/* The client is gone, and its captures with it. */
void captures_forget(struct captures *captures, uint32_t slot);

/* Every 20 ms or so: takes what the workers copied, and ends what is at its end. Bounded. now_us
 * (CLOCK_BOOTTIME) and now_tsc are the same moment. */
void captures_tick(struct captures *captures, uint64_t now_us, uint64_t now_tsc);

/* How many there are, for telemetry (any thread). */
unsigned int captures_count(const struct captures *captures);

#endif
