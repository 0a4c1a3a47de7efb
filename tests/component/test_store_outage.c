/* SPDX-License-Identifier: BSD-3-Clause */
/* The store while Redis is absent, slow, killed, emptied or rolled back. */
#include "controlplane/store/keys.h"
#include "shared/clock.h"
#include "tests/component/store_owner.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct redis_server server;
static struct owner owner;

static int setup(void **state)
{
	redis_server_make(&server, true, true, 0);
	owner_make(&owner, server.address, "n01");
	owner_start(&owner);
	return 0;
}

static int teardown(void **state)
{
	owner_free(&owner);
	redis_server_free(&server);
	return 0;
}

static void settle(void)
{
	assert_true(owner_until(&owner, owner_is_clean));
}

static void commit(struct owner_call *call, int number)
{
	call->number = number;
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
}

static void assert_number(const struct owner_call *call, const char *number)
{
	assert_string_equal(owner_field(&server, call, "n"), number);
}

static struct store_stats stats(void)
{
	struct store_stats s;

	store_stats_read(owner.store, &s);
	return s;
}

static void test_absent(void **state)
{
	struct ids_call id;

	owner_close(&owner);
	redis_server_kill(&server);
	owner_open(&owner);
	assert_true(owner_until(&owner, owner_has_error));
	assert_false(store_accepts_new(owner.store));
	assert_int_equal(store_next_id(owner.store, &id), -EAGAIN);
	assert_int_equal(owner.down, 0);
	redis_server_start(&server);
	assert_true(owner_until(&owner, owner_is_ready));
	assert_true(store_accepts_new(owner.store));
	assert_string_equal(stats().error, "");
}

/* The last four calls know that their writes are journalled. */
static bool all_told(struct owner *o)
{
	for (uint32_t i = o->count > 4 ? o->count - 4 : 0; i < o->count; i++) {
		if (o->calls[i].results[STORE_JOURNALLED] == 0)
			return false;
	}
	return true;
}

/* Everything that happens while Redis is dead gets there, and each CDR once. */
static void life_during_outage(bool data_lost)
{
	struct owner_call *kept = owner_new(&owner, "active"), *ended = owner_new(&owner, "active");
	struct owner_call *fresh, *brief;
	char gone[2][IDS_CALL_STRLEN];

	settle();
	redis_server_kill(&server);
	if (data_lost)
		redis_server_forget(&server);
	commit(kept, 4);
	commit(ended, 4);
	fresh = owner_new(&owner, "active");
	brief = owner_new(&owner, "active");
	assert_non_null(brief);
	assert_true(owner_until(&owner, all_told));
	assert_int_equal(owner.down, 1);
	strcpy(gone[0], ended->store.id);
	strcpy(gone[1], brief->store.id);
	owner_done(&owner, ended, "normal");
	owner_done(&owner, brief, "busy");
	commit(kept, 5);
	commit(kept, 6);
	owner_run(&owner, 300);
	assert_int_equal(stats().journal, 4);
	redis_server_start(&server);
	settle();
	assert_number(kept, "6");
	assert_string_equal(owner_field(&server, kept, "st"), "active");
	assert_string_equal(owner_field(&server, fresh, "st"), "active");
	for (int i = 0; i < 2; i++) {
		assert_string_equal(
			redis_text(&server, "HGET {%.4s}:call:%s st", gone[i], gone[i]), "ended");
		assert_int_equal(redis_number(&server, "XLEN {%.4s}:cdr", gone[i]), 1);
		assert_int_equal(redis_number(&server, "ZCARD {%.4s}:due", gone[i]), 0);
	}
	assert_int_equal(owner.up, 2);
	/* And goes on as usual. */
	commit(fresh, 9);
	settle();
	assert_number(fresh, "9");
}

static void test_killed(void **state)
{
	life_during_outage(false);
}

static void test_killed_and_emptied(void **state)
{
	struct owner_call *silent = owner_new(&owner, "active");

	/* One that has nothing to write must come back as well. */
	life_during_outage(true);
	assert_string_equal(owner_field(&server, silent, "st"), "active");
	assert_string_equal(redis_text(&server, "HGET {%.4s}:med:%s a.peer", silent->store.id,
				    silent->store.id),
		"198.51.100.5:20000");
	assert_in_range(stats().reasserted, 2, 10);
	assert_int_equal(owner.bindings, 1);
	assert_int_equal(owner.fatal, 0);
}

static void test_flushed(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");

	settle();
	redis_text(&server, "FLUSHALL");
	assert_true(owner_until(&owner, owner_is_down));
	assert_true(owner_until(&owner, owner_is_clean));
	assert_string_equal(owner_field(&server, call, "st"), "active");
	assert_int_equal(redis_number(&server, "HGET {cfg}:node:n01 inc"), 1);
}

/* A stall shorter than reply_ms: nothing is given up, the writes are late, that is all. */
static void test_stall(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");
	uint64_t start;

	settle();
	redis_server_stop(&server);
	start = clock_boot_ms();
	commit(call, 1);
	assert_true(owner_until(&owner, all_told));
	/* By the clock: Redis says nothing. */
	assert_true(clock_boot_ms() - start >= 450);
	for (int i = 2; i < 30; i++) {
		commit(call, i);
		owner_run(&owner, 100);
	}
	redis_server_continue(&server);
	settle();
	assert_number(call, "29");
	assert_int_equal(owner.down, 0);
	assert_int_equal(stats().reconnects, 0);
	assert_string_equal(owner_field(&server, call, "ver"), "3");
}

static bool is_kept_apart(struct owner *o)
{
	struct store_stats s;

	store_stats_read(o->store, &s);
	return s.reconnects >= 2;
}

/* A longer one: the connection is given up, and what Redis finds in the old one when it wakes is
 * refused, for the token is a new one. */
static void test_long_stall(void **state)
{
	struct owner_call *call, *gone;
	char id[IDS_CALL_STRLEN];

	owner_close(&owner);
	owner.conf.reply_ms = 700;
	owner_start(&owner);
	owner.down = 0;
	call = owner_new(&owner, "active");
	gone = owner_new(&owner, "active");
	settle();
	redis_server_stop(&server);
	for (int i = 0; i < 10; i++) {
		commit(call, i);
		owner_run(&owner, 20);
	}
	strcpy(id, gone->store.id);
	owner_done(&owner, gone, "normal");
	assert_true(owner_until(&owner, is_kept_apart));
	commit(call, 77);
	redis_server_continue(&server);
	settle();
	owner_run(&owner, 200);
	assert_number(call, "77");
	assert_int_equal(redis_number(&server, "XLEN {%.4s}:cdr", id), 1);
	assert_int_equal(owner.fatal, 0);
	assert_int_equal(owner.down, 1);
}

static void test_journal_bound(void **state)
{
	struct owner_call *call = NULL;
	struct ids_call id;

	owner_close(&owner);
	owner.conf.journal = 20;
	owner_start(&owner);
	call = owner_new(&owner, "active");
	settle();
	redis_server_kill(&server);
	assert_true(owner_until(&owner, owner_is_down));
	/* One call counts once, however often it changes. */
	for (int i = 0; i < 50; i++)
		commit(call, i);
	for (int i = 0; i < 19; i++)
		assert_non_null(owner_new(&owner, "active"));
	assert_false(store_accepts_new(owner.store));
	assert_int_equal(store_next_id(owner.store, &id), -EAGAIN);
	/* What ends in the meantime is never refused. */
	for (uint32_t i = 1; i < 20; i++)
		owner_done(&owner, &owner.calls[i], "normal");
	assert_int_equal(stats().journal, 20);
	redis_server_start(&server);
	settle();
	assert_true(store_accepts_new(owner.store));
	assert_number(call, "49");
	for (int p = 1; p < 20; p++) {
		char part[IDS_PART_STRLEN];

		assert_int_equal(
			redis_number(&server, "XLEN {%s}:cdr", ids_part_format((uint16_t)p, part)),
			1);
	}
}

static void copy_data(const char *from, const char *to)
{
	char line[300];

	snprintf(line, sizeof(line), "rm -rf %s/%s && cp -r %s/%s %s/%s", server.dir, to,
		server.dir, from, server.dir, to);
	assert_int_equal(system(line), 0);
}

/* Redis comes back with the data of some time ago (3.6). */
static void test_rollback(void **state)
{
	struct owner_call *live = owner_new(&owner, "active"), *dead = owner_new(&owner, "active");
	char id[IDS_CALL_STRLEN];

	settle();
	strcpy(id, dead->store.id);
	copy_data("appendonlydir", "before");
	owner_done(&owner, dead, "normal");
	commit(live, 8);
	settle();
	redis_server_kill(&server);
	copy_data("before", "appendonlydir");
	redis_server_start(&server);
	assert_true(owner_until(&owner, owner_is_down));
	assert_true(owner_until(&owner, owner_is_idle));
	/* The newer record is back, and the dead do not rise. */
	assert_number(live, "8");
	assert_string_equal(redis_text(&server, "HGET {%.4s}:call:%s st", id, id), "ended");
	assert_int_equal(redis_number(&server, "ZCARD {%.4s}:due", id), 0);
	assert_int_equal(redis_number(&server, "ZCARD {%.4s}:due", live->store.id), 1);
}

static void test_full(void **state)
{
	struct owner_call *call = owner_new(&owner, "active");

	settle();
	redis_text(&server, "CONFIG SET maxmemory 1");
	commit(call, 3);
	assert_true(owner_until(&owner, all_told));
	assert_true(owner_until(&owner, owner_has_error));
	assert_int_equal(call->results[STORE_JOURNALLED], 1);
	assert_number(call, "0");
	assert_non_null(strstr(stats().error, "OOM"));
	redis_text(&server, "CONFIG SET maxmemory 0");
	settle();
	assert_number(call, "3");
	assert_string_equal(stats().error, "");
	assert_int_equal(owner.down, 0);
}

static void test_bindings(void **state)
{
	struct record *rec = store_scratch(owner.store);
	char aor[64], part[IDS_PART_STRLEN];

	owner_close(&owner);
	owner.conf.journal = 5;
	owner_start(&owner);
	rec = store_scratch(owner.store);
	record_put(rec, "contact", "sip:x");
	store_binding_set(owner.store, "sip:old@x", "b", rec, clock_boot_ms() + 60000);
	assert_true(owner_until(&owner, owner_is_idle));
	redis_server_kill(&server);
	assert_true(owner_until(&owner, owner_is_down));
	store_binding_del(owner.store, "sip:old@x", "b");
	for (int i = 0; i < 8; i++) {
		snprintf(aor, sizeof(aor), "sip:u%d@x", i);
		assert_int_equal(
			store_binding_set(owner.store, aor, "b", rec, clock_boot_ms() + 60000), 0);
	}
	redis_server_start(&server);
	assert_true(owner_until(&owner, owner_is_idle));
	/* Those that found room are written, for the rest the owner is asked. */
	assert_int_equal(owner.bindings, 1);
	ids_part_format(keys_aor_partition("sip:u0@x"), part);
	assert_int_equal(redis_number(&server, "EXISTS {%s}:reg:sip:u0@x:b:b", part), 1);
	ids_part_format(keys_aor_partition("sip:u7@x"), part);
	assert_int_equal(redis_number(&server, "EXISTS {%s}:reg:sip:u7@x:b:b", part), 0);
	ids_part_format(keys_aor_partition("sip:old@x"), part);
	assert_int_equal(redis_number(&server, "EXISTS {%s}:reg:sip:old@x:b:b", part), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_absent), T(test_killed),
		T(test_killed_and_emptied), T(test_flushed), T(test_stall), T(test_long_stall),
		T(test_journal_bound), T(test_rollback), T(test_full), T(test_bindings)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
