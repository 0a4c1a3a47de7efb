/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of the data plane against a scripted one. Both run on one uv loop's turns in one
 * thread, so nothing depends on timing but the retries themselves. */
#ifndef TESTS_COMPONENT_DPCLIENT_SCENE_H
#define TESTS_COMPONENT_DPCLIENT_SCENE_H

#include "controlplane/media/dpclient.h"
#include "tests/component/dp_fake.h"

#include <poll.h>

#define PORT_MIN 20000
#define PATIENCE 20000

struct bench {
	struct fake fake;
	uv_loop_t loop;
	uv_timer_t tick;
	struct dpclient *c;
	struct dpclient_conf conf;
	unsigned ups, downs, restarts, resyncs, flow_events, binding_events;
	uint64_t lost, boot_id;
	struct dpclient_port last_at;
	struct proto_flow_event last_flow;
	uint32_t last_index;
	struct proto_binding_event last_binding;
};

/* For each test; *state is a struct bench. The client runs, the data plane does not listen yet. */
int setup(void **state);
int teardown(void **state);
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* The data plane listens, and the client is up. */
void start(struct bench *b);

void turn(struct bench *b);

/* Turns until the condition holds; fails after a patience that no machine needs. */
#define UNTIL(b, condition)                                         \
	do {                                                        \
		uint64_t end_ = clock_boot_ms() + PATIENCE;         \
		while (!(condition)) {                              \
			turn(b);                                    \
			if (clock_boot_ms() > end_)                 \
				fail_msg("waited for " #condition); \
			if (!(condition))                           \
				poll(NULL, 0, 1);                   \
		}                                                   \
	} while (0)

/* The client has told all; the second waits for it, and some turns more for what must not happen.
 */
bool settled(const struct bench *b);
void settle(struct bench *b);

/* The port slot of a media address, and some address out there. */
struct dpclient_port at(uint32_t i, uint32_t slot);
struct addr far(uint32_t n);

struct proto_flow some_flow(uint32_t gen, uint32_t n);
struct proto_binding some_binding(uint32_t gen, uint32_t n);
void set_flow(struct bench *b, struct dpclient_port own, struct dpclient_port peer, uint32_t gen);

/* What the data plane holds in a port slot. */
struct held_flow *held(struct bench *b, uint32_t i, uint32_t slot);

/* The data plane tells of a flow. */
void event(struct bench *b, struct dpclient_port where, uint32_t gen, uint32_t kind,
	const struct addr *addr);

#endif
