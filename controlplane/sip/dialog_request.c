/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages that we send in a dialog. */
#include "controlplane/sip/dialog.h"
#include "controlplane/sip/msg.h"
#include "controlplane/sip/scan.h"
#include "controlplane/sip/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CSEQ_MAX ((uint32_t)INT32_MAX)

/* Cuts the next element off a route set; NULL at its end. The caller frees it. */
static char *route_next(const char **rest)
{
	size_t len = strlen(*rest);
	size_t n = scan_until(*rest, len, ",");
	char *one;

	if (!len)
		return NULL;
	one = strndup(*rest, n);
	*rest += n < len ? n + 1 : n;
	return one;
}

/* URI of a route element; *loose tells whether it has the parameter lr (not lrx). */
static int route_uri(const char *route, char *uri, size_t size, bool *loose)
{
	osip_route_t *parsed;
	osip_uri_param_t *lr = NULL;
	char *text = NULL;
	int err = -EINVAL;

	if (osip_route_init(&parsed))
		return -ENOMEM;
	if (osip_route_parse(parsed, route) == 0 && parsed->url &&
		osip_uri_to_str(parsed->url, &text) == 0) {
		osip_uri_uparam_get_byname(parsed->url, "lr", &lr);
		*loose = lr != NULL;
		err = sip_text_copy(uri, size, text);
		osip_free(text);
	}
	osip_route_free(parsed);
	return err;
}

static int routes_add(osip_message_t *msg, const char *rest)
{
	char *one;
	int err = 0;

	while (!err && (one = route_next(&rest)) != NULL) {
		err = osip_message_set_route(msg, one) ? -EINVAL : 0;
		free(one);
	}
	return err;
}

static int target_add(osip_message_t *msg, const char *target)
{
	char route[SIP_URI_MAX + 2];
	size_t len = strlen(target);

	if (len + 3 > sizeof(route))
		return -E2BIG;
	route[0] = '<';
	memcpy(route + 1, target, len);
	memcpy(route + 1 + len, ">", 2);
	return osip_message_set_route(msg, route) ? -EINVAL : 0;
}

/* Request-URI and Route by RFC 3261 12.2.1.1: behind a strict router the Request-URI is the router
 * and the remote target comes last. */
static osip_message_t *request_make(
	const struct sip_dialog *dialog, const char *method, uint32_t cseq)
{
	char strict[SIP_URI_MAX];
	const char *rest = dialog->route;
	osip_message_t *msg;
	bool loose = true;
	int err;

	if (rest) {
		char *first = route_next(&rest);

		err = first ? route_uri(first, strict, sizeof(strict), &loose) : -ENOMEM;
		free(first);
		if (err)
			return NULL;
	}
	msg = sip_msg_request(&(struct sip_request){
		.method = method,
		.uri = loose ? dialog->remote_target : strict,
		.from_display = dialog->local_display,
		.from_uri = dialog->local_uri,
		.from_tag = dialog->local_tag,
		.to_uri = dialog->remote_uri,
		.to_tag = dialog->remote_tag,
		.call_id = dialog->call_id,
		.cseq = cseq,
		.max_forwards = -1,
	});
	if (!msg || !dialog->route)
		return msg;
	err = routes_add(msg, loose ? dialog->route : rest);
	if (!err && !loose)
		err = target_add(msg, dialog->remote_target);
	if (err) {
		osip_message_free(msg);
		return NULL;
	}
	return msg;
}

static bool wants_contact(const char *method)
{
	return strcmp(method, "INVITE") == 0 || strcmp(method, "UPDATE") == 0;
}

osip_message_t *sip_dialog_request(struct sip_dialog *dialog, const char *method)
{
	osip_message_t *msg;

	if (dialog->local_cseq >= CSEQ_MAX)
		return NULL;
	msg = request_make(dialog, method, dialog->local_cseq + 1);
	if (!msg)
		return NULL;
	if (wants_contact(method) && sip_msg_set_contact(msg, dialog->contact)) {
		osip_message_free(msg);
		return NULL;
	}
	dialog->local_cseq++;
	return msg;
}

osip_message_t *sip_dialog_again(struct sip_dialog *dialog, const osip_message_t *req)
{
	osip_message_t *msg;
	char number[16];

	if (dialog->local_cseq >= CSEQ_MAX || osip_message_clone(req, &msg))
		return NULL;
	snprintf(number, sizeof(number), "%u", dialog->local_cseq + 1);
	osip_free(msg->cseq->number);
	msg->cseq->number = osip_strdup(number);
	if (!msg->cseq->number) {
		osip_message_free(msg);
		return NULL;
	}
	if (!sip_msg_to_tag(req)) {
		free(dialog->remote_tag);
		dialog->remote_tag = NULL;
	}
	dialog->local_cseq++;
	return msg;
}

osip_message_t *sip_dialog_ack(const struct sip_dialog *dialog, uint32_t cseq)
{
	return request_make(dialog, "ACK", cseq);
}

osip_message_t *sip_dialog_response(
	const struct sip_dialog *dialog, const osip_message_t *req, int code, const char *reason)
{
	osip_message_t *resp = sip_msg_response(req, code, reason, dialog->local_tag);

	if (!resp || code <= 100 || code >= 300 || !wants_contact(req->cseq->method))
		return resp;
	if (sip_msg_set_contact(resp, dialog->contact)) {
		osip_message_free(resp);
		return NULL;
	}
	return resp;
}
