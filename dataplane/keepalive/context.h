/* SPDX-License-Identifier: BSD-3-Clause */
/* What struct keepalive is to the files of this folder. */
#ifndef DATAPLANE_KEEPALIVE_CONTEXT_H
#define DATAPLANE_KEEPALIVE_CONTEXT_H

#include "dataplane/core/addrmap.h"
#include "dataplane/core/worker.h"
#include "dataplane/keepalive/keepalive.h"
#include "dataplane/keepalive/pulse.h"
#include "dataplane/keepalive/sweep.h"
#include "dataplane/keepalive/tag.h"
#include "shared/log.h"

enum binding_flags {
	BINDING_USED = 1 << 0,
	BINDING_SOURCE = 1 << 1, /* the source table names it, for all that share its address */
	BINDING_LOST = 1 << 2,   /* the client was told so */
};

/* What main knows of a binding. Bindings of one address (two lines of a phone) form a ring. */
struct binding {
	struct addr dst;
	uint32_t gen;
	uint32_t next, prev; /* in the ring, itself if alone */
	uint16_t nexthop;
	uint16_t template;
	uint8_t slot; /* of the client */
	uint8_t mark; /* of the client's sync in which it was last set */
	uint8_t flags;
	uint8_t class_id;
};

/* Mark and sweep of one client. */
struct binding_sync {
	uint8_t mark;
	bool owing;        /* the first one is on its way */
	bool done;         /* and this is over */
	uint32_t left;     /* bindings that the walk has still to look at */
	uint64_t since_ms; /* from then on keep-alives may be missing, 0: for ever */
};

struct keepalive {
	struct keepalive_conf conf;
	struct templates templates;
	struct rte_hash *source;
	struct sweep *sweep;            /* [worker_count] */
	struct schedule_conf *schedule; /* [worker_count], as told to the sweeps */
	struct binding *binding;        /* [bindings] */
	uint32_t *expires;              /* [bindings], tick; 0 = not in use */
	uint32_t *where;                /* [bindings], the sweeps' own */
	struct sweep_ip6 *ip6;          /* [bindings], NULL until the first IPv6 binding */
	struct pulse *pulse;            /* [bindings] */
	struct rte_ring **notes;        /* [worker_count] of struct pulse_note */
	struct cap_place *cap;          /* of all workers, NULL until there is a cap */
	bool notes_full;                /* a worker could not note something */
	bool probing;                   /* a class draws answers */
	struct tag_key tag;
	struct binding_sync sync[PROTO_SLOTS];
	uint32_t *used;        /* [worker_count] */
	uint64_t walked_ms;    /* when the walk went on last */
	uint32_t cursor;       /* of it, in blocks */
	bool behind;           /* it had to stop for want of room */
	uint32_t reroute_left; /* bindings that it has still to route again */
	uint32_t routeless;    /* bindings without a route */
	uint64_t routeless_ms; /* since when there are many, 0: there are not */
	uint64_t missed_ms;    /* since when messages are to be made up for, 0: none */
	uint32_t relook_left;  /* bindings whose pulse it has still to look at */
	uint32_t aged;         /* tick at which old ticks were looked at last */
	uint32_t age_left;     /* bindings that it has still to look at for that */
	uint32_t shared;       /* bindings that share an address with another */
	struct log_rate short_rate;
};

static inline struct sweep *sweep_of(const struct worker *w)
{
	return &w->keepalive->sweep[w->index];
}

#define BINDING_WALK_MS 1000 /* in which the walk comes by each binding */

/* binding.c: one portion of the walk over all bindings, for expiry, sync, routes and shared
 * addresses; and whether the next one is to be soon. */
void binding_walk(struct keepalive *keepalive, uint64_t now_ms);
bool binding_is_busy(const struct keepalive *keepalive);

/* shared.c, main: a binding joins those of its address, and leaves them; SIP stamps the one that
 * the source table names, and is the others' as well (answers stamp each its own, maybe later). */
void shared_join(struct keepalive *keepalive, uint32_t id, const struct addr *dst);
void shared_leave(struct keepalive *keepalive, uint32_t id);
void shared_stamp(struct keepalive *keepalive, uint32_t id);

/* lost.c, main: takes the workers' notes; looks at one binding; tells its client how it stands. */
void lost_tick(struct keepalive *keepalive, uint64_t now_ms);
bool lost_is_busy(const struct keepalive *keepalive);
void lost_look(struct keepalive *keepalive, uint32_t id, uint64_t now_ms);
void lost_tell(struct keepalive *keepalive, uint32_t id, uint64_t now_ms);

#endif
