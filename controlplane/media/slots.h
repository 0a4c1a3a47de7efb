/* SPDX-License-Identifier: BSD-3-Clause */
/* Allocator of numbers 0 .. total-1: media port slots, monitored flows. They are handed out in
 * random order and rest after their release. Each hand-out raises the number's generation. All
 * calls are O(1) and need no clock of their own. */
#ifndef CONTROLPLANE_MEDIA_SLOTS_H
#define CONTROLPLANE_MEDIA_SLOTS_H

#include <stdint.h>

struct slots;

/* gen_first: generations handed out are above it; pass a number that rises with the process
 * (incarnation << 16), so that what a former process left in the data plane is always older.
 * Returns 0, -EINVAL (total 0) or -ENOMEM. */
int slots_open(struct slots **s, uint32_t total, uint32_t rest_ms, uint32_t gen_first);
void slots_close(struct slots *s);

/* Hands out a random free number and its new generation. Returns 0, -ENOSPC when none is free at
 * now_ms (resting ones are not), or -EIO if the system gives no random number. */
int slots_take(struct slots *s, uint64_t now_ms, uint32_t *number, uint32_t *gen);

/* Takes one given number, with the generation it had. Returns 0, -EBUSY if it is taken or rests,
 * -EINVAL if it does not exist. */
int slots_claim(struct slots *s, uint32_t number, uint32_t gen);

/* Gives a number back; it rests first. One that is not taken is ignored. */
void slots_release(struct slots *s, uint32_t number, uint64_t now_ms);

/* Numbers in all, and taken now. */
uint32_t slots_total(const struct slots *s);
uint32_t slots_used(const struct slots *s);

#endif
