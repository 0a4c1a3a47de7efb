/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/store/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void record_init(struct record *rec)
{
	memset(rec, 0, sizeof(*rec));
}

void record_reset(struct record *rec)
{
	rec->count = 0;
	rec->text_len = 0;
	rec->error = 0;
	rec->clock = 0;
}

void record_free(struct record *rec)
{
	free(rec->items);
	free(rec->text);
	record_init(rec);
}

int record_copy(struct record *to, const struct record *from)
{
	struct record copy = *from;

	copy.items = malloc((from->count + 1) * sizeof(*copy.items));
	copy.text = malloc(from->text_len + 1);
	if (from->error || !copy.items || !copy.text) {
		free(copy.items);
		free(copy.text);
		return -ENOMEM;
	}
	if (from->count) {
		memcpy(copy.items, from->items, from->count * sizeof(*copy.items));
		memcpy(copy.text, from->text, from->text_len);
	}
	copy.room = from->count + 1;
	copy.text_room = from->text_len + 1;
	record_free(to);
	*to = copy;
	return 0;
}

static int room_items(struct record *rec)
{
	uint32_t room = rec->room ? rec->room * 2 : 64;
	struct record_item *items;

	if (rec->count < rec->room)
		return 0;
	items = realloc(rec->items, room * sizeof(*items));
	if (!items)
		return -ENOMEM;
	rec->items = items;
	rec->room = room;
	return 0;
}

static int room_text(struct record *rec, size_t more)
{
	size_t room = rec->text_room ? rec->text_room : 2048;
	char *text;

	while (room < rec->text_len + more)
		room *= 2;
	if (room > UINT32_MAX)
		return -ENOMEM;
	if (room == rec->text_room)
		return 0;
	text = realloc(rec->text, room);
	if (!text)
		return -ENOMEM;
	rec->text = text;
	rec->text_room = room;
	return 0;
}

static uint32_t text_add(struct record *rec, const char *text, size_t len)
{
	uint32_t at = (uint32_t)rec->text_len;

	memcpy(rec->text + at, text, len);
	rec->text[at + len] = 0;
	rec->text_len += len + 1;
	return at;
}

static void item_add(struct record *rec, enum record_kind kind, const char *name, const char *value,
	size_t len, uint64_t time)
{
	size_t name_len = strlen(name);
	struct record_item *item;

	if (room_items(rec) || room_text(rec, name_len + len + 3)) {
		rec->error = -ENOMEM;
		return;
	}
	item = &rec->items[rec->count++];
	item->kind = (char)kind;
	item->name = (uint32_t)rec->text_len;
	rec->text[rec->text_len++] = (char)kind;
	text_add(rec, name, name_len);
	item->value = text_add(rec, value, len);
	item->value_len = (uint32_t)len;
	item->time = time;
}

void record_put_len(struct record *rec, const char *name, const char *value, size_t len)
{
	if (value && len)
		item_add(rec, RECORD_TEXT, name, value, len, 0);
	else
		item_add(rec, RECORD_GONE, name, "", 0, 0);
}

void record_put(struct record *rec, const char *name, const char *value)
{
	record_put_len(rec, name, value, value ? strlen(value) : 0);
}

void record_putf(struct record *rec, const char *name, const char *fmt, ...)
{
	char small[256], *text = small;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(small)) {
		va_start(ap, fmt);
		n = vasprintf(&text, fmt, ap);
		va_end(ap);
	}
	if (n < 0) {
		rec->error = -ENOMEM;
		return;
	}
	record_put_len(rec, name, text, (size_t)n);
	if (text != small)
		free(text);
}

void record_put_num(struct record *rec, const char *name, int64_t value)
{
	record_putf(rec, name, "%" PRId64, value);
}

void record_put_time(struct record *rec, const char *name, uint64_t boot_ms)
{
	if (boot_ms)
		item_add(rec, RECORD_TIME, name, "", 0, boot_ms);
	else
		item_add(rec, RECORD_GONE, name, "", 0, 0);
}

void record_put_media(struct record *rec, const char *name, const char *value)
{
	item_add(rec, RECORD_MEDIA, name, value ? value : "", value ? strlen(value) : 0, 0);
}

void record_put_sdp(struct record *rec, char leg, const char *text)
{
	item_add(rec, leg == 'a' ? RECORD_SDP_A : RECORD_SDP_B, "", text ? text : "",
		text ? strlen(text) : 0, 0);
}

static const struct record_item *item_find(
	const struct record *rec, const char *kinds, const char *name)
{
	for (uint32_t i = 0; i < rec->count; i++) {
		const struct record_item *item = &rec->items[i];

		if (strchr(kinds, item->kind) && strcmp(rec->text + item->name + 1, name) == 0)
			return item;
	}
	return NULL;
}

static const char *item_text(const struct record *rec, const struct record_item *item)
{
	return item && item->value_len ? rec->text + item->value : NULL;
}

const char *record_get(const struct record *rec, const char *name)
{
	return item_text(rec, item_find(rec, "=", name));
}

const char *record_get_media(const struct record *rec, const char *name)
{
	return item_text(rec, item_find(rec, "M", name));
}

const char *record_get_sdp(const struct record *rec, char leg)
{
	return item_text(rec, item_find(rec, leg == 'a' ? "a" : "b", ""));
}

int64_t record_get_num(const struct record *rec, const char *name, int64_t absent)
{
	const char *text = record_get(rec, name);
	char *end;
	int64_t n;

	if (!text)
		return absent;
	errno = 0;
	n = strtoll(text, &end, 10);
	return *end || errno ? absent : n;
}

uint64_t record_get_time(const struct record *rec, const char *name)
{
	const struct record_item *item = item_find(rec, "@=", name);
	int64_t at;

	if (!item)
		return 0;
	if (item->kind == RECORD_TIME)
		return item->time;
	at = record_get_num(rec, name, INT64_MIN);
	if (at <= 0 || at > INT64_MAX / 2)
		return 0;
	return at - rec->clock > 0 ? (uint64_t)(at - rec->clock) : 1;
}
