/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/sip/scan.h"

#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct gate_slice scan_trim(const char *text, size_t len)
{
	while (len && is_space(*text)) {
		text++;
		len--;
	}
	while (len && is_space(text[len - 1]))
		len--;
	return (struct gate_slice){text, len};
}

const char *scan_last(const char *text, size_t len, char c)
{
	return memrchr(text, c, len);
}

int scan_start_line(const char *buf, size_t len, size_t *at, struct scan_line *line)
{
	const char *start = buf + *at;
	const char *end = memchr(start, '\n', len - *at);

	if (!end)
		return -1;
	*at = (size_t)(end - buf) + 1;
	if (end > start && end[-1] == '\r')
		end--;
	*line = (struct scan_line){.start = start, .len = (size_t)(end - start)};
	return 1;
}

static void split_header(struct scan_line *line)
{
	const char *colon = memchr(line->start, ':', line->len);
	struct gate_slice value;

	if (!colon || is_space(*line->start))
		return;
	line->name_len = (size_t)(colon - line->start);
	while (line->name_len &&
		(line->start[line->name_len - 1] == ' ' || line->start[line->name_len - 1] == '\t'))
		line->name_len--;
	value = scan_trim(colon + 1, line->len - (size_t)(colon + 1 - line->start));
	line->value = value.ptr;
	line->value_len = value.len;
}

int scan_header_line(const char *buf, size_t len, size_t *at, struct scan_line *line)
{
	size_t start = *at;

	if (scan_start_line(buf, len, at, line) < 0)
		return -1;
	if (!line->len)
		return 0;
	while (*at < len && (buf[*at] == ' ' || buf[*at] == '\t')) {
		struct scan_line fold;

		if (scan_start_line(buf, len, at, &fold) < 0)
			return -1;
		line->len = (size_t)(fold.start + fold.len - (buf + start));
	}
	split_header(line);
	return 1;
}

bool scan_is_token(const char *text, size_t len)
{
	if (!len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			continue;
		if (!c || !strchr("-.!%*_+`'~", c))
			return false;
	}
	return true;
}

bool scan_number(struct gate_slice *slice, uint64_t *number)
{
	struct gate_slice rest = scan_trim(slice->ptr, slice->len);
	uint64_t value = 0;
	size_t digits = 0;

	while (digits < rest.len && rest.ptr[digits] >= '0' && rest.ptr[digits] <= '9') {
		if (value > INT64_MAX / 10 - 1)
			return false;
		value = value * 10 + (uint64_t)(rest.ptr[digits++] - '0');
	}
	if (!digits || (digits < rest.len && !is_space(rest.ptr[digits])))
		return false;
	*number = value;
	*slice = scan_trim(rest.ptr + digits, rest.len - digits);
	return true;
}

size_t scan_until(const char *text, size_t len, const char *stop)
{
	bool quoted = false;
	bool angled = false;
	size_t i;

	for (i = 0; i < len; i++) {
		char c = text[i];

		if (quoted && c == '\\' && i + 1 < len)
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == '<')
			angled = true;
		else if (!quoted && c == '>')
			angled = false;
		else if (!quoted && !angled && c && strchr(stop, c))
			break;
	}
	return i < len ? i : len;
}

struct gate_slice scan_tag(struct gate_slice value)
{
	size_t at = scan_until(value.ptr, value.len, ";");

	while (at < value.len) {
		const char *param = value.ptr + at + 1;
		size_t len = scan_until(param, value.len - at - 1, ";");
		const char *equal = memchr(param, '=', len);
		struct gate_slice name = scan_trim(param, equal ? (size_t)(equal - param) : len);

		if (equal && name.len == 3 && strncasecmp(name.ptr, "tag", 3) == 0)
			return scan_trim(equal + 1, len - (size_t)(equal + 1 - param));
		at += 1 + len;
	}
	return (struct gate_slice){value.ptr, 0};
}
