/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/dpclient.h"
#include "controlplane/registrar/registrar_impl.h"
#include "controlplane/sip/msg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void persist_ping_set(struct registrar *r, const struct binding *b)
{
	struct proto_binding ping = {
		.gen = b->gen,
		.dst = b->source,
		.local = b->local,
		.class_id = b->class_id,
		.expires_ms = b->expires_ms,
	};

	if (r->dp)
		dpclient_binding_set(r->dp, b->index, &ping);
}

void persist_ping_del(struct registrar *r, const struct binding *b)
{
	if (r->dp)
		dpclient_binding_del(r->dp, b->index, b->gen);
}

void persist_store_set(struct registrar *r, struct binding *b, uint64_t now_ms)
{
	char text[ADDR_STRLEN];

	if (!r->store.set || !b->aor)
		return;
	b->stored_ms = registrar_heard(r, b, now_ms);
	record_reset(&r->rec);
	record_put(&r->rec, "contact", b->contact);
	record_put(&r->rec, "received", addr_format(&b->source, text));
	record_put(&r->rec, "flow", addr_format(&b->local, text));
	record_put(&r->rec, "edge", r->node);
	record_put(&r->rec, "callid", b->call_id);
	record_put_num(&r->rec, "cseq", b->cseq);
	record_put(&r->rec, "instance", b->instance);
	record_put(&r->rec, "class", class_name(r, b->class_id));
	if (b->has_q)
		record_putf(&r->rec, "q", "%u.%03u", b->q / 1000, b->q % 1000);
	record_put_time(&r->rec, "registered_ms", b->registered_ms);
	record_put_time(&r->rec, "heard_ms", b->stored_ms);
	r->store.set(r->store.arg, b->aor->name, b->bid, &r->rec, b->expires_ms);
}

void persist_store_del(struct registrar *r, const struct binding *b)
{
	if (r->store.del && b->aor)
		r->store.del(r->store.arg, b->aor->name, b->bid);
}

static bool persist_read_q(const char *text, uint16_t *q)
{
	unsigned whole, part;
	char end;

	if (sscanf(text, "%1u.%3u%c", &whole, &part, &end) != 2 || whole * 1000 + part > 1000)
		return false;
	*q = (uint16_t)(whole * 1000 + part);
	return true;
}

struct binding *persist_read(const struct record *rec)
{
	const char *contact = record_get(rec, "contact"), *call_id = record_get(rec, "callid");
	const char *received = record_get(rec, "received"), *flow = record_get(rec, "flow");
	const char *instance = record_get(rec, "instance"), *q = record_get(rec, "q");
	int64_t cseq = record_get_num(rec, "cseq", -1);
	struct binding *b;

	if (!contact || strlen(contact) >= BINDING_CONTACT_STRLEN || !sip_uri_usable(contact) ||
		!call_id || strlen(call_id) >= BINDING_CALL_ID_STRLEN || !received || !flow ||
		cseq < 0 || cseq > UINT32_MAX)
		return NULL;
	b = binding_new(contact, instance, call_id);
	if (!b)
		return NULL;
	b->cseq = (uint32_t)cseq;
	b->registered_ms = record_get_time(rec, "registered_ms");
	b->stored_ms = record_get_time(rec, "heard_ms");
	b->has_q = q != NULL;
	if (addr_parse(&b->source, received, 0) == 0 && b->source.port &&
		addr_parse(&b->local, flow, 0) == 0 && b->local.port &&
		(!q || persist_read_q(q, &b->q)))
		return b;
	binding_free(b);
	return NULL;
}

int registrar_restore(struct registrar *r, const char *aor_name, const char *bid,
	const struct record *rec, uint64_t expires_ms, uint64_t now_ms)
{
	char name[REGISTRAR_AOR_STRLEN];
	osip_uri_t *uri = NULL;
	struct binding *b;
	struct aor *aor;
	bool ours;

	if (expires_ms <= now_ms)
		return -ESTALE;
	if (strlen(bid) >= BINDING_BID_STRLEN || osip_uri_init(&uri) != 0)
		return -EINVAL;
	ours = osip_uri_parse(uri, aor_name) == 0 && registrar_aor_name(r, uri, name) > 0 &&
		strcmp(name, aor_name) == 0;
	osip_uri_free(uri);
	if (!ours)
		return -EINVAL;
	aor = table_aor_find(r, name);
	for (b = aor ? aor->first : NULL; b; b = b->next)
		if (strcmp(b->bid, bid) == 0)
			return -EEXIST;
	b = persist_read(rec);
	if (!b)
		return -EINVAL;
	aor = table_free(r) && table_source_get(r, &b->source) == 0 ? table_aor_get(r, name) : NULL;
	if (!aor) {
		table_source_drop(r, &b->source);
		binding_free(b);
		return -ENOSPC;
	}
	strcpy(b->bid, bid);
	b->class_id = class_by_name(r, record_get(rec, "class"));
	b->expires_ms = expires_ms;
	table_add(r, aor, b);
	registrar_arm(r, b);
	persist_ping_set(r, b);
	return 0;
}

void registrar_store_all(struct registrar *r, uint64_t now_ms)
{
	for (uint32_t i = 0; i < r->top; i++)
		if (r->at[i] && r->at[i]->expires_ms > now_ms)
			persist_store_set(r, r->at[i], now_ms);
}

static void persist_on_proof(struct wheel_timer *timer)
{
	struct registrar *r = WHEEL_OWNER(timer, struct registrar, proof_timer);
	uint64_t now = r->wheel->now_ms;

	for (uint32_t i = r->proof_slice; i < r->top; i += REGISTRAR_PROOF_SLICES) {
		struct binding *b = r->at[i];

		if (b && b->aor && registrar_heard(r, b, now) > b->stored_ms)
			persist_store_set(r, b, now);
	}
	r->proof_slice = (r->proof_slice + 1) % REGISTRAR_PROOF_SLICES;
	wheel_arm(r->wheel, timer, now + REGISTRAR_PROOF_MS);
}

void persist_start(struct registrar *r, uint64_t now_ms)
{
	wheel_timer_init(&r->proof_timer, persist_on_proof);
	wheel_arm(r->wheel, &r->proof_timer, now_ms + REGISTRAR_PROOF_MS);
}
