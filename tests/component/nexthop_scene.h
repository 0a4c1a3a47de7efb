/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops against a real kernel: a network namespace of our own with two veth pairs, whose far
 * ends (in a second namespace) are neighbours and gateways. Functions fail the test by themselves.
 */
#ifndef TESTS_COMPONENT_NEXTHOP_SCENE_H
#define TESTS_COMPONENT_NEXTHOP_SCENE_H

#include "dataplane/host/nexthop.h"

#include <uv.h>

#define WAIT_MS 40000 /* until the kernel must have resolved; far more than it takes */

struct nexthop_scene {
	uv_loop_t loop;
	struct nexthops *nexthops;
	struct nexthop_port ports[2];
	unsigned int reroutes;
};

extern struct nexthop_scene scene;

/* Setup and teardown of a test. */
int scene_open(void **state);
int scene_close(void **state);

/* What nexthops_conf.reroute points to. */
void rerouted(void *ctx);

/* Takes and puts back a reference to the next hop of a destination. */
uint16_t get(const char *text);
void put(uint16_t index);

/* Lets the loop run for some milliseconds. */
void run_for(uint64_t ms);

/* Whether the next hop has the MAC 02:..:last_byte, and waiting until it has. */
bool resolved(uint16_t index, uint8_t last_byte);
void await(uint16_t index, uint8_t last_byte);

/* Waits until routes were told more often than that. */
void await_reroute(unsigned int more_than);

#endif
