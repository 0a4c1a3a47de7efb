/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/lists.h"

#include "controlplane/call/walk.h"
#include "controlplane/call/watch.h"
#include "controlplane/ops/callview.h"
#include "controlplane/ops/json.h"
#include "shared/clock.h"

#include <stdlib.h>

#define PAGE 50 /* rows that are looked at in one turn of the loop: a few ms */

struct call_list {
	struct calls *calls;
	struct walk walk;
	uint64_t longer_s, silent_s;
};

/* Silent for at least so long on either leg that is expected to send. */
static bool is_silent(struct call *call, uint64_t now, uint64_t seconds)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct leg_media *media = &call->leg[i].media;
		uint64_t since;

		watch_read_facts(&call->leg[i]);
		since = media->rtp_ms ? media->rtp_ms : call->answered_ms;
		if (media->sends && since && now - since >= seconds * 1000)
			return true;
	}
	return false;
}

static bool is_wanted(const struct call_list *list, struct call *call, uint64_t now)
{
	if (list->longer_s && clock_wall_ms() - call->setup_wall < list->longer_s * 1000)
		return false;
	return !list->silent_s || is_silent(call, now, list->silent_s);
}

static json_t *calls_page(void *arg)
{
	struct call_list *list = arg;
	uint64_t now = calls_now(list->calls);
	struct call *call = walk_next(&list->walk);
	json_t *rows;

	if (!call)
		return NULL;
	rows = json_array();
	for (int i = 1; call; i++) {
		if (is_wanted(list, call, now))
			json_array_append_new(rows, callview_json(call, now));
		call = i < PAGE ? walk_next(&list->walk) : NULL;
	}
	return json_pack("{so}", "calls", rows);
}

static void calls_end(void *arg)
{
	struct call_list *list = arg;

	walk_end(&list->walk);
	free(list);
}

void lists_calls(struct ctlserver_request *request, struct calls *calls, const json_t *args)
{
	struct call_list *list = calloc(1, sizeof(*list));

	if (!list) {
		ctlserver_fail(request, "no memory");
		return;
	}
	list->calls = calls;
	list->longer_s = json_arg_number(args, "longer_s");
	list->silent_s = json_arg_number(args, "silent_s");
	walk_begin(&list->walk, calls);
	ctlserver_pages(request, &(struct ctlserver_pages){calls_page, calls_end, list});
}

struct binding_list {
	struct calls *calls;
	uint32_t cursor;
};

static json_t *binding_json(struct registrar *registrar, const struct binding *b, uint64_t now)
{
	return json_pack("{ss, ss, so, so, so, ss, sb}", "aor", registrar_aor_of(b), "contact",
		b->contact ? b->contact : "", "received", json_address(&b->source), "expires_s",
		b->aor && b->expires_ms > now ? json_number((b->expires_ms - now) / 1000)
					      : json_null(),
		"heard_s", json_seconds_since(registrar_heard(registrar, b, now), now), "id",
		b->bid, "reachable", !b->unreachable);
}

static json_t *bindings_page(void *arg)
{
	struct binding_list *list = arg;
	struct registrar *registrar = list->calls->registrar;
	const struct binding *b = registrar_next(registrar, &list->cursor);
	uint64_t now = calls_now(list->calls);
	json_t *rows;

	if (!b)
		return NULL;
	rows = json_array();
	for (int i = 1; b; i++) {
		json_array_append_new(rows, binding_json(registrar, b, now));
		b = i < PAGE ? registrar_next(registrar, &list->cursor) : NULL;
	}
	return json_pack("{so}", "bindings", rows);
}

void lists_bindings(struct ctlserver_request *request, struct calls *calls)
{
	struct binding_list *list = calloc(1, sizeof(*list));

	if (!list) {
		ctlserver_fail(request, "no memory");
		return;
	}
	list->calls = calls;
	ctlserver_pages(request, &(struct ctlserver_pages){bindings_page, free, list});
}
