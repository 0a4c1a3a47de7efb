/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/conf.h"
#include "shared/conf_load.h"

#include <stdio.h>
#include <string.h>

#define VALUE_MAX (4 * CONF_MESSAGE_MAX + 16)

struct each {
	const struct conf *conf;
	int (*fn)(void *arg, const struct conf_value *value);
	void *arg;
};

static void origin_text(
	const struct each *each, const struct conf_origin *origin, char *buf, size_t size)
{
	const struct param *preset = param_find(PARAM_SESSION, "preset");

	if (origin->from == CONF_FROM_FILE)
		snprintf(buf, size, "%s:%u", each->conf->path, origin->line);
	else if (origin->from == CONF_FROM_PRESET)
		snprintf(buf, size, "preset %s", preset->words[origin->preset]);
	else
		snprintf(buf, size, "built-in");
}

static int each_value(const struct each *each, const char *prefix, const struct param *param,
	const void *base, const struct conf_origin *origin)
{
	char name[2 * CONF_NAME_MAX + 32], value[VALUE_MAX], from[512];
	struct conf_value out = {.name = name, .value = value, .origin = from};

	snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", param->name);
	param_format(param, base, value, sizeof(value));
	origin_text(each, origin, from, sizeof(from));
	out.unit = param->unit ? param->unit : "";
	return each->fn(each->arg, &out);
}

/* Passwords are nobody's business and users may be many: how many there are is enough. */
static int each_users(const struct each *each)
{
	char count[24], from[512];
	struct conf_origin origin = {.from = CONF_FROM_BUILT_IN};
	const struct conf_value value = {
		.name = "users", .value = count, .unit = "users", .origin = from};

	for (size_t i = 0; i < each->conf->user_count; i++) {
		if (i == 0 || each->conf->users[i].line < origin.line)
			origin = (struct conf_origin){
				.from = CONF_FROM_FILE, .line = each->conf->users[i].line};
	}
	snprintf(count, sizeof(count), "%zu", each->conf->user_count);
	origin_text(each, &origin, from, sizeof(from));
	return each->fn(each->arg, &value);
}

static int each_class(const struct each *each, const struct conf_class *class)
{
	const struct conf_origin origin = {.from = CONF_FROM_FILE, .line = class->line};
	char prefix[CONF_NAME_MAX + 32];
	int rc = 0;

	snprintf(prefix, sizeof(prefix), "keepalive_classes.%s", class->name);
	for (size_t i = 0; i < param_count && !rc; i++)
		if (param_table[i].section == PARAM_CLASS && strcmp(param_table[i].name, "name"))
			rc = each_value(each, prefix, &param_table[i], class, &origin);
	return rc;
}

static int each_trunk(const struct each *each, const struct conf_trunk *trunk)
{
	char prefix[CONF_NAME_MAX + 32];

	for (size_t i = 0; i < param_count; i++) {
		const struct param *param = &param_table[i];
		const void *base = conf_trunk_section(trunk, param->section);
		const char *part = param->section == PARAM_SESSION ? ".session"
			: param->section == PARAM_MEDIA            ? ".media_clocks"
								   : "";
		int rc;

		if (!base || trunk->origin[i].from == CONF_FROM_NOWHERE)
			continue;
		snprintf(prefix, sizeof(prefix), "trunks.%s%s", trunk->name, part);
		rc = each_value(each, prefix, param, base, &trunk->origin[i]);
		if (rc)
			return rc;
	}
	return 0;
}

int conf_each(
	const struct conf *conf, int (*fn)(void *arg, const struct conf_value *value), void *arg)
{
	const struct each each = {.conf = conf, .fn = fn, .arg = arg};
	int rc = 0;

	for (size_t i = 0; !rc && i < param_count; i++) {
		const struct param *param = &param_table[i];
		const void *base = conf_section(conf, param->section);

		if (base)
			rc = each_value(&each, param_section_name(param->section), param, base,
				&conf->origin[i]);
	}
	if (!rc)
		rc = each_users(&each);
	for (size_t c = 0; !rc && c < conf->class_count; c++)
		rc = each_class(&each, &conf->classes[c]);
	for (size_t t = 0; !rc && t < conf->trunk_count; t++)
		rc = each_trunk(&each, &conf->trunks[t]);
	return rc;
}
