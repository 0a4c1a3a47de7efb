/* SPDX-License-Identifier: BSD-3-Clause */
/* CLOCK_BOOTTIME for workers without a system call: the time stamp counter, scaled by one
 * multiplication, plus an offset that the main thread corrects every second. */
#ifndef DATAPLANE_CORE_TIMEBASE_H
#define DATAPLANE_CORE_TIMEBASE_H

#include "shared/clock.h"

#include <stdint.h>

/* Time is counted in 1/65536 of a clock.h tick; one 64-bit offset is replaced atomically. */
#define TIMEBASE_SHIFT 16

struct timebase {
	uint64_t scale;  /* units a cycle, times 2^64 */
	uint64_t offset; /* units at TSC 0, modulo 2^64 */
};

/* tsc_hz from rte_get_tsc_hz(). */
void timebase_open(struct timebase *base, uint64_t tsc_hz);

/* Main thread, every second: tsc and boot_ms were read at the same moment. */
void timebase_sync(struct timebase *base, uint64_t tsc, uint64_t boot_ms);

static inline uint64_t timebase_units(const struct timebase *base, uint64_t cycles)
{
	return (uint64_t)(((unsigned __int128)cycles * base->scale) >> 64);
}

/* The clock.h tick of a TSC value; never 0. */
static inline uint32_t timebase_tick(const struct timebase *base, uint64_t tsc)
{
	uint64_t units = timebase_units(base, tsc) +
		__atomic_load_n(&base->offset, __ATOMIC_RELAXED);
	uint32_t tick = (uint32_t)(units >> TIMEBASE_SHIFT);

	return tick ? tick : 1;
}

/* A worker's clock after a look at the timebase: it goes forward, and back only when it had run far
 * ahead, since the counter had jumped until main saw it. */
#define TIMEBASE_AHEAD 100 /* ticks */
static inline uint32_t timebase_follow(uint32_t clock, uint32_t tick)
{
	return clock - tick > TIMEBASE_AHEAD ? tick : clock;
}

/* Microseconds of a difference of TSC values. */
static inline uint64_t timebase_us(const struct timebase *base, uint64_t cycles)
{
	return (timebase_units(base, cycles) * (CLOCK_TICK_MS * 1000)) >> TIMEBASE_SHIFT;
}

#endif
