/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/conf_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF_KEY_SHOWN 64

/* Where the keys of one mapping go. */
struct scope {
	const char *name; /* in messages: "session", "trunks.session" */
	enum param_section section;
	void *base;
	struct conf_origin *origins; /* NULL: not recorded */
	bool trunk;                  /* overrides of a trunk */
	const char *const *parts;    /* keys that hold mappings or lists of their own, or NULL */
};

/* Between the name of a scope and that of a parameter; the top of the file has no name. */
static const char *dot_of(const struct scope *scope)
{
	return *scope->name ? "." : "";
}

static uint32_t line_of(const yaml_node_t *node)
{
	return (uint32_t)node->start_mark.line + 1;
}

static yaml_node_t *node_at(struct conf_loader *loader, int index)
{
	return yaml_document_get_node(&loader->doc, index);
}

static const char *text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* The value of a key in a mapping, NULL when there is none. */
static yaml_node_t *value_of(struct conf_loader *loader, const yaml_node_t *map, const char *key)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
		pair < map->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = node_at(loader, pair->key);

		if (name->type == YAML_SCALAR_NODE && strcmp(text_of(name), key) == 0)
			return node_at(loader, pair->value);
	}
	return NULL;
}

/* A section that is named and left empty is an empty mapping. */
static bool is_empty(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0 &&
		node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* The name most like a wrong key: a parameter of the scope or one of its parts. */
static const char *near_name(const struct scope *scope, const char *key)
{
	const struct param *param = param_near(scope->section, key);
	const char *best = param ? param->name : NULL;
	size_t least = param ? param_distance(param->name, key) : 3;

	for (const char *const *part = scope->parts; part && *part; part++) {
		size_t distance = param_distance(*part, key);

		if (distance < least) {
			least = distance;
			best = *part;
		}
	}
	return best;
}

static int unknown_key(
	struct conf_loader *loader, const struct scope *scope, const yaml_node_t *key)
{
	const char *near;
	char shown[CONF_KEY_SHOWN];

	log_escape(shown, sizeof(shown), text_of(key), key->data.scalar.length);
	for (int s = 0; s < PARAM_TOP; s++) {
		if (param_find((enum param_section)s, text_of(key)))
			return conf_fail(loader, line_of(key),
				"%s%s%s: unknown parameter, it belongs to section %s", scope->name,
				dot_of(scope), shown, param_section_name((enum param_section)s));
	}
	near = near_name(scope, text_of(key));
	return conf_fail(loader, line_of(key), "%s%s%s: unknown parameter%s%s%s", scope->name,
		dot_of(scope), shown, near ? ", did you mean " : "", near ? near : "",
		near ? "?" : "");
}

static void warn_above(struct conf_loader *loader, const struct scope *scope,
	const struct param *param, uint32_t line)
{
	const uint32_t *number = (const void *)((const char *)scope->base + param->offset);

	if (param->warn_above && *number > param->warn_above)
		log_warning("%s:%u: %s.%s: %u is above %u %s: %s", loader->path, line, scope->name,
			param->name, *number, param->warn_above, param->unit, param->help);
}

static int read_scalar(struct conf_loader *loader, const struct scope *scope,
	const struct param *param, const yaml_node_t *value)
{
	char why[PARAM_WHY_MAX];
	int err;

	if (value->type != YAML_SCALAR_NODE) {
		char range[200];

		return conf_fail(loader, line_of(value), "%s%s%s: not a single value: %s",
			scope->name, dot_of(scope), param->name,
			param_range(param, range, sizeof(range)));
	}
	err = param_parse(param, scope->base, text_of(value), value->data.scalar.length, why);
	if (err)
		conf_fail(loader, line_of(value), "%s%s%s: %s", scope->name, dot_of(scope),
			param->name, why);
	return err;
}

static int read_value(struct conf_loader *loader, const struct scope *scope,
	const struct param *param, const yaml_node_t *value)
{
	int err = 0;

	if (param_is_list(param) && value->type == YAML_SEQUENCE_NODE) {
		for (yaml_node_item_t *item = value->data.sequence.items.start;
			!err && item < value->data.sequence.items.top; item++)
			err = read_scalar(loader, scope, param, node_at(loader, *item));
	} else if (!param_is_list(param) || !is_empty(value)) {
		err = read_scalar(loader, scope, param, value);
	}
	if (err)
		return err;
	if (scope->origins)
		*conf_origin_of(scope->origins, param) = (struct conf_origin){
			.from = CONF_FROM_FILE, .line = line_of(value)};
	warn_above(loader, scope, param, line_of(value));
	return 0;
}

/* Keys are scalars and stand once in a mapping. */
static int check_key(struct conf_loader *loader, const struct scope *scope, const yaml_node_t *map,
	const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = node_at(loader, pair->key);

	if (key->type != YAML_SCALAR_NODE || strlen(text_of(key)) != key->data.scalar.length)
		return conf_fail(loader, line_of(key), "%s: a key is a name",
			*scope->name ? scope->name : "the file");
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		if (strcmp(text_of(node_at(loader, p->key)), text_of(key)) == 0)
			return conf_fail(loader, line_of(key),
				"%s%s%s: given twice, first at line %u", scope->name, dot_of(scope),
				text_of(key), line_of(node_at(loader, p->key)));
	}
	return 0;
}

static int read_pair(struct conf_loader *loader, const struct scope *scope, const yaml_node_t *map,
	const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = node_at(loader, pair->key);
	const struct param *param;
	int err = check_key(loader, scope, map, pair);

	if (err)
		return err;
	for (const char *const *part = scope->parts; part && *part; part++) {
		if (strcmp(*part, text_of(key)) == 0)
			return 0;
	}
	param = param_find(scope->section, text_of(key));
	if (!param)
		return unknown_key(loader, scope, key);
	if (scope->trunk && !(param->flags & PARAM_PER_TRUNK))
		return conf_fail(loader, line_of(key), "%s.%s: cannot be set for one trunk",
			scope->name, param->name);
	return read_value(loader, scope, param, node_at(loader, pair->value));
}

/* Reads the keys of a mapping, but for its parts, which the caller reads. */
static int read_mapping(
	struct conf_loader *loader, const struct scope *scope, const yaml_node_t *map)
{
	int err = 0;

	if (!map || is_empty(map))
		return 0;
	if (map->type != YAML_MAPPING_NODE)
		return conf_fail(loader, line_of(map), "%s: a mapping of parameters is expected",
			*scope->name ? scope->name : "the file");
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
		!err && pair < map->data.mapping.pairs.top; pair++)
		err = read_pair(loader, scope, map, pair);
	return err;
}

/* The entries of `users` and `trunks` have required keys. */
static int check_required(
	struct conf_loader *loader, enum param_section section, const yaml_node_t *entry)
{
	char range[200];

	for (size_t i = 0; i < param_count; i++) {
		const struct param *param = &param_table[i];

		if (param->section == section && (param->flags & PARAM_REQUIRED) &&
			!value_of(loader, entry, param->name))
			return conf_fail(loader, line_of(entry), "%s.%s: missing: %s",
				param_section_name(section), param->name,
				param_range(param, range, sizeof(range)));
	}
	return 0;
}

static int read_user(struct conf_loader *loader, const yaml_node_t *entry, size_t index)
{
	struct conf_user *user = &loader->conf->users[index];
	struct scope scope = {.name = "users", .section = PARAM_USER, .base = user};
	int err = read_mapping(loader, &scope, entry);

	user->line = line_of(entry);
	return err ? err : check_required(loader, PARAM_USER, entry);
}

static int read_class(struct conf_loader *loader, const yaml_node_t *entry, size_t index)
{
	const struct conf_keepalive *keepalive = &loader->conf->keepalive;
	struct conf_class *class = &loader->conf->classes[index];
	struct scope scope = {.name = "keepalive_classes", .section = PARAM_CLASS, .base = class};
	int err;

	class->payload = keepalive->payload;
	class->message = keepalive->message;
	class->missed = keepalive->missed;
	class->line = line_of(entry);
	err = read_mapping(loader, &scope, entry);
	return err ? err : check_required(loader, PARAM_CLASS, entry);
}

/* Reads session.preset ahead of the rest, since the other keys go over it. */
static int read_preset(struct conf_loader *loader, const yaml_node_t *session,
	const struct scope *scope, bool *given)
{
	const yaml_node_t *value = value_of(loader, session, "preset");

	*given = value != NULL;
	return value ? read_scalar(loader, scope, param_find(PARAM_SESSION, "preset"), value) : 0;
}

static int read_trunk(struct conf_loader *loader, const yaml_node_t *entry, size_t index)
{
	static const char *const parts[] = {"session", "media_clocks", NULL};
	struct conf_trunk *trunk = &loader->conf->trunks[index];
	const yaml_node_t *session = value_of(loader, entry, "session");
	struct scope scope = {
		.name = "trunks", .section = PARAM_TRUNK, .base = trunk, .parts = parts};
	struct scope sub = {.trunk = true};
	bool preset;
	int err;

	trunk->session = loader->conf->session;
	trunk->media = loader->conf->media;
	trunk->line = line_of(entry);
	trunk->origin = calloc(param_count, sizeof(*trunk->origin));
	if (!trunk->origin) {
		conf_fail(loader, 0, "out of memory");
		return -ENOMEM;
	}
	scope.origins = sub.origins = trunk->origin;
	err = read_mapping(loader, &scope, entry);
	if (!err)
		err = check_required(loader, PARAM_TRUNK, entry);
	if (err)
		return err;

	sub.name = "trunks.session";
	sub.section = PARAM_SESSION;
	sub.base = &trunk->session;
	err = read_preset(loader, session, &sub, &preset);
	if (!err && preset)
		conf_preset_apply(trunk->session.preset, PARAM_SESSION, sub.base, sub.origins);
	if (!err)
		err = read_mapping(loader, &sub, session);
	if (err)
		return err;

	sub.name = "trunks.media_clocks";
	sub.section = PARAM_MEDIA;
	sub.base = &trunk->media;
	return read_mapping(loader, &sub, value_of(loader, entry, "media_clocks"));
}

/* A list of mappings: allocates *items (of `size` bytes each, counted in *count) and reads each. */
static int read_entries(struct conf_loader *loader, const yaml_node_t *root, const char *name,
	void **items, size_t size, size_t *count,
	int (*read)(struct conf_loader *, const yaml_node_t *, size_t))
{
	const yaml_node_t *list = value_of(loader, root, name);
	size_t entries;

	if (!list || is_empty(list))
		return 0;
	if (list->type != YAML_SEQUENCE_NODE)
		return conf_fail(loader, line_of(list), "%s: a list is expected", name);
	entries = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
	*items = calloc(entries + 1, size);
	if (!*items) {
		conf_fail(loader, 0, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < entries; i++) {
		const yaml_node_t *entry = node_at(loader, list->data.sequence.items.start[i]);
		int err;

		*count = i + 1;
		if (entry->type != YAML_MAPPING_NODE)
			return conf_fail(loader, line_of(entry),
				"%s: each entry is a mapping of parameters", name);
		err = read(loader, entry, i);
		if (err)
			return err;
	}
	return 0;
}

/* The sections of the node, over the preset that the file names. */
static int read_sections(struct conf_loader *loader, const yaml_node_t *root)
{
	struct conf *conf = loader->conf;
	struct scope scope = {.name = "session", .base = &conf->session, .origins = conf->origin};
	bool preset;
	int err = read_preset(loader, value_of(loader, root, "session"), &scope, &preset);

	if (err)
		return err;
	if (preset) {
		conf_preset_apply(
			conf->session.preset, PARAM_SESSION, &conf->session, conf->origin);
		conf_preset_apply(
			conf->session.preset, PARAM_KEEPALIVE, &conf->keepalive, conf->origin);
	}
	for (int s = 0; s < PARAM_TOP; s++) {
		scope.section = (enum param_section)s;
		scope.name = param_section_name(scope.section);
		scope.base = conf_section(conf, scope.section);
		err = read_mapping(loader, &scope, value_of(loader, root, scope.name));
		if (err)
			return err;
	}
	return 0;
}

int conf_yaml_read(struct conf_loader *loader)
{
	static const char *const parts[] = {"node", "dataplane", "redis", "session", "keepalive",
		"media", "sip", "users", "trunks", "keepalive_classes", NULL};
	struct conf *conf = loader->conf;
	const yaml_node_t *root = yaml_document_get_root_node(&loader->doc);
	const struct scope top = {.name = "",
		.section = PARAM_TOP,
		.base = conf,
		.origins = conf->origin,
		.parts = parts};
	int err;

	if (!root)
		return conf_fail(loader, 0, "is empty: node.service_address at least is needed");
	err = read_mapping(loader, &top, root);
	if (!err)
		err = read_sections(loader, root);
	if (!err)
		err = read_entries(loader, root, "users", (void **)&conf->users,
			sizeof(*conf->users), &conf->user_count, read_user);
	if (!err)
		err = read_entries(loader, root, "keepalive_classes", (void **)&conf->classes,
			sizeof(*conf->classes), &conf->class_count, read_class);
	/* Last, since they inherit. */
	if (!err)
		err = read_entries(loader, root, "trunks", (void **)&conf->trunks,
			sizeof(*conf->trunks), &conf->trunk_count, read_trunk);
	return err;
}
