/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/lull.h"

#include "dataplane/core/idle_irq.h"

#include <rte_common.h>

void lull_open(struct lull *lull, uint32_t max_us, uint64_t tsc_hz)
{
	lull->ms = LULL_LEAST_MS;
	lull->most_ms = LULL_MOST_MS;
	lull->armed = lull->over = false;
	idle_open(&lull->idle, max_us, tsc_hz);
	lull_refill(lull);
}

static void lull_disarm(struct lull *lull)
{
	if (lull->armed)
		idle_irq_disarm(lull->irq);
	lull->armed = false;
}

void lull_end(struct lull *lull, unsigned int moved)
{
	lull_disarm(lull);
	/* Nobody rang: the worker is too busy for that. */
	if (lull->over)
		lull->ms = LULL_LEAST_MS;
	lull->over = false;
	idle_reset(&lull->idle, moved);
}

static void lull_sleep(struct lull *lull)
{
	lull->over = idle_irq_sleep(lull->irq, lull->ms) == IDLE_IRQ_TIME;
	if (!lull->over)
		lull->wakes--;
	lull->idle.taken = 0;
	lull_disarm(lull);
}

void lull_wait(struct lull *lull, uint64_t now_tsc, bool nap)
{
	if (lull->over)
		lull->ms = RTE_MIN(2 * lull->ms, lull->most_ms);
	lull->over = false;
	if (nap || !lull->irq || lull->wakes == 0) {
		lull_disarm(lull);
		idle_wait(&lull->idle, now_tsc, UINT64_MAX);
	} else if (lull->armed) {
		lull_sleep(lull);
	} else {
		idle_irq_arm(lull->irq);
		lull->armed = true;
	}
}
