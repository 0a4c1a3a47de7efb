/* SPDX-License-Identifier: BSD-3-Clause */
/* How a dialog comes to be and what it learns; dialog_request.c sends in it. */
#include "controlplane/sip/dialog.h"

#include "controlplane/sip/msg.h"
#include "controlplane/sip/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROUTE_MAX 4096 /* bytes of a route set that we keep */

void sip_dialog_clear(struct sip_dialog *dialog)
{
	free(dialog->call_id);
	free(dialog->local_tag);
	free(dialog->remote_tag);
	free(dialog->local_uri);
	free(dialog->remote_uri);
	free(dialog->local_display);
	free(dialog->contact);
	free(dialog->remote_target);
	free(dialog->route);
	memset(dialog, 0, sizeof(*dialog));
}

/* Replaces a string; text NULL clears it. */
static int string_set(char **field, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int sip_dialog_start(struct sip_dialog *dialog, const struct sip_dialog_start *start)
{
	struct sip_dialog d = {.flow = start->flow};

	if (!sip_text_word(start->call_id) || !sip_text_word(start->local_tag) ||
		!sip_text_uri(start->local_uri) || !sip_text_uri(start->remote_uri) ||
		!sip_text_uri(start->target) || !sip_text_uri(start->contact) ||
		(start->local_display && !sip_text_line(start->local_display)))
		return -EINVAL;
	if (string_set(&d.call_id, start->call_id) || string_set(&d.local_tag, start->local_tag) ||
		string_set(&d.local_uri, start->local_uri) ||
		string_set(&d.local_display, start->local_display) ||
		string_set(&d.remote_uri, start->remote_uri) ||
		string_set(&d.remote_target, start->target) ||
		string_set(&d.contact, start->contact)) {
		sip_dialog_clear(&d);
		return -ENOMEM;
	}
	sip_dialog_clear(dialog);
	*dialog = d;
	return 0;
}

/* Record-Route as a route set in sending order: as it stands for the callee, reversed for the
 * caller (DL-02). *route is NULL if there is none. */
static int route_set(const osip_message_t *msg, bool reverse, char **route)
{
	int count = osip_list_size(&msg->record_routes);
	char text[ROUTE_MAX];
	size_t at = 0;

	*route = NULL;
	for (int i = 0; i < count; i++) {
		const osip_record_route_t *rr = osip_list_get(
			&msg->record_routes, reverse ? count - 1 - i : i);
		char *one;
		size_t len;
		bool fits;

		if (!rr->url || osip_record_route_to_str(rr, &one))
			return -EINVAL;
		len = strlen(one);
		fits = sip_text_line(one) && at + len + 2 < sizeof(text);
		if (fits) {
			if (at)
				text[at++] = ',';
			memcpy(text + at, one, len);
			at += len;
		}
		osip_free(one);
		if (!fits)
			return -EINVAL;
	}
	text[at] = 0;
	if (!at)
		return 0;
	*route = strdup(text);
	return *route ? 0 : -ENOMEM;
}

int sip_dialog_answer(struct sip_dialog *dialog, const osip_message_t *resp)
{
	const char *tag = sip_msg_to_tag(resp);
	bool final = resp->status_code >= 200;
	bool other = dialog->remote_tag && (!tag || strcmp(dialog->remote_tag, tag) != 0);
	char target[SIP_URI_MAX];
	char *new_target = NULL;
	char *new_tag = NULL;
	char *route = NULL;
	bool bad;
	int err;

	if (resp->status_code <= 100 || resp->status_code >= 300)
		return -EINVAL;
	if (dialog->confirmed)
		return other ? -ESTALE : 0;
	if (!tag)
		return final ? -EINVAL : 0;
	err = sip_msg_contact(resp, target, sizeof(target));
	/* Without a Contact there is no dialog, yet the tag is known: a 2xx must be ended by it. */
	bad = err && final;
	if (!err)
		new_target = strdup(target);
	new_tag = strdup(tag);
	if (!new_tag || (!err && !new_target))
		err = -ENOMEM;
	else
		err = route_set(resp, true, &route);
	if (err) {
		free(new_target);
		free(new_tag);
		return err;
	}
	free(dialog->remote_tag);
	dialog->remote_tag = new_tag;
	free(dialog->route);
	dialog->route = route;
	if (new_target) {
		free(dialog->remote_target);
		dialog->remote_target = new_target;
	}
	dialog->confirmed = final && !bad;
	return bad ? -EINVAL : 0;
}

int sip_dialog_orphan(struct sip_dialog *dialog, const osip_message_t *resp, const char *contact,
	const struct sip_flow *flow)
{
	char call_id[SIP_URI_MAX];
	char local[SIP_URI_MAX];
	char remote[SIP_URI_MAX];
	struct sip_dialog d = {0};
	struct sip_dialog_start start = {
		.call_id = sip_msg_call_id(resp, call_id, sizeof(call_id)),
		.local_tag = sip_msg_from_tag(resp),
		.local_uri = local,
		.remote_uri = remote,
		.target = remote,
		.contact = contact,
		.flow = *flow,
	};
	int err;

	if (!start.local_tag || sip_msg_from_uri(resp, local, sizeof(local)) ||
		sip_msg_to_uri(resp, remote, sizeof(remote)))
		return -EINVAL;
	err = sip_dialog_start(&d, &start);
	if (!err)
		err = sip_dialog_answer(&d, resp);
	if (err) {
		sip_dialog_clear(&d);
		return err;
	}
	d.local_cseq = sip_msg_cseq(resp);
	sip_dialog_clear(dialog);
	*dialog = d;
	return 0;
}

int sip_dialog_accept(struct sip_dialog *dialog, const osip_message_t *invite,
	const char *local_tag, const char *contact, const struct sip_flow *flow)
{
	char call_id[SIP_URI_MAX];
	char local[SIP_URI_MAX];
	char remote[SIP_URI_MAX];
	char target[SIP_URI_MAX];
	const char *remote_tag = sip_msg_from_tag(invite);
	struct sip_dialog d = {0};
	struct sip_dialog_start start = {
		.call_id = sip_msg_call_id(invite, call_id, sizeof(call_id)),
		.local_tag = local_tag,
		.local_uri = local,
		.remote_uri = remote,
		.target = target,
		.contact = contact,
		.flow = *flow,
	};
	int err;

	if (!remote_tag || sip_msg_contact(invite, target, sizeof(target)) ||
		sip_msg_to_uri(invite, local, sizeof(local)) ||
		sip_msg_from_uri(invite, remote, sizeof(remote)))
		return -EBADMSG;
	err = sip_dialog_start(&d, &start);
	if (!err)
		err = string_set(&d.remote_tag, remote_tag);
	if (!err)
		err = route_set(invite, false, &d.route);
	if (err) {
		sip_dialog_clear(&d);
		return err == -ENOMEM ? err : -EBADMSG;
	}
	d.remote_cseq = sip_msg_cseq(invite);
	d.remote_cseq_known = true;
	sip_dialog_clear(dialog);
	*dialog = d;
	return 0;
}

void sip_dialog_confirm(struct sip_dialog *dialog)
{
	dialog->confirmed = true;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool sip_dialog_match(const struct sip_dialog *dialog, const osip_message_t *msg)
{
	const char *from = sip_msg_from_tag(msg);
	const char *to = sip_msg_to_tag(msg);
	char call_id[SIP_URI_MAX];

	if (strcmp(sip_msg_call_id(msg, call_id, sizeof(call_id)), dialog->call_id) != 0)
		return false;
	if (MSG_IS_RESPONSE(msg))
		return same(from, dialog->local_tag) && same(to, dialog->remote_tag);
	return same(to, dialog->local_tag) && same(from, dialog->remote_tag);
}

int sip_dialog_check_cseq(struct sip_dialog *dialog, const osip_message_t *req)
{
	uint32_t cseq = sip_msg_cseq(req);

	if (dialog->remote_cseq_known && cseq < dialog->remote_cseq)
		return -ERANGE;
	dialog->remote_cseq = cseq;
	dialog->remote_cseq_known = true;
	return 0;
}

int sip_dialog_refresh_target(struct sip_dialog *dialog, const osip_message_t *msg)
{
	const char *method = sip_msg_method(msg);
	char target[SIP_URI_MAX];
	char *copy;

	if (strcmp(method, "INVITE") != 0 && strcmp(method, "UPDATE") != 0)
		return 0;
	if (MSG_IS_RESPONSE(msg) && !MSG_IS_STATUS_2XX(msg))
		return 0;
	if (sip_msg_contact(msg, target, sizeof(target)))
		return -EINVAL;
	if (same(target, dialog->remote_target))
		return 0;
	copy = strdup(target);
	if (!copy)
		return -ENOMEM;
	free(dialog->remote_target);
	dialog->remote_target = copy;
	return 1;
}
