/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/uri.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *uri_text(const char *s)
{
	return s ? s : "";
}

static bool uri_port_equal(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strtoul(a, NULL, 10) == strtoul(b, NULL, 10);
}

static const osip_uri_param_t *uri_param(const osip_list_t *list, const char *name)
{
	osip_list_iterator_t it;

	for (const osip_uri_param_t *p = osip_list_get_first(list, &it); p;
		p = osip_list_get_next(&it))
		if (p->gname && strcasecmp(p->gname, name) == 0)
			return p;
	return NULL;
}

/* Parameters that must not be on one side only. */
static bool uri_param_decides(const char *name)
{
	static const char *const decisive[] = {"user", "ttl", "method", "maddr", "transport"};

	for (size_t i = 0; i < sizeof(decisive) / sizeof(decisive[0]); i++)
		if (strcasecmp(name, decisive[i]) == 0)
			return true;
	return false;
}

/* Every item of one list against the other; `all`: each must be there (headers). */
static bool uri_list_agrees(const osip_list_t *list, const osip_list_t *other, bool all)
{
	osip_list_iterator_t it;

	for (const osip_uri_param_t *p = osip_list_get_first(list, &it); p;
		p = osip_list_get_next(&it)) {
		const osip_uri_param_t *q = p->gname ? uri_param(other, p->gname) : p;

		if (!q) {
			if (all || uri_param_decides(p->gname))
				return false;
		} else if (strcasecmp(uri_text(p->gvalue), uri_text(q->gvalue)) != 0) {
			return false;
		}
	}
	return true;
}

bool uri_equal(const osip_uri_t *a, const osip_uri_t *b)
{
	if (strcasecmp(uri_text(a->scheme), uri_text(b->scheme)) != 0)
		return false;
	if (a->string || b->string)
		return strcmp(uri_text(a->string), uri_text(b->string)) == 0;
	return strcmp(uri_text(a->username), uri_text(b->username)) == 0 &&
		strcmp(uri_text(a->password), uri_text(b->password)) == 0 &&
		strcasecmp(uri_text(a->host), uri_text(b->host)) == 0 &&
		uri_port_equal(a->port, b->port) &&
		uri_list_agrees(&a->url_params, &b->url_params, false) &&
		uri_list_agrees(&b->url_params, &a->url_params, false) &&
		uri_list_agrees(&a->url_headers, &b->url_headers, true) &&
		uri_list_agrees(&b->url_headers, &a->url_headers, true);
}

int uri_aor(const osip_uri_t *uri, const char *host, char *buf, size_t size)
{
	static const char plain[] = "-_.!~*'()&=+$,;?/";
	size_t len = 0;
	int n;

	if (!uri->username || !uri->username[0])
		return -EINVAL;
	n = snprintf(buf, size, "sip:");
	if (n < 0 || (size_t)n >= size)
		return -EMSGSIZE;
	len = (size_t)n;
	for (const char *p = uri->username; *p; p++) {
		bool keep = isalnum((unsigned char)*p) || strchr(plain, *p);

		n = snprintf(
			buf + len, size - len, keep ? "%c" : "%%%02X", (unsigned char)*p & 0xff);
		if (n < 0 || (size_t)n >= size - len)
			return -EMSGSIZE;
		len += (size_t)n;
	}
	n = snprintf(buf + len, size - len, strchr(host, ':') ? "@[%s]" : "@%s", host);
	if (n < 0 || (size_t)n >= size - len)
		return -EMSGSIZE;
	return (int)(len + (size_t)n);
}
