/* SPDX-License-Identifier: BSD-3-Clause */
/* Events, or captured frames, that wait for one client: bounded, in order, packed into packets of
 * one type. What does not fit is counted, and the client is told (LOST) behind all that came before
 * it: what it then reads in the facts is newer than every event that it has seen. No I/O. */
#ifndef DATAPLANE_CONTROL_QUEUE_H
#define DATAPLANE_CONTROL_QUEUE_H

#include "shared/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_record {
	uint16_t type;
	uint64_t data[];
};

struct queue {
	uint8_t *place; /* [size] of a struct queue_record each */
	uint32_t size;  /* power of two */
	uint32_t stride;
	uint32_t head; /* next to send */
	uint32_t tail; /* next free */
};

/* For `size` records, a power of two, of 8 to record_max bytes each; one of them is a LOST. Returns
 * 0 or -ENOMEM. */
int queue_open(struct queue *queue, uint32_t size, size_t record_max);
void queue_close(struct queue *queue);

/* Copies the record of that type in. False: full, counted as lost. */
bool queue_push(struct queue *queue, uint16_t type, const void *record);

static inline bool queue_is_empty(const struct queue *queue)
{
	return queue->head == queue->tail;
}

/* Records that surely find a place. */
static inline uint32_t queue_room(const struct queue *queue)
{
	uint32_t used = queue->tail - queue->head, most = queue->size - 1;

	return used < most ? most - used : 0;
}

/* Writes the next packet, at most PROTO_PACKET_MAX bytes, and returns its length, 0 when there is
 * nothing to send.
 * Nothing is taken out before queue_sent() is called with that packet. */
size_t queue_pack(const struct queue *queue, void *packet, uint32_t seq);
void queue_sent(struct queue *queue, const void *packet);

#endif
