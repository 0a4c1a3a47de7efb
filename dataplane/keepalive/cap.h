/* SPDX-License-Identifier: BSD-3-Clause */
/* How often one destination address may be sent to: half of the cap at once, the rest spread over
 * the second, so that no second ever sees more than the cap. Addresses share places of a table of
 * fixed size; who shares a place shares its cap. Pure: time comes in as microseconds that wrap. One
 * owner (a worker). */
#ifndef DATAPLANE_KEEPALIVE_CAP_H
#define DATAPLANE_KEEPALIVE_CAP_H

#include <stdint.h>

#define CAP_SECOND 1000000u

struct cap_place {
	uint32_t paid;  /* until then the messages so far are paid for at the steady rate */
	uint32_t later; /* when the next one that has to wait may go */
};

struct cap {
	struct cap_place *place; /* NULL: no cap */
	uint32_t shift;          /* 32 - log2(places) */
	uint32_t gap;            /* between messages at the steady rate */
	uint32_t credit;         /* how far ahead of it they may be */
	uint32_t far;            /* nobody waits longer: what seems so is left from an age ago */
};

/* For `messages` a second, 1 or more; the table is the caller's. */
static inline void cap_set(struct cap *cap, uint32_t messages, uint32_t far)
{
	uint32_t rate = (messages + 1) / 2, burst = messages + 1 - rate;

	cap->gap = (CAP_SECOND + rate - 1) / rate;
	cap->credit = (burst - 1) * cap->gap;
	cap->far = far;
}

static inline struct cap_place *cap_place_of(const struct cap *cap, uint32_t ip)
{
	return &cap->place[ip * 0x9e3779b1u >> cap->shift];
}

/* 0: a message may go now, and is counted. Else microseconds until it may, in which place in the
 * queue is kept for it. */
static inline uint32_t cap_take(const struct cap *cap, uint32_t ip, uint32_t now)
{
	struct cap_place *place = cap_place_of(cap, ip);
	uint32_t ahead = place->paid - now, wait;

	/* Not ahead, or from an age ago. */
	if (ahead > cap->credit + cap->gap)
		ahead = 0;
	if (ahead <= cap->credit) {
		place->paid = now + ahead + cap->gap;
		return 0;
	}
	wait = place->later - now;
	if (wait == 0 || wait > cap->far)
		wait = ahead - cap->credit;
	place->later = now + wait + cap->gap;
	return wait;
}

/* A message that was counted did not go. */
static inline void cap_give_back(const struct cap *cap, uint32_t ip)
{
	cap_place_of(cap, ip)->paid -= cap->gap;
}

/* One that had to wait asks again: its place in the queue is free. */
static inline void cap_leave(const struct cap *cap, uint32_t ip)
{
	cap_place_of(cap, ip)->later -= cap->gap;
}

#endif
