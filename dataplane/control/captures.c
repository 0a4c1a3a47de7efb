/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/control/captures.h"

#include "dataplane/core/capture.h"
#include "dataplane/keepalive/binding.h"
#include "dataplane/media/media.h"

#include <errno.h>
#include <rte_ring_elem.h>
#include <stdlib.h>
#include <string.h>

/* At the place of the same number on the board. */
struct capture {
	struct proto_capture set;
	uint32_t serial; /* 0 = free */
	uint32_t slot;
	uint32_t frames; /* told */
	uint32_t lost;   /* that the client's queue had no room for */
	uint32_t why;    /* it ends: enum proto_capture_why, 0 = it does not */
	uint64_t token;  /* of the end of the one before: its readers are gone */
};

struct captures {
	struct captures_conf conf;
	struct capture capture[PROTO_CAPTURES];
	uint32_t serial;
	unsigned int count;
	struct proto_frame frame; /* on its way from a ring */
};

int captures_open(struct captures **captures, const struct captures_conf *conf)
{
	struct captures *c = calloc(1, sizeof(*c));

	*captures = c;
	if (!c)
		return -ENOMEM;
	c->conf = *conf;
	return 0;
}

void captures_close(struct captures *c)
{
	free(c);
}

static struct capture *captures_find(struct captures *c, uint32_t slot, uint32_t name)
{
	for (unsigned int i = 0; i < PROTO_CAPTURES; i++) {
		struct capture *it = &c->capture[i];

		if (it->serial && it->slot == slot && it->set.capture == name)
			return it;
	}
	return NULL;
}

/* Free, and no worker reads what stood there. */
static struct capture *captures_place(struct captures *c)
{
	for (unsigned int i = 0; i < PROTO_CAPTURES; i++) {
		struct capture *it = &c->capture[i];

		if (!it->serial &&
			(!it->token || rte_rcu_qsbr_check(c->conf.qsbr, it->token, false) == 1))
			return it;
	}
	return NULL;
}

/* What it looks at is there: *device of a binding. */
static bool captures_target(const struct captures *c, uint32_t slot,
	const struct proto_capture *set, const struct addr **device)
{
	*device = NULL;
	if (set->kind == PROTO_CAPTURE_FLOW)
		return media_has_flow(c->conf.media, slot, set->id, set->gen);
	*device = binding_device(c->conf.keepalive, slot, set->id, set->gen);
	return *device != NULL;
}

static void captures_count_by(struct captures *c, int step)
{
	__atomic_store_n(&c->count, c->count + (unsigned int)step, __ATOMIC_RELAXED);
}

int captures_set(
	struct captures *c, uint32_t slot, const struct proto_capture *set, uint64_t now_ms)
{
	struct capture_place place = {.id = set->id, .gen = set->gen, .kind = set->kind};
	struct capture *it = captures_place(c);
	const struct addr *device;

	if (captures_find(c, slot, set->capture))
		return -EEXIST;
	if (set->until_ms <= now_ms)
		return -ETIME;
	if (set->until_ms - now_ms > PROTO_CAPTURE_MS_MAX)
		return -ERANGE;
	if (!captures_target(c, slot, set, &device))
		return -ENOENT;
	if (!it)
		return -ENOSPC;
	c->serial += c->serial == UINT32_MAX ? 2 : 1;
	*it = (struct capture){.set = *set, .serial = c->serial, .slot = slot};
	place.serial = it->serial;
	if (device)
		place.device = *device;
	capture_show(c->conf.board, (unsigned int)(it - c->capture), &place);
	captures_count_by(c, 1);
	return 0;
}

/* Nothing more is copied for it. */
static void captures_hide(struct captures *c, const struct capture *it)
{
	capture_hide(c->conf.board, (unsigned int)(it - c->capture));
}

static void captures_free(struct captures *c, struct capture *it)
{
	captures_hide(c, it);
	it->serial = 0;
	it->token = rte_rcu_qsbr_start(c->conf.qsbr);
	captures_count_by(c, -1);
}

void captures_del(struct captures *c, uint32_t slot, uint32_t capture)
{
	struct capture *it = captures_find(c, slot, capture);

	if (it)
		captures_free(c, it);
}

void captures_forget(struct captures *c, uint32_t slot)
{
	for (unsigned int i = 0; i < PROTO_CAPTURES; i++)
		if (c->capture[i].serial && c->capture[i].slot == slot)
			captures_free(c, &c->capture[i]);
}

static uint32_t captures_lost(const struct captures *c, const struct capture *it)
{
	return it->lost +
		__atomic_load_n(&c->conf.board->place[it - c->capture].lost, __ATOMIC_RELAXED);
}

static void captures_end(struct captures *c, struct capture *it, enum proto_capture_why why)
{
	it->why = why;
	captures_hide(c, it);
}

static void captures_tell(struct captures *c, struct capture *it)
{
	struct proto_frame *frame = &c->frame;

	frame->capture = it->set.capture;
	frame->lost = captures_lost(c, it);
	if (!c->conf.events.capture(c->conf.events.ctx, it->slot, PROTO_FRAME, frame)) {
		it->lost++;
		return;
	}
	if (++it->frames == it->set.packets_max)
		captures_end(c, it, PROTO_CAPTURE_FULL);
}

/* The capture for which the frame at hand was copied, unless it has ended since. */
static struct capture *captures_of_frame(struct captures *c)
{
	for (unsigned int i = 0; i < PROTO_CAPTURES; i++)
		if (c->capture[i].serial == c->frame.capture && !c->capture[i].why)
			return &c->capture[i];
	return NULL;
}

/* Workers note the time stamp counter; it becomes a time here. */
static uint64_t captures_time(
	const struct captures *c, uint64_t tsc, uint64_t now_us, uint64_t now_tsc)
{
	int64_t age = (int64_t)(now_tsc - tsc);
	int64_t us = (int64_t)((__int128)age * 1000000 / (int64_t)c->conf.tsc_hz);

	return us < (int64_t)now_us ? now_us - (uint64_t)us : 1;
}

static void captures_drain(
	struct captures *c, struct rte_ring *ring, uint64_t now_us, uint64_t now_tsc)
{
	for (int n = 0; n < CAPTURE_RING &&
		rte_ring_sc_dequeue_elem(ring, &c->frame, sizeof(c->frame)) == 0;
		n++) {
		struct capture *it = captures_of_frame(c);

		if (!it)
			continue;
		c->frame.at_us = captures_time(c, c->frame.at_us, now_us, now_tsc);
		captures_tell(c, it);
	}
}

/* The end is told behind the last frame, when there is room for it. */
static void captures_finish(struct captures *c, struct capture *it)
{
	const struct proto_capture_end end = {
		.capture = it->set.capture,
		.why = it->why,
		.frames = it->frames,
		.lost = captures_lost(c, it),
	};

	if (c->conf.events.capture(c->conf.events.ctx, it->slot, PROTO_CAPTURE_END, &end))
		captures_free(c, it);
}

void captures_tick(struct captures *c, uint64_t now_us, uint64_t now_tsc)
{
	const struct addr *device;

	for (unsigned int i = 0; i < c->conf.worker_count; i++)
		captures_drain(c, c->conf.workers[i].captured, now_us, now_tsc);
	for (unsigned int i = 0; i < PROTO_CAPTURES && c->count; i++) {
		struct capture *it = &c->capture[i];

		if (!it->serial)
			continue;
		if (it->why)
			captures_finish(c, it);
		else if (!captures_target(c, it->slot, &it->set, &device))
			captures_end(c, it, PROTO_CAPTURE_GONE);
		else if (it->set.until_ms <= now_us / 1000)
			captures_end(c, it, PROTO_CAPTURE_TIME);
	}
}

unsigned int captures_count(const struct captures *c)
{
	return __atomic_load_n(&c->count, __ATOMIC_RELAXED);
}
