/* SPDX-License-Identifier: BSD-3-Clause */
/* Which records of a table are still to be sent: each index waits at most once, in order, so a slow
 * reader costs a mark and never memory. */
#ifndef CONTROLPLANE_MEDIA_DPTABLE_H
#define CONTROLPLANE_MEDIA_DPTABLE_H

#include <stdbool.h>
#include <stdint.h>

struct dptable {
	uint32_t size;
	uint32_t head;
	uint32_t count;
	uint32_t *ring;
	bool *marked;
};

/* Returns 0 or -ENOMEM. size may be 0. */
int dptable_init(struct dptable *t, uint32_t size);
void dptable_free(struct dptable *t);

/* Lets an index wait, unless it does already. */
void dptable_mark(struct dptable *t, uint32_t index);

/* The n-th waiting index (n below count). */
static inline uint32_t dptable_peek(const struct dptable *t, uint32_t n)
{
	return t->ring[(t->head + n) % t->size];
}

/* The first n are done. */
void dptable_pop(struct dptable *t, uint32_t n);

#endif
