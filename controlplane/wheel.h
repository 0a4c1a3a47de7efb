/* SPDX-License-Identifier: BSD-3-Clause */
/* Timer wheel: hierarchical, intrusive, O(1) to arm and to cancel, 1 ms ticks. Pure: it knows no
 * clock, `now` is given. Levels of 64 slots with a bitmap each, so that an idle stretch costs
 * nothing however long it is. */
#ifndef CONTROLPLANE_WHEEL_H
#define CONTROLPLANE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEEL_BITS   6
#define WHEEL_SLOTS  (1 << WHEEL_BITS)
#define WHEEL_LEVELS 8

/* Latest time it knows, 8900 years of uptime; a later deadline never comes. */
#define WHEEL_HORIZON_MS ((1ull << (WHEEL_BITS * WHEEL_LEVELS)) - 1)

struct wheel_timer {
	struct wheel_timer *next;
	struct wheel_timer **prev; /* NULL: not armed */
	uint64_t deadline_ms;
	void (*fn)(struct wheel_timer *timer);
	uint8_t level;
	uint8_t slot;
};

struct wheel {
	uint64_t now_ms; /* of the last wheel_run */
	size_t armed;
	uint64_t used[WHEEL_LEVELS];
	struct wheel_timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

/* The object around a timer: WHEEL_OWNER(timer, struct call, refresh_timer). */
#define WHEEL_OWNER(timer, type, member) ((type *)((char *)(timer)-offsetof(type, member)))

void wheel_init(struct wheel *wheel, uint64_t now_ms);

/* Prepares a timer once; it may then be armed and cancelled at will. */
void wheel_timer_init(struct wheel_timer *timer, void (*fn)(struct wheel_timer *timer));

/* Arms or re-arms. A deadline that is already past fires one millisecond after the wheel's now;
 * never from inside wheel_arm. */
void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ms);

/* Nothing happens to a timer that is not armed. */
void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer);

static inline bool wheel_armed(const struct wheel_timer *timer)
{
	return timer->prev != NULL;
}

/* Calls fn of every timer due by now_ms, each disarmed first, in the order of their milliseconds.
 * fn may arm, cancel and free any timer, its own included; what it arms for later than now_ms waits
 * for the next run. Returns the number of timers fired. */
size_t wheel_run(struct wheel *wheel, uint64_t now_ms);

/* When wheel_run must be called next: never later than the earliest deadline, perhaps earlier (to
 * sort timers into a finer level). UINT64_MAX: nothing is armed. */
uint64_t wheel_next(const struct wheel *wheel);

#endif
