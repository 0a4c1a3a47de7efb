/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/idle.h"

#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#define IDLE_SPINS    64   /* empty turns before a sleep of 1 us */
#define IDLE_TAKE     64   /* packets that a sleep is to find */
#define IDLE_SLACK_NS 1000 /* of the thread's timers; the kernel's default is 50 us */
#define IDLE_LEAST_US 2    /* shorter than a sleep costs */

void idle_open(struct idle *idle, uint32_t max_us, uint64_t tsc_hz)
{
	*idle = (struct idle){.max_us = max_us, .step_us = 1, .hz_us = tsc_hz / 1000000};
	if (max_us)
		prctl(PR_SET_TIMERSLACK, IDLE_SLACK_NS, 0, 0, 0);
}

/* The next sleep: as much longer or shorter than the last as that found too little or too much. */
static uint32_t idle_step(const struct idle *idle)
{
	uint64_t us = 2ull * idle->step_us;

	if (idle->taken > IDLE_TAKE / 2)
		us = idle->step_us * (uint64_t)IDLE_TAKE / idle->taken;
	if (us > idle->max_us)
		us = idle->max_us;
	return us ? (uint32_t)us : 1;
}

void idle_wait(struct idle *idle, uint64_t now_tsc, uint64_t due_tsc)
{
	uint64_t us = idle->step_us;
	struct timespec ts = {0};

	if (idle->max_us == 0 || ++idle->turns * us < IDLE_SPINS) {
		rte_pause();
		return;
	}
	if (due_tsc <= now_tsc)
		return;
	/* Cheap way to see whether the whole step fits; the division is for the last sleep. */
	if (due_tsc - now_tsc < us * idle->hz_us)
		us = (due_tsc - now_tsc) / idle->hz_us;
	if (us < IDLE_LEAST_US) {
		rte_pause();
		us = 0;
	}
	if (us) {
		ts.tv_nsec = (long)us * 1000;
		nanosleep(&ts, NULL);
	}
	idle->step_us = idle_step(idle);
	idle->taken = 0;
}
