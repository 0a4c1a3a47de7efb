/* SPDX-License-Identifier: BSD-3-Clause */
/* Main's side of the pulses: turns what the workers noted into events, each change once. */
#include "dataplane/keepalive/context.h"

#include <rte_ring_elem.h>

#define LOST_TURN 1024 /* most notes of a worker in one tick */

static bool lost_now(const struct keepalive *ka, uint32_t id)
{
	const struct pulse *p = &ka->pulse[id];
	uint8_t gen = __atomic_load_n(&p->gen, __ATOMIC_ACQUIRE);

	return gen == (uint8_t)ka->binding[id].gen && __atomic_load_n(&p->lost, __ATOMIC_RELAXED);
}

void lost_tell(struct keepalive *ka, uint32_t id, uint64_t now_ms)
{
	const struct binding *b = &ka->binding[id];
	const struct proto_binding_event event = {
		.id = id,
		.gen = b->gen,
		.kind = b->flags & BINDING_LOST ? PROTO_BINDING_LOST : PROTO_BINDING_FOUND,
		.at_ms = now_ms,
	};

	event_binding(&ka->conf.events, b->slot, &event);
}

void lost_look(struct keepalive *ka, uint32_t id, uint64_t now_ms)
{
	struct binding *b = &ka->binding[id];

	if (!(b->flags & BINDING_USED) || lost_now(ka, id) == !!(b->flags & BINDING_LOST))
		return;
	b->flags ^= BINDING_LOST;
	lost_tell(ka, id, now_ms);
}

bool lost_is_busy(const struct keepalive *ka)
{
	for (unsigned int i = 0; i < ka->conf.worker_count; i++)
		if (!rte_ring_empty(ka->notes[i]))
			return true;
	return false;
}

void lost_tick(struct keepalive *ka, uint64_t now_ms)
{
	struct pulse_note note;

	if (__atomic_exchange_n(&ka->notes_full, false, __ATOMIC_ACQUIRE))
		ka->relook_left = ka->conf.bindings;
	for (unsigned int i = 0; i < ka->conf.worker_count; i++)
		for (int n = 0; n < LOST_TURN &&
			rte_ring_sc_dequeue_elem(ka->notes[i], &note, sizeof(note)) == 0;
			n++)
			lost_look(ka, note.id, now_ms);
}
