/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/register.h"

#include "controlplane/registrar/reply.h"
#include "controlplane/registrar/uri.h"
#include "controlplane/sip/msg.h"

#include <stdlib.h>
#include <strings.h>

#define PLAN_INSTANCE_STRLEN 256
#define PLAN_CONTACT_EXTRA   64 /* "<>;expires=4294967295;q=0.500" and the terminating zero */

/* Seconds of an Expires header or parameter; what is malformed counts as 3600 (RFC 3261 10.3). */
static uint32_t plan_seconds(const char *text)
{
	char *end;
	unsigned long long value;

	while (*text == ' ' || *text == '\t')
		text++;
	if (*text < '0' || *text > '9' || strlen(text) > 18)
		return REGISTRAR_EXPIRES_FLOOR;
	value = strtoull(text, &end, 10);
	while (*end == ' ' || *end == '\t')
		end++;
	return *end || value > UINT32_MAX ? REGISTRAR_EXPIRES_FLOOR : (uint32_t)value;
}

static const char *plan_param(const osip_contact_t *contact, const char *name)
{
	osip_list_iterator_t it;

	for (const osip_generic_param_t *p = osip_list_get_first(&contact->gen_params, &it); p;
		p = osip_list_get_next(&it))
		if (p->gname && strcasecmp(p->gname, name) == 0)
			return p->gvalue ? p->gvalue : "";
	return NULL;
}

/* "1", "0.5", "0.125" in thousandths. */
static bool plan_q(const char *text, uint16_t *q)
{
	uint32_t value = 0, digits = 0;

	if (text[0] != '0' && text[0] != '1')
		return false;
	value = (uint32_t)(text[0] - '0');
	if (text[1] && text[1] != '.')
		return false;
	for (const char *p = text + 1 + (text[1] == '.'); *p; p++) {
		if (*p < '0' || *p > '9' || ++digits > 3)
			return false;
		value = value * 10 + (uint32_t)(*p - '0');
	}
	for (; digits < 3; digits++)
		value *= 10;
	*q = (uint16_t)value;
	return value <= BINDING_Q_MAX;
}

/* Only what can be reached over plain SIP is recorded as reachable (NO-03). */
static const char *plan_uri_fault(const osip_uri_t *url)
{
	osip_uri_param_t *transport = NULL;

	if (!url || !url->scheme || strcasecmp(url->scheme, "sip") != 0 || !url->host)
		return "Contact Is Not A SIP URI";
	osip_uri_param_get_byname((osip_list_t *)&url->url_params, (char *)"transport", &transport);
	if (transport &&
		(!transport->gvalue ||
			(strcasecmp(transport->gvalue, "udp") != 0 &&
				strcasecmp(transport->gvalue, "tcp") != 0)))
		return "Contact Transport Not Served";
	return NULL;
}

static bool plan_read(struct register_work *w, const osip_contact_t *contact)
{
	const char *header = sip_msg_get(w->request->message, "Expires", 0);
	const char *expires = plan_param(contact, "expires"), *q = plan_param(contact, "q");
	const char *fault = plan_uri_fault(contact->url);
	struct register_item *item = &w->items[w->count];

	if (fault)
		return register_refuse(w, 400, fault);
	*item = (struct register_item){
		.url = contact->url,
		.instance = (char *)plan_param(contact, "+sip.instance"),
		.expires = expires ? plan_seconds(expires)
			: header   ? plan_seconds(header)
				   : w->r->expires_default,
		.q = BINDING_Q_MAX,
		.has_q = q != NULL,
	};
	if (q && !plan_q(q, &item->q))
		return register_refuse(w, 400, "Bad q In Contact");
	if (osip_uri_to_str(contact->url, &item->uri) != 0)
		return register_refuse(w, 400, "Bad Contact");
	w->count++;
	if (strlen(item->uri) >= BINDING_CONTACT_STRLEN || !sip_uri_usable(item->uri) ||
		(item->instance && strlen(item->instance) >= PLAN_INSTANCE_STRLEN))
		return register_refuse(w, 400, "Bad Contact");
	if (item->expires > 0 && item->expires < w->r->expires_min) {
		register_refuse(w, 423, "Interval Too Brief");
		reply_add(w->reply, "Min-Expires", "%u", w->r->expires_min);
		return false;
	}
	if (item->expires > w->r->expires_max)
		item->expires = w->r->expires_max;
	return true;
}

static bool plan_read_all(struct register_work *w)
{
	const osip_list_t *list = &w->request->message->contacts;
	const char *expires = sip_msg_get(w->request->message, "Expires", 0);
	osip_list_iterator_t it;

	for (const osip_contact_t *c = osip_list_get_first(list, &it); c;
		c = osip_list_get_next(&it)) {
		if (!c->url && c->displayname && strcmp(c->displayname, "*") == 0) {
			if (osip_list_size(list) != 1 || !expires || plan_seconds(expires) != 0)
				return register_refuse(w, 400, "Contact * Needs Expires 0 Alone");
			w->star = true;
			return true;
		}
		if (w->count == REGISTER_CONTACTS_MAX)
			return register_refuse(w, 400, "Too Many Contacts");
		if (!plan_read(w, c))
			return false;
	}
	return true;
}

/* Of contacts with the same URI the last one counts. */
static void plan_skip(struct register_work *w)
{
	for (uint32_t i = 0; i < w->count; i++)
		for (uint32_t k = i + 1; k < w->count && !w->items[i].skip; k++)
			w->items[i].skip = uri_equal(w->items[i].url, w->items[k].url);
}

/* A binding belongs to at most one contact, and each contact has at most one of its URI. (Equality
 * of URIs is not transitive: two different contacts may both equal one binding.) */
static void plan_match_uri(struct register_work *w, struct binding *b)
{
	osip_uri_t *uri = NULL;

	if (osip_uri_init(&uri) != 0)
		return;
	if (osip_uri_parse(uri, b->contact) == 0)
		for (uint32_t i = 0; i < w->count; i++) {
			struct register_item *item = &w->items[i];

			if (item->skip || item->old || !uri_equal(uri, item->url))
				continue;
			item->old = b;
			break;
		}
	osip_uri_free(uri);
}

static bool plan_goes(const struct register_work *w, const struct binding *b)
{
	for (uint32_t i = 0; i < w->count; i++)
		if (w->items[i].old == b || w->items[i].other == b)
			return true;
	return false;
}

/* A phone that moved to another address is known by its instance. */
static void plan_match_instance(struct register_work *w, struct binding *b)
{
	for (uint32_t i = 0; b->instance && i < w->count; i++) {
		struct register_item *item = &w->items[i];

		if (item->skip || item->other || !item->instance ||
			strcasecmp(item->instance, b->instance) != 0)
			continue;
		item->other = b;
		return;
	}
}

static void plan_match(struct register_work *w)
{
	plan_skip(w);
	for (struct binding *b = w->aor ? w->aor->first : NULL; b; b = b->next)
		plan_match_uri(w, b);
	for (struct binding *b = w->aor ? w->aor->first : NULL; b; b = b->next)
		if (!plan_goes(w, b))
			plan_match_instance(w, b);
}

/* A request that is older than what it would change (RG-05). */
static bool plan_outdated(const struct register_work *w, const struct binding *b)
{
	return b && strcmp(b->call_id, w->call_id) == 0 && w->cseq <= b->cseq;
}

static bool plan_order(struct register_work *w)
{
	for (struct binding *b = w->star && w->aor ? w->aor->first : NULL; b; b = b->next)
		if (plan_outdated(w, b))
			return register_refuse(w, 500, "CSeq Out Of Order");
	for (uint32_t i = 0; i < w->count; i++)
		if (plan_outdated(w, w->items[i].old) || plan_outdated(w, w->items[i].other))
			return register_refuse(w, 500, "CSeq Out Of Order");
	return true;
}

/* Counts what would be there afterwards against the caps (RG-09, SE-16) and the answer's room. */
static bool plan_caps(struct register_work *w)
{
	struct registrar *r = w->r;
	uint32_t here = table_source_count(r, &w->request->source);
	uint32_t stay = 0, go = 0, add = 0;
	size_t text = 256;

	for (struct binding *b = w->aor ? w->aor->first : NULL; b; b = b->next) {
		if (plan_goes(w, b)) {
			go++;
			here -= addr_same_ip(&b->source, &w->request->source);
		} else {
			stay++;
			text += strlen(b->contact) + PLAN_CONTACT_EXTRA;
		}
	}
	for (uint32_t i = 0; i < w->count; i++) {
		if (w->items[i].skip || w->items[i].expires == 0)
			continue;
		add++;
		text += strlen(w->items[i].uri) + PLAN_CONTACT_EXTRA;
	}
	if (add == 0)
		return true;
	if (stay + add > r->bindings_per_aor || here + add > r->bindings_per_ip ||
		add > table_free(r) + go || text > sizeof(w->reply->text)) {
		register_refuse(w, 503, "Too Many Bindings");
		reply_add(w->reply, "Retry-After", "%u", r->retry_after);
		return false;
	}
	return true;
}

static struct binding *plan_binding(const struct register_work *w, const struct register_item *item)
{
	struct binding *b = binding_new(item->uri, item->instance, w->call_id);

	if (!b)
		return NULL;
	b->cseq = w->cseq;
	b->q = item->q;
	b->has_q = item->has_q;
	b->class_id = class_by_agent(w->r, sip_msg_get(w->request->message, "User-Agent", 0));
	b->source = w->request->source;
	b->local = w->request->local;
	b->registered_ms = w->request->now_ms;
	b->expires_ms = w->request->now_ms + 1000ull * item->expires;
	return b;
}

/* Everything that needs memory, before anything is changed. */
static bool plan_prepare(struct register_work *w)
{
	for (uint32_t i = 0; i < w->count; i++) {
		struct register_item *item = &w->items[i];

		if (item->skip || item->expires == 0)
			continue;
		if (!w->aor)
			w->aor = table_aor_get(w->r, w->aor_name);
		item->fresh = plan_binding(w, item);
		if (!w->aor || !item->fresh || table_source_get(w->r, &w->request->source) < 0)
			return register_refuse(w, 500, "Out Of Memory");
	}
	return true;
}

bool register_plan(struct register_work *w)
{
	if (!plan_read_all(w))
		return false;
	plan_match(w);
	return plan_order(w) && plan_caps(w) && plan_prepare(w);
}

void register_free(struct register_work *w)
{
	for (uint32_t i = 0; i < w->count; i++) {
		osip_free(w->items[i].uri);
		binding_free(w->items[i].fresh);
	}
	table_source_drop(w->r, &w->request->source);
	if (w->aor)
		table_aor_drop(w->r, w->aor);
}
