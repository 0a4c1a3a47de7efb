/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/dptable.h"

#include <errno.h>
#include <stdlib.h>

int dptable_init(struct dptable *t, uint32_t size)
{
	*t = (struct dptable){.size = size};
	if (size == 0)
		return 0;
	t->ring = calloc(size, sizeof(*t->ring));
	t->marked = calloc(size, sizeof(*t->marked));
	if (t->ring && t->marked)
		return 0;
	dptable_free(t);
	return -ENOMEM;
}

void dptable_free(struct dptable *t)
{
	free(t->ring);
	free(t->marked);
	*t = (struct dptable){0};
}

void dptable_mark(struct dptable *t, uint32_t index)
{
	if (t->marked[index])
		return;
	t->marked[index] = true;
	t->ring[(t->head + t->count) % t->size] = index;
	t->count++;
}

void dptable_pop(struct dptable *t, uint32_t n)
{
	while (n-- && t->count) {
		t->marked[t->ring[t->head]] = false;
		t->head = (t->head + 1) % t->size;
		t->count--;
	}
}
