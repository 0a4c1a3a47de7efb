/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies. */
#include "controlplane/sip/msg.h"
#include "controlplane/sip/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int body_text(const osip_body_t *body, const char **text, size_t *len)
{
	if (!body || !body->body)
		return -ENOENT;
	*text = body->body;
	*len = body->length;
	return 0;
}

static int multipart_sdp(const osip_message_t *msg, const char **sdp, size_t *len)
{
	const osip_body_t *part;

	for (int i = 0; (part = osip_list_get(&msg->bodies, i)) != NULL; i++)
		if (type_is(part->content_type, "application", "sdp"))
			return body_text(part, sdp, len);
	return optional(msg) ? -ENOENT : -EMEDIUMTYPE;
}

int sip_msg_sdp(const osip_message_t *msg, const char **sdp, size_t *len)
{
	if (!osip_list_size(&msg->bodies)) {
		const osip_content_length_t *length = msg->content_length;

		/* A body that libosip2 left alone because nothing says what it is. */
		if (length && length->value && strtoul(length->value, NULL, 10) > 0)
			return -EBADMSG;
		return -ENOENT;
	}
	if (encoded(msg))
		return optional(msg) ? -ENOENT : -EMEDIUMTYPE;
	if (type_is(msg->content_type, "multipart", NULL))
		return multipart_sdp(msg, sdp, len);
	if (type_is(msg->content_type, "application", "sdp"))
		return body_text(osip_list_get(&msg->bodies, 0), sdp, len);
	return optional(msg) ? -ENOENT : -EMEDIUMTYPE;
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
	int n;

	if (osip_list_size(&msg->bodies) != 1 || !have || !have->type || !have->subtype)
		return -ENOENT;
	n = snprintf(type, size, "%s/%s", have->type, have->subtype);
	if (n < 0 || (size_t)n >= size)
		return -ENOENT;
	return body_text(osip_list_get(&msg->bodies, 0), body, len);
}
