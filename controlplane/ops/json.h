/* SPDX-License-Identifier: BSD-3-Clause */
/* Values as the control socket shows them. */
#ifndef CONTROLPLANE_OPS_JSON_H
#define CONTROLPLANE_OPS_JSON_H

#include "shared/addr.h"

#include <jansson.h>
#include <stdint.h>

static inline json_t *json_number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static inline json_t *json_address(const struct addr *a)
{
	char text[ADDR_STRLEN];

	return json_string(addr_format(a, text));
}

/* Whole seconds since a moment; null: never. */
static inline json_t *json_seconds_since(uint64_t then_ms, uint64_t now_ms)
{
	return then_ms ? json_number(now_ms > then_ms ? (now_ms - then_ms) / 1000 : 0)
		       : json_null();
}

/* An argument that is a number from 1; 0: not given. */
static inline uint64_t json_arg_number(const json_t *args, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(args, name));

	return value > 0 ? (uint64_t)value : 0;
}

#endif
