/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/store/cdrline.h"

#include "shared/log.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A whole number or a decimal fraction, exactly as JSON writes it; else NULL. */
static json_t *number_make(const redisReply *value)
{
	json_t *json = json_loadb(value->str, value->len, JSON_DECODE_ANY, NULL);

	if (json_is_number(json))
		return json;
	json_decref(json);
	return NULL;
}

static json_t *value_make(const redisReply *value, bool number)
{
	char safe[1024];
	json_t *json = number ? number_make(value) : NULL;

	if (!json)
		json = json_stringn(value->str, value->len);
	return json ? json : json_string(log_escape(safe, sizeof(safe), value->str, value->len));
}

static int append(char **text, size_t *len, size_t *room, const char *line)
{
	size_t n = strlen(line);

	if (*len + n + 2 > *room) {
		size_t more = (*len + n + 2) * 2;
		char *grown = realloc(*text, more);

		if (!grown)
			return -ENOMEM;
		*text = grown;
		*room = more;
	}
	memcpy(*text + *len, line, n);
	*len += n;
	(*text)[(*len)++] = '\n';
	(*text)[*len] = 0;
	return 0;
}

int cdrline_add(char **text, size_t *len, size_t *room, const redisReply *fields, char *id,
	size_t id_size, bool (*is_number)(const char *name))
{
	json_t *object = json_object();
	char *line;
	int err;

	*id = 0;
	for (size_t i = 0; object && i + 1 < fields->elements; i += 2) {
		const redisReply *name = fields->element[i], *value = fields->element[i + 1];

		if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
			continue;
		if (strcmp(name->str, "id") == 0)
			snprintf(id, id_size, "%s", value->str);
		json_object_set_new(
			object, name->str, value_make(value, is_number && is_number(name->str)));
	}
	line = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
	err = line ? append(text, len, room, line) : -ENOMEM;
	free(line);
	json_decref(object);
	return err;
}
