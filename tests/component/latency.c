/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/latency.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LATENCY_SEQ 1000 /* the first */

static int latency_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

uint64_t latency_now_ns(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t latency_usual(const struct latency *how, uint64_t (*once)(uint16_t seq), uint64_t enough)
{
	uint64_t ns[LATENCY_SAMPLES], best = UINT64_MAX;
	uint16_t seq = LATENCY_SEQ;

	for (int round = 0; round < how->rounds && best > enough; round++) {
		for (int i = 0; i < how->samples; i++) {
			usleep(how->quiet_us + how->step_us * (uint32_t)i);
			ns[i] = once(seq++);
		}
		qsort(ns, (size_t)how->samples, sizeof(ns[0]), latency_compare);
		if (ns[how->samples * 9 / 10] < best)
			best = ns[how->samples * 9 / 10];
	}
	return best;
}
