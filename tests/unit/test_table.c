/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ctl/cell.h"
#include "controlplane/ctl/list.h"
#include "controlplane/ctl/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void shows(const char *name, const char *json, const char *expected)
{
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	char *text;

	assert_non_null(value);
	text = cell_text(name, value);
	assert_string_equal(text, expected);
	free(text);
	json_decref(value);
}

static void cells(void **state)
{
	char *text;

	shows("from", "\"bob\"", "bob");
	shows("from", "\"\"", "-");
	shows("from", "null", "-");
	shows("timer", "true", "yes");
	shows("timer", "false", "no");
	shows("count", "42", "42");
	shows("count", "-7", "-7");
	shows("load", "0.25", "0.250");
	shows("list", "[1,\"a\",true]", "1,a,yes");
	shows("list", "[]", "-");
	shows("deep", "[{\"a\":1}]", "{\"a\":1}");
	text = cell_text("gone", NULL);
	assert_string_equal(text, "-");
	free(text);
}

static void wire_text_cannot_drive_the_terminal(void **state)
{
	shows("from", "\"\\u001b[2J\\nx\"", "\\x1b[2J\\x0ax");
	shows("from", "\"a\\\\b\"", "a\\x5cb");
	shows("from", "\"\\u00fc\"", "\\xc3\\xbc");
	shows("list", "[\"\\u0007\"]", "\\x07");
	shows("deep", "[{\"a\":\"\\u001b\\u00fc\"}]", "{\"a\":\"\\u001B\\u00FC\"}");
}

static void durations(void **state)
{
	shows("age_s", "0", "0s");
	shows("age_s", "59", "59s");
	shows("a.rtp_s", "60", "1m00s");
	shows("age_s", "3599", "59m59s");
	shows("age_s", "3600", "1h00m00s");
	shows("age_s", "86399", "23h59m59s");
	shows("age_s", "90061", "1d01h01m");
	shows("age_s", "-5", "-5s");
	shows("age_s", "null", "-");
	shows("connected", "12.5", "12.5s");
	shows("proven", "75.999", "1m15s");
	shows("workers", "90061", "90061");
}

static void times(void **state)
{
	setenv("TZ", "UTC", 1);
	tzset();
	shows("t2", "1700000000123", "2023-11-14 22:13:20");
	shows("a_rtp", "0", "-");
	shows("relayed_rtp", "0", "0");
	shows("dataplane.watched_rtp", "5000", "5000");
	shows("a.answered_at", "1700000000000", "2023-11-14 22:13:20");
	shows("t3", "1700000000123", "1700000000123");
	/* Beyond any calendar, and beyond any integer. */
	shows("t0", "9223372036854775807", "287396-10-12 08:59:00");
	shows("t0", "1e300", "287396-10-12 08:59:00");
	shows("age_s", "-1e300", "-9007199254740992s");
}

static void typed_durations(void **state)
{
	static const char *const bad[] = {
		"", "s", "1x", "-1", "1.5h", "h1", "1hh", "9999999999", "999999999d"};
	uint32_t s;

	assert_int_equal(cell_parse_duration("30", &s), 0);
	assert_int_equal(s, 30);
	assert_int_equal(cell_parse_duration("30s", &s), 0);
	assert_int_equal(s, 30);
	assert_int_equal(cell_parse_duration("5m", &s), 0);
	assert_int_equal(s, 300);
	assert_int_equal(cell_parse_duration("1h", &s), 0);
	assert_int_equal(s, 3600);
	assert_int_equal(cell_parse_duration("2d", &s), 0);
	assert_int_equal(s, 172800);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cell_parse_duration(bad[i], &s), -EINVAL);
}

static void prints(const char *json, const char *const *columns, bool only, const char *expected)
{
	json_t *value = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct table table = {0};
	int rc;

	assert_non_null(value);
	rc = json_is_array(value) ? table_block(out, &table, value, columns, only)
				  : table_object(out, value);
	table_close(&table);
	fclose(out);
	assert_int_equal(rc, 0);
	assert_string_equal(text, expected);
	free(text);
	json_decref(value);
}

static void columns_are_ordered_and_aligned(void **state)
{
	static const char *const columns[] = {"id", "missing", "age_s", NULL};
	static const char rows[] = "[{\"new\":\"x\",\"id\":\"p001\",\"age_s\":5},"
				   "{\"id\":\"p0ff-long\",\"age_s\":3600}]";

	prints(rows, columns, false,
		"ID              AGE  NEW\n"
		"p001             5s  x\n"
		"p0ff-long  1h00m00s  -\n");
	prints(rows, columns, true,
		"ID              AGE\n"
		"p001             5s\n"
		"p0ff-long  1h00m00s\n");
	prints("[{\"b\":1,\"a\":2}]", NULL, false, "B  A\n1  2\n");
}

static void inner_objects_become_columns(void **state)
{
	static const char *const columns[] = {"id", "b.rtp_s", NULL};

	prints("[{\"id\":\"x\",\"a\":{\"rtp_s\":1,\"sip\":{\"up\":true}},\"b\":{\"rtp_s\":2}}]",
		columns, false,
		"ID  B.RTP  A.RTP  A.SIP.UP\n"
		"x      2s     1s  yes\n");
}

static void objects(void **state)
{
	prints("{\"id\":\"x\",\"a\":{\"peer\":\"1.2.3.4:5\",\"timer\":true},\"age_s\":61,"
	       "\"workers\":[{\"id\":0,\"rx\":10},{\"id\":1,\"rx\":7}],\"empty\":[]}",
		NULL, false,
		"id     x\n"
		"age_s  1m01s\n"
		"empty  -\n"
		"a\n"
		"  peer   1.2.3.4:5\n"
		"  timer  yes\n"
		"workers\n"
		"  ID  RX\n"
		"   0  10\n"
		"   1   7\n");
	prints("{}", NULL, false, "");
}

/* A long list comes in parts: the titles stand once, until a part has a column more. */
static void list_in_parts(void **state)
{
	static const char *const columns[] = {"id", "why", NULL};
	static const char *const parts[] = {
		"{\"calls\":[{\"id\":\"long-one\",\"n\":1},{\"id\":\"b\",\"n\":2}]}",
		"{\"calls\":[]}",
		"{\"calls\":[{\"id\":\"c\",\"n\":3}]}",
		"{\"calls\":[{\"id\":\"d\",\"why\":\"bye\",\"n\":4}]}",
		"{}",
	};
	static const char *const expected[2] = {
		"{\"calls\":[{\"id\":\"long-one\",\"n\":1},{\"id\":\"b\",\"n\":2},"
		"{\"id\":\"c\",\"n\":3},{\"id\":\"d\",\"why\":\"bye\",\"n\":4}]}\n",
		"ID        WHY  N\nlong-one  -    1\nb         -    2\n"
		"c         -    3\nd         bye  4\n",
	};

	for (int json = 0; json < 2; json++) {
		char *text = NULL;
		size_t len;
		struct list list = {
			.out = open_memstream(&text, &len),
			.key = "calls",
			.columns = columns,
			.json = json,
		};

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			json_t *part = json_loads(parts[i], 0, NULL);

			list_part(&list, part);
			json_decref(part);
		}
		assert_int_equal(list.rows, 4);
		assert_int_equal(list_end(&list, true), 0);
		fclose(list.out);
		assert_string_equal(text, expected[!json]);
		free(text);
	}
}

static void table_in_blocks(void **state)
{
	static const char *const columns[] = {"id", "why", NULL};
	static const char *const blocks[] = {
		"[{\"id\":\"long-one\",\"n\":1}]",
		"[{\"id\":\"c\",\"n\":30000}]",
		"[{\"id\":\"d\",\"why\":\"bye\",\"n\":4}]",
		"[{\"id\":\"e\",\"n\":5}]",
	};
	struct table table = {0};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		json_t *rows = json_loads(blocks[i], 0, NULL);

		assert_int_equal(table_block(out, &table, rows, columns, false), 0);
		json_decref(rows);
	}
	table_close(&table);
	fclose(out);
	assert_string_equal(text,
		"ID        N\nlong-one  1\n"
		"c         30000\n"
		"ID        WHY      N\nd         bye      4\n"
		"e         -        5\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells),
		cmocka_unit_test(wire_text_cannot_drive_the_terminal),
		cmocka_unit_test(durations),
		cmocka_unit_test(times),
		cmocka_unit_test(typed_durations),
		cmocka_unit_test(columns_are_ordered_and_aligned),
		cmocka_unit_test(inner_objects_become_columns),
		cmocka_unit_test(objects),
		cmocka_unit_test(table_in_blocks),
		cmocka_unit_test(list_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
