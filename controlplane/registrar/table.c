/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/registrar_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Strangers choose AORs and source addresses: hashed with our key. */
static unsigned table_hash(const struct registrar *r, const void *data, size_t len)
{
	return (unsigned)siphash(&r->key, data, len);
}

struct aor *table_aor_find(const struct registrar *r, const char *name)
{
	size_t len = strlen(name);
	struct aor *aor;

	HASH_FIND_BYHASHVALUE(hh, r->aors, name, len, table_hash(r, name, len), aor);
	return aor;
}

struct aor *table_aor_get(struct registrar *r, const char *name)
{
	size_t len = strlen(name);
	struct aor *aor = table_aor_find(r, name);

	if (aor)
		return aor;
	aor = calloc(1, sizeof(*aor) + len + 1);
	if (!aor)
		return NULL;
	memcpy(aor->name, name, len + 1);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, r->aors, aor->name, len, table_hash(r, name, len), aor);
	r->aor_count++;
	return aor;
}

const struct binding *registrar_of_aor(const struct registrar *r, const char *name)
{
	const struct aor *aor = table_aor_find(r, name);

	return aor ? aor->first : NULL;
}

void table_aor_drop(struct registrar *r, struct aor *aor)
{
	if (aor->first)
		return;
	HASH_DELETE(hh, r->aors, aor);
	r->aor_count--;
	free(aor);
}

static struct source *table_source_find(const struct registrar *r, const struct addr *addr)
{
	struct addr ip = *addr;
	struct source *s;

	ip.port = 0;
	HASH_FIND_BYHASHVALUE(hh, r->sources, &ip, sizeof(ip), table_hash(r, &ip, sizeof(ip)), s);
	return s;
}

uint32_t table_source_count(const struct registrar *r, const struct addr *addr)
{
	const struct source *s = table_source_find(r, addr);

	return s ? s->count : 0;
}

int table_source_get(struct registrar *r, const struct addr *addr)
{
	struct source *s = table_source_find(r, addr);

	if (s)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->ip = *addr;
	s->ip.port = 0;
	HASH_ADD_BYHASHVALUE(
		hh, r->sources, ip, sizeof(s->ip), table_hash(r, &s->ip, sizeof(s->ip)), s);
	return 0;
}

void table_source_drop(struct registrar *r, const struct addr *addr)
{
	struct source *s = table_source_find(r, addr);

	if (!s || s->count)
		return;
	HASH_DELETE(hh, r->sources, s);
	free(s);
}

static void table_source_count_up(struct registrar *r, const struct binding *b)
{
	struct source *s = table_source_find(r, &b->source);

	if (s)
		s->count++;
}

static void table_source_count_down(struct registrar *r, const struct binding *b)
{
	struct source *s = table_source_find(r, &b->source);

	if (s && s->count)
		s->count--;
	table_source_drop(r, &b->source);
}

uint32_t table_free(const struct registrar *r)
{
	return r->bindings_max - r->top + r->spare_count;
}

static void table_link(struct aor *aor, struct binding *b)
{
	b->aor = aor;
	b->next = aor->first;
	aor->first = b;
	aor->count++;
}

static void table_unlink(struct binding *b)
{
	struct binding **p = &b->aor->first;

	while (*p != b)
		p = &(*p)->next;
	*p = b->next;
	b->aor->count--;
}

void table_add(struct registrar *r, struct aor *aor, struct binding *b)
{
	uint32_t index = r->spare_count ? r->spare[--r->spare_count] : r->top++;

	b->registrar = r;
	b->index = index;
	b->gen = ++r->gens[index];
	r->at[index] = b;
	if (aor) {
		table_link(aor, b);
		table_source_count_up(r, b);
		r->binding_count++;
	} else {
		r->static_count++;
	}
}

void table_remove(struct registrar *r, struct binding *b)
{
	wheel_cancel(r->wheel, &b->timer);
	r->at[b->index] = NULL;
	r->spare[r->spare_count++] = b->index;
	if (b->aor) {
		table_unlink(b);
		table_source_count_down(r, b);
		r->binding_count--;
	} else {
		r->static_count--;
	}
}

void table_replace(struct registrar *r, struct binding *old, struct binding *b)
{
	struct aor *aor = old->aor;

	wheel_cancel(r->wheel, &old->timer);
	memcpy(b->bid, old->bid, sizeof(b->bid));
	b->registrar = r;
	b->index = old->index;
	b->gen = old->gen;
	if (!addr_equal(&b->source, &old->source) || !addr_equal(&b->local, &old->local))
		b->gen = ++r->gens[b->index];
	r->at[b->index] = b;
	table_unlink(old);
	table_link(aor, b);
	table_source_count_up(r, b);
	table_source_count_down(r, old);
}

const char *registrar_aor_of(const struct binding *b)
{
	return b->aor ? b->aor->name : "(static)";
}
