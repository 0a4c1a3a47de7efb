/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/capture_world.h"

#include "dataplane/core/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* As a client gets it: what it is told passes the check of the other end. */
static bool on_capture(void *ctx, uint32_t slot, uint16_t type, const void *record)
{
	struct {
		struct proto_head head;
		struct proto_frame frame;
	} packet = {.head = {.type = type, .size = (uint16_t)proto_size(type), .count = 1}};
	struct world *w = ctx;
	const char *why;

	if (w->room == 0)
		return false;
	w->room--;
	memcpy(&packet.frame, record, packet.head.size);
	if (proto_check(&packet, sizeof(packet.head) + packet.head.size, false, &why))
		fail_msg("%s", why);
	if (type == PROTO_FRAME)
		w->frame[w->frames++] = packet.frame;
	else
		memcpy(&w->end[w->ends++], record, sizeof(w->end[0]));
	return true;
}

struct world *world_open(struct rig *rig)
{
	struct world *w = calloc(1, sizeof(*w));
	size_t size = 2 * sizeof(*w->workers);
	struct captures_conf conf = {
		.qsbr = rig->qsbr,
		.events = {.ctx = w, .capture = on_capture},
		.board = rig->board,
		.worker_count = 2,
		.media = rig->media,
		.keepalive = rig->keepalive,
		.tsc_hz = RIG_HZ,
	};

	w->rig = rig;
	w->room = UINT32_MAX;
	w->workers = memset(aligned_alloc(_Alignof(struct worker), size), 0, size);
	w->workers[0].captured = ring_open("idle", sizeof(struct proto_frame), CAPTURE_RING);
	w->workers[1].captured = rig->w->captured;
	assert_non_null(w->workers[0].captured);
	conf.workers = w->workers;
	assert_int_equal(captures_open(&w->captures, &conf), 0);
	return w;
}

struct world *world_of_call(void)
{
	struct scene *s = scene_open4();
	struct world *w = world_open(s->rig);

	w->s = s;
	scene_set_latched(s);
	rig_pass(w->rig, 20);
	return w;
}

void world_close(struct world *w)
{
	struct frame frame;

	while (rig_sent(w->rig, &frame))
		;
	captures_forget(w->captures, 0);
	assert_int_equal(captures_count(w->captures), 0);
	captures_close(w->captures);
	ring_close(w->workers[0].captured);
	free(w->workers);
	if (w->s)
		scene_close(w->s);
	else
		rig_close(w->rig);
	free(w);
}

struct proto_capture wanted(const struct world *w, uint32_t name)
{
	struct proto_capture set = {
		.capture = name,
		.packets_max = 1000,
		.until_ms = w->rig->now_ms + 10000,
		.kind = PROTO_CAPTURE_FLOW,
		.gen = 1,
	};

	if (w->s)
		set.id = w->s->flow[0].id;
	return set;
}

int start(struct world *w, const struct proto_capture *set)
{
	return captures_set(w->captures, 0, set, w->rig->now_ms);
}

void tick(struct world *w)
{
	captures_tick(w->captures, w->rig->now_ms * 1000, w->rig->w->now_tsc);
}

void expect_end(struct world *w, enum proto_capture_why why, uint32_t frames)
{
	tick(w);
	tick(w);
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->end[0].why, why);
	assert_int_equal(w->end[0].frames, frames);
	assert_int_equal(w->frames, frames);
	assert_int_equal(captures_count(w->captures), 0);
	assert_false(capture_on(w->rig->w, PROTO_CAPTURE_FLOW));
}
