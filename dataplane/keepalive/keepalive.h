/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives: the context that holds bindings, templates and the workers' sweeps. Main thread,
 * except keepalive_turn(). */
#ifndef DATAPLANE_KEEPALIVE_KEEPALIVE_H
#define DATAPLANE_KEEPALIVE_KEEPALIVE_H

#include "dataplane/core/event.h"
#include "dataplane/core/facts.h"
#include "dataplane/core/mem.h"
#include "dataplane/core/route.h"
#include "shared/proto.h"

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>
#include <stdbool.h>
#include <stdint.h>

struct keepalive;
struct worker;

/* Bytes of data room in a buffer; only a long message needs the large ones. */
#define KEEPALIVE_FRAME_SMALL 192
#define KEEPALIVE_FRAME_LARGE 1280

struct keepalive_conf {
	const struct mem *mem;
	const struct facts *facts; /* binding_heard[], head */
	struct rte_rcu_qsbr *qsbr;
	struct event_sink events;
	struct route route;
	struct worker *workers; /* their mailboxes are open already */
	unsigned int worker_count;
	struct rte_mempool *small; /* frames to send, of these sizes; nobody else's pools */
	struct rte_mempool *large;
	uint32_t bindings; /* capacity: ids are 0 .. bindings - 1 */
	uint64_t tsc_hz;
};

/* Sets worker->keepalive of each worker; before the workers run. Returns 0 or -errno. */
int keepalive_open(struct keepalive **keepalive, const struct keepalive_conf *conf);

/* After the workers have ended. */
void keepalive_close(struct keepalive *keepalive);

/* One device class, checked by proto_check. Period, interval and batch are taken from class 0 and
 * hold for the node. Takes effect on bindings in place. Returns 0, -ENOMEM, or -EAGAIN (as
 * keepalive_room). */
int keepalive_conf_set(struct keepalive *keepalive, const struct proto_conf *conf);

/* How many binding_set, binding_del and keepalive_conf_set calls are certain not to return -EAGAIN
 * now. The server stops reading its clients while it is below PROTO_RECORDS_MAX. */
unsigned int keepalive_room(const struct keepalive *keepalive);

/* Every 20 ms or so while it is busy, else every 100: expiry, sweeps of a sync, route changes,
 * gauges. Bounded. */
void keepalive_tick(struct keepalive *keepalive, uint64_t now_ms);

/* A sync, a change of routes, lost devices: there is something to go on with. */
bool keepalive_is_busy(const struct keepalive *keepalive);

/* The messages of so many bindings did not leave since then (a port was out of service, its link
 * down, a gateway unknown), and leave now: they are made up for (schedule_missed), unless they are
 * too few to be worth one to each binding. */
void keepalive_missed(struct keepalive *keepalive, uint32_t bindings, uint64_t since_ms);

/* Routes changed: the destinations of all bindings are asked for again, in portions. */
void keepalive_reroute(struct keepalive *keepalive);

/* Worker: UDP packets came from these sources, 1 to KEEPALIVE_HEARD_MAX; stamps their bindings. */
#define KEEPALIVE_HEARD_MAX 32
void keepalive_heard(struct worker *w, const struct addr *const source[], uint32_t n);

/* Worker: true if this UDP payload is named like an answer to a keep-alive of ours; then nobody
 * else needs it. Only a true one, from the binding's own address, stamps the binding. */
bool keepalive_answer(struct worker *w, const struct rte_mbuf *mbuf, const struct addr *source,
	const uint8_t *data, uint16_t len);

/* Worker, while bindings are captured: a frame from that source that goes to the kernel; and frames
 * of the kernel, on their way to whom they name. */
void keepalive_capture_sip(
	struct worker *w, const struct rte_mbuf *mbuf, const struct addr *source);
void keepalive_capture_host(struct worker *w, struct rte_mbuf *const mbuf[], unsigned int n);

/* Worker: sends what is due at now_tsc (a bounded number of frames, so that Rx has its turn) and
 * returns the TSC at which it wants to run again; UINT64_MAX when there is nothing to send. */
uint64_t keepalive_turn(struct worker *w, uint64_t now_tsc);

#endif
