/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/param.h"

#include "shared/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAM_SHOWN 48 /* characters of a wrong value that a message repeats */

struct scalar {
	const char *text; /* ends with a zero, and may hold others */
	size_t len;
};

/* The wrong value as a message repeats it. */
static void show(const struct param *param, const struct scalar *in, char *buf, size_t size)
{
	char text[PARAM_SHOWN];

	if (param->flags & PARAM_SECRET)
		snprintf(buf, size, "the value");
	else if (in->len == 0)
		snprintf(buf, size, "an empty value");
	else
		snprintf(buf, size, in->len < PARAM_SHOWN ? "%s" : "%s...",
			log_escape(text, sizeof(text), in->text, in->len));
}

static int refuse(char *why, const struct param *param, const struct scalar *in, const char *what)
{
	char shown[PARAM_SHOWN + 8], range[200];

	show(param, in, shown, sizeof(shown));
	param_range(param, range, sizeof(range));
	snprintf(why, PARAM_WHY_MAX, "%s %s: %s", shown, what, range);
	return -EINVAL;
}

static bool word_is(const struct scalar *in, const char *word)
{
	return strlen(word) == in->len && memcmp(word, in->text, in->len) == 0;
}

static int parse_int(const struct param *param, uint32_t *out, const struct scalar *in, char *why)
{
	bool minus = in->len > 1 && in->text[0] == '-';
	uint64_t value = 0;

	for (size_t i = minus; i < in->len; i++) {
		if (!isdigit((unsigned char)in->text[i]))
			return refuse(why, param, in, "is not a whole number");
		if (value <= UINT32_MAX)
			value = value * 10 + (uint64_t)(in->text[i] - '0');
	}
	if (in->len == 0)
		return refuse(why, param, in, "is not a whole number");
	if (!minus && value == 0 && (param->flags & PARAM_ZERO_OFF)) {
		*out = 0;
		return 0;
	}
	if (minus || value < param->min || value > param->max)
		return refuse(why, param, in, "is out of range");
	*out = (uint32_t)value;
	return 0;
}

static int parse_word(const struct param *param, uint32_t *out, const struct scalar *in, char *why)
{
	for (uint32_t i = 0; param->words[i]; i++) {
		if (word_is(in, param->words[i])) {
			*out = i;
			return 0;
		}
	}
	return refuse(why, param, in, "is not known");
}

static int parse_bool(const struct param *param, bool *out, const struct scalar *in, char *why)
{
	if (word_is(in, "true") || word_is(in, "yes") || word_is(in, "on"))
		*out = true;
	else if (word_is(in, "false") || word_is(in, "no") || word_is(in, "off"))
		*out = false;
	else
		return refuse(why, param, in, "is not known");
	return 0;
}

static bool is_name(const struct scalar *in)
{
	for (size_t i = 0; i < in->len; i++) {
		if (!isalnum((unsigned char)in->text[i]) && !strchr("-_.", in->text[i]))
			return false;
	}
	return memchr(in->text, '\0', in->len) == NULL;
}

static int check_text(const struct param *param, const struct scalar *in, char *why)
{
	if (in->len < param->min || in->len > param->max)
		return refuse(why, param, in, "has a wrong length");
	for (size_t i = 0; i < in->len; i++) {
		if ((unsigned char)in->text[i] < 0x20 || in->text[i] == 0x7f)
			return refuse(why, param, in, "has a control character");
	}
	if (param->type == PARAM_NAME && !is_name(in))
		return refuse(why, param, in, "is not a name");
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One byte behind a backslash; returns how many characters it took, 0 for none of ours. */
static size_t parse_escape(const char *p, size_t left, uint8_t *out)
{
	static const char letters[] = "rnt0\\", bytes[] = "\r\n\t\0\\";
	const char *at = left && *p ? strchr(letters, *p) : NULL;
	int high, low;

	if (at) {
		*out = (uint8_t)bytes[at - letters];
		return 1;
	}
	if (left < 3 || *p != 'x')
		return 0;
	high = hex_digit(p[1]);
	low = hex_digit(p[2]);
	if (high < 0 || low < 0)
		return 0;
	*out = (uint8_t)(high << 4 | low);
	return 3;
}

static int parse_bytes(
	const struct param *param, struct conf_bytes *out, const struct scalar *in, char *why)
{
	struct conf_bytes bytes = {0};

	for (size_t i = 0; i < in->len;) {
		uint8_t byte = (uint8_t)in->text[i++];

		if (byte == '\\') {
			size_t n = parse_escape(in->text + i, in->len - i, &byte);

			if (n == 0)
				return refuse(why, param, in, "has an unknown escape");
			i += n;
		}
		if (bytes.len == param->max)
			return refuse(why, param, in, "is too long");
		bytes.data[bytes.len++] = byte;
	}
	*out = bytes;
	return 0;
}

static int parse_addr(
	const struct param *param, struct addr *out, const struct scalar *in, char *why)
{
	bool ip = param->type == PARAM_IP || param->type == PARAM_IP_LIST;
	struct addr addr;
	int err;

	if (strlen(in->text) != in->len)
		return refuse(why, param, in, "is not an address");
	err = ip ? addr_from_ip(&addr, in->text, 0)
		 : addr_parse(&addr, in->text, (uint16_t)param->min);
	if (err)
		return refuse(why, param, in, "is not an address");
	if (param->min && addr.port == 0)
		return refuse(why, param, in, "has port 0");
	*out = addr;
	return 0;
}

static int parse_ports(const struct param *param, uint16_t *out, const struct scalar *in, char *why)
{
	unsigned min, max;
	int end = -1;

	if (sscanf(in->text, "%5u-%5u%n", &min, &max, &end) != 2 || (size_t)end != in->len)
		return refuse(why, param, in, "is not a range of ports");
	if (min < param->min || max > param->max || min >= max)
		return refuse(why, param, in, "is out of range");
	if (min % 2 || max % 2 == 0)
		return refuse(why, param, in, "must begin even and end odd");
	out[0] = (uint16_t)min;
	out[1] = (uint16_t)max;
	return 0;
}

static int add_addr(
	const struct param *param, struct conf_addrs *list, const struct scalar *in, char *why)
{
	struct addr addr, *item;
	int err = parse_addr(param, &addr, in, why);

	if (err)
		return err;
	item = reallocarray(list->item, list->count + 1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	item[list->count++] = addr;
	list->item = item;
	return 0;
}

static int add_text(
	const struct param *param, struct conf_strings *list, const struct scalar *in, char *why)
{
	int err = check_text(param, in, why);
	char **item, *copy;

	if (err)
		return err;
	copy = strdup(in->text);
	item = reallocarray(list->item, list->count + 1, sizeof(*item));
	if (item)
		list->item = item;
	if (!copy || !item) {
		free(copy);
		return -ENOMEM;
	}
	item[list->count++] = copy;
	return 0;
}

static int parse_scalar(const struct param *param, void *field, const struct scalar *in, char *why)
{
	int err;

	switch (param->type) {
	case PARAM_INT_AUTO:
		if (word_is(in, "auto")) {
			*(uint32_t *)field = 0;
			return 0;
		}
		return parse_int(param, field, in, why);
	case PARAM_INT_KEEP:
		if (word_is(in, "keep")) {
			*(uint32_t *)field = param->max + 1;
			return 0;
		}
		return parse_int(param, field, in, why);
	case PARAM_INT:
		return parse_int(param, field, in, why);
	case PARAM_ENUM:
		return parse_word(param, field, in, why);
	case PARAM_BOOL:
		return parse_bool(param, field, in, why);
	case PARAM_TEXT:
	case PARAM_NAME:
		err = check_text(param, in, why);
		if (!err)
			memcpy(field, in->text, in->len + 1);
		return err;
	case PARAM_BYTES:
		return parse_bytes(param, field, in, why);
	case PARAM_ADDR:
	case PARAM_IP:
		return parse_addr(param, field, in, why);
	case PARAM_PORTS:
		return parse_ports(param, field, in, why);
	case PARAM_IP_LIST:
	case PARAM_ADDR_LIST:
		return add_addr(param, field, in, why);
	case PARAM_TEXT_LIST:
		return add_text(param, field, in, why);
	}
	return -EINVAL;
}

int param_parse(const struct param *param, void *base, const char *text, size_t len,
	char why[static PARAM_WHY_MAX])
{
	const struct scalar in = {.text = text, .len = len};
	void *field = (char *)base + param->offset;
	int err = parse_scalar(param, field, &in, why);

	if (err == -ENOMEM)
		snprintf(why, PARAM_WHY_MAX, "out of memory");
	return err;
}
