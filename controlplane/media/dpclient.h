/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's end of the control protocol (shared/proto.h), on one uv loop.
 *
 * The client holds what the data plane should hold: flows by media address and port, bindings by
 * index. It connects when it can, sends everything after each (re)connection, and from then on what
 * changes; callers set and forget, whether the data plane is there or not. Ids of the data plane
 * (port slots, binding ids) may be others after its restart, so they appear in no call: the client
 * translates when it sends. What waits for a slow reader is a mark on the record, never a copy.
 *
 * Nothing here blocks. Calls from the loop's thread only. */
#ifndef CONTROLPLANE_MEDIA_DPCLIENT_H
#define CONTROLPLANE_MEDIA_DPCLIENT_H

#include "shared/addr.h"
#include "shared/facts.h"
#include "shared/proto.h"

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#define DPCLIENT_MEDIA_MAX 8 /* media addresses of a loop */

/* A port slot: index into dpclient_conf.media, and an even port of the range. Port 0: none. */
struct dpclient_port {
	uint16_t media;
	uint16_t port;
};

/* Called from the loop, never from inside a call of this header; each may be NULL. */
struct dpclient_events {
	/* The data plane holds everything that was set, and all media clocks began anew. */
	void (*up)(void *arg);
	void (*down)(void *arg);
	/* ev->id means nothing here, `at` does; gen is compared already: it is the flow that is
	 * set. */
	void (*flow)(void *arg, struct dpclient_port at, const struct proto_flow_event *ev);
	void (*monitor)(void *arg, uint32_t number, const struct proto_flow_event *ev);
	void (*binding)(void *arg, uint32_t index, const struct proto_binding_event *ev);
	/* Everything is about to be told again: bindings of which the data plane said that they are
	 * lost are so only if it says it again. */
	void (*resync)(void *arg);
	/* Events were lost: look at the facts of all flows. Everything is told again as well, so
	 * that it is learnt anew which bindings are lost and from where media comes. */
	void (*lost)(void *arg, uint64_t events);
	void *arg;
};

struct dpclient_conf {
	const char *socket; /* path; copied */
	uint32_t slot;      /* 0 .. PROTO_SLOTS-1: number of the loop */
	uint32_t incarnation;
	uint32_t retry_max_ms; /* longest wait between two attempts to connect; 0 = 2000 */
	struct addr media[DPCLIENT_MEDIA_MAX]; /* port unused */
	uint32_t media_count;
	uint16_t port_min;     /* even; the same range on each media address */
	uint16_t port_max;     /* odd */
	uint32_t bindings_max; /* binding indexes 0 .. bindings_max-1 may be used */
	uint32_t monitors_max; /* likewise numbers of monitored flows */
	struct proto_conf classes[PROTO_CLASSES]; /* class_id is the array index */
	uint32_t class_count;                     /* at least 1 */
	struct dpclient_events events;
};

struct dpclient;

/* Makes a client that does not connect yet. Returns 0, -EINVAL (range, counts, addresses, path too
 * long) or -ENOMEM. */
int dpclient_open(struct dpclient **c, uv_loop_t *loop, const struct dpclient_conf *conf);

/* Starts to connect; the data plane need not be there. To be called once, when all that outlived a
 * former process has been set: the first sync removes from the data plane what is not set. */
void dpclient_start(struct dpclient *c);

/* Closes the connection; the memory goes once the loop has run its close callbacks. */
void dpclient_close(struct dpclient *c);

/* True between events.up and events.down. */
bool dpclient_is_up(const struct dpclient *c);

/* Sets (adds, updates, replaces by a higher gen) the flow at a port. flow->id and flow->peer_id are
 * not read: `at` and `peer` (port 0: none yet) stand for them. With the same gen, what was learnt
 * is kept unless PROTO_FLOW_RELEARN is set; PROTO_FLOW_LATCHED hands in what a store kept.
 * expires_ms is the caller's: set the flow again to prolong it. Media clocks restart at each
 * resync. Returns 0, or -EINVAL for a port that is odd, out of the range, or of no media address.
 */
int dpclient_flow_set(struct dpclient *c, struct dpclient_port at, struct dpclient_port peer,
	const struct proto_flow *flow);

/* Removes it if gen is the one that is set; another gen is ignored. */
void dpclient_flow_del(struct dpclient *c, struct dpclient_port at, uint32_t gen);

/* The flow as it is wanted, with what was learnt (latched, latched_rtcp, ssrc and
 * PROTO_FLOW_LATCHED), or NULL. Its ids mean nothing. Valid until the next call. */
const struct proto_flow *dpclient_flow_get(const struct dpclient *c, struct dpclient_port at);

/* Bindings by index; binding->id is not read. Returns 0, or -EINVAL for an index out of range or a
 * record that proto_check would refuse. */
int dpclient_binding_set(struct dpclient *c, uint32_t index, const struct proto_binding *binding);
void dpclient_binding_del(struct dpclient *c, uint32_t index, uint32_t gen);
const struct proto_binding *dpclient_binding_get(const struct dpclient *c, uint32_t index);

/* Monitored flows by number, as bindings; monitor->id is not read. Media clocks restart at each
 * resync. */
int dpclient_monitor_set(struct dpclient *c, uint32_t number, const struct proto_monitor *monitor);
void dpclient_monitor_del(struct dpclient *c, uint32_t number, uint32_t gen);
const struct proto_monitor *dpclient_monitor_get(const struct dpclient *c, uint32_t number);

/* Changes the parameters of one keep-alive class (conf->class_id). Returns 0 or -EINVAL. */
int dpclient_class_set(struct dpclient *c, const struct proto_conf *conf);

/* Facts of a flow; times in CLOCK_BOOTTIME ms, 0 = never. */
struct dpclient_flow_facts {
	uint64_t boot_id; /* of the process that counted, never 0 */
	uint64_t rtp_ms;
	uint64_t rtcp_ms;
	uint64_t bytes;
	uint32_t packets;
	uint32_t lost;      /* RFC 3550 A.3, never below 0 */
	uint32_t jitter_ms; /* RFC 3550 A.8 */
	uint32_t ssrc_changes;
	uint32_t rtcp; /* RTCP datagrams */
	/* Packets refused, by reason. */
	uint32_t off_source;
	uint32_t malformed;
	uint32_t payload_type;
};

/* Reads the facts memory; no message. What was seen of a former flow at the same port is nobody's:
 * -ENOENT until the one that is set has been sent. It is still readable while the data plane is
 * away (last values) and begins anew with another process. Returns 0 or -ENOENT (no such slot, or
 * no data plane seen yet). */
int dpclient_flow_facts(const struct dpclient *c, struct dpclient_port at, uint64_t now_ms,
	struct dpclient_flow_facts *out);
int dpclient_monitor_facts(const struct dpclient *c, uint32_t number, uint64_t now_ms,
	struct dpclient_flow_facts *out);

/* When a binding was last heard (SIP or answer to a keep-alive), CLOCK_BOOTTIME ms; 0 = never. */
uint64_t dpclient_binding_heard(const struct dpclient *c, uint32_t index, uint64_t now_ms);

/* Counters of all workers summed (the _max_ ones: the largest) and the main thread's gauges.
 * Returns 0, or -ENOENT as above. Either pointer may be NULL. */
int dpclient_totals(const struct dpclient *c, struct facts_worker *sum, struct facts_head *head);

/* Counters of one worker. Returns 0, or -ENOENT as above, also for a worker that is not. */
int dpclient_worker(const struct dpclient *c, uint32_t worker, struct facts_worker *out);

/* For status pages. */
struct dpclient_status {
	bool up;
	uint64_t boot_id;
	uint32_t workers;
	uint32_t flows;            /* set now */
	uint32_t bindings;         /* set now */
	uint32_t monitors;         /* set now */
	uint32_t pending;          /* records not sent yet */
	uint32_t binding_capacity; /* of the data plane, 0 = unknown */
	uint64_t resyncs;
	uint64_t refused;  /* records that the data plane refused */
	uint64_t unplaced; /* records for which it has no room (now) */
	uint64_t events;
	uint64_t events_lost;
};
void dpclient_status(const struct dpclient *c, struct dpclient_status *out);

#endif
