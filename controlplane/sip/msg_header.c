/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers of any name, option tags and numbers. */
#include "controlplane/sip/msg.h"
#include "controlplane/sip/scan.h"
#include "controlplane/sip/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Compact forms of headers that libosip2 keeps by name (RFC 3261 7.3.3 and the IANA registry). */
static const struct {
	const char *name;
	char compact;
} compacts[] = {
	{"Allow-Events", 'u'},
	{"Event", 'o'},
	{"Refer-To", 'r'},
	{"Referred-By", 'b'},
	{"Session-Expires", 'x'},
	{"Subject", 's'},
	{"Supported", 'k'},
};

static bool name_is(const char *have, const char *name)
{
	if (strcasecmp(have, name) == 0)
		return true;
	if (!have[0] || have[1])
		return false;
	for (size_t i = 0; i < sizeof(compacts) / sizeof(compacts[0]); i++)
		if (strcasecmp(compacts[i].name, name) == 0)
			return (have[0] | 0x20) == compacts[i].compact;
	return false;
}

int sip_msg_add(osip_message_t *msg, const char *name, const char *value)
{
	if (!scan_is_token(name, strlen(name)) || !sip_text_line(value))
		return -EINVAL;
	return osip_message_set_header(msg, name, value) ? -ENOMEM : 0;
}

static void sip_msg_remove(osip_message_t *msg, const char *name)
{
	osip_header_t *header;

	for (int i = 0; (header = osip_list_get(&msg->headers, i)) != NULL;) {
		if (!name_is(header->hname, name)) {
			i++;
			continue;
		}
		osip_list_remove(&msg->headers, i);
		osip_header_free(header);
	}
}

int sip_msg_set(osip_message_t *msg, const char *name, const char *value)
{
	if (!scan_is_token(name, strlen(name)) || !sip_text_line(value))
		return -EINVAL;
	sip_msg_remove(msg, name);
	return sip_msg_add(msg, name, value);
}

const char *sip_msg_get(const osip_message_t *msg, const char *name, size_t i)
{
	const osip_header_t *header;

	for (int k = 0; (header = osip_list_get(&msg->headers, k)) != NULL; k++)
		if (name_is(header->hname, name) && i-- == 0)
			return header->hvalue ? header->hvalue : "";
	return NULL;
}

/* Calls for each element of a comma list; stops at true. */
static bool list_any(const char *value, bool (*fn)(struct gate_slice, void *), void *arg)
{
	size_t len = strlen(value);

	for (;;) {
		size_t n = scan_until(value, len, ",");
		struct gate_slice item = scan_trim(value, n);

		if (item.len && fn(item, arg))
			return true;
		if (n == len)
			return false;
		value += n + 1;
		len -= n + 1;
	}
}

static bool token_equals(struct gate_slice item, void *arg)
{
	const char *token = arg;
	size_t len = scan_until(item.ptr, item.len, ";");

	item = scan_trim(item.ptr, len);
	return item.len == strlen(token) && strncasecmp(item.ptr, token, item.len) == 0;
}

bool sip_msg_has_token(const osip_message_t *msg, const char *name, const char *token)
{
	const char *value;

	for (size_t i = 0; (value = sip_msg_get(msg, name, i)) != NULL; i++)
		if (list_any(value, token_equals, (void *)token))
			return true;
	return false;
}

bool sip_msg_supports(const osip_message_t *msg, const char *option)
{
	return sip_msg_has_token(msg, "Supported", option);
}

bool sip_msg_requires(const osip_message_t *msg, const char *option)
{
	return sip_msg_has_token(msg, "Require", option);
}

int sip_msg_allows(const osip_message_t *msg, const char *method)
{
	const osip_allow_t *allow;

	for (int i = 0; (allow = osip_list_get(&msg->allows, i)) != NULL; i++)
		if (allow->value && list_any(allow->value, token_equals, (void *)method))
			return 1;
	return osip_list_size(&msg->allows) ? 0 : -1;
}

struct unknown {
	const char *const *known;
	char *buf;
	size_t size;
	size_t at;
	size_t count;
};

static bool option_unknown(struct gate_slice item, void *arg)
{
	struct unknown *u = arg;
	int n;

	for (const char *const *known = u->known; *known; known++)
		if (token_equals(item, (void *)*known))
			return false;
	u->count++;
	/* What is no token cannot be named back; it is refused all the same. */
	if (!scan_is_token(item.ptr, item.len))
		return false;
	n = snprintf(u->buf + u->at, u->size - u->at, "%s%.*s", u->at ? ", " : "", (int)item.len,
		item.ptr);
	if (n > 0 && (size_t)n < u->size - u->at)
		u->at += (size_t)n;
	else
		u->buf[u->at] = 0;
	return false;
}

size_t sip_msg_unsupported(
	const osip_message_t *msg, const char *const known[], char *buf, size_t size)
{
	static const char *const names[] = {"Require", "Proxy-Require"};
	struct unknown u = {.known = known, .buf = buf, .size = size};
	const char *value;

	buf[0] = 0;
	if (sip_msg_is(msg, "ACK") || sip_msg_is(msg, "CANCEL"))
		return 0;
	for (int n = 0; n < 2; n++)
		for (size_t i = 0; (value = sip_msg_get(msg, names[n], i)) != NULL; i++)
			list_any(value, option_unknown, &u);
	return u.count;
}

int sip_msg_number(const osip_message_t *msg, const char *name, uint32_t *value)
{
	const char *text = sip_msg_get(msg, name, 0);
	struct gate_slice rest;
	uint64_t number;

	if (!text)
		return -ENOENT;
	/* "18000;duration=3600", "120 (I'm in a meeting)" */
	rest = scan_trim(text, strcspn(text, ";("));
	if (!scan_number(&rest, &number) || rest.len || number > UINT32_MAX)
		return -EINVAL;
	*value = (uint32_t)number;
	return 0;
}

int sip_msg_set_number(osip_message_t *msg, const char *name, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return sip_msg_set(msg, name, text);
}

uint32_t sip_msg_max_forwards(const osip_message_t *msg)
{
	uint32_t value;

	return sip_msg_number(msg, "Max-Forwards", &value) == 0 ? value : 70;
}
