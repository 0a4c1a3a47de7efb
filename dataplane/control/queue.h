/* SPDX-License-Identifier: BSD-3-Clause */
/* Events that wait for one client: bounded, in order, packed into packets of one type. What does
 * not fit is counted, and the client is told (LOST). No I/O. */
#ifndef DATAPLANE_CONTROL_QUEUE_H
#define DATAPLANE_CONTROL_QUEUE_H

#include "shared/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_SIZE 8192 /* events, power of two */

/* Room for a full packet of the largest event. */
#define QUEUE_PACKET_MAX \
	(sizeof(struct proto_head) + PROTO_RECORDS_MAX * sizeof(struct proto_flow_event))

struct queue_event {
	uint16_t type; /* PROTO_FLOW_EVENT or PROTO_BINDING_EVENT */
	union {
		struct proto_flow_event flow;
		struct proto_binding_event binding;
	};
};

struct queue {
	struct queue_event *event;
	uint32_t head; /* next to send */
	uint32_t tail; /* next free */
	uint64_t lost; /* since the last LOST that was sent */
};

/* Returns 0 or -ENOMEM. */
int queue_open(struct queue *queue);
void queue_close(struct queue *queue);

/* Copies the record of that type in. False: full, counted as lost. */
bool queue_push(struct queue *queue, uint16_t type, const void *record);

static inline bool queue_is_empty(const struct queue *queue)
{
	return queue->head == queue->tail && queue->lost == 0;
}

/* Writes the next packet (LOST first) and returns its length, 0 when there is nothing to send.
 * Nothing is taken out before queue_sent() is called with that packet. */
size_t queue_pack(const struct queue *queue, void *packet, uint32_t seq);
void queue_sent(struct queue *queue, const void *packet);

#endif
