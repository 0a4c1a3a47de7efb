/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/capture.h"

#include "dataplane/core/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int capture_open(struct capture_board **board, struct worker *workers, unsigned int count)
{
	*board = calloc(1, sizeof(**board));
	if (!*board)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++) {
		workers[i].board = *board;
		workers[i].captured = ring_open(
			"captured", sizeof(struct proto_frame), CAPTURE_RING);
		if (!workers[i].captured)
			return -ENOMEM;
	}
	return 0;
}

void capture_close(struct capture_board *board, struct worker *workers, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		ring_close(workers[i].captured);
	free(board);
}

/* What the filter of a kind must hold. */
static void capture_refilter(struct capture_board *board, uint8_t kind)
{
	uint64_t filter = 0;

	for (unsigned int i = 0; i < PROTO_CAPTURES; i++)
		if (board->place[i].serial && board->place[i].kind == kind)
			filter |= 1ull << (board->place[i].id & 63);
	__atomic_store_n(&board->filter[kind], filter, __ATOMIC_RELEASE);
}

void capture_show(struct capture_board *board, unsigned int at, const struct capture_place *place)
{
	struct capture_place *p = &board->place[at];

	*p = *place;
	p->serial = 0;
	__atomic_store_n(&p->serial, place->serial, __ATOMIC_RELEASE);
	capture_refilter(board, place->kind);
}

void capture_hide(struct capture_board *board, unsigned int at)
{
	struct capture_place *p = &board->place[at];

	__atomic_store_n(&p->serial, 0, __ATOMIC_RELEASE);
	capture_refilter(board, p->kind);
}

static bool capture_passes(const struct worker *w, enum proto_capture_kind kind, uint32_t id)
{
	return __atomic_load_n(&w->board->filter[kind], __ATOMIC_RELAXED) >> (id & 63) & 1;
}

/* A place of that kind that somebody looks from. */
static bool capture_is(const struct capture_place *p, enum proto_capture_kind kind)
{
	return __atomic_load_n(&p->serial, __ATOMIC_ACQUIRE) && p->kind == kind;
}

uint32_t capture_of_flow(const struct worker *w, uint32_t id, uint32_t gen)
{
	const struct capture_place *p = w->board->place;
	uint32_t places = 0;

	if (!capture_passes(w, PROTO_CAPTURE_FLOW, id))
		return 0;
	for (uint32_t i = 0; i < PROTO_CAPTURES; i++)
		if (capture_is(&p[i], PROTO_CAPTURE_FLOW) && p[i].id == id && p[i].gen == gen)
			places |= 1u << i;
	return places;
}

uint32_t capture_of_binding(const struct worker *w, uint32_t id, uint8_t gen)
{
	const struct capture_place *p = w->board->place;
	uint32_t places = 0;

	if (!capture_passes(w, PROTO_CAPTURE_BINDING, id))
		return 0;
	for (uint32_t i = 0; i < PROTO_CAPTURES; i++)
		if (capture_is(&p[i], PROTO_CAPTURE_BINDING) && p[i].id == id &&
			(uint8_t)p[i].gen == gen)
			places |= 1u << i;
	return places;
}

uint32_t capture_of_device(const struct worker *w, const struct addr *device)
{
	const struct capture_place *p = w->board->place;
	uint32_t places = 0;

	for (uint32_t i = 0; i < PROTO_CAPTURES; i++)
		if (capture_is(&p[i], PROTO_CAPTURE_BINDING) && addr_equal(&p[i].device, device))
			places |= 1u << i;
	return places;
}

void capture_take(struct worker *w, struct proto_frame *frame, const void *data, uint16_t len)
{
	uint16_t kept = RTE_MIN(len, PROTO_FRAME_MAX);

	*frame = (struct proto_frame){.at_us = w->now_tsc, .len = len, .kept = kept};
	memcpy(frame->data, data, kept);
}

void capture_give(
	struct worker *w, uint32_t places, struct proto_frame *frame, enum proto_frame_fate fate)
{
	frame->fate = (uint8_t)fate;
	for (uint32_t i = 0; places; i++, places >>= 1) {
		struct capture_place *p = &w->board->place[i];

		if (!(places & 1))
			continue;
		frame->capture = __atomic_load_n(&p->serial, __ATOMIC_RELAXED);
		if (frame->capture &&
			rte_ring_sp_enqueue_elem(w->captured, frame, sizeof(*frame)) != 0)
			__atomic_fetch_add(&p->lost, 1, __ATOMIC_RELAXED);
	}
}
