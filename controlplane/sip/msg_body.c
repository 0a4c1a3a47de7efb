/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies. */
#include "controlplane/sip/msg.h"
#include "controlplane/sip/scan.h"
#include "controlplane/sip/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */
#define PARTS_MAX    16

static bool type_is(const osip_content_type_t *type, const char *main, const char *sub)
{
	return type && type->type && type->subtype && strcasecmp(type->type, main) == 0 &&
		(!sub || strcasecmp(type->subtype, sub) == 0);
}

static bool encoded(const osip_message_t *msg)
{
	const osip_content_encoding_t *encoding = osip_list_get(&msg->content_encodings, 0);

	return encoding && encoding->value && strcasecmp(encoding->value, "identity") != 0;
}

/* "session;handling=optional": the body may be ignored (RFC 3261 20.11). */
static bool optional(const osip_message_t *msg)
{
	const char *value = sip_msg_get(msg, "Content-Disposition", 0);

	return value && strcasestr(value, "handling=optional") != NULL;
}

/* The boundary parameter without its quotes; false if there is none of a legal length. */
static bool boundary_of(const osip_content_type_t *type, char *buf, size_t size)
{
	const osip_generic_param_t *param;

	for (int i = 0; (param = osip_list_get(&type->gen_params, i)) != NULL; i++) {
		const char *value = param->gvalue;
		size_t len;

		if (strcasecmp(param->gname, "boundary") != 0 || !value)
			continue;
		len = strlen(value);
		if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
			value++;
			len -= 2;
		}
		if (!len || len > BOUNDARY_MAX)
			return false;
		snprintf(buf, size, "--%.*s", (int)len, value);
		return true;
	}
	return false;
}

/* The next line that begins with the delimiter, from text on; NULL if there is none. */
static const char *delimiter_find(const char *text, size_t len, const char *delimiter)
{
	size_t n = strlen(delimiter);
	const char *end = text + len;

	while (text && (size_t)(end - text) >= n) {
		if (memcmp(text, delimiter, n) == 0)
			return text;
		text = memchr(text, '\n', (size_t)(end - text));
		text = text ? text + 1 : NULL;
	}
	return NULL;
}

/* One part from its first header on: its body, if it is SDP. */
static bool part_sdp(const char *part, size_t len, const char **sdp, size_t *sdp_len)
{
	struct scan_line line;
	bool found = false;
	size_t at = 0;
	int more;

	while ((more = scan_header_line(part, len, &at, &line)) > 0) {
		bool type = line.name_len == 1
			? (line.start[0] | 0x20) == 'c'
			: line.name_len == 12 && strncasecmp(line.start, "Content-Type", 12) == 0;

		if (type && line.value_len >= 15 &&
			strncasecmp(line.value, "application/sdp", 15) == 0)
			found = line.value_len == 15 || strchr("; \t\r\n", line.value[15]);
	}
	if (more < 0 || !found)
		return false;
	/* The line end before the delimiter belongs to the delimiter. */
	while (len > at && (part[len - 1] == '\n' || part[len - 1] == '\r')) {
		len--;
		if (part[len] == '\r')
			break;
	}
	*sdp = part + at;
	*sdp_len = len - at;
	return true;
}

static int multipart_sdp(
	const osip_message_t *msg, const osip_body_t *body, const char **sdp, size_t *len)
{
	const char *end = body->body + body->length;
	char delimiter[BOUNDARY_MAX + 3];
	const char *part;
	bool found = false;

	if (!boundary_of(msg->content_type, delimiter, sizeof(delimiter)))
		return -EBADMSG;
	part = delimiter_find(body->body, body->length, delimiter);
	for (int i = 0; part && i < PARTS_MAX; i++) {
		const char *start = part + strlen(delimiter);

		if (end - start >= 2 && memcmp(start, "--", 2) == 0)
			return found ? 0 : optional(msg) ? -ENOENT : -EMEDIUMTYPE;
		start = memchr(start, '\n', (size_t)(end - start));
		if (!start)
			return -EBADMSG;
		start++;
		part = delimiter_find(start, (size_t)(end - start), delimiter);
		if (part && !found)
			found = part_sdp(start, (size_t)(part - start), sdp, len);
	}
	return -EBADMSG;
}

int sip_msg_sdp(const osip_message_t *msg, const char **sdp, size_t *len)
{
	const osip_body_t *body = osip_list_get(&msg->bodies, 0);

	if (!body || !body->body || !body->length)
		return -ENOENT;
	if (!msg->content_type || !msg->content_type->type)
		return -EBADMSG;
	if (encoded(msg))
		return optional(msg) ? -ENOENT : -EMEDIUMTYPE;
	if (type_is(msg->content_type, "multipart", NULL))
		return multipart_sdp(msg, body, sdp, len);
	if (!type_is(msg->content_type, "application", "sdp"))
		return optional(msg) ? -ENOENT : -EMEDIUMTYPE;
	*sdp = body->body;
	*len = body->length;
	return 0;
}

int sip_msg_set_body(osip_message_t *msg, const char *type, const char *body, size_t len)
{
	if (!sip_text_line(type) || !strchr(type, '/'))
		return -EINVAL;
	osip_list_special_free(&msg->bodies, (void (*)(void *))osip_body_free);
	osip_content_type_free(msg->content_type);
	msg->content_type = NULL;
	osip_content_length_free(msg->content_length);
	msg->content_length = NULL;
	if (!len)
		return 0;
	if (osip_message_set_content_type(msg, type) || osip_message_set_body(msg, body, len))
		return -ENOMEM;
	return 0;
}

int sip_msg_set_sdp(osip_message_t *msg, const char *sdp, size_t len)
{
	return sip_msg_set_body(msg, "application/sdp", sdp, len);
}

int sip_msg_body(const osip_message_t *msg, char *type, size_t size, const char **body, size_t *len)
{
	const osip_content_type_t *have = msg->content_type;
	const osip_body_t *raw = osip_list_get(&msg->bodies, 0);
	int n;

	if (!raw || !raw->body || !have || !have->type || !have->subtype)
		return -ENOENT;
	n = snprintf(type, size, "%s/%s", have->type, have->subtype);
	if (n < 0 || (size_t)n >= size)
		return -ENOENT;
	*body = raw->body;
	*len = raw->length;
	return 0;
}
