/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

int addr_from_ip(struct addr *a, const char *ip, uint16_t port)
{
	struct addr out = {.port = port};

	if (inet_pton(AF_INET, ip, out.ip) == 1)
		out.family = ADDR_IPV4;
	else if (inet_pton(AF_INET6, ip, out.ip) == 1)
		out.family = ADDR_IPV6;
	else
		return -EINVAL;
	*a = out;
	return 0;
}

static int port_parse(const char *text, uint16_t *port)
{
	unsigned value = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > 65535)
			return -EINVAL;
	}
	*port = (uint16_t)value;
	return 0;
}

int addr_parse(struct addr *a, const char *text, uint16_t default_port)
{
	char ip[ADDR_STRLEN];
	const char *port_text = NULL;
	uint16_t port = default_port;
	size_t len;

	if (*text == '[') {
		const char *close = strchr(++text, ']');

		if (!close || (close[1] != '\0' && close[1] != ':'))
			return -EINVAL;
		len = (size_t)(close - text);
		port_text = close[1] == ':' ? close + 2 : NULL;
	} else {
		const char *colon = strchr(text, ':');

		/* More than one colon without brackets is a bare IPv6 address. */
		if (colon && !strchr(colon + 1, ':')) {
			len = (size_t)(colon - text);
			port_text = colon + 1;
		} else {
			len = strlen(text);
		}
	}
	if (len == 0 || len >= sizeof(ip))
		return -EINVAL;
	if (port_text && port_parse(port_text, &port) < 0)
		return -EINVAL;
	memcpy(ip, text, len);
	ip[len] = '\0';
	return addr_from_ip(a, ip, port);
}

char *addr_format_ip(const struct addr *a, char buf[static ADDR_STRLEN])
{
	int af = a->family == ADDR_IPV6 ? AF_INET6 : AF_INET;

	if (a->family == ADDR_NONE || !inet_ntop(af, a->ip, buf, ADDR_STRLEN))
		strcpy(buf, "-");
	return buf;
}

char *addr_format(const struct addr *a, char buf[static ADDR_STRLEN])
{
	char ip[ADDR_STRLEN];

	addr_format_ip(a, ip);
	if (a->family == ADDR_NONE)
		strcpy(buf, "-");
	else
		snprintf(buf, ADDR_STRLEN, a->family == ADDR_IPV6 ? "[%.45s]:%u" : "%.45s:%u", ip,
			a->port);
	return buf;
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (a->family == ADDR_IPV4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ss;

		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof(*in);
	}
	if (a->family == ADDR_IPV6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		memcpy(&in6->sin6_addr, a->ip, 16);
		return sizeof(*in6);
	}
	return 0;
}

int addr_from_sockaddr(struct addr *a, const struct sockaddr *sa)
{
	memset(a, 0, sizeof(*a));
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		a->family = ADDR_IPV4;
		a->port = ntohs(in->sin_port);
		memcpy(a->ip, &in->sin_addr, 4);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		a->port = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			a->family = ADDR_IPV4;
			memcpy(a->ip, in6->sin6_addr.s6_addr + 12, 4);
		} else {
			a->family = ADDR_IPV6;
			memcpy(a->ip, &in6->sin6_addr, 16);
		}
		return 0;
	}
	return -EAFNOSUPPORT;
}

bool addr_is_special(const struct addr *a)
{
	static const uint8_t zero[16];
	static const uint8_t loopback6[16] = {[15] = 1};

	if (a->family == ADDR_IPV4)
		return a->ip[0] == 0 || a->ip[0] == 127 || a->ip[0] >= 224;
	if (a->family == ADDR_IPV6)
		return memcmp(a->ip, zero, 16) == 0 || memcmp(a->ip, loopback6, 16) == 0 ||
			a->ip[0] == 0xff;
	return true;
}
