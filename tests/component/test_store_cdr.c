/* SPDX-License-Identifier: BSD-3-Clause */
/* CDRs on their way from the call to the file. */
#include "controlplane/store/internal.h"
#include "shared/clock.h"
#include "tests/component/store_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[32], path[64];

static bool is_number(const char *name)
{
	return strcmp(name, "t0") == 0 || strcmp(name, "a_rtp") == 0 || strcmp(name, "from") == 0;
}

static int setup(void **state)
{
	strcpy(dir, "/tmp/lw-cdr-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/cdr.jsonl", dir);
	scene_make(state);
	owner.conf.cdr_file = path;
	owner.conf.cdr_is_number = is_number;
	return 0;
}

static int teardown(void **state)
{
	char line[64];

	scene_end(state);
	snprintf(line, sizeof(line), "rm -rf %s", dir);
	return system(line);
}

static const char *content(void)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = 0;
	if (f)
		fclose(f);
	return text;
}

static int lines(void)
{
	int n = 0;

	for (const char *at = content(); (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

static bool all_shipped(struct owner *o)
{
	struct store_stats s;

	store_stats_read(o->store, &s);
	return s.up && s.journal == 0 && s.cdr_waiting == 0 && shipper_idle(&o->store->shipper);
}

/* The file has the lines, and Redis knows. */
static void ship(void)
{
	assert_true(owner_until(&owner, all_shipped));
}

static void end_one(char id[static IDS_CALL_STRLEN])
{
	struct owner_call *call = owner_new(&owner, "active");

	strcpy(id, call->store.id);
	owner_done(&owner, call, "normal");
}

static int pending(const char *id)
{
	redisReply *reply = redis_do(&server, "XPENDING {%.4s}:cdr bill", id);
	int n = reply->type == REDIS_REPLY_ARRAY ? (int)reply->element[0]->integer : -1;

	freeReplyObject(reply);
	return n;
}

static void test_line(void **state)
{
	char id[IDS_CALL_STRLEN], want[400];
	struct record *cdr;
	struct owner_call *call;

	owner_start(&owner);
	call = owner_new(&owner, "active");
	strcpy(id, call->store.id);
	cdr = store_scratch(owner.store);
	record_put(cdr, "from", "\"Al\xff\" <sip:al>\n");
	record_put(cdr, "to", "sip:b\xc3\xbc");
	record_put(cdr, "trunk", "");
	record_put_num(cdr, "t0", 1700000000123);
	record_put(cdr, "a_rtp", "12.5");
	record_put(cdr, "t1", "77");
	store_call_done(owner.store, &call->store, cdr);
	ship();
	snprintf(want, sizeof(want),
		"{\"id\":\"%s\",\"from\":\"\\\"Al\\\\xff\\\" "
		"<sip:al>\\\\x0a\",\"to\":\"sip:b\xc3\xbc\","
		"\"trunk\":\"\",\"t0\":1700000000123,\"a_rtp\":12.5,\"t1\":\"77\"}\n",
		id);
	assert_string_equal(content(), want);
	assert_int_equal(pending(id), 0);
}

static void test_many(void **state)
{
	char id[IDS_CALL_STRLEN];
	char want[80];

	owner_start(&owner);
	for (int i = 0; i < 600; i++)
		end_one(id);
	ship();
	assert_int_equal(lines(), 600);
	snprintf(want, sizeof(want), "{\"id\":\"%s\",", id);
	assert_non_null(strstr(content(), want));
	/* What is safe in the file stays in the stream for a while. */
	assert_int_equal(redis_number(&server, "XLEN {%.4s}:cdr", id), 3);
}

static void test_trim(void **state)
{
	char id[IDS_CALL_STRLEN];

	owner.conf.cdr_keep = 3;
	owner_start(&owner);
	for (int i = 0; i < 256 * 7; i++) {
		end_one(id);
		owner.count = 0;
	}
	ship();
	assert_int_equal(lines(), 256 * 7);
	assert_int_equal(redis_number(&server, "XLEN {p000}:cdr"), 3);
	assert_int_equal(redis_number(&server, "XLEN {p0ff}:cdr"), 3);
}

static const char *given[2];

static bool are_taken(struct owner *o)
{
	return lines() >= 2 && pending(given[0]) == 0 && pending(given[1]) == 0;
}

/* A crash between the line and its XACK: the entry is given to us again. */
static void test_before_ack(void **state)
{
	char id[IDS_CALL_STRLEN], other[IDS_CALL_STRLEN];

	owner.conf.cdr_file = NULL;
	owner_start(&owner);
	end_one(id);
	end_one(other);
	assert_true(owner_until(&owner, owner_is_clean));
	owner_close(&owner);
	/* Both were read by the process before, one of them by a node that has gone. */
	redis_text(&server, "XGROUP CREATE {%.4s}:cdr bill 0", id);
	redis_text(&server, "XREADGROUP GROUP bill n01 COUNT 9 STREAMS {%.4s}:cdr >", id);
	redis_text(&server, "XGROUP CREATE {%.4s}:cdr bill 0", other);
	redis_text(&server, "XREADGROUP GROUP bill n07 COUNT 9 STREAMS {%.4s}:cdr >", other);
	{
		redisReply *reply = redis_do(&server, "XRANGE {%.4s}:cdr - +", other);

		redis_text(&server, "XCLAIM {%.4s}:cdr bill n07 0 %s IDLE 70000", other,
			reply->element[0]->element[0]->str);
		freeReplyObject(reply);
	}
	assert_int_equal(pending(id), 1);
	owner.conf.cdr_file = path;
	owner_start(&owner);
	given[0] = id;
	given[1] = other;
	assert_true(owner_until(&owner, are_taken));
	assert_int_equal(lines(), 2);
	assert_non_null(strstr(content(), id));
	assert_non_null(strstr(content(), other));
	assert_int_equal(pending(id), 0);
	assert_int_equal(pending(other), 0);
}

static void test_rotation(void **state)
{
	char id[IDS_CALL_STRLEN], line[160];
	FILE *f;
	int count = 0;

	owner.conf.cdr_file_bytes = 2000;
	owner_start(&owner);
	for (int i = 0; i < 40; i++) {
		end_one(id);
		ship();
	}
	snprintf(line, sizeof(line), "cat %s.*Z* %s | wc -l", path, path);
	f = popen(line, "r");
	assert_int_equal(fscanf(f, "%d", &count), 1);
	pclose(f);
	assert_int_equal(count, 40);
	assert_in_range(strlen(content()), 1, 2000);
	snprintf(line, sizeof(line), "ls %s.*Z* | wc -l", path);
	f = popen(line, "r");
	assert_int_equal(fscanf(f, "%d", &count), 1);
	pclose(f);
	assert_in_range(count, 2, 6);
}

/* logrotate and the like. */
static void test_moved_away(void **state)
{
	char id[IDS_CALL_STRLEN], old[80];

	owner_start(&owner);
	end_one(id);
	ship();
	snprintf(old, sizeof(old), "%s.old", path);
	assert_int_equal(rename(path, old), 0);
	end_one(id);
	ship();
	assert_int_equal(lines(), 1);
	assert_non_null(strstr(content(), id));
}

static bool waits_for_file(struct owner *o)
{
	struct store_stats s;

	store_stats_read(o->store, &s);
	return s.journal == 0 && s.cdr_waiting == 3;
}

/* The folder is missing: nothing is lost, and nothing is written twice. */
static void test_file_error(void **state)
{
	char id[IDS_CALL_STRLEN];

	assert_int_equal(rmdir(dir), 0);
	owner_start(&owner);
	for (int i = 0; i < 3; i++)
		end_one(id);
	assert_true(owner_until(&owner, waits_for_file));
	owner_run(&owner, 1200);
	assert_int_equal(lines(), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	ship();
	assert_int_equal(lines(), 3);
	assert_int_equal(pending(id), 0);
}

/* Redis dies after it has the CDRs and before they are in the file, and loses its data. */
static void test_lost_before_file(void **state)
{
	char id[IDS_CALL_STRLEN];

	assert_int_equal(rmdir(dir), 0);
	owner_start(&owner);
	for (int i = 0; i < 3; i++)
		end_one(id);
	assert_true(owner_until(&owner, waits_for_file));
	redis_server_kill(&server);
	assert_true(owner_until(&owner, owner_is_down));
	redis_server_start(&server);
	assert_true(owner_until(&owner, owner_is_clean));
	assert_int_equal(redis_number(&server, "XLEN {%.4s}:cdr", id), 1);
	assert_int_equal(mkdir(dir, 0700), 0);
	ship();
	owner_run(&owner, 500);
	/* At least once: the batch that waited, and perhaps the entries written again. */
	assert_in_range(lines(), 3, 6);
	assert_non_null(strstr(content(), id));
	assert_int_equal(pending(id), 0);
}

static void test_close_ships(void **state)
{
	char id[IDS_CALL_STRLEN];

	owner_start(&owner);
	for (int i = 0; i < 50; i++)
		end_one(id);
	owner_close(&owner);
	assert_int_equal(lines(), 50);
	assert_int_equal(pending(id), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_line), T(test_many), T(test_trim),
		T(test_before_ack), T(test_rotation), T(test_moved_away), T(test_file_error),
		T(test_lost_before_file), T(test_close_ships)};

	return cmocka_run_group_tests(tests, scene_server_start, scene_server_end);
}
