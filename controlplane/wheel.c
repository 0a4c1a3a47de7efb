/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/wheel.h"

#include <string.h>

/* Level l holds the deadlines that agree with now in all bits above those of its slot number, and
 * differ in the slot number. So every slot in use is still ahead, all of a level come before any of
 * the next, and the first bit of the first level in use is the next thing to do. When now enters a
 * slot of an upper level, its timers are sorted into the levels below. */

static unsigned int level_shift(unsigned int level)
{
	return level * WHEEL_BITS;
}

static unsigned int slot_of(uint64_t ms, unsigned int level)
{
	return (ms >> level_shift(level)) & (WHEEL_SLOTS - 1);
}

void wheel_init(struct wheel *wheel, uint64_t now_ms)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->now_ms = now_ms;
}

void wheel_timer_init(struct wheel_timer *timer, void (*fn)(struct wheel_timer *timer))
{
	memset(timer, 0, sizeof(*timer));
	timer->fn = fn;
}

/* due is now_ms or later. */
static void timer_link(struct wheel *wheel, struct wheel_timer *timer, uint64_t due)
{
	uint64_t diff = due ^ wheel->now_ms;
	struct wheel_timer **head;
	unsigned int level = 0;
	unsigned int slot;

	while (level < WHEEL_LEVELS - 1 && diff >> level_shift(level + 1))
		level++;
	slot = slot_of(due, level);
	head = &wheel->slots[level][slot];
	timer->level = (uint8_t)level;
	timer->slot = (uint8_t)slot;
	timer->next = *head;
	timer->prev = head;
	if (timer->next)
		timer->next->prev = &timer->next;
	*head = timer;
	wheel->used[level] |= 1ull << slot;
}

static void timer_unlink(struct wheel *wheel, struct wheel_timer *timer)
{
	*timer->prev = timer->next;
	if (timer->next)
		timer->next->prev = timer->prev;
	timer->prev = NULL;
	if (!wheel->slots[timer->level][timer->slot])
		wheel->used[timer->level] &= ~(1ull << timer->slot);
}

void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ms)
{
	uint64_t due = deadline_ms;

	if (timer->prev)
		timer_unlink(wheel, timer);
	else
		wheel->armed++;
	timer->deadline_ms = deadline_ms;
	if (due <= wheel->now_ms)
		due = wheel->now_ms + 1;
	if (due > WHEEL_HORIZON_MS)
		due = WHEEL_HORIZON_MS;
	timer_link(wheel, timer, due);
}

void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer)
{
	if (!timer->prev)
		return;
	timer_unlink(wheel, timer);
	wheel->armed--;
}

uint64_t wheel_next(const struct wheel *wheel)
{
	for (unsigned int level = 0; level < WHEEL_LEVELS; level++) {
		unsigned int up = level_shift(level + 1);

		if (wheel->used[level])
			return (wheel->now_ms >> up << up) |
				(uint64_t)__builtin_ctzll(wheel->used[level]) << level_shift(level);
	}
	return UINT64_MAX;
}

/* Sorts the timers of the slot that now has just entered into the levels below. */
static void slot_cascade(struct wheel *wheel, unsigned int level)
{
	struct wheel_timer **head = &wheel->slots[level][slot_of(wheel->now_ms, level)];
	struct wheel_timer *timer;

	while ((timer = *head) != NULL) {
		timer_unlink(wheel, timer);
		timer_link(wheel, timer, timer->deadline_ms);
	}
}

static size_t slot_fire(struct wheel *wheel)
{
	struct wheel_timer **head = &wheel->slots[0][slot_of(wheel->now_ms, 0)];
	struct wheel_timer *timer;
	size_t fired = 0;

	while ((timer = *head) != NULL) {
		wheel_cancel(wheel, timer);
		timer->fn(timer);
		fired++;
	}
	return fired;
}

size_t wheel_run(struct wheel *wheel, uint64_t now_ms)
{
	uint64_t next;
	size_t fired = 0;

	while ((next = wheel_next(wheel)) <= now_ms) {
		wheel->now_ms = next;
		for (unsigned int level = WHEEL_LEVELS - 1; level > 0; level--)
			slot_cascade(wheel, level);
		fired += slot_fire(wheel);
	}
	if (now_ms > wheel->now_ms)
		wheel->now_ms = now_ms;
	return fired;
}
