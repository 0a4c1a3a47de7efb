/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures on a hot_rig: what a client of the data plane would get of them. Functions fail the test
 * by themselves. */
#ifndef TESTS_COMPONENT_CAPTURE_WORLD_H
#define TESTS_COMPONENT_CAPTURE_WORLD_H

#include "dataplane/control/captures.h"
#include "tests/component/relay_scene.h"

#define RECORDS 2048

struct world {
	struct scene *s; /* NULL: no call */
	struct rig *rig;
	struct captures *captures;
	struct worker *workers; /* [2], of which the second copies into the rings of the rig's */
	unsigned int room;      /* records that the client still takes */
	unsigned int frames, ends;
	struct proto_frame frame[RECORDS];
	struct proto_capture_end end[16];
};

/* On a rig of the caller's, which world_close() closes too. */
struct world *world_open(struct rig *rig);
/* On a call of two latched legs. */
struct world *world_of_call(void);
void world_close(struct world *w);

/* A capture of leg 0's flow, of 1000 packets or 10 s. */
struct proto_capture wanted(const struct world *w, uint32_t name);
int start(struct world *w, const struct proto_capture *set);
void tick(struct world *w);

/* The one capture ends so, with that many frames, and nothing is copied any more. */
void expect_end(struct world *w, enum proto_capture_why why, uint32_t frames);

#endif
