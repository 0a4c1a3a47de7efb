/* SPDX-License-Identifier: BSD-3-Clause */
/* When each binding is due: the paced sweep over slots. Pure: time comes in as `now`, in a unit of
 * the owner's choice (the data plane: TSC cycles). One owner (a worker).
 *
 * The period is cut into PERIOD / SEND_INTERVAL slots, rounded up, one step = period / slots apart.
 * A batch is a slot. Slot k is due at n * period + k * step of the clock itself, whenever the owner
 * started: the phase never drifts. A destination has a slot of its own, its home, which follows
 * from its address alone (slots_phase); it enters that one unless it is crowded, else the emptiest,
 * and stays. So nothing clumps, and another process on the same clock sends in the same phase.
 *
 * Promise: no binding waits longer than PERIOD + SEND_INTERVAL for its first message or between
 * two, whatever is added or removed, unless
 *   - a fixed batch size is too small (the rest is served first the next time; `cut` counts it),
 *   - the owner stalled: what was missed is caught up slot by slot, at most twice as fast as usual,
 *     and a stall longer than the period owes each binding one message, not several (`cut`),
 *   - a cap on its address deferred it (the owner counts that), to the first batch after it is
 *     allowed and a step before its next time at the latest.
 *
 * Where the owner skips a binding whose device was heard, the promise counts from then: it moves to
 * the latest slot that is due within a period of that, and is sent to if there is none. Both moves
 * leave home, so that a new process may find them in another phase than they had.
 *
 * What another process left out is made up for by schedule_owe(): the owner says since when the
 * messages of a binding are missing. If its turn came since then, it enters a slot that lies as
 * long after that turn as nobody sent, and goes home from there. Counted from the last message of
 * the other process, a binding that was at home waits at most PERIOD + SEND_INTERVAL + the time
 * from `since` to when it is ready, and an interval more if `smooth` had sent half a batch; one
 * that stood elsewhere gets its message within PERIOD + SEND_INTERVAL of the call, and so do all if
 * `since` lies a period back or is not known. These messages come on top of the others': nobody
 * else waits for them. A fixed batch may be twice as large meanwhile.
 *
 * What did not leave for a time, since the way out was closed, is made up for by schedule_missed():
 * the slots of that time come once more, each as long after its turn as the way was closed, with
 * the one that is due then. So a binding that was at home waits at most PERIOD + SEND_INTERVAL +
 * that time, and two intervals more since slots come whole. Closed again before that is through,
 * both times count; if that makes a period, each has its turn within the next one.
 *
 * A new period regroups: each old slot is appended whole to the latest new slot that is due no
 * later than it would have been served, by whole new periods earlier if the old one was longer. Old
 * slots that are overdue, after a stall, would have been caught up half a step apart, and so they
 * are: all within half an old period (of a new one, if that is shorter). Slots that got too full
 * hand bindings to the emptiest, and who is not at home goes there once there is room, each right
 * after its message: that only ever shortens a wait.
 *
 * All of this costs at most twice the usual pace, of the shorter period after a change, counted in
 * whole slots; up to 64 messages more in a slot are one call of the driver, and no matter. Changes
 * that follow each other within a period may add up. */
#ifndef DATAPLANE_KEEPALIVE_SCHEDULE_H
#define DATAPLANE_KEEPALIVE_SCHEDULE_H

#include "dataplane/keepalive/slots.h"

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_NO_LIMIT UINT32_MAX
#define SCHEDULE_NEVER    UINT64_MAX

struct schedule_conf {
	uint64_t period; /* in units of the owner's clock, below 2^48 */
	uint32_t batch;  /* most messages of a slot, SCHEDULE_NO_LIMIT: as many as it holds */
	uint16_t slots;
	uint16_t joined; /* SEND_INTERVALs in one slot, 1 unless there were more than SLOTS_MAX */
	bool smooth;     /* spread a batch over its interval */
};

struct schedule {
	struct slots slots;
	struct schedule_conf conf;
	uint64_t step;     /* between two slots */
	uint64_t per_step; /* 2^64 / step */
	uint64_t spread;   /* time that a smooth batch takes: step, or less in the round after a
			      change */
	uint64_t hurry; /* the same of the first slot after a change, if it holds a half-sent one */
	uint64_t round; /* when slot 0 of this round is due */
	uint64_t from;  /* not before that: keeps a catch-up below twice the usual pace */
	uint32_t current;
	uint32_t even;  /* size of a slot if all were equal, rounded up; as of the last batch or add
			 */
	uint32_t fresh; /* slots to go in the round after a change */
	uint32_t astray; /* slots to go in which somebody may not be at home */
	uint32_t owed;   /* slots to go in which somebody may stand for a message that was missed */
	uint32_t repeat; /* slots to begin that take in one that was missed, */
	uint32_t lag;    /* which began so many slots before */
	uint64_t repeated; /* when the last such slot was due */
	/* Of the current slot, while it is open. */
	bool open;
	bool partial;     /* it holds more than a batch may send */
	bool brisk;       /* no more than others hold: a catch-up gives it half a step */
	uint32_t chunk;   /* that of place `at`, if at < size */
	uint32_t at;      /* next place to send */
	uint32_t sent;    /* messages so far */
	uint32_t quota;   /* messages to send in all, if partial */
	uint64_t gap;     /* between two messages, in 1/256 units; 0 = at once */
	uint64_t started; /* when it was opened */
	uint64_t basis;   /* and when it should have been */
	uint64_t cut;     /* batches that a fixed size or a stall cut short */
};

/* Turns the parameters of product.md section 2 into slots. hz: units a second. one_time: 0 = auto.
 * More than SLOTS_MAX intervals are joined: n intervals become one slot with n times the batch,
 * spread smoothly, and the period is cut by n - 1 intervals (a few per mille at most), so that the
 * promise above holds although a slot is longer than an interval. A fixed batch is shared by
 * `workers` owners, at least 1 each; this is the share of owner `index`. */
struct schedule_conf schedule_conf_make(uint32_t period_ms, uint32_t interval_ms, uint32_t one_time,
	bool smooth, uint64_t hz, uint32_t workers, uint32_t index);

static inline size_t schedule_memory(uint32_t capacity)
{
	return slots_memory(capacity);
}

/* As slots_open(); the first slot is due within a step. */
void schedule_open(struct schedule *s, void *memory, uint32_t capacity, uint32_t *where,
	const struct schedule_conf *conf, uint64_t now);

/* New parameters. Each binding's next message goes out within min(what was left of its wait, new
 * period + interval); that of one that was overdue, when a catch-up by the old parameters would
 * have come to it. Cost: slots + chunks, not bindings. */
void schedule_set(struct schedule *s, const struct schedule_conf *conf, uint64_t now);

/* Adds a binding (first message within one period) or updates it where it stands; with another
 * address it is a new one. False: full. */
bool schedule_add(struct schedule *s, const struct slots_binding *binding);

/* The same for one whose messages may be missing since then, 0: for ever. It is `ready` at that
 * time, now or later: what would be due before is one more that is missing. */
bool schedule_owe(
	struct schedule *s, const struct slots_binding *binding, uint64_t since, uint64_t ready);

/* Removes it if it is there. */
void schedule_remove(struct schedule *s, uint32_t id);

/* A span of bindings that are due now: up to `max`, in memory order, valid until the next call.
 * *due is the scheduled time of the first. Returns 0 when
 * none is due yet, or when housekeeping took its place (then schedule_next() is not in the future).
 */
uint32_t schedule_due(struct schedule *s, uint64_t now, uint32_t max,
	const struct slots_binding **first, uint64_t *due);

/* The first n of the span were sent. */
void schedule_sent(struct schedule *s, uint32_t n);

/* The way out was closed since then, and is open again: what was taken for sent is made up for. */
void schedule_missed(struct schedule *s, uint64_t since);

/* Ends the open slot if nothing of it is left to send: what schedule_due() would do next. */
void schedule_close(struct schedule *s);

/* Slots as a goal for bindings of the open slot that were passed without a message: the latest that
 * is due by a moment (SLOTS_NONE: none but this one, or it is crowded; the open slot itself if its
 * own next time is early enough), and the first that is due after a moment, at the latest the one
 * before this slot's own next time. */
uint32_t schedule_slot_by(const struct schedule *s, uint64_t by);
uint32_t schedule_slot_after(const struct schedule *s, uint64_t moment);

/* Moves a binding of the open slot, which was passed, to such a goal. */
void schedule_move(struct schedule *s, uint32_t id, uint32_t slot);

/* When schedule_due() has something to do again. */
uint64_t schedule_next(const struct schedule *s);

/* Smallest SEND_ONE_TIME of an owner with `total` bindings that would keep the period; 0 if the
 * present one does. */
uint32_t schedule_needed(const struct schedule_conf *conf, uint32_t total);

#endif
