/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/ids.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int ids_node_check(const char *name)
{
	size_t len = strnlen(name, IDS_NODE_MAX);

	if (len == 0 || len == IDS_NODE_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (!is_alnum(name[i]))
			return -EINVAL;
	}
	return 0;
}

char *ids_part_format(uint16_t partition, char buf[static IDS_PART_STRLEN])
{
	snprintf(buf, IDS_PART_STRLEN, "p%03x", partition % IDS_PARTITIONS);
	return buf;
}

char *ids_call_format(const struct ids_call *id, char buf[static IDS_CALL_STRLEN])
{
	snprintf(buf, IDS_CALL_STRLEN, "p%03x-%s-%x-%07x", id->partition, id->node, id->incarnation,
		id->seq);
	return buf;
}

char *ids_tag_format(const struct ids_tag *tag, char buf[static IDS_TAG_STRLEN])
{
	char call[IDS_CALL_STRLEN];

	snprintf(buf, IDS_TAG_STRLEN, "%s-%c-%016llx", ids_call_format(&tag->call, call), tag->leg,
		(unsigned long long)tag->random);
	return buf;
}

/* Reads lower-case hex digits up to the next other character; at least min, at most max. */
static int hex_field(const char **p, const char *end, size_t min, size_t max, uint64_t *value)
{
	size_t n = 0;

	*value = 0;
	for (; *p < end && n < max; (*p)++, n++) {
		char c = **p;

		if (c >= '0' && c <= '9')
			*value = *value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*value = *value << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	return n < min ? -EINVAL : 0;
}

static int expect(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return -EINVAL;
	(*p)++;
	return 0;
}

/* Reads a call id from *p and leaves *p behind it. */
static int call_field(struct ids_call *id, const char **p, const char *end)
{
	uint64_t value;
	size_t n = 0;

	memset(id, 0, sizeof(*id));
	if (expect(p, end, 'p') || hex_field(p, end, 3, 3, &value) || value >= IDS_PARTITIONS)
		return -EINVAL;
	id->partition = (uint16_t)value;
	if (expect(p, end, '-'))
		return -EINVAL;
	for (; *p < end && **p != '-'; (*p)++) {
		if (n == IDS_NODE_MAX - 1 || !is_alnum(**p))
			return -EINVAL;
		id->node[n++] = **p;
	}
	if (n == 0 || expect(p, end, '-') || hex_field(p, end, 1, 8, &value))
		return -EINVAL;
	id->incarnation = (uint32_t)value;
	if (expect(p, end, '-') || hex_field(p, end, 7, 8, &value))
		return -EINVAL;
	id->seq = (uint32_t)value;
	return 0;
}

int ids_call_parse(struct ids_call *id, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	char back[IDS_CALL_STRLEN];

	if (call_field(id, &p, end) || p != end)
		return -EINVAL;
	/* One spelling per id, since the text is a key. */
	ids_call_format(id, back);
	return strlen(back) == len && memcmp(back, text, len) == 0 ? 0 : -EINVAL;
}

int ids_tag_parse(struct ids_tag *tag, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	char back[IDS_TAG_STRLEN];

	if (call_field(&tag->call, &p, end) || expect(&p, end, '-') || p == end)
		return -EINVAL;
	tag->leg = *p++;
	if (tag->leg != 'a' && tag->leg != 'b')
		return -EINVAL;
	if (expect(&p, end, '-') || hex_field(&p, end, 16, 16, &tag->random) || p != end)
		return -EINVAL;
	ids_tag_format(tag, back);
	return strlen(back) == len && memcmp(back, text, len) == 0 ? 0 : -EINVAL;
}

uint16_t ids_crc16(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint16_t crc = 0;

	for (size_t i = 0; i < len; i++) {
		crc ^= (uint16_t)(p[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x8000 ? (uint16_t)(crc << 1 ^ 0x1021) : (uint16_t)(crc << 1);
	}
	return crc;
}

uint16_t ids_partition_of(const char *text, size_t len)
{
	return ids_crc16(text, len) % IDS_PARTITIONS;
}
