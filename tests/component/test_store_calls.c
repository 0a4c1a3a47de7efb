/* SPDX-License-Identifier: BSD-3-Clause */
/* The store with a healthy Redis: what is written, and when the owner is told. */
#include "controlplane/store/keys.h"
#include "shared/clock.h"
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

static void test_write(void **state)
{
	struct owner_call *call = owner_new(&owner, "setup");
	char part[IDS_PART_STRLEN];

	assert_non_null(call);
	assert_int_equal(call->last, -1);
	scene_settle();
	assert_int_equal(call->results[STORE_OK], 1);
	assert_string_equal(owner_field(&server, call, "st"), "setup");
	assert_string_equal(owner_field(&server, call, "owner"), "n01");
	strcpy(call->st, "active");
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
	scene_settle();
	assert_int_equal(call->results[STORE_OK], 2);
	assert_string_equal(owner_field(&server, call, "st"), "active");
	assert_string_equal(owner_field(&server, call, "ver"), "2");
	ids_part_format(call->store.partition, part);
	assert_memory_equal(call->store.id, part, 4);
	assert_string_equal(redis_text(&server, "HGET {%s}:med:%s a.peer", part, call->store.id),
		"198.51.100.5:20000");
}

/* As the brief of a carrier: 1,000 calls are spread evenly. */
static void test_spread(void **state)
{
	for (int i = 0; i < 1000; i++)
		assert_non_null(owner_new(&owner, "active"));
	scene_settle();
	for (int p = 0; p < IDS_PARTITIONS; p++) {
		char part[IDS_PART_STRLEN];

		assert_in_range(
			redis_number(&server, "ZCARD {%s}:due", ids_part_format((uint16_t)p, part)),
			3, 4);
	}
}

static void test_coalesce(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");

	scene_settle();
	owner.records = 0;
	for (int i = 1; i <= 50; i++) {
		call->number = i;
		store_call_commit(owner.store, &call->store, 1, owner_told, call);
	}
	scene_settle();
	assert_int_equal(owner.records, 1);
	assert_int_equal(call->results[STORE_OK], 51);
	assert_string_equal(owner_field(&server, call, "n"), "50");
	assert_string_equal(owner_field(&server, call, "ver"), "2");
}

static void commit_again(void *arg, enum store_result result)
{
	struct owner_call *call = arg;

	owner_told(arg, result);
	if (call->number < 5) {
		call->number++;
		store_call_commit(owner.store, &call->store, 1, commit_again, call);
	}
}

/* A commit from inside the answer to the one before. */
static void test_nested(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");

	store_call_commit(owner.store, &call->store, 1, commit_again, call);
	scene_settle();
	assert_string_equal(owner_field(&server, call, "n"), "5");
}

static void free_it(void *arg, enum store_result result)
{
	struct owner_call *call = arg;

	call->results[result]++;
	owner_done(&owner, call, "normal");
	memset(&call->store, 0x5a, sizeof(call->store));
}

/* The call ends in the first answer: those who wait behind it must not be told. */
static void test_done_inside(void **state)
{
	struct owner_call *call = owner_new(&owner, "active"), *other = &owner.calls[1];
	char id[IDS_CALL_STRLEN];

	strcpy(id, call->store.id);
	scene_settle();
	store_call_commit(owner.store, &call->store, 1, free_it, call);
	store_call_commit(owner.store, &call->store, 1, owner_told, other);
	scene_settle();
	assert_int_equal(call->results[STORE_OK], 2);
	assert_int_equal(other->results[STORE_OK], 0);
	assert_string_equal(redis_text(&server, "HGET {%.4s}:call:%s why", id, id), "normal");
}

/* A whole life in one turn of the loop. */
static void test_life_at_once(void **state)
{
	struct owner_call *call = owner_new(&owner, "setup");
	char id[IDS_CALL_STRLEN];

	strcpy(id, call->store.id);
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
	store_call_end(owner.store, &call->store, 1, STORE_NO_EXPIRY, false, owner_told, call);
	owner_done(&owner, call, "normal");
	scene_settle();
	assert_int_equal(call->last, -1);
	assert_string_equal(redis_text(&server, "HGET {%.4s}:call:%s st", id, id), "ended");
	assert_int_equal(redis_number(&server, "XLEN {%.4s}:cdr", id), 1);
}

static void test_end(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");

	scene_settle();
	call->number = 7;
	store_call_end(owner.store, &call->store, 1, 1000, true, owner_told, call);
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
	scene_settle();
	/* Not due, but what was to be committed is. */
	assert_int_equal(call->results[STORE_NOT_DUE], 1);
	assert_int_equal(call->results[STORE_OK], 2);
	assert_string_equal(owner_field(&server, call, "st"), "active");
	assert_string_equal(owner_field(&server, call, "n"), "7");
	call->exp_ms = clock_boot_ms() + 500;
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
	scene_settle();
	strcpy(call->st, "ending");
	store_call_end(owner.store, &call->store, 1, 1000, true, owner_told, call);
	scene_settle();
	assert_int_equal(call->results[STORE_OK], 4);
	assert_string_equal(owner_field(&server, call, "st"), "ending");
}

static void fact(const struct owner_call *call, const char *st)
{
	char part[IDS_PART_STRLEN];
	const char *id = call->store.id;

	ids_part_format(call->store.partition, part);
	redis_text(&server,
		"FCALL c_fact 6 {%s}:lease {%s}:call:%s {%s}:due {%s}:sdp:%s-a {%s}:sdp:%s-b "
		"{%s}:med:%s bye-b %s =st %s =why bye",
		part, part, id, part, part, id, part, id, part, id, id, st);
}

static bool told_fact(struct owner *o)
{
	return o->facts > 0;
}

static void test_fact(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");

	scene_settle();
	/* A fact that ends nothing: the owner is told, then its own write goes on top. */
	fact(call, "active");
	call->number = 9;
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
	scene_settle();
	assert_int_equal(owner.facts, 1);
	assert_int_equal(call->results[STORE_OK], 2);
	assert_string_equal(owner_field(&server, call, "n"), "9");
	/* One that does. */
	owner.facts = 0;
	assert_true(owner_until(&owner, owner_is_clean));
	redis_text(&server, "HSET {%.4s}:call:%s last_op x", call->store.id, call->store.id);
	fact(call, "ending");
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
	assert_true(owner_until(&owner, told_fact));
	assert_string_equal(call->st, "ending");
	owner_done(&owner, call, "normal");
	scene_settle();
}

static void test_ended_elsewhere(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");

	scene_settle();
	redis_text(&server, "HSET {%.4s}:call:%s st ended", call->store.id, call->store.id);
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
	assert_true(owner_until(&owner, told_fact));
	assert_int_equal(call->results[STORE_ENDED], 1);
	/* Later writes are told at once. */
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
	scene_settle();
	assert_int_equal(call->results[STORE_ENDED], 2);
	store_call_forget(owner.store, &call->store);
}

/* An operator deleted the key: the next write brings all of it back. */
static void test_deleted(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");

	scene_settle();
	redis_text(&server, "DEL {%.4s}:call:%s", call->store.id, call->store.id);
	call->number = 3;
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
	scene_settle();
	assert_int_equal(call->results[STORE_OK], 2);
	assert_string_equal(owner_field(&server, call, "n"), "3");
}

static void test_memory(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");
	long long bytes;

	call->wide = true;
	scene_settle();
	assert_in_range(
		redis_number(&server, "HLEN {%.4s}:call:%s", call->store.id, call->store.id), 60,
		64);
	bytes = redis_number(
			&server, "MEMORY USAGE {%.4s}:call:%s", call->store.id, call->store.id) +
		redis_number(&server, "MEMORY USAGE {%.4s}:due", call->store.id) +
		redis_number(&server, "MEMORY USAGE {%.4s}:med:%s", call->store.id, call->store.id);
	print_message("a call of 62 fields takes %lld bytes\n", bytes);
	assert_in_range(bytes, 1000, 2000);
	assert_string_equal(redis_text(&server, "OBJECT ENCODING {%.4s}:call:%s", call->store.id,
				    call->store.id),
		"listpack");
}

#define AOR  "sip:al@example.net"
#define AORK "{%s}:reg:" AOR

static void test_bindings(void **state)
{
	struct record *rec = store_scratch(owner.store);
	char part[IDS_PART_STRLEN];

	ids_part_format(keys_aor_partition(AOR), part);
	record_put(rec, "contact", "sip:al@10.0.0.1");
	assert_int_equal(
		store_binding_set(owner.store, AOR, "b1", rec, clock_boot_ms() + 60000), 0);
	record_reset(rec);
	record_put(rec, "contact", "sip:al@10.0.0.2");
	assert_int_equal(
		store_binding_set(owner.store, AOR, "b1", rec, clock_boot_ms() + 60000), 0);
	assert_int_equal(
		store_binding_set(owner.store, AOR, "b2", rec, clock_boot_ms() + 60000), 0);
	assert_int_equal(
		store_binding_set(owner.store, AOR, "b3", rec, clock_boot_ms() + 60000), 0);
	assert_int_equal(store_binding_del(owner.store, AOR, "b3"), 0);
	assert_true(owner_until(&owner, owner_is_idle));
	assert_string_equal(
		redis_text(&server, "HGET " AORK ":b:b1 contact", part), "sip:al@10.0.0.2");
	assert_int_equal(redis_number(&server, "SCARD " AORK, part), 2);
	assert_int_equal(redis_number(&server, "ZCARD {%s}:regdue", part), 2);
	/* Newer values while one is under way. */
	owner_run(&owner, 10);
	store_binding_set(owner.store, AOR, "b1", rec, clock_boot_ms() + 60000);
	uv_run(&owner.loop, UV_RUN_ONCE);
	store_binding_del(owner.store, AOR, "b1");
	assert_true(owner_until(&owner, owner_is_idle));
	assert_int_equal(redis_number(&server, "EXISTS " AORK ":b:b1", part), 0);
	assert_int_equal(store_binding_set(owner.store, "a:b:c", "b1", rec, 1), -EINVAL);
	assert_int_equal(store_binding_set(owner.store, "a b", "b1", rec, 1), -EINVAL);
	assert_int_equal(store_binding_del(owner.store, "", "b1"), -EINVAL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scene_start, scene_end)
	const struct CMUnitTest tests[] = {T(test_write), T(test_spread), T(test_coalesce),
		T(test_nested), T(test_done_inside), T(test_life_at_once), T(test_end),
		T(test_fact), T(test_ended_elsewhere), T(test_deleted), T(test_memory),
		T(test_bindings)};

	return cmocka_run_group_tests(tests, scene_server_start, scene_server_end);
}
