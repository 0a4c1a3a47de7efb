/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-dp with two af_packet monitor ports on veth pairs whose other ends are hosts. Functions
 * fail the test by themselves. Needs netns_enter_two(). */
#ifndef TESTS_COMPONENT_INLINE_SCENE_H
#define TESTS_COMPONENT_INLINE_SCENE_H

#include "tests/component/dp_scene.h"

#define INLINE_PORTS                                                  \
	"  monitor: inline\n"                                         \
	"  monitor_ports: [\"af_packet:mon0\", \"af_packet:mon1\"]\n" \
	"  monitors: 32\n"                                            \
	"  bindings: 100\n"                                           \
	"  flows: 64\n"

#define INLINE_FLOWS    64
#define INLINE_MONITORS 32
#define INLINE_SSRC     7
#define INLINE_FRAME    9014 /* bytes of the longest */

extern struct dp dp;
extern int wire[2]; /* packet sockets at the hosts' ends of the cables */

/* Lays the cables and starts the program with these lines; ends it. For setup and teardown. */
int inline_open(const char *lines, int mtu);
int inline_close(void **state);

/* Lays one of the cables, again if it was cut (ip link del mon0); mtu: 0 = as it comes. */
void inline_cable(int side, int mtu);

/* A packet of a stream from 10.0.0.1:4000 to 10.0.0.2:5000; returns its length. */
uint16_t inline_rtp(uint8_t *data, uint16_t seq);

/* A frame that enters by one side comes out at the other as it was. */
void inline_passes(int from, const uint8_t *data, uint16_t len);

/* After an outage sockets on both sides tell of it before they go on: sends until a frame passes.
 */
void inline_passes_again(int from, const uint8_t *data, uint16_t len);

/* What the facts count for a monitored flow. */
const struct facts_flow *inline_count(const struct facts_head *facts, uint32_t id);

/* Tries a shell command until it succeeds. */
void inline_await(const char *command);

#endif
