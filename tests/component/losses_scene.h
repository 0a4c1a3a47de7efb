/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole data plane in the test's own process, so that its worker can be held up and its buffers
 * taken away; main's loop runs while the test waits. A TAP device, a bond of two and a mirror port
 * on the cable mon0 - cable0, whose ring is short. Functions fail the test by themselves. */
#ifndef TESTS_COMPONENT_LOSSES_SCENE_H
#define TESTS_COMPONENT_LOSSES_SCENE_H

#include "dataplane/dataplane.h"
#include "tests/component/dp_scene.h"

#define BOND   "bond:active-backup:tap:bnd0+tap:bnd1"
#define MIRROR "af_packet:mon0"
#define RING   64 /* frames of the mirror port's ring */
#define FRAME  100
#define LONG   4000 /* fits no buffer */
#define SOME   10

extern struct dp files; /* the folder and the socket's name */
extern struct dataplane *dp;
extern struct worker *w;
extern unsigned int ran; /* messages with run() */

struct counts {
	uint64_t loss[FACTS_LOSS_MAX], drop[FACTS_DROP_MAX];
	uint64_t rx, tx, punted;
};

/* Group setup and teardown, and what ends each test: the worker is free. */
int losses_open(void **state);
int losses_close(void **state);
int release(void **state);

uint64_t load(const uint64_t *count);
struct counts counts(void);

/* A turn of main's loop; and turns until a counter is there. */
void turn(void);
void await(const uint64_t *count, uint64_t value);
void await_loss(enum facts_loss why, uint64_t value);

/* Since `before` this was lost for one reason, in the facts and in telemetry, and nothing for any
 * other. */
void lost(const struct counts *before, enum facts_loss why, uint64_t n);

/* The worker stays in one turn, until it is freed. */
void hold_worker(void);
void free_worker(void);

/* A message for it, which counts. */
void run(struct worker *worker, const struct mail *mail);

/* A socket on an interface, and frames by it that nobody answers. */
int packet_socket(const char *ifname);
void send_frames(int fd, unsigned int n, size_t len);

/* Frames that come by an interface reach the worker, as many as are sent. */
void works(const char *ifname);

/* Frames that the kernel could not give to an interface. */
uint64_t kernel_dropped(const char *ifname);

#endif
