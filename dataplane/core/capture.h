/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures as workers see them: a board on which main writes what an engineer looks at, and a ring
 * of each worker for the copies. While nobody looks, a worker reads one word a burst. */
#ifndef DATAPLANE_CORE_CAPTURE_H
#define DATAPLANE_CORE_CAPTURE_H

#include "dataplane/core/worker.h"
#include "shared/proto.h"

#include <stdbool.h>
#include <stdint.h>

#define CAPTURE_RING 256 /* frames of a worker that may wait for main, power of two */

/* One place for each capture, all clients together. */
struct capture_place {
	uint32_t serial; /* of the capture; 0 = none here, and then nothing else is read */
	uint32_t id, gen;
	uint8_t kind;       /* enum proto_capture_kind */
	struct addr device; /* of a binding: where its SIP comes from */
	uint32_t lost;      /* frames for which a ring had no room */
};

struct capture_board {
	uint64_t filter[PROTO_CAPTURE_KINDS]; /* bit id % 64 of each kind's ids */
	struct capture_place place[PROTO_CAPTURES];
};

/* One board for all workers, a ring for each: sets both in each worker. Returns 0 or -ENOMEM, and
 * then capture_close() has still to be called. */
int capture_open(struct capture_board **board, struct worker *workers, unsigned int count);
void capture_close(struct capture_board *board, struct worker *workers, unsigned int count);

/* Main: a place that was emptied may be filled again once no worker can be reading it. */
void capture_show(struct capture_board *board, unsigned int at, const struct capture_place *place);
void capture_hide(struct capture_board *board, unsigned int at);

/* Somebody looks at bindings, or flows. */
static inline bool capture_on(const struct worker *w, enum proto_capture_kind kind)
{
	return __atomic_load_n(&w->board->filter[kind], __ATOMIC_RELAXED) != 0;
}

/* Places that look at a flow, or at a binding, of which the low byte of gen is known: a bit each,
 * 0 nearly always. */
uint32_t capture_of_flow(const struct worker *w, uint32_t id, uint32_t gen);
uint32_t capture_of_binding(const struct worker *w, uint32_t id, uint8_t gen);

/* Places that look at the binding of a device. */
uint32_t capture_of_device(const struct worker *w, const struct addr *device);

/* Begins a record of a frame as it is now: `len` bytes from its Ethernet header on. */
void capture_take(struct worker *w, struct proto_frame *frame, const void *data, uint16_t len);

/* Hands the record to those places, or counts that there was no room. Nothing waits. */
void capture_give(
	struct worker *w, uint32_t places, struct proto_frame *frame, enum proto_frame_fate fate);

#endif
