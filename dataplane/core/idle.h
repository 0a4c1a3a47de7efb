/* SPDX-License-Identifier: BSD-3-Clause */
/* The sleep ramp of an idle worker: the only place where a worker makes a system call. */
#ifndef DATAPLANE_CORE_IDLE_H
#define DATAPLANE_CORE_IDLE_H

#include <stdint.h>

struct idle {
	uint32_t max_us;  /* longest sleep, 0 = spin */
	uint32_t turns;   /* empty turns in a row */
	uint32_t step_us; /* next sleep */
	uint64_t hz_us;   /* TSC cycles a microsecond */
};

/* max_us: longest sleep, 0 = never sleep. Call it on the worker's own thread: sets the thread's
 * timer slack, so that short sleeps are short. */
void idle_open(struct idle *idle, uint32_t max_us, uint64_t tsc_hz);

/* A turn with work in it: back to polling. */
static inline void idle_reset(struct idle *idle)
{
	idle->turns = 0;
	idle->step_us = 1;
}

/* An empty turn: spins at first, then sleeps, longer each time, never past due_tsc. */
void idle_wait(struct idle *idle, uint64_t now_tsc, uint64_t due_tsc);

#endif
