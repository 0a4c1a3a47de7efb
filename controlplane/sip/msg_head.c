/* SPDX-License-Identifier: BSD-3-Clause */
/* The fixed fields of a message: method, CSeq, Call-ID, tags, parties, Contact. */
#include "controlplane/sip/msg.h"
#include "controlplane/sip/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sip_msg_is(const osip_message_t *msg, const char *method)
{
	return msg->sip_method && strcmp(msg->sip_method, method) == 0;
}

const char *sip_msg_method(const osip_message_t *msg)
{
	return msg->sip_method ? msg->sip_method : msg->cseq->method;
}

uint32_t sip_msg_cseq(const osip_message_t *msg)
{
	return (uint32_t)strtoul(msg->cseq->number, NULL, 10);
}

const char *sip_msg_call_id(const osip_message_t *msg, char *buf, size_t size)
{
	const osip_call_id_t *id = msg->call_id;

	if (id->host)
		snprintf(buf, size, "%s@%s", id->number, id->host);
	else
		snprintf(buf, size, "%s", id->number);
	return buf;
}

static const char *party_tag(const osip_from_t *party)
{
	const osip_generic_param_t *param;

	for (int i = 0; (param = osip_list_get(&party->gen_params, i)) != NULL; i++)
		if (strcasecmp(param->gname, "tag") == 0)
			return param->gvalue && *param->gvalue ? param->gvalue : NULL;
	return NULL;
}

const char *sip_msg_from_tag(const osip_message_t *msg)
{
	return party_tag(msg->from);
}

const char *sip_msg_to_tag(const osip_message_t *msg)
{
	return party_tag((const osip_from_t *)msg->to);
}

static int uri_text(const osip_uri_t *uri, char *buf, size_t size)
{
	char *text;
	int err;

	if (!uri || osip_uri_to_str(uri, &text))
		return -ENOENT;
	err = sip_text_copy(buf, size, text);
	osip_free(text);
	return err;
}

int sip_msg_from_uri(const osip_message_t *msg, char *buf, size_t size)
{
	return uri_text(msg->from->url, buf, size);
}

int sip_msg_to_uri(const osip_message_t *msg, char *buf, size_t size)
{
	return uri_text(msg->to->url, buf, size);
}

int sip_msg_request_uri(const osip_message_t *msg, char *buf, size_t size)
{
	return uri_text(msg->req_uri, buf, size);
}

int sip_msg_from_display(const osip_message_t *msg, char *buf, size_t size)
{
	const char *p = msg->from->displayname;
	size_t at = 0;
	bool quoted;

	if (!size)
		return -E2BIG;
	if (!p)
		p = "";
	while (*p == ' ')
		p++;
	quoted = *p == '"';
	for (p += quoted; *p && !(quoted && *p == '"'); p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			continue;
		if (at + 1 >= size)
			return -E2BIG;
		buf[at++] = *p;
	}
	while (at && !quoted && buf[at - 1] == ' ')
		at--;
	buf[at] = 0;
	return 0;
}

int sip_msg_contact(const osip_message_t *msg, char *buf, size_t size)
{
	const osip_contact_t *contact = osip_list_get(&msg->contacts, 0);
	char text[SIP_URI_MAX];
	int err;

	if (!contact)
		return -ENOENT;
	if (!contact->url || osip_list_size(&msg->contacts) != 1)
		return -EINVAL;
	err = uri_text(contact->url, text, sizeof(text));
	if (err)
		return err == -E2BIG ? err : -EINVAL;
	if (!sip_uri_usable(text))
		return -EINVAL;
	return sip_text_copy(buf, size, text);
}

int sip_msg_set_contact(osip_message_t *msg, const char *uri)
{
	osip_contact_t *contact;

	if (!sip_text_uri(uri))
		return -EINVAL;
	if (osip_contact_init(&contact))
		return -ENOMEM;
	if (osip_uri_init(&contact->url) || osip_uri_parse(contact->url, uri)) {
		osip_contact_free(contact);
		return -EINVAL;
	}
	osip_list_special_free(&msg->contacts, (void (*)(void *))osip_contact_free);
	if (osip_list_add(&msg->contacts, contact, -1) < 0) {
		osip_contact_free(contact);
		return -ENOMEM;
	}
	return 0;
}
