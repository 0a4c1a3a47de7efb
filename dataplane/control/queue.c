/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/control/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct queue_event *queue_at(const struct queue *queue, uint32_t position)
{
	return &queue->event[position & (QUEUE_SIZE - 1)];
}

int queue_open(struct queue *queue)
{
	*queue = (struct queue){.event = calloc(QUEUE_SIZE, sizeof(*queue->event))};
	return queue->event ? 0 : -ENOMEM;
}

void queue_close(struct queue *queue)
{
	free(queue->event);
	*queue = (struct queue){0};
}

bool queue_push(struct queue *queue, uint16_t type, const void *record)
{
	struct queue_event *event = queue_at(queue, queue->tail);

	if (queue->tail - queue->head == QUEUE_SIZE) {
		queue->lost++;
		return false;
	}
	event->type = type;
	memcpy(&event->flow, record, proto_size(type));
	queue->tail++;
	return true;
}

size_t queue_pack(const struct queue *queue, void *packet, uint32_t seq)
{
	struct proto_head *head = packet;
	uint8_t *record = (uint8_t *)(head + 1);
	uint32_t at = queue->head;

	*head = (struct proto_head){.seq = seq};
	if (queue->lost) {
		struct proto_lost lost = {.events = queue->lost};

		head->type = PROTO_LOST;
		head->size = sizeof(lost);
		head->count = 1;
		memcpy(record, &lost, sizeof(lost));
		return sizeof(*head) + sizeof(lost);
	}
	if (at == queue->tail)
		return 0;
	head->type = queue_at(queue, at)->type;
	head->size = (uint16_t)proto_size(head->type);
	for (; at != queue->tail && head->count < PROTO_RECORDS_MAX; at++) {
		const struct queue_event *event = queue_at(queue, at);

		if (event->type != head->type)
			break;
		memcpy(record, &event->flow, head->size);
		record += head->size;
		head->count++;
	}
	return (size_t)(record - (uint8_t *)packet);
}

void queue_sent(struct queue *queue, const void *packet)
{
	const struct proto_head *head = packet;
	struct proto_lost lost;

	if (head->type == PROTO_LOST) {
		memcpy(&lost, head + 1, sizeof(lost));
		queue->lost -= lost.events;
	} else {
		queue->head += head->count;
	}
}
