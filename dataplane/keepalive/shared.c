/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings of one address form a ring: the source table names one of them. A full table costs the
 * stamp, not the keep-alive; it is made so that it never fills before the bindings do. */
#include "dataplane/keepalive/context.h"
#include "shared/clock.h"

void shared_join(struct keepalive *ka, uint32_t id, const struct addr *dst)
{
	struct binding *b = &ka->binding[id];
	uint32_t first = addrmap_get(ka->source, dst);

	b->next = b->prev = id;
	if (first == ADDRMAP_NONE) {
		if (addrmap_set(ka->source, dst, id) == 0)
			b->flags |= BINDING_SOURCE;
		return;
	}
	b->prev = first;
	b->next = ka->binding[first].next;
	ka->binding[b->next].prev = id;
	ka->binding[first].next = id;
	ka->shared++;
}

void shared_leave(struct keepalive *ka, uint32_t id)
{
	struct binding *b = &ka->binding[id];

	if (b->next == id) {
		if (b->flags & BINDING_SOURCE)
			addrmap_del(ka->source, &b->dst);
	} else {
		if (b->flags & BINDING_SOURCE) {
			/* Only the value of a key that is there changes: this cannot fail. */
			addrmap_set(ka->source, &b->dst, b->next);
			ka->binding[b->next].flags |= BINDING_SOURCE;
		}
		ka->binding[b->prev].next = b->next;
		ka->binding[b->next].prev = b->prev;
		ka->shared--;
	}
	b->flags &= (uint8_t)~BINDING_SOURCE;
	b->next = b->prev = id;
}

void shared_stamp(struct keepalive *ka, uint32_t id)
{
	uint32_t *heard = ka->conf.facts->binding_heard;
	uint32_t tick = __atomic_load_n(&heard[id], __ATOMIC_RELAXED);

	for (uint32_t i = ka->binding[id].next; tick && i != id; i = ka->binding[i].next) {
		uint32_t own = __atomic_load_n(&heard[i], __ATOMIC_RELAXED);

		if (!own || clock_tick_before(own, tick))
			__atomic_store_n(&heard[i], tick, __ATOMIC_RELAXED);
	}
}
