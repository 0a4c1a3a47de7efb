/* SPDX-License-Identifier: BSD-3-Clause */
/* URIs as text. libosip2 takes "sipfoo:" for a SIP URI and any bytes for a host; this file decides.
 */
#include "controlplane/sip/msg.h"
#include "controlplane/sip/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool sip_text_line(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

bool sip_text_word(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || strchr("\x7f;,<>\"\\", *text))
			return false;
	return true;
}

bool sip_text_uri(const char *text)
{
	const char *colon = strchr(text, ':');

	if (!colon || colon == text || !colon[1] || strlen(text) >= SIP_URI_MAX)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || strchr("\x7f<>\"", *text))
			return false;
	return true;
}

int sip_text_copy(char *buf, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size)
		return -E2BIG;
	memcpy(buf, text, len + 1);
	return 0;
}

static bool host_sane(const char *host)
{
	if (!host || !*host || strlen(host) > 255)
		return false;
	return strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:") ==
		strlen(host);
}

/* Port text of digits; 5060 without one, 0 if it is none. */
static uint16_t port_of(const char *text)
{
	unsigned long port = 0;

	if (!text)
		return 5060;
	if (!*text || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text))
		return 0;
	for (; *text; text++)
		port = port * 10 + (unsigned long)(*text - '0');
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* Parses a sip: URI that is fit to be used. The caller frees *uri. */
static int usable_parse(const char *text, osip_uri_t **uri)
{
	if (!sip_text_uri(text) || osip_uri_init(uri))
		return -EINVAL;
	if (osip_uri_parse(*uri, text) == 0 && strcasecmp((*uri)->scheme, "sip") == 0 &&
		host_sane((*uri)->host) && port_of((*uri)->port))
		return 0;
	osip_uri_free(*uri);
	*uri = NULL;
	return -EINVAL;
}

bool sip_uri_usable(const char *uri)
{
	osip_uri_t *parsed;

	if (usable_parse(uri, &parsed))
		return false;
	osip_uri_free(parsed);
	return true;
}

int sip_uri_parts(
	const char *uri, char *user, size_t user_size, char *host, size_t host_size, uint16_t *port)
{
	osip_uri_t *parsed;
	int err = usable_parse(uri, &parsed);

	if (err)
		return err;
	/* An escaped line end in a user name is an attack, not a name. */
	if (parsed->username && !sip_text_line(parsed->username))
		err = -EINVAL;
	if (!err && user)
		err = sip_text_copy(user, user_size, parsed->username ? parsed->username : "");
	if (!err && host)
		err = sip_text_copy(host, host_size, parsed->host);
	if (!err && port)
		*port = port_of(parsed->port);
	osip_uri_free(parsed);
	return err;
}

int sip_uri_make(char *buf, size_t size, const char *user, const struct addr *host)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-_.!~*'()&=+$,;?/";
	char text[ADDR_STRLEN];
	size_t at = 4;
	int n;

	if (size < 5)
		return -E2BIG;
	memcpy(buf, "sip:", 5);
	for (; user && *user; user++) {
		bool keep = strchr(plain, *user) != NULL;

		n = snprintf(buf + at, size - at, keep ? "%c" : "%%%02X", (unsigned char)*user);
		at += (size_t)n;
		if (at >= size)
			return -E2BIG;
	}
	n = snprintf(buf + at, size - at, "%s%s", at > 4 ? "@" : "", addr_format(host, text));
	return (size_t)n < size - at ? 0 : -E2BIG;
}
