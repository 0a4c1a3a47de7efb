/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/confjson.h"

static int add(void *arg, const struct conf_value *value)
{
	json_t *entry = json_pack("{s:s,s:s,s:s,s:s}", "name", value->name, "value", value->value,
		"unit", value->unit, "origin", value->origin);

	/* Takes the reference over, also when it fails. */
	return json_array_append_new(arg, entry);
}

json_t *confjson_list(const struct conf *conf)
{
	json_t *list = json_array();

	if (conf_each(conf, add, list) < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o}", "config", list);
}
