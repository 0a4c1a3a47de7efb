/* SPDX-License-Identifier: BSD-3-Clause */
/* A hot_rig whose worker has two monitor ports, and one monitored flow. Functions fail the test by
 * themselves. */
#ifndef TESTS_COMPONENT_TAP_SCENE_H
#define TESTS_COMPONENT_TAP_SCENE_H

#include "dataplane/media/monitor.h"
#include "tests/component/hot_rig.h"

#define TAP_FIRST 64 /* id of the first monitored flow */
#define TAP_SSRC  0x77

struct tap {
	struct rig *rig;
	struct proto_monitor flow; /* id TAP_FIRST, of the first client; not set yet */
	uint16_t seq;
};

/* Group setup, instead of rig_eal. */
int tap_eal(void **state);

struct tap *tap_open(const char *src, const char *dst);
/* From 10.0.0.1 to 10.0.0.2:5000. */
struct tap *tap_open4(void);
void tap_close(struct tap *t);

int tap_set(struct tap *t);

/* Writes a frame between two hosts, whatever the payload; returns its length. */
uint16_t tap_frame(
	struct frame *payload, const struct addr *src, const struct addr *dst, uint8_t *data);

/* A frame comes by monitor port `side`: 0 or 1. */
void tap_arrive(struct tap *t, int side, const uint8_t *data, uint16_t len);
void tap_arrive_to(
	struct tap *t, struct frame *payload, const struct addr *src, const struct addr *dst);
/* RTP of the flow, in sequence. */
void tap_rtp(struct tap *t);

/* Nothing leaves by monitor port `side`, or the very same bytes do. */
void tap_expect_none(int side);
void tap_expect_same(int side, const uint8_t *data, uint16_t len);
void tap_expect_event(struct tap *t, uint32_t kind);

/* Facts of the flow. */
const struct facts_flow *tap_count(const struct tap *t);
const struct facts_quality *tap_quality(const struct tap *t);
uint32_t tap_heard(const struct tap *t);
uint32_t tap_heard_rtcp(const struct tap *t);

#endif
