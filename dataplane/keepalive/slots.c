/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/slots.h"

#include <string.h>

/* Each slot has at most one chunk that is not full. */
static uint32_t slots_chunks(uint32_t capacity)
{
	return capacity / SLOTS_CHUNK + (capacity < SLOTS_MAX ? capacity : SLOTS_MAX) + 1;
}

static size_t slots_line(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

size_t slots_memory(uint32_t capacity)
{
	size_t chunks = slots_chunks(capacity);

	return chunks * sizeof(struct slots_chunk) + 4 * slots_line(chunks * sizeof(uint32_t)) +
		2 * slots_line(SLOTS_MAX * sizeof(struct slot)) +
		slots_line(2 * SLOTS_MAX * sizeof(uint32_t));
}

static void *slots_carve(char **memory, size_t size)
{
	void *part = *memory;

	*memory += slots_line(size);
	return part;
}

static uint32_t slots_emptier(const struct slots *s, uint32_t a, uint32_t b)
{
	if (b >= s->count)
		return a;
	return s->slot[b].size < s->slot[a].size ? b : a;
}

/* After the size of a slot has changed. */
static void slots_rank(struct slots *s, uint32_t slot)
{
	for (uint32_t n = (s->leaves + slot) / 2; n >= 1; n /= 2)
		s->tree[n] = slots_emptier(s, s->tree[2 * n], s->tree[2 * n + 1]);
}

static void slots_rank_all(struct slots *s)
{
	/* Never without an inner node: tree[1] is where the answer is read. */
	s->leaves = 2;
	while (s->leaves < s->count)
		s->leaves *= 2;
	for (uint32_t i = 0; i < s->leaves; i++)
		s->tree[s->leaves + i] = i;
	for (uint32_t n = s->leaves - 1; n >= 1; n--)
		s->tree[n] = slots_emptier(s, s->tree[2 * n], s->tree[2 * n + 1]);
}

static void slots_clear(struct slots *s, uint32_t count)
{
	s->count = count;
	for (uint32_t i = 0; i < count; i++)
		s->slot[i] = (struct slot){.head = SLOTS_NONE, .tail = SLOTS_NONE};
}

void slots_open(struct slots *s, void *memory, uint32_t capacity, uint32_t *where, uint32_t count)
{
	uint32_t chunks = slots_chunks(capacity);
	char *at = memory;

	*s = (struct slots){.capacity = capacity, .where = where};
	s->chunk = slots_carve(&at, chunks * sizeof(struct slots_chunk));
	s->next = slots_carve(&at, chunks * sizeof(uint32_t));
	s->prev = slots_carve(&at, chunks * sizeof(uint32_t));
	s->owner = slots_carve(&at, chunks * sizeof(uint32_t));
	s->number = slots_carve(&at, chunks * sizeof(uint32_t));
	s->slot = slots_carve(&at, SLOTS_MAX * sizeof(struct slot));
	s->spare = slots_carve(&at, SLOTS_MAX * sizeof(struct slot));
	s->tree = slots_carve(&at, 2 * SLOTS_MAX * sizeof(uint32_t));
	for (uint32_t i = 0; i < chunks; i++)
		s->next[i] = i + 1 < chunks ? i + 1 : SLOTS_NONE;
	slots_clear(s, count);
	slots_rank_all(s);
}

struct slots_binding *slots_find(
	const struct slots *s, uint32_t id, uint32_t *slot, uint32_t *place)
{
	uint32_t where = s->where[id];
	uint32_t chunk = (where - 1) / SLOTS_CHUNK;
	uint32_t index = (where - 1) % SLOTS_CHUNK;

	if (where == 0)
		return NULL;
	if (slot)
		*slot = s->owner[chunk];
	if (place)
		*place = s->number[chunk] * SLOTS_CHUNK + index;
	return &s->chunk[chunk].binding[index];
}

static void slots_append(struct slots *s, uint32_t slot, const struct slots_binding *binding)
{
	struct slot *to = &s->slot[slot];

	if (to->size % SLOTS_CHUNK == 0) {
		uint32_t chunk = s->free;

		s->free = s->next[chunk];
		s->next[chunk] = SLOTS_NONE;
		s->prev[chunk] = to->tail;
		s->owner[chunk] = slot;
		s->number[chunk] = to->size / SLOTS_CHUNK;
		if (to->tail == SLOTS_NONE)
			to->head = chunk;
		else
			s->next[to->tail] = chunk;
		to->tail = chunk;
	}
	slots_put(s, to->tail, to->size, binding);
	to->size++;
}

static struct slots_binding slots_cut(struct slots *s, struct slot *from)
{
	uint32_t chunk = from->tail;
	struct slots_binding last;

	from->size--;
	last = *slots_at(s, chunk, from->size);
	if (from->size % SLOTS_CHUNK == 0) {
		from->tail = s->prev[chunk];
		if (from->tail == SLOTS_NONE)
			from->head = SLOTS_NONE;
		else
			s->next[from->tail] = SLOTS_NONE;
		s->next[chunk] = s->free;
		s->free = chunk;
	}
	return last;
}

bool slots_push(struct slots *s, uint32_t slot, const struct slots_binding *binding)
{
	if (s->total == s->capacity)
		return false;
	slots_append(s, slot, binding);
	s->total++;
	slots_rank(s, slot);
	return true;
}

struct slots_binding slots_pop(struct slots *s, uint32_t slot)
{
	struct slots_binding last = slots_cut(s, &s->slot[slot]);

	s->where[last.id] = 0;
	s->total--;
	slots_rank(s, slot);
	return last;
}

void slots_regroup(struct slots *s, uint32_t count)
{
	struct slot *old = s->slot;

	s->slot = s->spare;
	s->spare = old;
	slots_clear(s, count);
}

/* Lays the bindings of the last, partly filled chunk aside; returns how many. */
static uint32_t slots_trim(struct slots *s, struct slot *slot, struct slots_binding *rest)
{
	uint32_t n = 0;

	while (slot->size % SLOTS_CHUNK)
		rest[n++] = slots_cut(s, slot);
	return n;
}

/* Links the full chunks of one slot behind those of another. */
static void slots_link(struct slots *s, struct slot *from, uint32_t to)
{
	struct slot *slot = &s->slot[to];

	s->prev[from->head] = slot->tail;
	if (slot->tail == SLOTS_NONE)
		slot->head = from->head;
	else
		s->next[slot->tail] = from->head;
	slot->tail = from->tail;
	for (uint32_t chunk = from->head; chunk != SLOTS_NONE; chunk = s->next[chunk]) {
		s->owner[chunk] = to;
		s->number[chunk] = slot->size / SLOTS_CHUNK;
		slot->size += SLOTS_CHUNK;
	}
}

static void slots_take(struct slots *s, struct slot *from, uint32_t to)
{
	struct slots_binding rest[2 * SLOTS_CHUNK];
	uint32_t n = slots_trim(s, from, rest);

	if (from->size) {
		n += slots_trim(s, &s->slot[to], rest + n);
		slots_link(s, from, to);
	}
	while (n)
		slots_append(s, to, &rest[--n]);
	*from = (struct slot){.head = SLOTS_NONE, .tail = SLOTS_NONE};
}

void slots_merge(struct slots *s, uint32_t from, uint32_t to)
{
	slots_take(s, &s->slot[from], to);
	slots_rank(s, from);
	slots_rank(s, to);
}

void slots_join(struct slots *s, uint32_t from, uint32_t to)
{
	slots_take(s, &s->spare[from], to);
}

void slots_join_before(struct slots *s, uint32_t from, uint32_t chunk, uint32_t to)
{
	struct slot *old = &s->spare[from];
	struct slot before = {
		.head = old->head,
		.tail = s->prev[chunk],
		.size = s->number[chunk] * SLOTS_CHUNK,
	};

	if (before.size == 0)
		return;
	s->next[before.tail] = SLOTS_NONE;
	s->prev[chunk] = SLOTS_NONE;
	old->head = chunk;
	old->size -= before.size;
	slots_take(s, &before, to);
}

void slots_regrouped(struct slots *s)
{
	slots_rank_all(s);
}
