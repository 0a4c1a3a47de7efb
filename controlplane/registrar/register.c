/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/register.h"

#include "controlplane/registrar/reply.h"
#include "controlplane/sip/msg.h"

#include <strings.h>

bool register_refuse(struct register_work *w, int status, const char *reason)
{
	reply_start(w->reply, status, reason);
	return false;
}

static bool register_busy(struct register_work *w, const char *reason)
{
	register_refuse(w, 503, reason);
	reply_add(w->reply, "Retry-After", "%u", w->r->retry_after);
	return false;
}

/* A bucket of one second's REGISTERs. */
static bool register_rate_pass(struct registrar *r, uint64_t now_ms)
{
	uint64_t more = (now_ms - r->tokens_ms) * r->rate / 1000;

	if (r->rate == 0)
		return true;
	if (more) {
		r->tokens = more > r->rate - r->tokens ? r->rate : r->tokens + (uint32_t)more;
		r->tokens_ms = now_ms;
	}
	if (r->tokens == 0)
		return false;
	r->tokens--;
	return true;
}

static bool register_form(struct register_work *w)
{
	const osip_message_t *m = w->request->message;

	if (!m->req_uri || !m->to || !m->to->url || !m->cseq || !m->call_id ||
		!m->call_id->number || !sip_msg_call_id(m, w->call_id, sizeof(w->call_id)))
		return register_refuse(w, 400, "Bad Request");
	w->cseq = sip_msg_cseq(m);
	return true;
}

static bool register_target(struct register_work *w)
{
	const osip_uri_t *uri = w->request->message->req_uri;

	/* There is no TLS here, and no silent downgrade either (NO-03). */
	if (!uri->scheme || strcasecmp(uri->scheme, "sip") != 0)
		return register_refuse(w, 416, "Unsupported URI Scheme");
	if (!registrar_serves(w->r, uri))
		return register_refuse(w, 403, "Domain Not Served");
	return true;
}

/* A Path that we do not honour would make a binding that bypasses it (NO-01). */
static bool register_options(struct register_work *w)
{
	static const char *const known[] = {"timer", NULL};
	const osip_message_t *m = w->request->message;
	char text[256];

	if (sip_msg_unsupported(m, known, text, sizeof(text)) == 0) {
		if (!sip_msg_get(m, "Path", 0))
			return true;
		strcpy(text, "path");
	}
	register_refuse(w, 420, "Bad Extension");
	reply_add(w->reply, "Unsupported", "%s", text);
	return false;
}

static bool register_account(struct register_work *w)
{
	const osip_uri_t *to = w->request->message->to->url;
	const char *user = w->request->user;

	if (!user)
		return w->r->open || register_refuse(w, 401, "Unauthorized");
	if (!to->username || strcmp(to->username, user) != 0)
		return register_refuse(w, 403, "Not Your Address Of Record");
	return true;
}

static bool register_aor(struct register_work *w)
{
	if (registrar_aor_name(w->r, w->request->message->to->url, w->aor_name) < 0)
		return register_refuse(w, 404, "Not Found");
	w->aor = registrar_prune(w->r, table_aor_find(w->r, w->aor_name), w->request->now_ms);
	return true;
}

static void register_keep(struct register_work *w, struct register_item *item)
{
	struct registrar *r = w->r;
	struct binding *b = item->fresh, *place = item->old ? item->old : item->other;

	item->fresh = NULL;
	if (place) {
		table_replace(r, place, b);
		binding_free(place);
		if (item->old && item->other)
			registrar_drop(r, item->other);
	} else {
		registrar_new_bid(r, b->bid);
		table_add(r, w->aor, b);
	}
	registrar_arm(r, b);
	persist_ping_set(r, b);
	persist_store_set(r, b, w->request->now_ms);
}

static void register_commit(struct register_work *w)
{
	while (w->star && w->aor && w->aor->first)
		registrar_drop(w->r, w->aor->first);
	for (uint32_t i = 0; i < w->count; i++) {
		struct register_item *item = &w->items[i];

		if (item->fresh) {
			register_keep(w, item);
			continue;
		}
		if (item->old)
			registrar_drop(w->r, item->old);
		if (item->other)
			registrar_drop(w->r, item->other);
	}
}

static void register_accept(struct register_work *w)
{
	uint64_t now = w->request->now_ms;

	reply_start(w->reply, 200, "OK");
	for (const struct binding *b = w->aor ? w->aor->first : NULL; b; b = b->next) {
		uint32_t left = (uint32_t)((b->expires_ms - now + 999) / 1000);

		if (b->has_q)
			reply_add(w->reply, "Contact", "<%s>;expires=%u;q=%u.%03u", b->contact,
				left, b->q / 1000, b->q % 1000);
		else
			reply_add(w->reply, "Contact", "<%s>;expires=%u", b->contact, left);
	}
	reply_add_date(w->reply, w->request->wall_ms);
}

static bool register_steps(struct register_work *w)
{
	if (!register_rate_pass(w->r, w->request->now_ms))
		return register_busy(w, "Too Many Registrations");
	return register_form(w) && register_target(w) && register_options(w) &&
		register_account(w) && register_aor(w) && register_plan(w);
}

void registrar_register(
	struct registrar *r, const struct registrar_request *request, struct registrar_reply *reply)
{
	struct register_work w;

	w.r = r;
	w.request = request;
	w.reply = reply;
	w.aor = NULL;
	w.star = false;
	w.count = 0;
	if (register_steps(&w)) {
		register_commit(&w);
		register_accept(&w);
		r->accepted++;
	} else if (reply->status != 401) {
		r->refused++;
	}
	register_free(&w);
}
