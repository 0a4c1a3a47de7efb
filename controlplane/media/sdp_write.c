/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the description that a leg gets. Built from an allow-list: what is not known to be
 * harmless does not cross, so that no address of the other leg can hide in an attribute. */
#include "controlplane/media/sdp_parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct out {
	char *buf;
	size_t size;
	size_t len; /* may pass size: then it did not fit */
};

__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *fmt, ...)
{
	size_t room = o->len < o->size ? o->size - o->len : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? o->buf + o->len : NULL, room, fmt, ap);
	va_end(ap);
	o->len += n > 0 ? (size_t)n : 0;
}

static const char *const passed[] = {
	"rtpmap",
	"fmtp",
	"ptime",
	"maxptime",
	"minptime",
	"crypto",
	"key-mgmt",
	"fingerprint",
	"setup",
	"connection",
	"tls-id",
	"zrtp-hash",
	"extmap",
	"extmap-allow-mixed",
	"rtcp-fb",
	"rtcp-rsize",
	"rtcp-xr",
	"silenceSupp",
	"ecan",
	"gpmd",
	"lang",
	"label",
	"content",
	"mid",
	"curr",
	"des",
	"conf",
};

static const char *const directions[] = {"inactive", "sendonly", "recvonly", "sendrecv"};

static bool is_passed(const char *field)
{
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (strcasecmp(field, passed[i]) == 0)
			return true;
	return false;
}

/* Something like 10.1.2.3 is in the text. */
static bool has_dotted(const char *text)
{
	unsigned int dots = 0;

	for (; *text; text++) {
		if (*text == '.')
			dots++;
		else if (*text < '0' || *text > '9')
			dots = 0;
		if (dots == 3)
			return true;
	}
	return false;
}

/* Does the text name an address of its author? Any IPv4 address is taken for one; of IPv6 those of
 * the description, since a fingerprint looks like one too. */
static bool names_author(const sdp_message_t *msg, const char *text)
{
	const sdp_connection_t *c = msg->c_connection;
	osip_list_iterator_t it;
	const sdp_media_t *m;

	if (!text)
		return false;
	if (has_dotted(text))
		return true;
	if ((msg->o_addr && strstr(text, msg->o_addr)) ||
		(c && c->c_addr && strstr(text, c->c_addr)))
		return true;
	for (m = osip_list_get_first(&msg->m_medias, &it); m; m = osip_list_get_next(&it)) {
		c = osip_list_get(&m->c_connections, 0);
		if (c && c->c_addr && strstr(text, c->c_addr))
			return true;
	}
	return false;
}

static void put_attributes(
	struct out *o, const sdp_message_t *msg, const osip_list_t *attrs, bool all)
{
	osip_list_iterator_t it;
	sdp_attribute_t *a;

	for (a = osip_list_get_first(attrs, &it); a; a = osip_list_get_next(&it)) {
		if (!a->a_att_field)
			continue;
		if (!all && (!is_passed(a->a_att_field) || names_author(msg, a->a_att_value)))
			continue;
		if (a->a_att_value)
			put(o, "a=%s:%s\r\n", a->a_att_field, a->a_att_value);
		else
			put(o, "a=%s\r\n", a->a_att_field);
	}
}

static void put_bandwidths(struct out *o, const osip_list_t *list)
{
	osip_list_iterator_t it;
	sdp_bandwidth_t *b;

	for (b = osip_list_get_first(list, &it); b; b = osip_list_get_next(&it))
		if (b->b_bwtype && b->b_bandwidth)
			put(o, "b=%s:%s\r\n", b->b_bwtype, b->b_bandwidth);
}

static const char *family_text(const struct addr *a)
{
	return a->family == ADDR_IPV6 ? "IP6" : "IP4";
}

static void put_connection(struct out *o, const sdp_connection_t *c)
{
	if (!c || !c->c_nettype || !c->c_addrtype || !c->c_addr)
		return;
	put(o, "c=%s %s %s", c->c_nettype, c->c_addrtype, c->c_addr);
	if (c->c_addr_multicast_ttl)
		put(o, "/%s", c->c_addr_multicast_ttl);
	if (c->c_addr_multicast_int)
		put(o, "/%s", c->c_addr_multicast_int);
	put(o, "\r\n");
}

static void put_media(struct out *o, const sdp_media_t *m, unsigned int port, const char *ports)
{
	osip_list_iterator_t it;
	const char *fmt;

	put(o, "m=%s %u%s%s %s", m->m_media, port, ports ? "/" : "", ports ? ports : "",
		m->m_proto);
	for (fmt = osip_list_get_first(&m->m_payloads, &it); fmt; fmt = osip_list_get_next(&it))
		put(o, " %s", fmt);
	put(o, "\r\n");
}

static void put_anchored(struct out *o, const sdp_message_t *msg, const sdp_media_t *m,
	const struct sdp_line *line, const struct sdp_rewrite *how)
{
	uint8_t dir = how->set_dir ? how->dir : (uint8_t)sdp_effective(line);

	if (line->port == 0) {
		put_media(o, m, 0, NULL);
		return;
	}
	put_media(o, m, how->local.port, NULL);
	put_bandwidths(o, &m->b_bandwidths);
	put_attributes(o, msg, &m->a_attributes, false);
	if (how->mux)
		put(o, "a=rtcp-mux\r\n");
	put(o, "a=%s\r\n", directions[dir & SDP_SENDRECV]);
}

static void put_as_is(
	struct out *o, const sdp_message_t *msg, const sdp_media_t *m, const struct sdp_line *line)
{
	put_media(o, m, line->port, m->m_number_of_port);
	put_connection(o, osip_list_get(&m->c_connections, 0));
	put_bandwidths(o, &m->b_bandwidths);
	put_attributes(o, msg, &m->a_attributes, true);
}

static void put_all(struct out *o, sdp_message_t *msg, const struct sdp *sdp,
	const struct sdp_rewrite *how, uint64_t version)
{
	int anchored = how->line < 0 ? sdp->audio : how->line;
	char ip[ADDR_STRLEN];
	osip_list_iterator_t it;
	sdp_media_t *m;
	int i = 0;

	put(o, "v=0\r\no=linewatch %" PRIu64 " %" PRIu64 " IN %s %s\r\ns=-\r\n", how->session_id,
		version, family_text(&how->origin), addr_format_ip(&how->origin, ip));
	if (how->anchor)
		put(o, "c=IN %s %s\r\n", family_text(&how->local), addr_format_ip(&how->local, ip));
	else
		put_connection(o, msg->c_connection);
	put_bandwidths(o, &msg->b_bandwidths);
	put(o, "t=0 0\r\n");
	put_attributes(o, msg, &msg->a_attributes, !how->anchor);
	for (m = osip_list_get_first(&msg->m_medias, &it); m; m = osip_list_get_next(&it), i++) {
		if (!how->anchor)
			put_as_is(o, msg, m, &sdp->line[i]);
		else if (i == anchored)
			put_anchored(o, msg, m, &sdp->line[i], how);
		else
			put_media(o, m, 0, NULL);
	}
}

int sdp_rewrite(char *out, size_t size, const char *text, size_t len, const struct sdp_rewrite *how,
	uint64_t version)
{
	struct out o = {out, size, 0};
	const char *why;
	struct sdp sdp;
	sdp_message_t *msg;
	int err;

	err = sdp_parse(&msg, text, len, &why);
	if (err < 0)
		return err == -ENOMEM ? err : -EINVAL;
	err = sdp_describe_tree(&sdp, msg, &why);
	if (err == 0)
		put_all(&o, msg, &sdp, how, version);
	sdp_message_free(msg);
	if (err < 0)
		return -EINVAL;
	return o.len < size ? (int)o.len : -ENOSPC;
}

int sdp_next(char *out, size_t size, const char *text, size_t len, const struct sdp_rewrite *how,
	const char *last, size_t last_len, uint64_t *version)
{
	int n = sdp_rewrite(out, size, text, len, how, *version);

	if (n < 0 || !last || ((size_t)n == last_len && memcmp(out, last, last_len) == 0))
		return n;
	n = sdp_rewrite(out, size, text, len, how, *version + 1);
	if (n >= 0)
		++*version;
	return n;
}
