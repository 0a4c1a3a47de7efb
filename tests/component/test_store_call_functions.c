/* SPDX-License-Identifier: BSD-3-Clause */
/* The function library: calls. */
#include "tests/component/function_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static int seq(void)
{
	return (int)redis_number(&server, "HGET " LEASE " seq");
}

static void test_new(void **state)
{
	long long now;

	assert_string_equal(call("FCALL c_new " KEYS " %s 0 new-1 x =st setup =from al @next_ms "
				 "5000 @a.proof_sip -700 a v=0 Ma.peer 1.2.3.4:5",
				    token),
		"OK 1");
	now = redis_number(&server, "HGET {p017}:call:x next_ms") - 5000;
	assert_int_equal(redis_number(&server, "HGET {p017}:call:x a.proof_sip"), now - 700);
	assert_int_equal(redis_number(&server, "ZSCORE {p017}:due x"), now + 5000);
	assert_string_equal(redis_text(&server, "HGET {p017}:call:x from"), "al");
	assert_string_equal(redis_text(&server, "HGET {p017}:call:x owner"), "n01");
	assert_string_equal(redis_text(&server, "GET {p017}:sdp:x-a"), "v=0");
	assert_string_equal(redis_text(&server, "HGET {p017}:med:x a.peer"), "1.2.3.4:5");
	assert_int_equal(seq(), 2);
	/* Again, and another one of the same name. */
	assert_string_equal(call("FCALL c_new " KEYS " %s 0 new-1 x =st early", token), "DUP 1");
	assert_string_equal(call("FCALL c_new " KEYS " %s 0 other x =st early", token), "STALE 1");
	assert_string_equal(redis_text(&server, "HGET {p017}:call:x st"), "setup");
	assert_int_equal(seq(), 2);
}

static void make_call(const char *st)
{
	assert_string_equal(
		call("FCALL c_new " KEYS " %s 0 new-1 x =st %s =from al", token, st), "OK 1");
}

static void test_commit(void **state)
{
	make_call("early");
	assert_string_equal(
		call("FCALL c_commit " KEYS " %s 1 c-2 x =st active @next_ms 9000 -from  a sdp",
			token),
		"OK 2");
	assert_int_equal(redis_number(&server, "HEXISTS {p017}:call:x from"), 0);
	assert_string_equal(redis_text(&server, "HGET {p017}:call:x last_op"), "c-2");
	assert_string_equal(call("FCALL c_commit " KEYS " %s 1 c-2 x =st active", token), "DUP 2");
	assert_string_equal(
		call("FCALL c_commit " KEYS " %s 1 c-3 x =st active", token), "STALE 2");
	assert_string_equal(
		call("FCALL c_commit " KEYS " %s 3 c-3 x =st active", token), "STALE 2");
	/* States do not go back. */
	assert_string_equal(
		call("FCALL c_commit " KEYS " %s 2 c-3 x =st early", token), "STATE 2 active ");
	redis_text(&server, "DEL {p017}:call:x");
	assert_string_equal(call("FCALL c_commit " KEYS " %s 2 c-3 x =n 1", token), "STALE 0");
}

static long left_of(const char *margin)
{
	const char *text = call("FCALL c_end " KEYS " %s 2 e-3 x %s =why t", token, margin);

	assert_memory_equal(text, "NOTDUE 2 ", 9);
	return strtol(text + 9, NULL, 10);
}

static void test_end(void **state)
{
	make_call("active");
	assert_string_equal(
		call("FCALL c_commit " KEYS " %s 1 c-2 x @exp_ms 60000", token), "OK 2");
	/* What is left is told: all of it, or what the margin leaves. */
	assert_in_range(left_of("0"), 59000, 60000);
	assert_in_range(left_of("30000"), 29000, 30000);
	assert_string_equal(redis_text(&server, "HGET {p017}:call:x st"), "active");
	assert_int_equal(redis_number(&server, "HEXISTS {p017}:call:x why"), 0);
	assert_string_equal(call("FCALL c_end " KEYS " %s 1 e-3 x 70000 =why t", token), "STALE 2");
	assert_string_equal(call("FCALL c_end " KEYS " %s 2 e-3 x 70000 =why t", token), "OK 3");
	assert_string_equal(redis_text(&server, "HGET {p017}:call:x st"), "ending");
	assert_string_equal(call("FCALL c_end " KEYS " %s 2 e-3 x 0 =why t", token), "DUP 3");
	/* Nothing leads back, progress of the BYEs is still written. */
	assert_string_equal(
		call("FCALL c_commit " KEYS " %s 3 c-4 x =st active", token), "STATE 3 ending t");
	assert_string_equal(call("FCALL c_commit " KEYS " %s 3 c-4 x =a.bye sent", token), "OK 4");
}

static void test_end_any_time(void **state)
{
	make_call("active");
	assert_string_equal(
		call("FCALL c_commit " KEYS " %s 1 c-2 x @exp_ms 60000", token), "OK 2");
	assert_string_equal(call("FCALL c_end " KEYS " %s 2 e-3 x -1 =why media", token), "OK 3");
}

static void test_done(void **state)
{
	make_call("active");
	assert_string_equal(
		call("FCALL c_commit " KEYS " %s 1 c-2 x a sdp Ma.peer 1 @next_ms 1", token),
		"OK 2");
	assert_string_equal(
		call("FCALL c_done " KEYS7 " %s done x =id x =cause bye =from al =a_rtp 5 "
		     "-trunk %s",
			token, ""),
		"OK 3");
	assert_string_equal(redis_text(&server, "HGET {p017}:call:x st"), "ended");
	assert_string_equal(redis_text(&server, "HGET {p017}:call:x why"), "bye");
	assert_string_equal(redis_text(&server, "HGET {p017}:call:x a_rtp"), "5");
	assert_int_equal(redis_number(&server, "HEXISTS {p017}:call:x from"), 0);
	assert_int_equal(redis_number(&server, "EXISTS {p017}:sdp:x-a {p017}:med:x"), 0);
	assert_int_equal(redis_number(&server, "ZCARD {p017}:due"), 0);
	assert_in_range(redis_number(&server, "TTL {p017}:call:x"), 590, 600);
	assert_int_equal(redis_number(&server, "XLEN {p017}:cdr"), 1);
	/* One CDR, whatever comes after. */
	assert_string_equal(call("FCALL c_done " KEYS7 " %s done x =id x", token), "DUP 3");
	assert_int_equal(redis_number(&server, "XLEN {p017}:cdr"), 1);
	assert_string_equal(
		call("FCALL c_commit " KEYS " %s 3 c x =st active", token), "STATE 3 ended bye");
	assert_string_equal(
		call("FCALL c_reassert " KEYS " %s 9 c x =st active", token), "STATE 3 ended bye");
	assert_string_equal(call("FCALL c_end " KEYS " %s 3 c x -1", token), "STATE 3 ended bye");
	assert_string_equal(
		call("FCALL c_new " KEYS " %s 0 n x =st setup", token), "STATE 3 ended bye");
	assert_string_equal(call("FCALL c_fact " KEYS " f x =st ending"), "STATE 3 ended bye");
}

static void test_done_unknown(void **state)
{
	/* A call that Redis never saw still leaves its CDR. */
	assert_string_equal(
		call("FCALL c_done " KEYS7 " %s done x =id x =cause bye", token), "OK 1");
	assert_int_equal(redis_number(&server, "XLEN {p017}:cdr"), 1);
	assert_string_equal(redis_text(&server, "HGET {p017}:call:x st"), "ended");
}

static void test_reassert(void **state)
{
	make_call("active");
	assert_string_equal(
		call("FCALL c_reassert " KEYS " %s 1 r-1 x =st active", token), "STALE 1");
	assert_string_equal(
		call("FCALL c_reassert " KEYS " %s 7 r-7 x =st active =to bob", token), "OK 7");
	/* It replaces: what the owner did not name is gone. */
	assert_int_equal(redis_number(&server, "HEXISTS {p017}:call:x from"), 0);
	assert_string_equal(
		call("FCALL c_reassert " KEYS " %s 7 r-7 x =st active", token), "DUP 7");
	redis_text(&server, "DEL {p017}:call:x {p017}:due");
	assert_string_equal(call("FCALL c_reassert " KEYS " %s 9 r-9 x =st active", token), "OK 9");
	assert_int_equal(redis_number(&server, "ZCARD {p017}:due"), 1);
}

static void test_fact(void **state)
{
	make_call("active");
	assert_string_equal(call("FCALL c_fact " KEYS " bye-a x =st ending =why bye"), "OK 2");
	assert_string_equal(call("FCALL c_fact " KEYS " bye-a x =st ending =why bye"), "DUP 2");
	assert_string_equal(call("FCALL c_fact " KEYS " rfr x =st active"), "STATE 2 ending bye");
	/* The owner learns it. */
	assert_string_equal(call("FCALL c_commit " KEYS " %s 1 c-2 x =n 1", token), "STALE 2");
}

static void test_drop(void **state)
{
	make_call("active");
	assert_string_equal(call("FCALL c_drop " KEYS " %s x", token), "OK");
	assert_string_equal(redis_text(&server, "HGET {p017}:call:x st"), "ended");
	assert_int_equal(redis_number(&server, "EXISTS {p017}:due {p017}:cdr"), 0);
}

static void test_read(void **state)
{
	redisReply *reply;

	make_call("active");
	redis_text(&server, "SET {p017}:sdp:x-b v=1");
	reply = redis_do(&server,
		"FCALL_RO c_read 4 {p017}:call:x {p017}:med:x {p017}:sdp:x-a "
		"{p017}:sdp:x-b");
	assert_int_equal(reply->elements, 4);
	assert_int_equal(reply->element[0]->elements, 2 * 5);
	assert_int_equal(reply->element[2]->type, REDIS_REPLY_NIL);
	assert_string_equal(reply->element[3]->str, "v=1");
	freeReplyObject(reply);
}

/* Redis is full: what frees memory or keeps a lease must still work. */
static void test_full(void **state)
{
	make_call("active");
	redis_text(&server, "CONFIG SET maxmemory 1");
	assert_memory_equal(call("FCALL c_commit " KEYS " %s 1 c-2 x =n 1", token), "OOM", 3);
	assert_memory_equal(call("FCALL p_renew 1 " LEASE " %s", token), "OK ", 3);
	assert_string_equal(call("FCALL c_end " KEYS " %s 1 e-2 x -1", token), "OK 2");
	assert_string_equal(call("FCALL c_done " KEYS7 " %s done x =id x", token), "OK 3");
	redis_text(&server, "CONFIG SET maxmemory 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_new),
		T(test_commit),
		T(test_end),
		T(test_end_any_time),
		T(test_done),
		T(test_done_unknown),
		T(test_reassert),
		T(test_fact),
		T(test_drop),
		T(test_read),
		T(test_full),
	};

	return cmocka_run_group_tests(tests, server_start, server_end);
}
