/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/conf.h"

#include "shared/conf_load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	enum conf_preset preset;
	enum param_section section;
	const char *name;
	const char *value;
} presets[] = {
	{CONF_PRESET_STANDARD, PARAM_SESSION, "SS_SIP_SESSION_TTL", "600"},
	{CONF_PRESET_STANDARD, PARAM_SESSION, "SS_SIP_NO_TIMER_REINVITE_INTERVAL", "7200"},
	{CONF_PRESET_STANDARD, PARAM_KEEPALIVE, "SS_SIP_NAT_KEEP_ALIVE_PERIOD", "30"},
	{CONF_PRESET_CALL_CENTER, PARAM_SESSION, "SS_SIP_SESSION_TTL", "900"},
	{CONF_PRESET_CALL_CENTER, PARAM_SESSION, "SS_SIP_NO_TIMER_REINVITE_INTERVAL", "14400"},
	{CONF_PRESET_CALL_CENTER, PARAM_KEEPALIVE, "SS_SIP_NAT_KEEP_ALIVE_PERIOD", "20"},
	{CONF_PRESET_WHOLESALE, PARAM_SESSION, "SS_SIP_SESSION_TTL", "600"},
	{CONF_PRESET_WHOLESALE, PARAM_SESSION, "SS_SIP_NO_TIMER_REINVITE_INTERVAL", "0"},
	{CONF_PRESET_WHOLESALE, PARAM_KEEPALIVE, "SS_SIP_NAT_KEEP_ALIVE_PERIOD", "30"},
	{CONF_PRESET_MOBILE_UNSTABLE, PARAM_SESSION, "SS_SIP_SESSION_TTL", "300"},
	{CONF_PRESET_MOBILE_UNSTABLE, PARAM_SESSION, "SS_SIP_NO_TIMER_REINVITE_INTERVAL", "3600"},
	{CONF_PRESET_MOBILE_UNSTABLE, PARAM_KEEPALIVE, "SS_SIP_NAT_KEEP_ALIVE_PERIOD", "15"},
};

int conf_fail(struct conf_loader *loader, uint32_t line, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (line)
		n = snprintf(loader->err, loader->errlen, "%s:%u: ", loader->path, line);
	else
		n = snprintf(loader->err, loader->errlen, "%s: ", loader->path);
	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < loader->errlen)
		vsnprintf(loader->err + n, loader->errlen - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void *conf_section(const struct conf *conf, enum param_section section)
{
	const void *const bases[PARAM_SECTIONS] = {
		[PARAM_NODE] = &conf->node,
		[PARAM_DATAPLANE] = &conf->dataplane,
		[PARAM_REDIS] = &conf->redis,
		[PARAM_SESSION] = &conf->session,
		[PARAM_KEEPALIVE] = &conf->keepalive,
		[PARAM_MEDIA] = &conf->media,
		[PARAM_SIP] = &conf->sip,
		[PARAM_TOP] = conf,
	};

	return (void *)bases[section];
}

void *conf_trunk_section(const struct conf_trunk *trunk, enum param_section section)
{
	const void *const bases[PARAM_SECTIONS] = {
		[PARAM_SESSION] = &trunk->session,
		[PARAM_MEDIA] = &trunk->media,
		[PARAM_TRUNK] = trunk,
	};

	return (void *)bases[section];
}

struct conf_origin *conf_origin_of(struct conf_origin *origins, const struct param *param)
{
	return &origins[param - param_table];
}

/* Texts of our own, which the unit test proves valid. */
static void set_text(const struct param *param, void *base, const char *value)
{
	char why[PARAM_WHY_MAX];

	if (param_parse(param, base, value, strlen(value), why) < 0) {
		log_error("%s: %s", param->name, why);
		abort();
	}
}

void conf_preset_apply(enum conf_preset preset, enum param_section section, void *base,
	struct conf_origin *origins)
{
	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
		const struct param *param;

		if (presets[i].preset != preset || presets[i].section != section)
			continue;
		param = param_find(section, presets[i].name);
		set_text(param, base, presets[i].value);
		*conf_origin_of(origins, param) = (struct conf_origin){
			.from = CONF_FROM_PRESET, .preset = preset};
	}
}

static struct conf *conf_new(const char *path)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	conf->path = strdup(path);
	conf->origin = calloc(param_count, sizeof(*conf->origin));
	if (!conf->path || !conf->origin) {
		conf_free(conf);
		return NULL;
	}
	for (size_t i = 0; i < param_count; i++) {
		const struct param *param = &param_table[i];
		void *base = conf_section(conf, param->section);

		conf->origin[i].from = CONF_FROM_BUILT_IN;
		if (base && param->value)
			set_text(param, base, param->value);
	}
	return conf;
}

/* What stands behind "---" would be ignored otherwise. */
static int refuse_second_document(struct conf_loader *loader, yaml_parser_t *parser)
{
	yaml_document_t next;
	int err = 0;

	if (!yaml_parser_load(parser, &next))
		err = conf_fail(loader, (uint32_t)parser->problem_mark.line + 1,
			"not valid YAML: %s", parser->problem ? parser->problem : "unreadable");
	else if (yaml_document_get_root_node(&next))
		err = conf_fail(loader, (uint32_t)next.start_mark.line + 1,
			"a second document: the configuration is one document");
	if (parser->error == YAML_NO_ERROR)
		yaml_document_delete(&next);
	if (err)
		yaml_document_delete(&loader->doc);
	return err;
}

static int parse_document(struct conf_loader *loader, const char *text, size_t len)
{
	yaml_parser_t parser;
	int err = -ENOMEM;

	if (!yaml_parser_initialize(&parser)) {
		conf_fail(loader, 0, "out of memory");
		return err;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (yaml_parser_load(&parser, &loader->doc))
		err = refuse_second_document(loader, &parser);
	else if (parser.error == YAML_MEMORY_ERROR)
		conf_fail(loader, 0, "out of memory");
	else
		err = conf_fail(loader, (uint32_t)parser.problem_mark.line + 1,
			"not valid YAML: %s", parser.problem ? parser.problem : "unreadable");
	yaml_parser_delete(&parser);
	return err;
}

int conf_load_text(struct conf **conf, const char *path, const char *text, size_t len, char *err,
	size_t errlen)
{
	struct conf_loader loader = {.path = path, .err = err, .errlen = errlen};
	int rc = parse_document(&loader, text, len);

	if (rc)
		return rc;
	loader.conf = conf_new(path);
	if (!loader.conf) {
		conf_fail(&loader, 0, "out of memory");
		rc = -ENOMEM;
		goto out;
	}
	rc = conf_yaml_read(&loader);
	if (!rc)
		rc = conf_check(&loader);
	if (rc)
		conf_free(loader.conf);
	else
		*conf = loader.conf;
out:
	yaml_document_delete(&loader.doc);
	return rc;
}

int conf_load(struct conf **conf, const char *path, char *err, size_t errlen)
{
	struct conf_loader loader = {.path = path, .err = err, .errlen = errlen};
	FILE *file = fopen(path, "re");
	FILE *copy = NULL;
	char *text = NULL, chunk[4096];
	size_t len = 0, n;
	int rc;

	if (!file) {
		rc = -errno;
		conf_fail(&loader, 0, "cannot be read: %s", strerror(-rc));
		return rc;
	}
	copy = open_memstream(&text, &len);
	while (copy && (n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		fwrite(chunk, 1, n, copy);
	rc = ferror(file) ? -EIO : 0;
	if (!copy || fclose(copy) != 0)
		rc = -ENOMEM;
	if (rc)
		conf_fail(&loader, 0, "cannot be read: %s", strerror(-rc));
	else
		rc = conf_load_text(conf, path, text, len, err, errlen);
	free(text);
	fclose(file);
	return rc;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < param_count; i++) {
		const struct param *param = &param_table[i];
		void *base = conf_section(conf, param->section);

		if (base)
			param_clear(param, base);
		for (size_t t = 0; param->section == PARAM_TRUNK && t < conf->trunk_count; t++)
			param_clear(param, &conf->trunks[t]);
		for (size_t c = 0; param->section == PARAM_CLASS && c < conf->class_count; c++)
			param_clear(param, &conf->classes[c]);
	}
	for (size_t t = 0; t < conf->trunk_count; t++)
		free(conf->trunks[t].origin);
	free(conf->trunks);
	free(conf->users);
	free(conf->classes);
	free(conf->origin);
	free(conf->path);
	free(conf);
}

static int user_order(const void *name, const void *user)
{
	return strcmp(name, ((const struct conf_user *)user)->name);
}

const struct conf_user *conf_user_find(const struct conf *conf, const char *name)
{
	if (conf->user_count == 0)
		return NULL;
	return bsearch(name, conf->users, conf->user_count, sizeof(*conf->users), user_order);
}

bool conf_uses_dataplane(const struct conf *conf)
{
	if (conf->media.mode != CONF_MEDIA_NONE)
		return true;
	for (size_t i = 0; i < conf->trunk_count; i++) {
		if (conf->trunks[i].media.mode != CONF_MEDIA_NONE)
			return true;
	}
	return false;
}

uint32_t conf_monitors(const struct conf *conf)
{
	const struct conf_dataplane *dp = &conf->dataplane;

	return dp->monitor == CONF_MONITOR_OFF ? 0 : dp->monitors / dp->clients;
}
