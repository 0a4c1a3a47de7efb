/* SPDX-License-Identifier: BSD-3-Clause */
/* The sleeps of a worker with little to do: the only place where a worker makes a system call. */
#ifndef DATAPLANE_CORE_IDLE_H
#define DATAPLANE_CORE_IDLE_H

#include <stdint.h>

struct idle {
	uint32_t max_us;  /* longest sleep, 0 = spin */
	uint32_t turns;   /* empty turns in a row */
	uint32_t step_us; /* next sleep */
	uint64_t taken;   /* packets since the last sleep */
	uint64_t hz_us;   /* TSC cycles a microsecond */
};

/* max_us: longest sleep, 0 = never sleep. Call it on the worker's own thread: sets the thread's
 * timer slack, so that short sleeps are short. */
void idle_open(struct idle *idle, uint32_t max_us, uint64_t tsc_hz);

/* A turn with work in it, and how many packets it took in. */
static inline void idle_reset(struct idle *idle, uint64_t taken)
{
	idle->turns = 0;
	idle->taken += taken;
}

/* An empty turn: spins at first, then sleeps, never past due_tsc. Going to sleep and waking up
 * costs as much as the relaying of ten packets, so a sleep is to find a few dozen of them: what
 * came in since the one before tells its length. */
void idle_wait(struct idle *idle, uint64_t now_tsc, uint64_t due_tsc);

#endif
