/* SPDX-License-Identifier: BSD-3-Clause */
/* The sleeps of a worker with little to do: the only place where a worker makes a system call. */
#ifndef DATAPLANE_CORE_IDLE_H
#define DATAPLANE_CORE_IDLE_H

#include <stdbool.h>
#include <stdint.h>

struct facts_worker;
struct idle_irq;

enum idle_state {
	IDLE_AWAKE,
	IDLE_ARMED, /* interrupts are on; the turn under way is the last look */
	IDLE_OVER,  /* nothing interrupted the sleep before this turn */
	IDLE_WOKEN, /* an Rx interrupt did */
};

struct idle {
	uint32_t max_us;  /* longest sleep, 0 = spin */
	uint32_t turns;   /* empty turns in a row */
	uint32_t step_us; /* next sleep */
	uint64_t taken;   /* packets since the last sleep */
	uint64_t hz_us;   /* TSC cycles a microsecond */
	uint8_t state;    /* enum idle_state */
	uint8_t late;     /* packets found after sleeps that no interrupt ended */
	/* Both are set after idle_open(). */
	struct idle_irq *irq;       /* what can wake it, NULL: only time */
	struct facts_worker *count; /* where its sleeps with interrupts are counted */
};

/* max_us: longest sleep, 0 = never sleep. Call it on the worker's own thread: sets the thread's
 * timer slack, so that short sleeps are short. */
void idle_open(struct idle *idle, uint32_t max_us, uint64_t tsc_hz);

/* Work in a turn just before or after a sleep with interrupts on. Where packets are found that
 * should have ended the sleep, again and again, the interrupts do not come: no more such sleeps. */
void idle_found(struct idle *idle, uint64_t taken);

/* No more such sleeps, whatever it is about to do. */
void idle_deafen(struct idle *idle);

/* A turn with work in it, and how many packets it took in. */
static inline void idle_reset(struct idle *idle, uint64_t taken)
{
	idle->turns = 0;
	idle->taken += taken;
	if (__builtin_expect(idle->state != IDLE_AWAKE, false))
		idle_found(idle, taken);
}

/* An empty turn: spins at first, then sleeps, never past due_tsc. Going to sleep and waking up
 * costs as much as the relaying of ten packets, so a sleep is to find a few dozen of them: what
 * came in since the one before tells its length. When the longest found nothing at all, the
 * interrupts are turned on, and if the turn after that is empty, too, they end the sleep. Returns
 * how many TSC cycles such a sleep was meant to last, or lasted if that is less; else 0. */
uint64_t idle_wait(struct idle *idle, uint64_t now_tsc, uint64_t due_tsc);

#endif
