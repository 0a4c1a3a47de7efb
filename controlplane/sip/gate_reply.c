/* SPDX-License-Identifier: BSD-3-Clause */
/* The stateless answer to a request that was not parsed, or must not be. */
#include "controlplane/sip/gate.h"
#include "controlplane/sip/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct writer {
	char *out;
	size_t size;
	size_t len;
	bool full;
};

static void put(struct writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->out + w->len, w->size - w->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= w->size - w->len)
		w->full = true;
	else
		w->len += (size_t)n;
}

/* Copies with every control character made a space: folds vanish, and nothing can end the line. */
static void put_text(struct writer *w, const char *text, size_t len)
{
	if (len >= w->size - w->len) {
		w->full = true;
		return;
	}
	for (size_t i = 0; i < len; i++)
		w->out[w->len++] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
	w->out[w->len] = 0;
}

/* Port of sent-by in one Via value: what follows the host behind "SIP/2.0/UDP". */
static uint16_t sent_by_port(const char *via, size_t len)
{
	struct gate_slice rest = {via, len};
	uint64_t port;
	const char *p;

	for (int i = 0; i < 2; i++) {
		p = memchr(rest.ptr, '/', rest.len);
		if (!p)
			return 5060;
		rest = scan_trim(p + 1, rest.len - (size_t)(p + 1 - rest.ptr));
	}
	while (rest.len && (unsigned char)*rest.ptr > ' ') {
		rest.ptr++;
		rest.len--;
	}
	rest = scan_trim(rest.ptr, scan_until(rest.ptr, rest.len, ";,"));
	p = rest.len && *rest.ptr == '[' ? memchr(rest.ptr, ']', rest.len) : rest.ptr;
	p = p ? memchr(p, ':', rest.len - (size_t)(p - rest.ptr)) : NULL;
	if (!p)
		return 5060;
	rest = (struct gate_slice){p + 1, rest.len - (size_t)(p + 1 - rest.ptr)};
	if (!scan_number(&rest, &port) || !port || port > UINT16_MAX)
		return 5060;
	return (uint16_t)port;
}

static bool param_is(const char *param, size_t len, const char *name)
{
	const char *equal = memchr(param, '=', len);
	struct gate_slice slice = scan_trim(param, equal ? (size_t)(equal - param) : len);

	return slice.len == strlen(name) && strncasecmp(slice.ptr, name, slice.len) == 0;
}

/* The first Via line: received and rport of its first value are ours to say. */
static void put_top_via(
	struct writer *w, const char *via, size_t len, const struct addr *source, struct addr *dest)
{
	size_t first = scan_until(via, len, ",");
	size_t at = scan_until(via, first, ";");
	char ip[ADDR_STRLEN];
	bool rport = false;

	put(w, "Via: ");
	put_text(w, via, at);
	while (at < first) {
		size_t n = scan_until(via + at + 1, first - at - 1, ";");

		if (param_is(via + at + 1, n, "rport"))
			rport = true;
		else if (!param_is(via + at + 1, n, "received"))
			put_text(w, via + at, n + 1);
		at += n + 1;
	}
	put(w, ";received=%s", addr_format_ip(source, ip));
	if (rport)
		put(w, ";rport=%u", source->port);
	put_text(w, via + first, len - first);
	put(w, "\r\n");
	*dest = *source;
	if (!rport)
		dest->port = sent_by_port(via, at);
}

static void put_to(struct writer *w, const struct scan_line *line)
{
	struct gate_slice to = {line->value, line->value_len};
	uint32_t hash = 0x811c9dc5;

	put(w, "To: ");
	put_text(w, to.ptr, to.len);
	/* The same To gets the same tag, so that repeats get the same answer. */
	for (size_t i = 0; i < to.len; i++)
		hash = (hash ^ (unsigned char)to.ptr[i]) * 0x01000193;
	if (!scan_tag(to).len)
		put(w, ";tag=g%08x", hash);
	put(w, "\r\n");
}

static bool named(const struct scan_line *line, const char *name, char compact)
{
	if (line->name_len == 1 && compact && (line->start[0] | 0x20) == compact)
		return true;
	return line->name_len == strlen(name) &&
		strncasecmp(line->start, name, line->name_len) == 0;
}

static bool answerable(const struct scan_line *line)
{
	const char *method_end = memchr(line->start, ' ', line->len);
	const char *version = scan_last(line->start, line->len, ' ');

	if (!method_end || line->start + line->len - version < 5 ||
		strncasecmp(version + 1, "SIP/", 4) != 0)
		return false;
	if (!scan_is_token(line->start, (size_t)(method_end - line->start)))
		return false;
	return method_end - line->start != 3 || strncasecmp(line->start, "ACK", 3) != 0;
}

size_t gate_reply(const char *buf, size_t len, const struct addr *source, uint16_t code,
	const char *reason, const char *extra, char *out, size_t size, struct addr *dest)
{
	static const char *const names[] = {"From", "To", "Call-ID", "CSeq"};
	static const char compacts[] = {'f', 't', 'i', 0};
	struct writer w = {.out = out, .size = size};
	bool seen[4] = {false};
	bool via = false;
	struct scan_line line;
	size_t at = 0;

	while (at < len && (buf[at] == '\r' || buf[at] == '\n'))
		at++;
	if (scan_start_line(buf, len, &at, &line) < 0 || !answerable(&line))
		return 0;
	put(&w, "SIP/2.0 %u %s\r\n", code, reason);
	while (!w.full && scan_header_line(buf, len, &at, &line) > 0) {
		if (named(&line, "Via", 'v') && line.value_len) {
			if (via) {
				put(&w, "Via: ");
				put_text(&w, line.value, line.value_len);
				put(&w, "\r\n");
			} else {
				put_top_via(&w, line.value, line.value_len, source, dest);
			}
			via = true;
			continue;
		}
		for (int i = 0; i < 4; i++) {
			if (seen[i] || !line.value_len || !named(&line, names[i], compacts[i]))
				continue;
			seen[i] = true;
			if (i == 1) {
				put_to(&w, &line);
				break;
			}
			put(&w, "%s: ", names[i]);
			put_text(&w, line.value, line.value_len);
			put(&w, "\r\n");
			break;
		}
	}
	put(&w, "%sContent-Length: 0\r\n\r\n", extra ? extra : "");
	return via && !w.full ? w.len : 0;
}
