/* SPDX-License-Identifier: BSD-3-Clause */
/* What the data plane is to hold of one kind of record, by index, and which of it is still to be
 * told: each index waits at most once, in order, so a slow reader costs a mark and never memory. */
#ifndef CONTROLPLANE_MEDIA_DPTABLE_H
#define CONTROLPLANE_MEDIA_DPTABLE_H

#include <stdbool.h>
#include <stdint.h>

struct dpclient;
struct proto_handle;

enum dpwant_state {
	DPWANT_NONE,
	DPWANT_SET,
	DPWANT_GONE, /* the removal has not been sent yet */
};

/* The head of each entry. The record lies right behind it, as shared/proto.h has it, with id and
 * generation in front. */
struct dpwant {
	uint32_t sent_gen; /* what the data plane holds, if sent */
	uint8_t state;     /* enum dpwant_state */
	bool sent;         /* in this connection; what an older one left is swept by the resync */
	bool waits;
	bool counted; /* the facts at hand are of this generation */
};

struct dptable_kind {
	uint16_t set, del; /* enum proto_type */
	uint16_t stride;   /* bytes of an entry */
	/* What the data plane calls an index; -1: it has no room for it. */
	int64_t (*id)(const struct dpclient *c, uint32_t index);
	/* Each may be NULL: a set record, as it is about to go out, is made complete; it went out;
	 * it is to be told on a new connection. */
	void (*fill)(const struct dpclient *c, const struct dpwant *w, void *record);
	void (*sent)(struct dpwant *w);
	void (*resync)(struct dpwant *w, uint64_t now_ms);
};

struct dptable {
	const struct dptable_kind *kind;
	const struct dpclient *client;
	uint8_t *entries;
	uint32_t size;
	uint32_t top; /* indexes below it have been used */
	uint32_t set; /* entries in DPWANT_SET */
	uint32_t head;
	uint32_t count; /* waiting */
	uint32_t *ring; /* of waiting indexes */
};

/* Returns 0 or -ENOMEM. size may be 0. */
int dptable_init(struct dptable *t, const struct dptable_kind *kind, const struct dpclient *client,
	uint32_t size);
void dptable_free(struct dptable *t);

/* index is below size. */
static inline struct dpwant *dptable_at(const struct dptable *t, uint32_t index)
{
	return (struct dpwant *)(t->entries + (uint64_t)index * t->kind->stride);
}

/* The entry if it is set and of this generation, else NULL; index may be any. */
struct dpwant *dptable_held(const struct dptable *t, uint32_t index, uint32_t gen);

/* The record of an entry that is set, else NULL; index may be any. */
const void *dptable_get(const struct dptable *t, uint32_t index);

/* What the data plane calls an entry that is set, and its generation. False: it is not set, or the
 * data plane has no room for it; index may be any. */
bool dptable_handle(const struct dptable *t, uint32_t index, struct proto_handle *handle);

/* It gets a record of this generation, which the caller writes behind this. True if the one so far
 * is set and of the same. */
bool dptable_set(struct dptable *t, uint32_t index, uint32_t gen);

/* It is not wanted any more. */
void dptable_del(struct dptable *t, uint32_t index);

/* The data plane has dropped it by itself. False: it was prolonged meanwhile, and as the update on
 * its way finds nothing to update, it is told again. */
bool dptable_expire(struct dptable *t, uint32_t index, uint64_t expires_ms, uint64_t at_ms);

/* All that is set is to be told: on a new connection, where nothing was; on this one. */
void dptable_resync(struct dptable *t, uint64_t now_ms);
void dptable_again(struct dptable *t);

/* Another process counts, and has seen nothing yet. */
void dptable_forget(struct dptable *t);

/* How many are set at or above an index. */
uint32_t dptable_beyond(const struct dptable *t, uint32_t first);

/* One packet: of those at the head of the line the ones that go in packets of one type. Fills
 * records (room for PROTO_RECORDS_MAX) and returns how many; none, if the data plane has no room
 * for them or they were removed before they were ever sent. They wait until dptable_packed(), in
 * which `taken` of this goes. */
uint32_t dptable_pack(const struct dptable *t, void *records, uint16_t *type, uint32_t *taken);
void dptable_packed(struct dptable *t, uint32_t taken);

#endif
