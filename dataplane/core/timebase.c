/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/timebase.h"

#include "shared/clock.h"

void timebase_open(struct timebase *base, uint64_t tsc_hz)
{
	const unsigned __int128 units_per_second = (unsigned __int128)(1000 / CLOCK_TICK_MS)
		<< TIMEBASE_SHIFT;

	base->scale = (uint64_t)((units_per_second << 64) / tsc_hz);
	base->offset = 0;
}

void timebase_sync(struct timebase *base, uint64_t tsc, uint64_t boot_ms)
{
	uint64_t units = ((boot_ms / CLOCK_TICK_MS) << TIMEBASE_SHIFT) +
		((boot_ms % CLOCK_TICK_MS) << TIMEBASE_SHIFT) / CLOCK_TICK_MS;

	__atomic_store_n(&base->offset, units - timebase_units(base, tsc), __ATOMIC_RELAXED);
}
