/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/param.h"

#include "shared/conf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAM_NAME_LONGEST 48 /* of a name that is compared for likeness */

const struct param *param_find(enum param_section section, const char *name)
{
	for (size_t i = 0; i < param_count; i++) {
		if (param_table[i].section == section && strcmp(param_table[i].name, name) == 0)
			return &param_table[i];
	}
	return NULL;
}

size_t param_distance(const char *a, const char *b)
{
	size_t row[PARAM_NAME_LONGEST + 1], la = strlen(a), lb = strlen(b);

	if (la > PARAM_NAME_LONGEST || lb > PARAM_NAME_LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t corner = row[0]++;

		for (size_t j = 1; j <= lb; j++) {
			size_t best = corner +
				(tolower((unsigned char)a[i - 1]) !=
					tolower((unsigned char)b[j - 1]));

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			corner = row[j];
			row[j] = best;
		}
	}
	return row[lb];
}

const struct param *param_near(enum param_section section, const char *name)
{
	const struct param *near = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < param_count; i++) {
		const struct param *param = &param_table[i];
		size_t distance = param->section == section ? param_distance(param->name, name)
							    : SIZE_MAX;

		/* More than a third of the letters wrong is another word. */
		if (distance < least && distance <= 1 + strlen(param->name) / 3) {
			least = distance;
			near = param;
		}
	}
	return near;
}

bool param_is_list(const struct param *param)
{
	return param->type == PARAM_IP_LIST || param->type == PARAM_ADDR_LIST ||
		param->type == PARAM_TEXT_LIST;
}

static size_t words_range(const struct param *param, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; param->words[i] && n < size; i++) {
		const char *join = i == 0 ? "" : param->words[i + 1] ? ", " : " or ";

		n += (size_t)snprintf(buf + n, size - n, "%s%s", join, param->words[i]);
	}
	return n;
}

char *param_range(const struct param *param, char *buf, size_t size)
{
	const char *unit = param->unit ? param->unit : "";
	const char *space = *unit ? " " : "";

	switch (param->type) {
	case PARAM_INT:
		snprintf(buf, size, "%s%u to %u%s%s",
			param->flags & PARAM_ZERO_OFF ? "0 (off) or " : "", param->min, param->max,
			space, unit);
		break;
	case PARAM_INT_AUTO:
		snprintf(buf, size, "auto or %u to %u%s%s", param->min, param->max, space, unit);
		break;
	case PARAM_INT_KEEP:
		snprintf(buf, size, "keep or %u to %u%s%s", param->min, param->max, space, unit);
		break;
	case PARAM_ENUM:
		words_range(param, buf, size);
		break;
	case PARAM_BOOL:
		snprintf(buf, size, "true or false");
		break;
	case PARAM_TEXT:
		snprintf(buf, size, "%u to %u printable bytes", param->min, param->max);
		break;
	case PARAM_NAME:
		snprintf(buf, size, "%u to %u letters, digits, '-', '_' and '.'", param->min,
			param->max);
		break;
	case PARAM_BYTES:
		snprintf(buf, size, "up to %u bytes, escapes \\r \\n \\t \\0 \\\\ \\xNN",
			param->max);
		break;
	case PARAM_ADDR:
		snprintf(buf, size, "a numeric IP:PORT or [IPv6]:PORT");
		break;
	case PARAM_IP:
		snprintf(buf, size, "a numeric IP address");
		break;
	case PARAM_PORTS:
		snprintf(buf, size, "EVEN-ODD within %u to %u, such as 20000-29999", param->min,
			param->max);
		break;
	case PARAM_IP_LIST:
		snprintf(buf, size, "a list of numeric IP addresses");
		break;
	case PARAM_ADDR_LIST:
		snprintf(buf, size, "a list of numeric IP:PORT");
		break;
	case PARAM_TEXT_LIST:
		snprintf(buf, size, "a list of texts of %u to %u printable bytes", param->min,
			param->max);
		break;
	}
	return buf;
}

static void format_bytes(const struct conf_bytes *bytes, char *buf, size_t size)
{
	static const char letters[] = "rnt0\\", codes[] = "\r\n\t\0\\";
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < bytes->len && n + 5 <= size; i++) {
		uint8_t byte = bytes->data[i];
		const char *at = memchr(codes, byte, sizeof(codes) - 1);

		if (at)
			n += (size_t)snprintf(buf + n, size - n, "\\%c", letters[at - codes]);
		else
			n += (size_t)snprintf(buf + n, size - n,
				byte >= 0x20 && byte < 0x7f ? "%c" : "\\x%02x", byte);
	}
}

/* "[a, b]", with "..." in place of what does not fit. */
static void format_list(const struct param *param, const void *field, char *buf, size_t size)
{
	const struct conf_addrs *addrs = field;
	const struct conf_strings *texts = field;
	bool text_list = param->type == PARAM_TEXT_LIST;
	size_t count = text_list ? texts->count : addrs->count;
	size_t n = (size_t)snprintf(buf, size, "[");

	for (size_t i = 0; i < count; i++) {
		char addr[ADDR_STRLEN];
		const char *item = addr;

		if (text_list)
			item = texts->item[i];
		else if (param->type == PARAM_IP_LIST)
			addr_format_ip(&addrs->item[i], addr);
		else
			addr_format(&addrs->item[i], addr);
		if (n + strlen(item) + sizeof(", , ...]\"\"") > size) {
			n += (size_t)snprintf(buf + n, size - n, i ? ", ..." : "...");
			break;
		}
		n += (size_t)snprintf(
			buf + n, size - n, *item ? "%s%s" : "%s\"%s\"", i ? ", " : "", item);
	}
	snprintf(buf + n, size - n, "]");
}

char *param_format(const struct param *param, const void *base, char *buf, size_t size)
{
	const void *field = (const char *)base + param->offset;
	const uint32_t *number = field;
	const uint16_t *ports = field;
	char addr[ADDR_STRLEN];

	if (param->flags & PARAM_SECRET) {
		snprintf(buf, size, "%s", *(const char *)field ? "***" : "");
		return buf;
	}
	switch (param->type) {
	case PARAM_INT_AUTO:
	case PARAM_INT_KEEP:
	case PARAM_INT:
		if (param->type == PARAM_INT_AUTO && *number == 0)
			snprintf(buf, size, "auto");
		else if (param->type == PARAM_INT_KEEP && *number > param->max)
			snprintf(buf, size, "keep");
		else
			snprintf(buf, size, "%u", *number);
		break;
	case PARAM_ENUM:
		snprintf(buf, size, "%s", param->words[*number]);
		break;
	case PARAM_BOOL:
		snprintf(buf, size, "%s", *(const bool *)field ? "true" : "false");
		break;
	case PARAM_TEXT:
	case PARAM_NAME:
		snprintf(buf, size, "%s", (const char *)field);
		break;
	case PARAM_BYTES:
		format_bytes(field, buf, size);
		break;
	case PARAM_ADDR:
		snprintf(buf, size, "%s", addr_format(field, addr));
		break;
	case PARAM_IP:
		snprintf(buf, size, "%s", addr_format_ip(field, addr));
		break;
	case PARAM_PORTS:
		snprintf(buf, size, "%u-%u", ports[0], ports[1]);
		break;
	case PARAM_IP_LIST:
	case PARAM_ADDR_LIST:
	case PARAM_TEXT_LIST:
		format_list(param, field, buf, size);
		break;
	}
	return buf;
}

void param_clear(const struct param *param, void *base)
{
	void *field = (char *)base + param->offset;
	struct conf_addrs *addrs = field;
	struct conf_strings *texts = field;

	if (param->type == PARAM_TEXT_LIST) {
		for (size_t i = 0; i < texts->count; i++)
			free(texts->item[i]);
		free(texts->item);
		*texts = (struct conf_strings){0};
	} else if (param_is_list(param)) {
		free(addrs->item);
		*addrs = (struct conf_addrs){0};
	}
}
