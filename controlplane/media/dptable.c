/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/dptable.h"

#include "shared/proto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int dptable_init(struct dptable *t, const struct dptable_kind *kind, const struct dpclient *client,
	uint32_t size)
{
	*t = (struct dptable){.kind = kind, .client = client, .size = size};
	t->entries = calloc((size_t)size + 1, kind->stride);
	t->ring = calloc((size_t)size + 1, sizeof(*t->ring));
	if (t->entries && t->ring)
		return 0;
	dptable_free(t);
	return -ENOMEM;
}

void dptable_free(struct dptable *t)
{
	free(t->entries);
	free(t->ring);
	*t = (struct dptable){0};
}

static uint32_t dptable_gen(const struct dpwant *w)
{
	struct proto_handle handle;

	memcpy(&handle, w + 1, sizeof(handle));
	return handle.gen;
}

struct dpwant *dptable_held(const struct dptable *t, uint32_t index, uint32_t gen)
{
	struct dpwant *w = index < t->size ? dptable_at(t, index) : NULL;

	return w && w->state == DPWANT_SET && dptable_gen(w) == gen ? w : NULL;
}

const void *dptable_get(const struct dptable *t, uint32_t index)
{
	const struct dpwant *w = index < t->size ? dptable_at(t, index) : NULL;

	return w && w->state == DPWANT_SET ? w + 1 : NULL;
}

bool dptable_handle(const struct dptable *t, uint32_t index, struct proto_handle *handle)
{
	const void *record = dptable_get(t, index);
	int64_t id = record ? t->kind->id(t->client, index) : -1;

	if (id < 0)
		return false;
	memcpy(handle, record, sizeof(*handle));
	handle->id = (uint32_t)id;
	return true;
}

/* Lets it wait, unless it does already. */
static void dptable_mark(struct dptable *t, uint32_t index)
{
	struct dpwant *w = dptable_at(t, index);
	uint32_t tail = t->head + t->count;

	if (w->waits)
		return;
	w->waits = true;
	t->ring[tail < t->size ? tail : tail - t->size] = index;
	t->count++;
}

bool dptable_set(struct dptable *t, uint32_t index, uint32_t gen)
{
	struct dpwant *w = dptable_at(t, index);
	bool same = w->state == DPWANT_SET && dptable_gen(w) == gen;

	if (index >= t->top)
		t->top = index + 1;
	t->set += w->state != DPWANT_SET;
	w->state = DPWANT_SET;
	w->counted &= same;
	dptable_mark(t, index);
	return same;
}

void dptable_del(struct dptable *t, uint32_t index)
{
	dptable_at(t, index)->state = DPWANT_GONE;
	t->set--;
	dptable_mark(t, index);
}

bool dptable_expire(struct dptable *t, uint32_t index, uint64_t expires_ms, uint64_t at_ms)
{
	struct dpwant *w = dptable_at(t, index);

	if (expires_ms > at_ms) {
		dptable_mark(t, index);
		return false;
	}
	w->state = DPWANT_NONE;
	w->sent = false;
	t->set--;
	return true;
}

void dptable_resync(struct dptable *t, uint64_t now_ms)
{
	for (uint32_t i = 0; i < t->top; i++) {
		struct dpwant *w = dptable_at(t, i);

		w->sent = false;
		if (w->state != DPWANT_SET) {
			w->state = DPWANT_NONE;
			continue;
		}
		if (t->kind->resync)
			t->kind->resync(w, now_ms);
		dptable_mark(t, i);
	}
}

void dptable_again(struct dptable *t)
{
	for (uint32_t i = 0; i < t->top; i++)
		if (dptable_at(t, i)->state == DPWANT_SET)
			dptable_mark(t, i);
}

void dptable_forget(struct dptable *t)
{
	for (uint32_t i = 0; i < t->top; i++)
		dptable_at(t, i)->counted = false;
}

uint32_t dptable_beyond(const struct dptable *t, uint32_t first)
{
	uint32_t n = 0;

	for (uint32_t i = first; i < t->top; i++)
		n += dptable_at(t, i)->state == DPWANT_SET;
	return n;
}

static uint32_t dptable_next(const struct dptable *t, uint32_t at)
{
	return at + 1 < t->size ? at + 1 : 0;
}

uint32_t dptable_pack(const struct dptable *t, void *records, uint16_t *type, uint32_t *taken)
{
	const struct dptable_kind *kind = t->kind;
	const struct dpclient *c = t->client;
	uint8_t state = dptable_at(t, t->ring[t->head])->state;
	bool set = state == DPWANT_SET;
	uint16_t size = (uint16_t)proto_size(set ? kind->set : kind->del);
	uint32_t n = 0, i = 0, at = t->head;
	uint8_t *out = records;

	for (; i < t->count && n < PROTO_RECORDS_MAX; i++, at = dptable_next(t, at)) {
		const struct dpwant *w = dptable_at(t, t->ring[at]);
		struct proto_handle *handle = (void *)out; /* what each record begins with */
		int64_t id = kind->id(c, t->ring[at]);

		if (w->state != state)
			break;
		if (id < 0 || (!set && !w->sent))
			continue;
		if (set)
			memcpy(out, w + 1, size);
		handle->id = (uint32_t)id;
		if (!set)
			handle->gen = w->sent_gen;
		else if (kind->fill)
			kind->fill(c, w, out);
		out += size;
		n++;
	}
	*type = set ? kind->set : kind->del;
	*taken = i;
	return n;
}

static inline void dptable_sent(const struct dptable *t, struct dpwant *w)
{
	w->waits = false;
	w->sent = w->state == DPWANT_SET;
	if (!w->sent) {
		w->state = DPWANT_NONE;
		return;
	}
	w->counted = true;
	w->sent_gen = dptable_gen(w);
	if (t->kind->sent)
		t->kind->sent(w);
}

void dptable_packed(struct dptable *t, uint32_t taken)
{
	uint32_t head = t->head;

	for (uint32_t i = 0; i < taken; i++) {
		dptable_sent(t, dptable_at(t, t->ring[head]));
		head = dptable_next(t, head);
	}
	t->head = head;
	t->count -= taken;
}
