/* SPDX-License-Identifier: BSD-3-Clause */
/* The table itself: what no compiler checks. */
#include "shared/conf.h"
#include "shared/param.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void names_stand_once_and_can_be_found(void **state)
{
	for (size_t i = 0; i < param_count; i++) {
		const struct param *param = &param_table[i];

		assert_non_null(param->name);
		assert_ptr_equal(param_find(param->section, param->name), param);
		if (i && param->section < param_table[i - 1].section)
			fail_msg("%s stands apart from its section", param->name);
	}
	assert_null(param_find(PARAM_SESSION, "name"));
}

static void entries_are_complete(void **state)
{
	for (size_t i = 0; i < param_count; i++) {
		const struct param *param = &param_table[i];
		size_t help = strlen(param->help);

		if (help < 15 || param->help[help - 1] != '.')
			fail_msg("%s: help is no sentence", param->name);
		if ((param->type == PARAM_INT || param->type == PARAM_INT_AUTO) &&
			(!param->unit || param->min >= param->max))
			fail_msg("%s: unit or range is missing", param->name);
		if ((param->type == PARAM_ENUM) != (param->words != NULL))
			fail_msg("%s: words are for enums", param->name);
		if (!param->value && !param->derived && !param_is_list(param) &&
			!(param->flags & PARAM_REQUIRED))
			fail_msg("%s: default is missing", param->name);
		/* Inherited by copying the struct, which must not share memory. */
		if ((param->section == PARAM_SESSION || param->section == PARAM_MEDIA) &&
			param_is_list(param))
			fail_msg("%s: trunks cannot inherit a list", param->name);
	}
}

/* A default must be readable, and come back as it is written. */
static void defaults_are_valid(void **state)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	char why[PARAM_WHY_MAX], text[512];

	for (size_t i = 0; i < param_count; i++) {
		const struct param *param = &param_table[i];

		if (!param->value)
			continue;
		/* The largest section starts at 0 of this memory as well as any other. */
		memset(conf, 0, sizeof(*conf));
		if (param_parse(param, conf, param->value, strlen(param->value), why))
			fail_msg("%s: %s", param->name, why);
		if (!(param->flags & PARAM_SECRET))
			assert_string_equal(
				param_format(param, conf, text, sizeof(text)), param->value);
	}
	free(conf);
}

/* "at most the period" needs no check of its own as long as this holds. */
static void send_interval_never_exceeds_the_period(void **state)
{
	const struct param *interval = param_find(
		PARAM_KEEPALIVE, "SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL");
	const struct param *period = param_find(PARAM_KEEPALIVE, "SS_SIP_NAT_KEEP_ALIVE_PERIOD");

	assert_string_equal(interval->unit, "ms");
	assert_string_equal(period->unit, "s");
	assert_true(interval->max <= period->min * 1000);
}

static void enums_count_along_their_words(void **state)
{
	const struct param *preset = param_find(PARAM_SESSION, "preset");
	const struct param *probe = param_find(PARAM_SESSION, "no_timer_probe");
	const struct param *mode = param_find(PARAM_MEDIA, "mode");
	const struct param *send = param_find(PARAM_KEEPALIVE, "mode");
	const struct param *level = param_find(PARAM_NODE, "log_level");

	assert_string_equal(preset->words[CONF_PRESET_MOBILE_UNSTABLE], "mobile-unstable");
	assert_string_equal(preset->words[CONF_PRESET_WHOLESALE], "wholesale");
	assert_string_equal(preset->words[CONF_PRESET_CALL_CENTER], "call-center");
	assert_string_equal(probe->words[CONF_PROBE_OFF], "off");
	assert_string_equal(probe->words[CONF_PROBE_REFRESH], "refresh");
	assert_string_equal(mode->words[CONF_MEDIA_RELAY], "relay");
	assert_string_equal(mode->words[CONF_MEDIA_NONE], "none");
	assert_string_equal(send->words[CONF_KEEPALIVE_SMOOTH], "smooth");
	assert_string_equal(level->words[LOG_DEBUG], "debug");
	assert_string_equal(
		param_find(PARAM_KEEPALIVE, "payload")->words[CONF_PAYLOAD_OPTIONS], "options");
	assert_string_equal(param_find(PARAM_CLASS, "payload")->words[CONF_PAYLOAD_STUN], "stun");
	assert_ptr_equal(param_find(PARAM_TRUNK, "media")->words, mode->words);
}

static void likeness(void **state)
{
	assert_int_equal(param_distance("kitten", "sitting"), 3);
	assert_int_equal(param_distance("abc", "ABC"), 0);
	assert_int_equal(param_distance("", "abc"), 3);
	assert_int_equal(
		param_distance("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "a"),
		SIZE_MAX);
	assert_ptr_equal(param_near(PARAM_SESSION, "minse"), param_find(PARAM_SESSION, "min_se"));
	assert_null(param_near(PARAM_SESSION, "colour"));
}

static void long_values_are_cut_not_overrun(void **state)
{
	const struct param *bindings = param_find(PARAM_TOP, "bindings");
	struct conf *conf = calloc(1, sizeof(*conf));
	char why[PARAM_WHY_MAX], text[64];

	for (int i = 0; i < 5; i++)
		assert_int_equal(param_parse(bindings, conf, "192.0.2.200:40000", 17, why), 0);
	assert_string_equal(param_format(bindings, conf, text, sizeof(text)),
		"[192.0.2.200:40000, 192.0.2.200:40000, ...]");
	param_clear(bindings, conf);
	assert_int_equal(conf->bindings.count, 0);
	free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stand_once_and_can_be_found),
		cmocka_unit_test(entries_are_complete),
		cmocka_unit_test(defaults_are_valid),
		cmocka_unit_test(send_interval_never_exceeds_the_period),
		cmocka_unit_test(enums_count_along_their_words),
		cmocka_unit_test(likeness),
		cmocka_unit_test(long_values_are_cut_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
