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

static void queue_append(struct queue *queue, uint16_t type, const void *record)
{
	struct queue_record *place = queue_at(queue, queue->tail++);

	place->type = type;
	memcpy(place->data, record, proto_size(type));
}

/* The last place is a LOST's, which counts on until there is room again. */
static void queue_lose(struct queue *queue)
{
	struct queue_record *last = queue_at(queue, queue->tail - 1);
	struct proto_lost lost = {.events = 1};

	if (queue->head == queue->tail || last->type != PROTO_LOST) {
		queue_append(queue, PROTO_LOST, &lost);
		return;
	}
	memcpy(&lost, last->data, sizeof(lost));
	lost.events++;
	memcpy(last->data, &lost, sizeof(lost));
}

bool queue_push(struct queue *queue, uint16_t type, const void *record)
{
	if (queue_room(queue) == 0) {
		queue_lose(queue);
		return false;
	}
	queue_append(queue, type, record);
	return true;
}

size_t queue_pack(const struct queue *queue, void *packet, uint32_t seq)
{
	struct proto_head *head = packet;
	uint8_t *record = (uint8_t *)(head + 1);
	uint32_t at = queue->head;
	size_t most;

	*head = (struct proto_head){.seq = seq};
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

	queue->head += head->count;
}
