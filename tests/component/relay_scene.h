/* SPDX-License-Identifier: BSD-3-Clause */
/* A call of two legs through the relay of a hot_rig. Leg 0 and leg 1 each have a phone and a media
 * port of ours. Functions fail the test by themselves. */
#ifndef TESTS_COMPONENT_RELAY_SCENE_H
#define TESTS_COMPONENT_RELAY_SCENE_H

#include "tests/component/hot_rig.h"

#define SCENE_SSRC 0x1000 /* of leg 0; leg 1 has the next */

struct scene {
	struct rig *rig;
	struct addr phone[2]; /* RTP address in the leg's SDP, and where it sends from */
	struct addr local[2]; /* our media port of the leg */
	struct proto_flow flow[2];
	uint16_t seq[2];
};

/* Claims the ports 20000 to 20007 of each address and prepares the flows; nothing is set yet. */
struct scene *scene_open(
	const char *phone0, const char *local0, const char *phone1, const char *local1);
/* IPv4: 10.0.0.11 and 10.0.0.12 behind 192.0.2.1 and 192.0.2.2. */
struct scene *scene_open4(void);
void scene_close(struct scene *s);

void scene_set(struct scene *s, int leg);
/* Sets a leg, or both, as already latched. */
void scene_set_latched_leg(struct scene *s, int leg);
void scene_set_latched(struct scene *s);
/* Sets both legs and lets each phone send until it is learnt. */
void scene_learn(struct scene *s);

/* An RTP packet of a leg's phone, in sequence, with payload type 0. */
void scene_rtp(struct scene *s, int leg);
void scene_rtp_from(struct scene *s, int leg, const struct addr *source, uint32_t ssrc);
/* Any payload from a source to a leg's port plus `port` */
void scene_feed(
	struct scene *s, int leg, const struct addr *source, uint16_t port, struct frame *payload);

/* Expects the next frame to come out of the other leg towards its phone, or nothing at all. */
void scene_expect(struct scene *s, int leg, struct frame *frame);
void scene_expect_none(struct scene *s);

/* RTCP: the port above one for RTP, a receiver report from a source, and the next frame as one. */
struct addr scene_above(struct addr addr);
void scene_report(
	struct scene *s, int leg, const struct addr *source, uint16_t port, uint32_t ssrc);
void scene_expect_report(struct scene *s, const struct addr *src, const struct addr *dst);

/* Expects the next event, of that leg, and returns it. */
const struct proto_flow_event *scene_event(struct scene *s, int leg, uint32_t kind);
void scene_expect_no_event(struct scene *s);

const struct facts_flow *scene_count(const struct scene *s, int leg);
const struct facts_quality *scene_quality(const struct scene *s, int leg);
uint64_t scene_drops(const struct scene *s, enum facts_drop why);

#endif
