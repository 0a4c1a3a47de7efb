/* SPDX-License-Identifier: BSD-3-Clause */
/* The hot half of linewatch-dp without its threads: one worker whose turns the caller makes, a
 * net_ring port (what is sent is read back), fixed next hops, and a clock that the caller sets. EAL
 * without huge pages. Functions fail the test by themselves. */
#ifndef TESTS_COMPONENT_HOT_RIG_H
#define TESTS_COMPONENT_HOT_RIG_H

#include "dataplane/core/capture.h"
#include "dataplane/core/worker.h"
#include "dataplane/keepalive/binding.h"
#include "dataplane/keepalive/keepalive.h"
#include "dataplane/media/flow.h"
#include "dataplane/media/media.h"
#include "tests/component/frame.h"

#define RIG_EVENTS   8192
#define RIG_MONITORS 64
#define RIG_HZ       1000000000ull /* cycles a second of the rig's clock */

struct rig_event {
	uint32_t slot;
	struct proto_flow_event flow;
};

struct rig {
	struct mem mem;
	struct facts facts;
	struct rte_rcu_qsbr *qsbr;
	struct timebase timebase;
	struct worker *w;
	struct capture_board *board;
	struct nexthop_entry *nexthops;
	struct media *media;
	struct keepalive *keepalive;
	uint64_t now_ms;
	/* Next hops by the last byte of a destination: odd ones leave by entry 1, even ones by
	 * entry 2; none for 99. */
	uint16_t route_shift; /* added to the entry, for tests of route changes */
	bool no_routes;       /* none for anybody */
	int routes;           /* references taken and not put back */
	unsigned int flow_events, binding_events;
	struct rig_event event[RIG_EVENTS];
	struct proto_binding_event binding_event[RIG_EVENTS];
};

/* Group setup: the EAL and what lives as long as the process. */
int rig_eal(void **state);
int rig_eal_end(void **state);

/* Makes and starts a port that receives what it sends; in use until the EAL ends. */
uint16_t rig_open_port(const char *name);

/* With room for RIG_MONITORS monitored flows, half of them for each of two clients. */
struct rig *rig_open(uint32_t bindings, uint32_t flows);
void rig_close(struct rig *rig);

/* Moves the clock and runs the main thread's ticks, 20 ms at a time. */
void rig_pass(struct rig *rig, uint64_t ms);

/* One received frame, as the driver would hand it over. */
void rig_feed_raw(struct rig *rig, const uint8_t *data, uint16_t len);
void rig_feed(struct rig *rig, const struct frame *frame);
/* At most WORKER_BURST of them together. */
void rig_feed_burst(struct rig *rig, uint8_t (*data)[FRAME_MAX], const uint16_t *len, uint16_t n);

/* A buffer with these bytes. */
struct rte_mbuf *rig_mbuf(const uint8_t *data, uint16_t len);

/* The next frame that was sent; 0 or false when there is none. The second fails the test if the
 * frame is not sound. */
uint16_t rig_sent_raw(struct rig *rig, uint8_t *data);
bool rig_sent(struct rig *rig, struct frame *frame);

/* Frames that were handed to the kernel since, in that class. */
unsigned int rig_punted(struct rig *rig, enum punt_class class);

/* The addresses that a frame of the rig's network has. */
struct addr rig_addr(const char *text);
extern const uint8_t rig_mac[6];        /* of the port */
extern const uint8_t rig_gateway[2][6]; /* of next hop 1 and 2 */

#endif
