/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/relay_scene.h"

#include "dataplane/media/context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SCENE_PORT 20000

static void scene_claim(struct scene *s, int leg)
{
	struct proto_media_addr range = {
		.local = s->local[leg],
		.port_min = SCENE_PORT,
		.port_max = SCENE_PORT + 7,
	};
	struct proto_media_ready ready;

	range.local.port = 0;
	assert_int_equal(media_addr_claim(s->rig->media, 0, &range, &ready), 0);
	s->flow[leg].id = ready.base;
	s->local[leg].port = SCENE_PORT;
}

struct scene *scene_open(
	const char *phone0, const char *local0, const char *phone1, const char *local1)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->rig = rig_open(64, 64);
	s->phone[0] = rig_addr(phone0);
	s->phone[1] = rig_addr(phone1);
	s->local[0] = rig_addr(local0);
	s->local[1] = rig_addr(local1);
	for (int leg = 0; leg < 2; leg++) {
		scene_claim(s, leg);
		s->flow[leg].gen = 1;
		s->flow[leg].dscp = PROTO_DSCP_KEEP;
		s->flow[leg].peer_gen = 1;
		s->flow[leg].remote = s->phone[leg];
		s->flow[leg].remote_rtcp = s->phone[leg];
		s->flow[leg].remote_rtcp.port++;
		s->flow[leg].payload_types[0] = 1 << 0;
		s->flow[leg].payload_types[101 / 8] |= 1 << 101 % 8;
		s->flow[leg].expires_ms = s->rig->now_ms + 3600000;
		s->seq[leg] = 100;
	}
	s->flow[0].peer_id = s->flow[1].id;
	s->flow[1].peer_id = s->flow[0].id;
	return s;
}

struct scene *scene_open4(void)
{
	return scene_open("10.0.0.11:4000", "192.0.2.1", "10.0.0.12:5000", "192.0.2.2");
}

void scene_close(struct scene *s)
{
	for (int leg = 0; leg < 2; leg++) {
		struct proto_handle handle = {.id = s->flow[leg].id, .gen = s->flow[leg].gen};

		assert_int_equal(flow_del(s->rig->media, 0, &handle), 0);
		/* It has no moment any more. */
		assert_int_equal(s->rig->media->due[handle.id], 0);
		assert_int_equal(s->rig->media->hold[handle.id], 0);
		assert_int_equal(s->rig->media->expires[handle.id], 0);
	}
	assert_int_equal(s->rig->facts.head->flows_used, 0);
	assert_int_equal(s->rig->routes, 0);
	rig_close(s->rig);
	free(s);
}

void scene_set(struct scene *s, int leg)
{
	assert_int_equal(flow_set(s->rig->media, 0, &s->flow[leg], s->rig->now_ms), 0);
}

void scene_set_latched_leg(struct scene *s, int leg)
{
	s->flow[leg].flags |= PROTO_FLOW_LATCHED;
	s->flow[leg].latched = s->phone[leg];
	s->flow[leg].ssrc = SCENE_SSRC + (uint32_t)leg;
	scene_set(s, leg);
}

void scene_set_latched(struct scene *s)
{
	for (int leg = 0; leg < 2; leg++)
		scene_set_latched_leg(s, leg);
}

void scene_learn(struct scene *s)
{
	struct frame frame;

	scene_set(s, 0);
	scene_set(s, 1);
	for (int leg = 0; leg < 2; leg++) {
		for (int n = 0; n < 3; n++)
			scene_rtp(s, leg);
		rig_pass(s->rig, 20);
		scene_event(s, leg, PROTO_FLOW_LEARNT);
		while (rig_sent(s->rig, &frame))
			;
	}
}

void scene_feed(
	struct scene *s, int leg, const struct addr *source, uint16_t port, struct frame *payload)
{
	payload->src = *source;
	payload->dst = s->local[leg];
	payload->dst.port = (uint16_t)(payload->dst.port + port);
	rig_feed(s->rig, payload);
}

void scene_rtp_from(struct scene *s, int leg, const struct addr *source, uint32_t ssrc)
{
	struct frame frame = {0};

	frame_rtp(&frame, 0, s->seq[leg]++, ssrc, 172);
	scene_feed(s, leg, source, 0, &frame);
}

void scene_rtp(struct scene *s, int leg)
{
	scene_rtp_from(s, leg, &s->phone[leg], SCENE_SSRC + (uint32_t)leg);
}

void scene_expect(struct scene *s, int leg, struct frame *frame)
{
	struct frame own;

	if (!frame)
		frame = &own;
	assert_true(rig_sent(s->rig, frame));
	assert_true(addr_equal(&frame->src, &s->local[!leg]));
	assert_true(addr_equal(&frame->dst, &s->phone[!leg]));
}

void scene_expect_none(struct scene *s)
{
	struct frame frame;

	assert_false(rig_sent(s->rig, &frame));
	for (enum punt_class class = 0; class < PUNT_CLASSES; class ++)
		assert_int_equal(rig_punted(s->rig, class), 0);
}

struct addr scene_above(struct addr addr)
{
	addr.port++;
	return addr;
}

void scene_report(struct scene *s, int leg, const struct addr *source, uint16_t port, uint32_t ssrc)
{
	struct frame frame = {0};

	frame_rtcp(&frame, ssrc);
	scene_feed(s, leg, source, port, &frame);
}

void scene_expect_report(struct scene *s, const struct addr *src, const struct addr *dst)
{
	struct frame got;

	assert_true(rig_sent(s->rig, &got));
	assert_true(addr_equal(&got.src, src));
	assert_true(addr_equal(&got.dst, dst));
	assert_int_equal(got.payload[1], 201);
}

const struct proto_flow_event *scene_event(struct scene *s, int leg, uint32_t kind)
{
	struct rig *rig = s->rig;
	static struct rig_event event;

	assert_true(rig->flow_events > 0);
	event = rig->event[0];
	memmove(rig->event, rig->event + 1, --rig->flow_events * sizeof(event));
	assert_int_equal(event.flow.kind, kind);
	assert_int_equal(event.flow.id, s->flow[leg].id);
	assert_int_equal(event.flow.gen, s->flow[leg].gen);
	return &event.flow;
}

void scene_expect_no_event(struct scene *s)
{
	assert_int_equal(s->rig->flow_events, 0);
}

const struct facts_flow *scene_count(const struct scene *s, int leg)
{
	const struct facts_head *head = s->rig->facts.head;

	/* As a reader of the facts memory finds it. */
	return (const void *)((const char *)s->rig->facts.base + head->flow_count_off +
		(uint64_t)s->flow[leg].id * head->flow_count_stride);
}

const struct facts_quality *scene_quality(const struct scene *s, int leg)
{
	const struct facts_head *head = s->rig->facts.head;

	return (const void *)((const char *)s->rig->facts.base + head->flow_quality_off +
		(uint64_t)s->flow[leg].id * head->flow_quality_stride);
}

uint64_t scene_drops(const struct scene *s, enum facts_drop why)
{
	return s->rig->w->count->drop[why];
}
