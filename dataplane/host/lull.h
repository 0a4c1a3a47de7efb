/* SPDX-License-Identifier: BSD-3-Clause */
/* What the pump does while there is nothing to carry: it sleeps until a host interface has a frame,
 * or a worker without work rings because of frames that it left before. A worker that is never
 * without work does not ring, so the sleep has an end: soon while there is such a worker, sooner
 * where frames were found that nobody had rung for. Who rings all the time is not listened to: then
 * it naps, and carries many frames at once. */
#ifndef DATAPLANE_HOST_LULL_H
#define DATAPLANE_HOST_LULL_H

#include "dataplane/core/idle.h"

#include <stdbool.h>
#include <stdint.h>

#define LULL_LEAST_MS 1
#define LULL_MOST_MS  10
#define LULL_CALM_MS  100 /* while all workers are without work now and then */
#define LULL_WAKES    10  /* long sleeps that may be ended in an interval of the pump's budgets */

struct lull {
	struct idle idle;     /* naps */
	struct idle_irq *irq; /* what ends a long sleep, NULL: naps only */
	uint32_t ms;          /* length of the next long sleep */
	uint32_t most_ms; /* longest of them: LULL_MOST_MS or LULL_CALM_MS, its owner's to say */
	uint32_t wakes;   /* that are left in this interval */
	bool armed;       /* the turn under way is the last look */
	bool over;        /* nothing ended the sleep before this turn */
};

/* On the pump's thread. max_us: longest nap. lull->irq is set by its owner. */
void lull_open(struct lull *lull, uint32_t max_us, uint64_t tsc_hz);

/* A new interval begins. */
static inline void lull_refill(struct lull *lull)
{
	lull->wakes = LULL_WAKES;
}

/* A turn that carried frames. */
void lull_end(struct lull *lull, unsigned int moved);

/* A turn that carried none; nap: do not wait to be woken, frames are there already. */
void lull_wait(struct lull *lull, uint64_t now_tsc, bool nap);

#endif
