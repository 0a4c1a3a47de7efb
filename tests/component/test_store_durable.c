/* SPDX-License-Identifier: BSD-3-Clause */
/* Hang-ups that replicas must hold (redis.min_acks), on a master with one replica. */
#include "tests/component/store_owner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct redis_server master, replica;
static struct owner owner;

static int setup(void **state)
{
	redis_server_make(&master, false, false, 0);
	redis_server_make(&replica, false, false, master.port);
	while (!strstr(redis_text(&replica, "INFO replication"), "link_status:up"))
		usleep(20000);
	owner_make(&owner, master.address, "n01");
	owner.conf.min_acks = 1;
	owner_start(&owner);
	return 0;
}

static int teardown(void **state)
{
	owner_free(&owner);
	redis_server_free(&replica);
	redis_server_free(&master);
	return 0;
}

static void end_call(struct owner_call *call)
{
	strcpy(call->st, "ending");
	store_call_end(owner.store, &call->store, 1, STORE_NO_EXPIRY, true, owner_told, call);
}

static void test_acknowledged(void **state)
{
	struct owner_call *calls[20];

	for (int i = 0; i < 20; i++)
		calls[i] = owner_new(&owner, "active");
	assert_true(owner_until(&owner, owner_is_clean));
	for (int i = 0; i < 20; i++)
		end_call(calls[i]);
	assert_true(owner_until(&owner, owner_is_clean));
	for (int i = 0; i < 20; i++) {
		assert_int_equal(calls[i]->results[STORE_OK], 2);
		/* At the moment of the answer the replica has it. */
		assert_string_equal(owner_field(&replica, calls[i], "st"), "ending");
	}
}

static const struct owner_call *watched;

static bool is_written_twice(struct owner *o)
{
	return watched->results[STORE_OK] == 2;
}

/* On the master. */
static bool is_ending(struct owner *o)
{
	return strcmp(owner_field(&master, watched, "st"), "ending") == 0;
}

static void test_replica_stands(void **state)
{
	struct owner_call *call = owner_new(&owner, "active"), *other = owner_new(&owner, "active");

	assert_true(owner_until(&owner, owner_is_clean));
	redis_server_stop(&replica);
	end_call(call);
	/* Other writes do not wait behind it. */
	other->number = 6;
	store_call_commit(owner.store, &other->store, 1, owner_told, other);
	watched = other;
	assert_true(owner_until(&owner, is_written_twice));
	watched = call;
	assert_true(owner_until(&owner, is_ending));
	owner_run(&owner, 1500);
	assert_int_equal(call->results[STORE_OK], 1);
	assert_int_equal(call->results[STORE_JOURNALLED], 0);
	redis_server_continue(&replica);
	assert_true(owner_until(&owner, owner_is_clean));
	assert_int_equal(call->results[STORE_OK], 2);
	assert_string_equal(owner_field(&replica, call, "st"), "ending");
}

/* The connection breaks between the decision and its acknowledgement: it is asked for again. */
static void test_broken(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");

	assert_true(owner_until(&owner, owner_is_clean));
	redis_server_stop(&replica);
	end_call(call);
	watched = call;
	assert_true(owner_until(&owner, is_ending));
	redis_text(&master, "CLIENT KILL TYPE normal SKIPME yes");
	assert_true(owner_until(&owner, owner_is_down));
	assert_true(owner_until(&owner, owner_is_up));
	owner_run(&owner, 600);
	assert_int_equal(call->results[STORE_OK], 1);
	redis_server_continue(&replica);
	assert_true(owner_until(&owner, owner_is_clean));
	assert_int_equal(call->results[STORE_OK], 2);
	assert_string_equal(owner_field(&replica, call, "st"), "ending");
}

static void test_not_a_master(void **state)
{
	struct store_stats stats;

	owner_close(&owner);
	owner.conf.address = replica.address;
	owner_open(&owner);
	assert_true(owner_until(&owner, owner_has_error));
	store_stats_read(owner.store, &stats);
	assert_string_equal(stats.error, "it is not a master");
	assert_int_equal(owner.ready, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_acknowledged), T(test_replica_stands), T(test_broken), T(test_not_a_master)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
