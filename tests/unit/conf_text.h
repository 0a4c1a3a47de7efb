/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations as texts in the test. Included behind cmocka.h. */
#ifndef TESTS_UNIT_CONF_TEXT_H
#define TESTS_UNIT_CONF_TEXT_H

#include "shared/conf.h"

#define NODE "node:\n  service_address: 192.0.2.10\n"

static inline struct conf *load(const char *text)
{
	struct conf *conf = NULL;
	char err[512] = "";
	int rc = conf_load_text(&conf, "f.yaml", text, strlen(text), err, sizeof(err));

	if (rc)
		fail_msg("refused: %s", err);
	return conf;
}

/* The text is refused with exactly this line. */
static inline void refused(const char *text, const char *expected)
{
	struct conf *conf = NULL;
	char err[512] = "";
	int rc = conf_load_text(&conf, "f.yaml", text, strlen(text), err, sizeof(err));

	assert_int_equal(rc, -EINVAL);
	assert_null(conf);
	assert_string_equal(err, expected);
	assert_null(strchr(err, '\n'));
}

#endif
