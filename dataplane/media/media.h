/* SPDX-License-Identifier: BSD-3-Clause */
/* Media: the context that holds media addresses, flows and what workers learnt. Main thread, except
 * media_input(). */
#ifndef DATAPLANE_MEDIA_MEDIA_H
#define DATAPLANE_MEDIA_MEDIA_H

#include "dataplane/core/due.h"
#include "dataplane/core/event.h"
#include "dataplane/core/facts.h"
#include "dataplane/core/mem.h"
#include "dataplane/core/route.h"
#include "shared/proto.h"

#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <stdbool.h>
#include <stdint.h>

struct media;
struct worker;

struct media_conf {
	const struct mem *mem;
	const struct facts *facts; /* flow records, flow_rtcp[], head */
	struct rte_rcu_qsbr *qsbr;
	struct event_sink events;
	struct route route;
	struct worker *workers;
	unsigned int worker_count;
	struct rte_mempool *pool; /* for packets of our own */
	uint32_t flows;           /* capacity in port slots */
	uint32_t monitors;        /* capacity in monitored flows, 0 = no monitor ports */
	uint32_t clients;         /* each has an equal share of the monitored flows */
};

/* First id of a monitored flow: of a block. */
static inline uint32_t media_monitor_first(uint32_t flows)
{
	return due_blocks(flows) * DUE_BLOCK;
}

/* Flows of both kinds, as the facts have them. */
static inline uint32_t media_total(uint32_t flows, uint32_t monitors)
{
	return monitors ? media_monitor_first(flows) + monitors : flows;
}

/* Size of the map of monitored flows. Each has two keys, RTP and RTCP, and one whose receiver is
 * behind a NAT two more: even if all are, the map is no fuller than two thirds. */
static inline uint32_t media_monitor_keys(uint32_t monitors)
{
	return 3 * monitors;
}

/* Sets worker->media of each worker; before the workers run. Returns 0 or -errno. */
int media_open(struct media **media, const struct media_conf *conf);

/* After the workers have ended. */
void media_close(struct media *media);

/* Claims a port range of a local address for a client; *ready is the answer to send. The same claim
 * again, also after the client came back, returns the same slots. Returns 0, -ENOSPC (capacity),
 * -EEXIST (overlaps another claim), -EINVAL. */
int media_addr_claim(struct media *media, uint32_t slot, const struct proto_media_addr *claim,
	struct proto_media_ready *ready);

/* A relay flow is there, of this generation and this client's. */
bool media_has_flow(const struct media *media, uint32_t slot, uint32_t id, uint32_t gen);

/* Every 20 ms or so while it is busy: what workers learnt, silence, expiry, route changes. Bounded.
 */
void media_tick(struct media *media, uint64_t now_ms);

/* There are flows: what is heard of them is to be told soon. */
bool media_is_busy(const struct media *media);

/* Routes changed: the destinations of all flows are asked for again, in portions. */
void media_reroute(struct media *media);

/* Worker: sorts and handles n frames that port (index in w->port) received; takes all of them.
 * RTP and RTCP to a media port are relayed or dropped, SIP of known bindings is stamped, and all
 * that is not for a media port is punted. */
void media_input(struct worker *w, uint16_t port, struct rte_mbuf **mbufs, uint16_t n);

#endif
