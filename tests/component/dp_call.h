/* SPDX-License-Identifier: BSD-3-Clause */
/* A call through linewatch-dp on a real wire: both parties live behind a gateway at the far end of
 * the port's cable. Functions fail the test by themselves. Needs netns_enter_two(). */
#ifndef TESTS_COMPONENT_DP_CALL_H
#define TESTS_COMPONENT_DP_CALL_H

#include "tests/component/dp_scene.h"

#define WAIT_MS    60000 /* for the kernel to notice a gateway; far more than it takes */
#define PORT_A     20000 /* ours towards a and b */
#define PORT_B     20002
#define PHONE_A    "203.0.113.5"
#define PHONE_B    "203.0.113.6"
#define PHONE_PORT 40000
#define RTP_LEN    172

extern struct dp dp;
extern int client;           /* of the control socket */
extern int phone_a, phone_b; /* UDP sockets */
extern int wire;             /* packet socket at the far end of the cable */
extern unsigned int said;    /* RTP packets of both phones */
extern const struct facts_head *facts;
extern struct proto_media_ready ready; /* where the flows of a and b are */

/* Starts the program on one end of a cable with these lines and sets the call; ends it. For setup
 * and teardown. */
int call_open(const char *conf);
int call_close(void **state);

/* Lays that cable, again if it was cut (ip link del eth1). */
void call_cable(void);

/* The parts of call_open() for a test that lays its own cable and starts dp itself: the phones'
 * sockets, once their addresses are there; then a client of a started dp that sets the call. It
 * fills *welcome unless NULL. */
void call_phones(void);
void call_set(struct proto_welcome *welcome);

/* One RTP packet of RTP_LEN bytes from a phone to one of our ports. */
void say(int from, uint16_t port, uint16_t seq);

/* What a phone hears within 20 ms, as it was sent: the sequence number, -1 for silence. */
int hear(int phone, uint16_t from_port);

/* Reads what a phone hears up to that packet; what was late from before comes first. */
void hears(int phone, uint16_t from_port, uint16_t seq);

/* Both talk until both hear, and until nothing of it is under way any more. */
void await_conversation(void);

/* The client orders the reset of a port, 0 or -errno; it is told this of the first port next. */
int order_reset(const char *port);
void await_port(enum proto_port_event_kind kind);

/* What the facts count for a worker, and for a leg: 0 from a, 1 from b. */
const struct facts_worker *worker_count(unsigned int i);
const struct facts_flow *flow_count(unsigned int i);

#endif
