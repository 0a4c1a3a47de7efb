/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ctl/cell.h"

#include "shared/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MINUTE 60
#define HOUR   3600
#define DAY    86400

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

/* The part behind the last dot. */
static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

static bool is_duration(const char *name)
{
	return ends_with(name, "_s") || strcmp(name, "connected") == 0 ||
		strcmp(name, "proven") == 0;
}

/* "a_sip", "b_rtp": of a leg. What else ends so counts packets. */
static bool is_proof(const char *name)
{
	return (name[0] == 'a' || name[0] == 'b') &&
		(strcmp(name + 1, "_sip") == 0 || strcmp(name + 1, "_rtp") == 0);
}

static bool is_time(const char *name)
{
	return (name[0] == 't' && name[1] >= '0' && name[1] <= '2' && !name[2]) ||
		ends_with(name, "_at") || is_proof(name);
}

/* Doubles hold whole numbers up to here; beyond it a number is nonsense anyway. */
#define WHOLE_MAX 9007199254740992.0

static double clamp(double value)
{
	if (value > WHOLE_MAX)
		return WHOLE_MAX;
	return value < -WHOLE_MAX ? -WHOLE_MAX : value;
}

static char *duration_text(double value)
{
	int64_t s = (int64_t)value;
	char *text = NULL;
	int n;

	if (value < 0)
		n = asprintf(&text, "%" PRId64 "s", s);
	else if (s < MINUTE)
		n = s == value ? asprintf(&text, "%" PRId64 "s", s)
			       : asprintf(&text, "%.1fs", value);
	else if (s < HOUR)
		n = asprintf(&text, "%" PRId64 "m%02" PRId64 "s", s / MINUTE, s % MINUTE);
	else if (s < DAY)
		n = asprintf(&text, "%" PRId64 "h%02" PRId64 "m%02" PRId64 "s", s / HOUR,
			s % HOUR / MINUTE, s % MINUTE);
	else
		n = asprintf(&text, "%" PRId64 "d%02" PRId64 "h%02" PRId64 "m", s / DAY,
			s % DAY / HOUR, s % HOUR / MINUTE);
	return n < 0 ? NULL : text;
}

static char *time_text(int64_t ms)
{
	time_t seconds = ms / 1000;
	struct tm tm;
	char text[32];

	if (ms == 0)
		return strdup("-");
	if (!localtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%F %T", &tm))
		return NULL;
	return strdup(text);
}

static char *string_text(const char *value, size_t len)
{
	char *text = malloc(4 * len + 1);

	return text ? log_escape(text, 4 * len + 1, value, len) : NULL;
}

/* Scalars with a comma between; anything deeper as JSON. */
static char *array_text(const char *name, const json_t *array)
{
	char *text = NULL;
	size_t len = 0, i;
	FILE *out = open_memstream(&text, &len);
	json_t *item;

	if (!out)
		return NULL;
	json_array_foreach(array, i, item)
	{
		char *cell = cell_text(name, item);

		fprintf(out, "%s%s", i ? "," : "", cell ? cell : "");
		free(cell);
	}
	if (i == 0)
		fprintf(out, "-");
	fclose(out);
	return text;
}

char *cell_text(const char *name, const json_t *value)
{
	const char *part = last_part(name);
	char *text = NULL;

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		if (json_string_length(value) == 0)
			return strdup("-");
		return string_text(json_string_value(value), json_string_length(value));
	case JSON_INTEGER:
	case JSON_REAL:
		if (is_duration(part))
			return duration_text(clamp(json_number_value(value)));
		if (is_time(part))
			return time_text((int64_t)clamp(json_number_value(value)));
		if (json_is_real(value))
			return asprintf(&text, "%.3f", json_real_value(value)) < 0 ? NULL : text;
		return asprintf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(value)) < 0
			? NULL
			: text;
	case JSON_TRUE:
		return strdup("yes");
	case JSON_FALSE:
		return strdup("no");
	case JSON_ARRAY:
		return array_text(name, value);
	case JSON_OBJECT:
		return json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
	case JSON_NULL:
		break;
	}
	return strdup("-");
}

bool cell_is_number(const json_t *value)
{
	return json_is_number(value);
}

int cell_parse_duration(const char *text, uint32_t *seconds)
{
	static const struct {
		const char *unit;
		uint32_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", MINUTE}, {"h", HOUR}, {"d", DAY}};
	uint64_t value = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 9)
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + digits, units[i].unit) == 0 &&
			value * units[i].seconds <= UINT32_MAX) {
			*seconds = (uint32_t)(value * units[i].seconds);
			return 0;
		}
	}
	return -EINVAL;
}
