/* SPDX-License-Identifier: BSD-3-Clause */
/* The function library: leases, bindings, nodes, the stream of call records. */
#include "tests/component/function_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define BKEYS "4 " LEASE " {p017}:reg:al:b:1 {p017}:reg:al {p017}:regdue"

static void test_take(void **state)
{
	char rn[32];

	/* Somebody else must have seen it standing still. */
	assert_memory_equal(
		call("FCALL p_take 1 " LEASE " n02 1 %s %s", "", ""), "HELD n01/3/", 11);
	assert_memory_equal(call("FCALL p_take 1 " LEASE " n02 1 %s 1", token), "HELD", 4);
	snprintf(rn, sizeof(rn), "%s", redis_text(&server, "HGET " LEASE " rn"));
	assert_memory_equal(call("FCALL p_renew 1 " LEASE " %s", token), "OK ", 3);
	assert_memory_equal(call("FCALL p_take 1 " LEASE " n02 1 %s %s", token, rn), "HELD", 4);
	snprintf(rn, sizeof(rn), "%s", redis_text(&server, "HGET " LEASE " rn"));
	assert_memory_equal(
		call("FCALL p_take 1 " LEASE " n02 1 %s %s", token, rn), "OK n02/1/", 9);
	/* The old owner is fenced at once, in each function that writes. */
	assert_string_equal(call("FCALL p_renew 1 " LEASE " %s", token), "FENCED");
	assert_string_equal(call("FCALL p_give 1 " LEASE " %s", token), "FENCED");
	assert_string_equal(call("FCALL c_new " KEYS " %s 0 new-1 x =st setup", token), "FENCED");
	assert_string_equal(call("FCALL c_commit " KEYS " %s 0 o x", token), "FENCED");
	assert_string_equal(call("FCALL c_reassert " KEYS " %s 9 o x", token), "FENCED");
	assert_string_equal(call("FCALL c_end " KEYS " %s 0 o x -1", token), "FENCED");
	assert_string_equal(call("FCALL c_done " KEYS7 " %s o x", token), "FENCED");
	assert_string_equal(call("FCALL c_drop " KEYS " %s x", token), "FENCED");
	assert_string_equal(call("FCALL b_set " BKEYS " %s 1 m 1000", token), "FENCED");
	assert_string_equal(call("FCALL b_del " BKEYS " %s 1 m", token), "FENCED");
	assert_int_equal(redis_number(&server, "EXISTS {p017}:call:x"), 0);
}

static void test_take_own(void **state)
{
	/* A restart after kill -9 takes at once; a process that is too old does not. */
	assert_memory_equal(call("FCALL p_take 1 " LEASE " n01 4 %s %s", "", ""), "OK n01/4/", 9);
	assert_string_equal(call("FCALL p_renew 1 " LEASE " %s", token), "FENCED");
	assert_memory_equal(call("FCALL p_take 1 " LEASE " n01 3 %s %s", "", ""), "FENCED", 6);
}

static void test_give(void **state)
{
	assert_string_equal(call("FCALL p_give 1 " LEASE " %s", token), "OK");
	assert_string_equal(call("FCALL c_new " KEYS " %s 0 new-1 x =st setup", token), "FENCED");
	/* An empty token must not fit the empty lease. */
	assert_string_equal(call("FCALL c_new " KEYS " %s 0 new-1 x =st setup", ""), "FENCED");
	assert_string_equal(call("FCALL p_renew 1 " LEASE " %s", ""), "FENCED");
	assert_memory_equal(call("FCALL p_take 1 " LEASE " n02 1 %s %s", "", ""), "OK n02/1/", 9);
}

static void test_epoch_rises(void **state)
{
	/* Redis was rolled back, or its clock: the epoch must not come twice. */
	redis_text(&server, "HSET " LEASE " epoch 9000000000000 rn 9000000000000");
	assert_memory_equal(call("FCALL p_take 1 " LEASE " n01 3 %s %s", "", ""),
		"OK n01/3/9000000000001 n01/3/", 29);
	assert_string_equal(redis_text(&server, "HGET " LEASE " rn"), "9000000000001");
}

static void test_no_lease(void **state)
{
	redis_text(&server, "DEL " LEASE);
	assert_string_equal(call("FCALL c_new " KEYS " %s 0 new-1 x =st setup", token), "NOLEASE");
	assert_string_equal(call("FCALL p_renew 1 " LEASE " %s", token), "NOLEASE");
}

static void test_bindings(void **state)
{
	long long exp;

	assert_string_equal(
		call("FCALL b_set " BKEYS " %s 1 m 60000 =contact sip:al@1.2.3.4", token), "OK");
	exp = redis_number(&server, "HGET {p017}:reg:al:b:1 exp_ms");
	assert_int_equal(redis_number(&server, "ZSCORE {p017}:regdue m"), exp);
	assert_in_range(redis_number(&server, "PTTL {p017}:reg:al:b:1"), 59000, 60000);
	assert_in_range(redis_number(&server, "PTTL {p017}:reg:al"), 59000, 60000);
	/* A shorter one must not cut the set's life. */
	assert_string_equal(call("FCALL b_set 4 " LEASE
				 " {p017}:reg:al:b:2 {p017}:reg:al {p017}:regdue %s 2 m2 1000 =x 1",
				    token),
		"OK");
	assert_in_range(redis_number(&server, "PTTL {p017}:reg:al"), 59000, 60000);
	assert_string_equal(call("FCALL b_del " BKEYS " %s 1 m", token), "OK");
	assert_int_equal(redis_number(&server, "EXISTS {p017}:reg:al:b:1"), 0);
	assert_int_equal(redis_number(&server, "ZCARD {p017}:regdue"), 1);
	assert_int_equal(redis_number(&server, "SCARD {p017}:reg:al"), 1);
}

static void test_cross_slot(void **state)
{
	const char *text = call("FCALL b_del 4 " LEASE
				" {p018}:reg:al:b:1 {p017}:reg:al {p017}:regdue %s 1 m",
		token);

	assert_memory_equal(text, "CROSSSLOT", 9);
}

#define JOIN "FCALL n_join 4 {cfg}:ver {cfg}:conf {cfg}:nodes {cfg}:node:n01 "

static void test_join(void **state)
{
	redisReply *reply = redis_do(&server, JOIN "1 256 n01 0");

	assert_int_equal(reply->element[1]->integer, 1);
	freeReplyObject(reply);
	reply = redis_do(&server, JOIN "1 256 n01 0");
	assert_int_equal(reply->element[1]->integer, 2);
	freeReplyObject(reply);
	/* The older process comes back: it is fenced. One that finds less was right before. */
	assert_string_equal(call(JOIN "1 256 n01 1"), "FENCED");
	redis_text(&server, "DEL {cfg}:node:n01");
	assert_memory_equal(call(JOIN "1 256 n01 7"), "OK ", 3);
	assert_int_equal(redis_number(&server, "HGET {cfg}:node:n01 inc"), 7);
	reply = redis_do(&server, JOIN "2 256 n01 0");
	assert_string_equal(reply->element[0]->str, "VERSION");
	assert_string_equal(reply->element[1]->str, "1");
	freeReplyObject(reply);
	reply = redis_do(&server, JOIN "1 512 n01 0");
	assert_string_equal(reply->element[0]->str, "PARTITIONS");
	freeReplyObject(reply);
	assert_string_equal(call("FCALL n_beat 1 {cfg}:node:n01 7 calls 5"), "OK");
	assert_string_equal(call("FCALL n_beat 1 {cfg}:node:n01 6 calls 4"), "FENCED");
	assert_int_equal(redis_number(&server, "HGET {cfg}:node:n01 calls"), 5);
}

static void read_some(const char *count)
{
	redis_text(&server, "XREADGROUP GROUP bill n01 COUNT %s STREAMS {p017}:cdr >", count);
}

static void test_cdr_ack(void **state)
{
	for (int i = 1; i <= 6; i++)
		redis_text(&server, "XADD {p017}:cdr %d-0 id c%d", i, i);
	redis_text(&server, "XGROUP CREATE {p017}:cdr bill 0");
	read_some("4");
	/* 2-0 stays pending; two entries are to be kept, but nobody has read 5 and 6. */
	assert_string_equal(call("FCALL cdr_ack 1 {p017}:cdr bill 2 1-0 3-0 4-0"), "OK");
	assert_int_equal(redis_number(&server, "XLEN {p017}:cdr"), 5);
	assert_string_equal(call("FCALL cdr_ack 1 {p017}:cdr bill 2 2-0"), "OK");
	assert_int_equal(redis_number(&server, "XLEN {p017}:cdr"), 3);
	assert_string_equal(call("FCALL cdr_ack 1 {p017}:cdr bill 1"), "OK");
	assert_int_equal(redis_number(&server, "XLEN {p017}:cdr"), 3);
	read_some("9");
	assert_string_equal(call("FCALL cdr_ack 1 {p017}:cdr bill 1 5-0 6-0"), "OK");
	assert_int_equal(redis_number(&server, "XLEN {p017}:cdr"), 1);
	assert_int_equal(redis_number(&server, "EXISTS {p017}:cdr"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_take),
		T(test_take_own),
		T(test_give),
		T(test_epoch_rises),
		T(test_no_lease),
		T(test_bindings),
		T(test_cross_slot),
		T(test_join),
		T(test_cdr_ack),
	};

	return cmocka_run_group_tests(tests, server_start, server_end);
}
