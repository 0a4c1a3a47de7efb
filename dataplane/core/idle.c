/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/idle.h"

#include "dataplane/core/idle_irq.h"
#include "shared/facts.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#define IDLE_SPINS    64   /* empty turns before a sleep of 1 us */
#define IDLE_TAKE     64   /* packets that a sleep is to find */
#define IDLE_SLACK_NS 1000 /* of the thread's timers; the kernel's default is 50 us */
#define IDLE_LEAST_US 2    /* shorter than a sleep costs */
#define IDLE_DEAF     3    /* packets in a row that no interrupt came for */

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

void idle_found(struct idle *idle, uint64_t taken)
{
	if (idle->state == IDLE_ARMED) {
		idle_irq_disarm(idle->irq);
	} else if (taken && idle->state == IDLE_WOKEN) {
		idle->count->irq_woken++;
	} else if (taken) {
		idle->count->irq_missed++;
		if (++idle->late == IDLE_DEAF) {
			__atomic_store_n(&idle->irq->deaf, true, __ATOMIC_RELAXED);
			idle->irq = NULL;
		}
	}
	idle->state = IDLE_AWAKE;
}

void idle_deafen(struct idle *idle)
{
	if (idle->state == IDLE_ARMED)
		idle_irq_disarm(idle->irq);
	idle->state = IDLE_AWAKE;
	idle->irq = NULL;
}

/* Longest sleep until an interrupt; 0: too short for a timer of milliseconds. */
static uint32_t idle_irq_ms(const struct idle *idle, uint64_t now_tsc, uint64_t due_tsc)
{
	uint64_t ms = idle->hz_us * 1000;

	if (due_tsc <= now_tsc)
		return 0;
	if (due_tsc - now_tsc >= IDLE_IRQ_MAX_MS * ms)
		return IDLE_IRQ_MAX_MS;
	return (uint32_t)((due_tsc - now_tsc) / ms);
}

static uint64_t idle_irq_wait(struct idle *idle, uint64_t now_tsc, uint64_t due_tsc)
{
	uint32_t ms = idle_irq_ms(idle, now_tsc, due_tsc);
	static const uint8_t then[] = {
		[IDLE_IRQ_TIME] = IDLE_OVER,
		[IDLE_IRQ_BELL] = IDLE_AWAKE,
		[IDLE_IRQ_QUEUE] = IDLE_WOKEN,
	};
	enum idle_irq_end end = IDLE_IRQ_BELL;
	uint64_t slept = 0;

	if (ms) {
		idle->count->irq_sleeps++;
		end = idle_irq_sleep(idle->irq, ms);
		slept = RTE_MIN(rte_rdtsc() - now_tsc, ms * idle->hz_us * 1000);
	}
	idle_irq_disarm(idle->irq);
	if (end == IDLE_IRQ_QUEUE)
		idle->late = 0;
	idle->state = then[end];
	return slept;
}

static void idle_nap(struct idle *idle, uint64_t now_tsc, uint64_t due_tsc)
{
	uint64_t us = idle->step_us;
	struct timespec ts = {0};

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

uint64_t idle_wait(struct idle *idle, uint64_t now_tsc, uint64_t due_tsc)
{
	if (idle->state == IDLE_ARMED)
		return idle_irq_wait(idle, now_tsc, due_tsc);
	idle->state = IDLE_AWAKE;
	if (idle->max_us == 0 || ++idle->turns * (uint64_t)idle->step_us < IDLE_SPINS) {
		rte_pause();
		return 0;
	}
	if (due_tsc <= now_tsc)
		return 0;
	if (idle->irq && idle->step_us == idle->max_us && idle->taken == 0 &&
		idle_irq_ms(idle, now_tsc, due_tsc) > 0) {
		idle_irq_arm(idle->irq);
		idle->state = IDLE_ARMED;
		return 0;
	}
	idle_nap(idle, now_tsc, due_tsc);
	return 0;
}
