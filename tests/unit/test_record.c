/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/store/args.h"
#include "controlplane/store/keys.h"
#include "controlplane/store/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_put_and_get(void **state)
{
	char big[5000];
	struct record rec, copy;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	record_init(&rec);
	record_init(&copy);
	for (int i = 0; i < 200; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		record_put_num(&rec, name, -i);
	}
	record_put(&rec, "big", big);
	record_putf(&rec, "long", "%s%d", big, 7);
	record_put(&rec, "none", NULL);
	record_put(&rec, "empty", "");
	record_put_media(&rec, "f1", "media");
	record_put_sdp(&rec, 'b', "v=0");
	record_put_time(&rec, "at", 1234);
	record_put_time(&rec, "never", 0);
	assert_int_equal(record_copy(&copy, &rec), 0);
	record_free(&rec);
	assert_int_equal(record_get_num(&copy, "f199", 1), -199);
	assert_int_equal(record_get_num(&copy, "f200", 1), 1);
	assert_int_equal(record_get_num(&copy, "big", 1), 1);
	assert_string_equal(record_get(&copy, "big"), big);
	assert_int_equal(strlen(record_get(&copy, "long")), sizeof(big));
	assert_null(record_get(&copy, "none"));
	assert_null(record_get(&copy, "empty"));
	assert_string_equal(record_get_media(&copy, "f1"), "media");
	assert_null(record_get_media(&copy, "f2"));
	assert_string_equal(record_get_sdp(&copy, 'b'), "v=0");
	assert_null(record_get_sdp(&copy, 'a'));
	assert_int_equal(record_get_time(&copy, "at"), 1234);
	assert_int_equal(record_get_time(&copy, "never"), 0);
	record_reset(&copy);
	assert_null(record_get(&copy, "big"));
	record_free(&copy);
}

/* As a record that was read: Redis's time becomes ours. */
static void test_read_times(void **state)
{
	struct record rec;

	record_init(&rec);
	record_put(&rec, "soon", "1700000005000");
	record_put(&rec, "old", "1600000000000");
	record_put(&rec, "bad", "17e9");
	record_put(&rec, "huge", "9223372036854775807");
	record_put(&rec, "negative", "-5");
	rec.clock = 1700000000000 - 60000;
	assert_int_equal(record_get_time(&rec, "soon"), 65000);
	assert_int_equal(record_get_time(&rec, "old"), 1);
	assert_int_equal(record_get_time(&rec, "bad"), 0);
	assert_int_equal(record_get_time(&rec, "huge"), 0);
	assert_int_equal(record_get_time(&rec, "negative"), 0);
	assert_int_equal(record_get_time(&rec, "none"), 0);
	record_free(&rec);
}

static void test_args(void **state)
{
	static const char *const want[] = {
		"FCALL", "f", "1", "=a", "x", "@t", "-300", "-g", "", "Mm", "y", "a", "v=0"};
	static struct args args;
	struct record rec;

	record_init(&rec);
	record_put(&rec, "a", "x");
	record_put_time(&rec, "t", 700);
	record_put(&rec, "g", NULL);
	record_put_media(&rec, "m", "y");
	record_put_sdp(&rec, 'a', "v=0");
	args_fcall(&args, "f", 1);
	args_add_record(&args, &rec, 1000);
	assert_int_equal(args.error, 0);
	assert_int_equal(args.count, sizeof(want) / sizeof(want[0]));
	for (uint32_t i = 0; i < args.count; i++) {
		assert_int_equal(args.len[i], strlen(want[i]));
		assert_memory_equal(args.argv[i], want[i], args.len[i]);
	}
	/* A record that could not be built completely must not be sent. */
	rec.error = -12;
	args_add_record(&args, &rec, 1000);
	assert_int_equal(args.error, -12);
	record_free(&rec);
	args_start(&args, "X");
	for (int i = 0; i < 2000; i++)
		args_add_num(&args, i);
	assert_int_not_equal(args.error, 0);
	args_free(&args);
}

static void test_keys(void **state)
{
	char key[KEYS_MAX], aor[300];
	const char *a, *b;
	size_t len;

	assert_int_equal(keys_lease(key, 0x17), strlen("{p017}:lease"));
	assert_string_equal(key, "{p017}:lease");
	keys_call(key, 255, "p0ff-n01-1-0000001");
	assert_string_equal(key, "{p0ff}:call:p0ff-n01-1-0000001");
	keys_sdp(key, 1, "x", 'b');
	assert_string_equal(key, "{p001}:sdp:x-b");
	keys_binding(key, 1, "sip:al@x", "b7");
	assert_string_equal(key, "{p001}:reg:sip:al@x:b:b7");
	keys_regdue_member(key, "sip:al@x", "b7");
	assert_string_equal(key, "sip:al@x b7");
	assert_int_equal(keys_regdue_split(key, &a, &b), 0);
	assert_string_equal(a, "sip:al@x");
	assert_string_equal(b, "b7");
	strcpy(key, "nospace");
	assert_int_not_equal(keys_regdue_split(key, &a, &b), 0);
	strcpy(key, " b");
	assert_int_not_equal(keys_regdue_split(key, &a, &b), 0);
	memset(aor, 'a', sizeof(aor));
	aor[255] = 0;
	assert_int_equal(keys_check_name(aor, KEYS_AOR_MAX), 0);
	len = keys_binding(key, 1, aor, "b7");
	assert_int_equal(len, strlen(key));
	aor[255] = 'a';
	aor[256] = 0;
	assert_int_not_equal(keys_check_name(aor, KEYS_AOR_MAX), 0);
	assert_int_not_equal(keys_check_name("a\nb", KEYS_AOR_MAX), 0);
	assert_int_not_equal(keys_check_name("a:b:c", KEYS_AOR_MAX), 0);
	assert_int_not_equal(keys_check_name("", KEYS_AOR_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_get),
		cmocka_unit_test(test_read_times),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
