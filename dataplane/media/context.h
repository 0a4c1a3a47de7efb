/* SPDX-License-Identifier: BSD-3-Clause */
/* What struct media is to the files of this folder. */
#ifndef DATAPLANE_MEDIA_CONTEXT_H
#define DATAPLANE_MEDIA_CONTEXT_H

#include "dataplane/core/tagmap.h"
#include "dataplane/core/worker.h"
#include "dataplane/media/claim.h"
#include "dataplane/media/latch.h"
#include "dataplane/media/media.h"
#include "dataplane/media/record.h"
#include "shared/clock.h"

#define MEDIA_LEARNT_RING 1024 /* power of two, a worker */
#define MEDIA_FRAG_PLACES 256  /* power of two */

/* The seldom used half of a flow: RTCP, and what learning needs. Main and workers write it under
 * `busy`; match and out of RTCP are single words, as in the record. */
struct flow_cold {
	uint64_t rtcp_match; /* record_key() */
	uint64_t rtcp_out;   /* record_out() */
	uint64_t types;      /* payload types 32 to 95 that are allowed */
	struct latch latch;
	struct latch latch_rtcp;
	struct addr remote; /* candidates, as the control plane told */
	struct addr remote_rtcp;
	struct addr signal;
	struct addr old;     /* learnt source before it was opened again: stragglers */
	uint32_t old_until;  /* tick */
	uint32_t guess_tick; /* sending to a leg of which nothing was learnt: */
	uint32_t gen;
	uint16_t guess_count; /* packets since guess_tick */
	uint8_t busy;         /* one thread at a time changes what was learnt */
	uint8_t zero;
} __attribute__((aligned(64)));

/* IPv6 addresses of a flow, in network order; `out` in turns, see record_out(). */
struct flow_ip6 {
	uint8_t match[16], match_rtcp[16];
	uint8_t out[2][16], out_rtcp[2][16];
	uint8_t from[16];
	uint8_t zero[16];
} __attribute__((aligned(64)));

/* What a monitored flow has beside its record. That has, of IPv4: `match` who sends, as
 * record_key(); the address in `from` its signalling host, or the same again; `out` the
 * record_key() of where RTP goes. Each is 0 if it is not so simple, and then this here tells. */
struct monitor_side {
	uint64_t types; /* payload types 32 to 95 that are allowed */
	uint32_t gen;
	struct addr behind; /* the receiver's NAT; family 0: none */
	struct addr from;   /* who sends to it, and what the map holds for that */
	struct addr source; /* who sends */
	struct addr signal; /* likewise, port unused */
	struct addr dst;    /* where it goes, and what the map holds for it */
	struct addr dst_rtcp;
	struct addr from_rtcp;
} __attribute__((aligned(64)));

enum flow_state {
	FLOW_ACTIVE = 1 << 0,
	FLOW_LATCHED = 1 << 1,
	FLOW_LATCHED_RTCP = 1 << 2,
	FLOW_SILENT = 1 << 3,
};

/* What only main knows of a flow. */
struct flow {
	struct addr dst; /* where packets to this leg go: learnt, else as told; family 0: nowhere */
	struct addr dst_rtcp;
	uint64_t token; /* of its end: the slot is clean when no worker is before it */
	uint32_t gen;
	uint32_t peer_id, peer_gen;
	uint32_t flags;          /* enum proto_flow_flags */
	uint32_t version;        /* of what was published for it, see record_out() */
	uint32_t clock;          /* tick at which the media clock starts */
	uint32_t start, silence; /* ticks, 0 = off */
	uint16_t nexthop, nexthop_rtcp;
	uint16_t claim;
	uint8_t state; /* enum flow_state */
	uint8_t mark;  /* of the client's sync in which it was last set */
	uint8_t dscp;
	uint8_t keepalive_s;
	uint32_t held; /* tick of our last packet to this leg, or since when it may want one */
};

/* One of this generation would take its place. */
static inline bool flow_is_other(const struct flow *f, uint32_t gen)
{
	return f->state & FLOW_ACTIVE && f->gen != gen;
}

/* A worker's word that a source was learnt. */
struct learnt {
	uint32_t id, gen;
	uint32_t kind; /* PROTO_FLOW_LEARNT or PROTO_FLOW_LEARNT_RTCP */
	uint32_t ssrc;
	struct addr addr;
};

struct media_sync {
	uint8_t mark;
	uint32_t left; /* flows that the walk has still to look at */
};

/* Ids below conf.flows are port slots, those from monitor_first on are monitored flows. */
struct media {
	/* Read by workers. */
	struct flow_record *record;    /* [total] */
	uint32_t *heard_rtcp;          /* [total] */
	struct facts_quality *quality; /* [total] */
	struct flow_cold *cold;        /* [flows] */
	struct flow_ip6 *ip6;          /* [flows], NULL until an IPv6 address was claimed */
	struct tagmap monitors;        /* monitored destinations */
	struct monitor_side *side;     /* [monitors], by id - monitor_first */
	uint32_t monitor_first;
	uint32_t monitors_from; /* of them are in the map by their sender too */
	struct claims claims;
	struct rte_ring **learnt; /* [worker_count] of struct learnt */
	/* First fragments of packets that are not media: the rest of these may pass. */
	uint64_t frag[MEDIA_FRAG_PLACES];

	/* Main's own. */
	struct media_conf conf;
	uint32_t total;
	uint32_t monitors_used; /* ids from there on were never set */
	struct flow *flow;      /* [total] */
	uint32_t *expires;      /* [total], tick; 0 = not in use */
	uint32_t *due;          /* [total], tick at which silence is looked at; 0 = not watched */
	uint32_t *hold; /* [flows], tick at which it may want a keep-alive; 0 = it gets none */
	struct media_sync sync[PROTO_SLOTS];
	uint32_t cursor; /* of the walk, in blocks */
	uint32_t reroute_left;
	uint32_t silence_cursor, hold_cursor;
	uint32_t scanned;   /* tick of the last scan for silence */
	uint32_t listening; /* tick before which nobody is told silent, 0 = any */
	uint32_t aged;      /* tick at which old ticks were looked at last */
	uint32_t age_left;  /* flows that the walk has still to look at for that */
};

static inline const struct claim *media_claim_of(const struct media *m, uint32_t id)
{
	return &m->claims.claim[m->flow[id].claim];
}

static inline bool media_is_monitor(const struct media *m, uint32_t id)
{
	return id >= m->monitor_first && id < m->total;
}

/* The slot of the client whose flow it is. */
static inline uint32_t media_client_of(const struct media *m, uint32_t id)
{
	if (media_is_monitor(m, id))
		return (id - m->monitor_first) / (m->conf.monitors / m->conf.clients);
	return media_claim_of(m, id)->client;
}

/* A flow's media clock as the control plane sets it. */
struct flow_clock {
	uint32_t flags; /* enum proto_flow_flags */
	uint32_t start_ms, silence_ms;
	uint64_t clock_ms;
	bool again; /* the client missed events: it is told again that the clock has run out */
};

/* flow_walk.c: one portion of the walk over all flows: expiry, sync, routes. */
void flow_walk(struct media *media, uint64_t now_ms);

/* flow.c: a flow that is there ends; its destinations are asked for again; what a worker learnt; an
 * event of it. */
void flow_end(struct media *media, uint32_t id);
void flow_route(struct media *media, uint32_t id);
void flow_learnt(struct media *media, const struct learnt *learnt, uint64_t now_ms);
void flow_raise(struct media *media, uint32_t id, uint32_t kind, uint64_t now_ms);
void flow_clock(struct media *media, uint32_t id, const struct flow_clock *clock, uint64_t now_ms);
void flow_expire_at(struct media *media, uint32_t id, uint64_t expires_ms, uint64_t now_ms);

/* monitor_flow.c: a flow that is there ends. */
void monitor_end(struct media *media, uint32_t id);

/* silence.c: the clock of a flow starts or stops, and one portion of the scan: a tick's. */
#define SILENCE_PARTS 2 /* of due[]: 40 ms for all of it */
void silence_watch(struct media *media, uint32_t id, uint32_t now);
void silence_scan(struct media *media, uint64_t now_ms);

#endif
