/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/control/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct queue_record *queue_at(const struct queue *queue, uint32_t position)
{
	size_t at = position & (queue->size - 1);

	return (struct queue_record *)(void *)(queue->place + at * queue->stride);
}

int queue_open(struct queue *queue, uint32_t size, size_t record_max)
{
	size_t stride = sizeof(struct queue_record) + ((record_max + 7) & ~(size_t)7);

	*queue = (struct queue){.size = size, .stride = (uint32_t)stride};
	queue->place = calloc(size, stride);
	return queue->place ? 0 : -ENOMEM;
}

void queue_close(struct queue *queue)
{
	free(queue->place);
	*queue = (struct queue){0};
}

bool queue_push(struct queue *queue, uint16_t type, const void *record)
{
	struct queue_record *place = queue_at(queue, queue->tail);

	if (queue_is_full(queue)) {
		queue->lost++;
		return false;
	}
	place->type = type;
	memcpy(place->data, record, proto_size(type));
	queue->tail++;
	return true;
}

size_t queue_pack(const struct queue *queue, void *packet, uint32_t seq)
{
	struct proto_head *head = packet;
	uint8_t *record = (uint8_t *)(head + 1);
	uint32_t at = queue->head;
	size_t most;

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
	most = (PROTO_PACKET_MAX - sizeof(*head)) / head->size;
	if (most > PROTO_RECORDS_MAX)
		most = PROTO_RECORDS_MAX;
	for (; at != queue->tail && head->count < most; at++) {
		const struct queue_record *place = queue_at(queue, at);

		if (place->type != head->type)
			break;
		memcpy(record, place->data, head->size);
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
