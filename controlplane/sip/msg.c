/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole messages: parsing, printing, new requests, responses, the top Via. */
#include "controlplane/sip/msg.h"

#include "controlplane/sip/scan.h"
#include "controlplane/sip/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the gate cannot see: fields that libosip2 left empty behind a header that was there. */
static bool message_sane(const osip_message_t *msg)
{
	const osip_via_t *via;

	if (!msg->from || !msg->from->url || !msg->to || !msg->to->url)
		return false;
	if (!msg->call_id || !msg->call_id->number || !*msg->call_id->number)
		return false;
	if (!msg->cseq || !msg->cseq->number || !msg->cseq->method)
		return false;
	if (!msg->status_code && (!msg->sip_method || !msg->req_uri))
		return false;
	for (int i = 0; (via = osip_list_get(&msg->vias, i)) != NULL; i++)
		if (!via->host || !*via->host || !via->protocol || !via->version)
			return false;
	return osip_list_size(&msg->vias) > 0;
}

static void on_trace(
	const char *file, int line, osip_trace_level_t level, const char *fmt, va_list ap)
{
}

int sip_msg_setup(void)
{
	if (parser_init())
		return -ENOMEM;
	/* To disable its levels is not enough: it prints all the same. */
	osip_trace_initialize_func(TRACE_LEVEL0, on_trace);
	return 0;
}

/* Length of the headers with the empty line; *digits is the value of Content-Length, if any. */
static size_t head_measure(const char *buf, size_t len, struct gate_slice *digits)
{
	struct scan_line line;
	size_t at = 0;

	digits->len = 0;
	if (scan_start_line(buf, len, &at, &line) < 0)
		return len;
	for (;;) {
		int more = scan_header_line(buf, len, &at, &line);

		if (more <= 0)
			return more ? len : at;
		if ((line.name_len == 1 && (line.start[0] | 0x20) == 'l') ||
			(line.name_len == 14 && strncasecmp(line.start, "Content-Length", 14) == 0))
			*digits = (struct gate_slice){line.value, line.value_len};
	}
}

/* libosip2 reads the headers only, with a Content-Length of 0: its reading of multipart bodies
 * leaks memory (a part with two Content-Type) and has had worse. */
static int head_parse(osip_message_t *msg, const char *buf, size_t head, struct gate_slice digits)
{
	char *copy = malloc(head);
	int err;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, buf, head);
	if (digits.len)
		memset(copy + (digits.ptr - buf), '0', digits.len);
	err = osip_message_parse(msg, copy, head) ? -EBADMSG : 0;
	free(copy);
	return err;
}

int sip_msg_parse(osip_message_t **msg, const char *buf, size_t len)
{
	struct gate_slice digits;
	size_t head = head_measure(buf, len, &digits);
	int err;

	if (osip_message_init(msg))
		return -ENOMEM;
	err = head_parse(*msg, buf, head, digits);
	if (!err && !message_sane(*msg))
		err = -EBADMSG;
	if (!err && len > head && osip_message_set_body(*msg, buf + head, len - head))
		err = -ENOMEM;
	if (!err)
		return 0;
	osip_message_free(*msg);
	*msg = NULL;
	return err;
}

int sip_msg_print(osip_message_t *msg, char **buf, size_t *len)
{
	osip_message_force_update(msg);
	if (osip_message_to_str(msg, buf, len))
		return -EINVAL;
	return 0;
}

/* "name" with what would end the quotes escaped and control characters left out. */
static char *display_quote(const char *display)
{
	char *quoted = osip_malloc(2 * strlen(display) + 3);
	char *p = quoted;

	if (!quoted)
		return NULL;
	*p++ = '"';
	for (; *display; display++) {
		if ((unsigned char)*display < ' ' || *display == 0x7f)
			continue;
		if (*display == '"' || *display == '\\')
			*p++ = '\\';
		*p++ = *display;
	}
	*p++ = '"';
	*p = 0;
	return quoted;
}

/* From and To are one type in libosip2. */
static osip_from_t *party_make(const char *display, const char *uri, const char *tag)
{
	osip_from_t *party;

	if (!sip_text_uri(uri) || (tag && !sip_text_word(tag)) || osip_from_init(&party))
		return NULL;
	if (osip_uri_init(&party->url) || osip_uri_parse(party->url, uri))
		goto fail;
	if (display && *display) {
		party->displayname = display_quote(display);
		if (!party->displayname)
			goto fail;
	}
	if (tag && osip_from_param_add(party, osip_strdup("tag"), osip_strdup(tag)))
		goto fail;
	return party;
fail:
	osip_from_free(party);
	return NULL;
}

static int request_fill(osip_message_t *msg, const struct sip_request *r)
{
	char number[16];
	char cseq[64];

	msg->sip_method = osip_strdup(r->method);
	msg->sip_version = osip_strdup("SIP/2.0");
	if (!msg->sip_method || !msg->sip_version || !sip_text_uri(r->uri))
		return -EINVAL;
	if (osip_uri_init(&msg->req_uri) || osip_uri_parse(msg->req_uri, r->uri))
		return -EINVAL;
	msg->from = party_make(r->from_display, r->from_uri, r->from_tag);
	msg->to = (osip_to_t *)party_make(r->to_display, r->to_uri, r->to_tag);
	if (!msg->from || !msg->to)
		return -EINVAL;
	if (!sip_text_word(r->call_id) || osip_message_set_call_id(msg, r->call_id))
		return -EINVAL;
	snprintf(cseq, sizeof(cseq), "%u %s", r->cseq, r->method);
	if (osip_message_set_cseq(msg, cseq))
		return -EINVAL;
	snprintf(number, sizeof(number), "%d", r->max_forwards < 0 ? 70 : r->max_forwards);
	return sip_msg_add(msg, "Max-Forwards", number);
}

static int request_capabilities(osip_message_t *msg, const char *method)
{
	int err = sip_msg_add(msg, "User-Agent", SIP_USER_AGENT);

	if (strcmp(method, "ACK") == 0 || strcmp(method, "CANCEL") == 0)
		return err;
	err = err ? err : sip_msg_add(msg, "Supported", SIP_SUPPORTED);
	if (strcmp(method, "INVITE") == 0 || strcmp(method, "UPDATE") == 0 ||
		strcmp(method, "OPTIONS") == 0)
		err = err ? err : sip_msg_add(msg, "Allow", SIP_ALLOW);
	return err;
}

osip_message_t *sip_msg_request(const struct sip_request *request)
{
	osip_message_t *msg;

	if (!sip_text_word(request->method) || strlen(request->method) > 32)
		return NULL;
	if (osip_message_init(&msg))
		return NULL;
	if (request_fill(msg, request) == 0 && request_capabilities(msg, request->method) == 0)
		return msg;
	osip_message_free(msg);
	return NULL;
}

static int list_copy(const osip_list_t *from, osip_list_t *to, int (*clone)(void *, void **))
{
	return osip_list_clone(from, to, clone) ? -ENOMEM : 0;
}

static int response_copy(osip_message_t *resp, const osip_message_t *req, const char *to_tag)
{
	osip_generic_param_t *tag = NULL;
	int code = resp->status_code;
	int err;

	err = list_copy(&req->vias, &resp->vias, (int (*)(void *, void **))osip_via_clone);
	if (!err && code > 100 && code < 300)
		err = list_copy(&req->record_routes, &resp->record_routes,
			(int (*)(void *, void **))osip_record_route_clone);
	if (err || osip_from_clone(req->from, &resp->from) || osip_to_clone(req->to, &resp->to) ||
		osip_call_id_clone(req->call_id, &resp->call_id) ||
		osip_cseq_clone(req->cseq, &resp->cseq))
		return -ENOMEM;
	osip_to_get_tag(resp->to, &tag);
	if (tag || !to_tag || code == 100)
		return 0;
	if (!sip_text_word(to_tag))
		return -EINVAL;
	return osip_to_set_tag(resp->to, osip_strdup(to_tag)) ? -ENOMEM : 0;
}

static int response_capabilities(osip_message_t *resp, const char *method)
{
	int code = resp->status_code;
	bool ok = code >= 200 && code < 300;
	int err = 0;

	if (code == 405 ||
		(ok &&
			(strcmp(method, "INVITE") == 0 || strcmp(method, "UPDATE") == 0 ||
				strcmp(method, "OPTIONS") == 0)))
		err = sip_msg_add(resp, "Allow", SIP_ALLOW);
	if (ok && !err)
		err = sip_msg_add(resp, "Supported", SIP_SUPPORTED);
	return err ? err : sip_msg_add(resp, "Server", SIP_USER_AGENT);
}

osip_message_t *sip_msg_response(
	const osip_message_t *req, int code, const char *reason, const char *to_tag)
{
	osip_message_t *resp;

	if (!reason)
		reason = osip_message_get_reason(code);
	if (!reason)
		reason = "Unknown";
	if (code < 100 || code > 699 || !sip_text_line(reason) || osip_message_init(&resp))
		return NULL;
	resp->status_code = code;
	resp->sip_version = osip_strdup("SIP/2.0");
	resp->reason_phrase = osip_strdup(reason);
	if (resp->sip_version && resp->reason_phrase && response_copy(resp, req, to_tag) == 0 &&
		response_capabilities(resp, req->cseq->method) == 0)
		return resp;
	osip_message_free(resp);
	return NULL;
}

/* Removes every parameter of that name; true if there was one. */
static bool via_param_remove(osip_via_t *via, const char *name)
{
	osip_generic_param_t *param;
	bool found = false;

	for (int i = 0; (param = osip_list_get(&via->via_params, i)) != NULL;) {
		if (strcasecmp(param->gname, name) != 0) {
			i++;
			continue;
		}
		osip_list_remove(&via->via_params, i);
		osip_generic_param_free(param);
		found = true;
	}
	return found;
}

static int via_param_add(osip_via_t *via, const char *name, const char *value)
{
	char *n = osip_strdup(name);
	char *v = osip_strdup(value);

	if (n && v && osip_via_param_add(via, n, v) == 0)
		return 0;
	osip_free(n);
	osip_free(v);
	return -ENOMEM;
}

int sip_msg_set_received(osip_message_t *req, const struct addr *source)
{
	osip_via_t *via = osip_list_get(&req->vias, 0);
	char ip[ADDR_STRLEN];
	char port[8];
	bool rport;
	int err = 0;

	if (!via)
		return -EINVAL;
	addr_format_ip(source, ip);
	snprintf(port, sizeof(port), "%u", source->port);
	rport = via_param_remove(via, "rport");
	via_param_remove(via, "received");
	if (rport || strcmp(via->host, ip) != 0)
		err = via_param_add(via, "received", ip);
	if (rport && !err)
		err = via_param_add(via, "rport", port);
	return err;
}

static const char *via_param(const osip_via_t *via, const char *name)
{
	const osip_generic_param_t *param;

	for (int i = 0; (param = osip_list_get(&via->via_params, i)) != NULL; i++)
		if (strcasecmp(param->gname, name) == 0)
			return param->gvalue ? param->gvalue : "";
	return NULL;
}

int sip_msg_response_dest(const osip_message_t *resp, struct addr *dest)
{
	const osip_via_t *via = osip_list_get(&resp->vias, 0);
	const char *host;
	const char *port;
	unsigned long number;

	if (!via)
		return -EINVAL;
	host = via_param(via, "received");
	port = via_param(via, "rport");
	if (!port || !*port)
		port = via->port ? via->port : "5060";
	if (strlen(port) > 5 || strspn(port, "0123456789") != strlen(port))
		return -EINVAL;
	number = strtoul(port, NULL, 10);
	if (!number || number > UINT16_MAX)
		return -EINVAL;
	return addr_from_ip(dest, host && *host ? host : via->host, (uint16_t)number);
}

const char *sip_msg_branch(const osip_message_t *msg)
{
	const osip_via_t *via = osip_list_get(&msg->vias, 0);

	return via ? via_param(via, "branch") : NULL;
}
