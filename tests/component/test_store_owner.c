/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may write: incarnations, leases, schema, Redis users. */
#include "tests/component/store_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_close_gives(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");

	call->number = 1;
	owner_close(&owner);
	/* What was pending has been written, and nobody has to wait for the leases. */
	assert_string_equal(redis_text(&server, "HGET {p000}:lease tok"), "");
	assert_string_equal(redis_text(&server, "HGET {p0ff}:lease tok"), "");
	assert_int_equal(redis_number(&server, "ZCARD {p000}:due"), 1);
	assert_string_equal(redis_text(&server, "HGET {cfg}:node:n01 state"), "down");
}

static void test_join(void **state)
{
	assert_int_equal(store_incarnation(owner.store), 1);
	assert_string_equal(redis_text(&server, "GET {cfg}:ver"), "1");
	assert_string_equal(redis_text(&server, "HGET {cfg}:conf partitions"), "256");
	owner_close(&owner);
	owner_start(&owner);
	assert_int_equal(store_incarnation(owner.store), 2);
}

static void test_fenced(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");

	scene_settle();
	redis_text(&server, "HSET {%.4s}:lease tok n02/1/1 node n02", call->store.id);
	call->number = 5;
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
	assert_true(owner_until(&owner, owner_is_fatal));
	assert_memory_equal(owner.why, "FENCED", 6);
	owner_run(&owner, 700);
	assert_int_equal(call->results[STORE_OK], 1);
	assert_int_equal(call->results[STORE_JOURNALLED], 0);
	assert_false(store_accepts_new(owner.store));
	assert_string_equal(owner_field(&server, call, "n"), "0");
}

static void test_schema(void **state)
{
	owner_close(&owner);
	redis_text(&server, "SET {cfg}:ver 7");
	owner_open(&owner);
	assert_true(owner_until(&owner, owner_is_fatal));
	assert_non_null(strstr(owner.why, "schema 7"));
	assert_int_equal(owner.ready, 0);
}

static void test_held(void **state)
{
	owner_close(&owner);
	/* A living node: it moves. */
	redis_text(&server, "HSET {p017}:lease node n02 tok n02/1/5 rn 1");
	owner.conf.take_ms = 5000;
	owner_open(&owner);
	for (int i = 2; i < 9; i++) {
		owner_run(&owner, 1000);
		redis_text(&server, "HSET {p017}:lease rn %d", i);
	}
	assert_int_equal(owner.ready, 0);
	assert_string_equal(redis_text(&server, "HGET {p017}:lease tok"), "n02/1/5");
	/* It dies. */
	assert_true(owner_until(&owner, owner_is_ready));
	assert_memory_equal(redis_text(&server, "HGET {p017}:lease tok"), "n01/", 4);
}

/* The users as shared/redis.md describes them: the node can work, the operator can only look. */
static void users_as_documented(void)
{
	char path[512], line[1024];
	FILE *f;
	int users = 0;

	snprintf(path, sizeof(path), "%s/shared/redis.md", getenv("LW_SOURCE"));
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (memcmp(line, "user ", 5) != 0)
			continue;
		line[strcspn(line, "\n")] = 0;
		assert_string_equal(redis_text(&server, "ACL SETUSER %s", line + 5), "OK");
		users++;
	}
	fclose(f);
	assert_int_equal(users, 2);
}

static bool has_shipped(struct owner *o)
{
	struct store_stats stats;

	store_stats_read(o->store, &stats);
	return stats.cdrs == 1 && stats.in_flight == 0;
}

static void test_users(void **state)
{
	struct owner_call *call;
	char id[IDS_CALL_STRLEN];

	if (!getenv("LW_SOURCE"))
		skip();
	owner_close(&owner);
	redis_text(&server, "FUNCTION DELETE linewatch");
	users_as_documented();
	owner.conf.user = "linewatch";
	owner.conf.password = "wrong";
	owner_open(&owner);
	owner_run(&owner, 300);
	assert_int_equal(owner.ready, 0);
	owner_close(&owner);
	owner.conf.password = "SECRET";
	owner.conf.cdr_file = "/dev/null";
	owner_start(&owner);
	call = owner_new(&owner, "active");
	strcpy(id, call->store.id);
	scene_settle();
	store_call_commit(owner.store, &call->store, STORE_ALL, owner_told, call);
	scene_settle();
	store_call_end(owner.store, &call->store, 1, STORE_NO_EXPIRY, true, owner_told, call);
	scene_settle();
	assert_int_equal(call->results[STORE_OK], 3);
	owner_done(&owner, call, "normal");
	scene_settle();
	assert_true(owner_until(&owner, has_shipped));
	assert_string_equal(redis_text(&server, "AUTH operator SECRET2"), "OK");
	assert_string_equal(redis_text(&server, "HGET {%.4s}:call:%s st", id, id), "ended");
	assert_memory_equal(redis_text(&server, "HSET {%.4s}:call:%s st x", id, id), "NOPERM", 6);
	assert_memory_equal(redis_text(&server, "HGETALL {%.4s}:sec:%s", id, id), "NOPERM", 6);
	assert_memory_equal(redis_text(&server, "KEYS *"), "NOPERM", 6);
	assert_memory_equal(redis_text(&server, "FCALL p_give 1 {%.4s}:lease x", id), "NOPERM", 6);
	assert_string_equal(redis_text(&server, "AUTH default x"), "OK");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scene_start, scene_end)
	const struct CMUnitTest tests[] = {T(test_close_gives), T(test_join), T(test_fenced),
		T(test_schema), T(test_held), T(test_users)};

	return cmocka_run_group_tests(tests, scene_server_start, scene_server_end);
}
