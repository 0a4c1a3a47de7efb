/* SPDX-License-Identifier: BSD-3-Clause */
/* The one source of time. Decisions run on CLOCK_BOOTTIME (it advances while a machine sleeps and
 * no administrator can step it); the wall clock only labels what people read. */
#ifndef SHARED_CLOCK_H
#define SHARED_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Milliseconds of CLOCK_BOOTTIME. */
static inline uint64_t clock_boot_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline uint64_t clock_boot_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Milliseconds since 1970, for labels. */
static inline uint64_t clock_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline uint64_t clock_wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* The wall clock's label of a moment of CLOCK_BOOTTIME; 0 stays 0 ("never"). */
static inline uint64_t clock_wall_of(uint64_t boot_ms)
{
	return boot_ms ? clock_wall_ms() - (clock_boot_ms() - boot_ms) : 0;
}

/* Coarse 32-bit time of the data plane: 10 ms ticks of CLOCK_BOOTTIME. It wraps after 497 days, so
 * two ticks are compared signed and must lie within 248 days. 0 is kept for "never". */
#define CLOCK_TICK_MS 10

static inline uint32_t clock_tick(uint64_t boot_ms)
{
	uint32_t tick = (uint32_t)(boot_ms / CLOCK_TICK_MS);

	return tick ? tick : 1;
}

static inline bool clock_tick_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* A tick of long ago would look like one to come, once it is 248 days old: whoever keeps some looks
 * at them every CLOCK_TICK_LOOK, and from an age of CLOCK_TICK_AGED on they do not grow older.
 * Others may write it at the same time. */
#define CLOCK_TICK_AGED (1u << 30) /* 124 days */
#define CLOCK_TICK_LOOK (1u << 28) /* 31 days */

static inline void clock_tick_age(uint32_t *tick, uint32_t now)
{
	uint32_t old = __atomic_load_n(tick, __ATOMIC_RELAXED), aged = now - CLOCK_TICK_AGED;

	if (old && now - old > CLOCK_TICK_AGED && clock_tick_before(old, now))
		__atomic_compare_exchange_n(
			tick, &old, aged ? aged : 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* Turns a tick back into CLOCK_BOOTTIME ms, given a present time; 0 stays 0 ("never"). */
static inline uint64_t clock_tick_ms(uint32_t tick, uint64_t now_ms)
{
	int32_t age = (int32_t)((uint32_t)(now_ms / CLOCK_TICK_MS) - tick);

	if (tick == 0)
		return 0;
	return now_ms - now_ms % CLOCK_TICK_MS - (uint64_t)((int64_t)age * CLOCK_TICK_MS);
}

#endif
