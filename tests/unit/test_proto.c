/* SPDX-License-Identifier: BSD-3-Clause */
/* The control protocol: types, sizes and numbers of records. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/proto_samples.h"

static void every_type_is_accepted(void **state)
{
	const char *why;
	size_t len;

	for (size_t i = 0; i < TYPES; i++) {
		struct proto_head *head = packet_new(types[i], 1, &len);

		if (proto_check(head, len, is_client(types[i]), &why))
			fail_msg("type %u: %s", types[i], why);
		assert_null(why);
		assert_int_equal(proto_check(head, len, !is_client(types[i]), &why), -EPROTO);
		assert_string_equal(why, "type of the other direction");
		free(head);
	}
}

static void sizes_are_those_of_the_structs(void **state)
{
	uint16_t sizes[PROTO_SIZES];
	size_t known = 0;

	proto_sizes(sizes);
	for (size_t i = 0; i < TYPES; i++) {
		size_t at = is_client(types[i]) ? types[i] : types[i] - PROTO_WELCOME + 16u;

		assert_int_equal(sizes[at], proto_size(types[i]));
		assert_true(proto_size(types[i]) > 0);
	}
	for (size_t i = 0; i < PROTO_SIZES; i++)
		known += sizes[i] != 0;
	assert_int_equal(known, TYPES);
	assert_int_equal(proto_size(PROTO_FLOW_SET), sizeof(struct proto_flow));
	assert_int_equal(proto_size(0), 0);
	assert_int_equal(proto_size(PROTO_FROM_CLIENT), 0);
	assert_int_equal(proto_size(PROTO_FROM_DATAPLANE), 0);
	assert_int_equal(proto_size(65535), 0);
}

static void many_records_are_checked_each(void **state)
{
	size_t len;
	const char *why;
	struct proto_head *head = packet_new(PROTO_FLOW_SET, PROTO_RECORDS_MAX, &len);
	struct proto_flow *flows = (struct proto_flow *)(head + 1);

	assert_int_equal(proto_check(head, len, true, &why), 0);
	flows[PROTO_RECORDS_MAX - 1].dscp = PROTO_DSCP_KEEP;
	assert_int_equal(proto_check(head, len, true, &why), 0);
	flows[PROTO_RECORDS_MAX - 1].dscp = PROTO_DSCP_KEEP + 1;
	assert_int_equal(proto_check(head, len, true, &why), -EPROTO);
	assert_string_equal(why, "flow has a DSCP out of range");
	free(head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_accepted),
		cmocka_unit_test(sizes_are_those_of_the_structs),
		cmocka_unit_test(many_records_are_checked_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
