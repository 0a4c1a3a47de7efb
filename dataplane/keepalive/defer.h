/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings that are due and yet get nothing now: their device was heard a moment ago, or their
 * address got as much as it may. They move to a slot that suits them. Worker. */
#ifndef DATAPLANE_KEEPALIVE_DEFER_H
#define DATAPLANE_KEEPALIVE_DEFER_H

#include "dataplane/keepalive/cap.h"
#include "dataplane/keepalive/slots.h"

#include <stdbool.h>

#define DEFER_MAX 64 /* bindings of a span */

struct sweep;
struct worker;

/* The parameters, and the clock's arithmetic. */
struct defer {
	struct cap cap;
	uint64_t tick_tsc; /* cycles of a tick */
	uint64_t us_tsc;   /* of a microsecond, rounded up */
	bool skip;         /* bindings that were heard */
	bool on;           /* there is something to judge */
};

/* Where those of a span go that are held back. */
struct defer_moves {
	uint64_t held;   /* bit i: binding i of the span gets nothing */
	uint64_t capped; /* of them: those whose address got as much as it may */
	uint32_t id[DEFER_MAX];
	uint32_t slot[DEFER_MAX];
};

/* Judges n bindings that are due, 1 .. DEFER_MAX; *moves holds nobody before. */
void defer_judge(struct worker *w, struct sweep *s, const struct slots_binding *binding, uint32_t n,
	struct defer_moves *moves);

/* The rest of the span, from `done` on, comes again: what the cap took for it is given back. */
void defer_undo(const struct sweep *s, const struct slots_binding *binding, uint32_t done,
	uint32_t n, const struct defer_moves *moves);

/* Counts and moves those of the first `done`, after schedule_sent(). */
void defer_move(struct worker *w, struct sweep *s, uint32_t done, const struct defer_moves *moves);

#endif
