/* SPDX-License-Identifier: BSD-3-Clause */
/* The function library alone, as any node speaks to it. */
#include "controlplane/store/library.h"
#include "tests/component/redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEASE "{p017}:lease"
#define KEYS  "6 " LEASE " {p017}:call:x {p017}:due {p017}:sdp:x-a {p017}:sdp:x-b {p017}:med:x"
#define KEYS7                                                                              \
	"7 " LEASE " {p017}:call:x {p017}:due {p017}:sdp:x-a {p017}:sdp:x-b {p017}:med:x " \
	"{p017}:cdr"
#define BKEYS "4 " LEASE " {p017}:reg:al:b:1 {p017}:reg:al {p017}:regdue"

static struct redis_server server;
static char token[64];

static void load_library(void)
{
	redisReply *reply = redisCommand(
		server.ctx, "FUNCTION LOAD REPLACE %b", library_text, library_len);

	if (!reply || reply->type == REDIS_REPLY_ERROR)
		fail_msg("library: %s", reply ? reply->str : "no answer");
	freeReplyObject(reply);
}

/* The reply's parts with a space between, the epoch and the seq left out: "OK 2". */
static const char *call(const char *fmt, ...)
{
	static char text[512];
	redisReply *reply;
	va_list ap;
	size_t len = 0;

	va_start(ap, fmt);
	reply = redisvCommand(server.ctx, fmt, ap);
	va_end(ap);
	assert_non_null(reply);
	text[0] = 0;
	if (reply->type == REDIS_REPLY_ERROR)
		snprintf(text, sizeof(text), "%s", reply->str);
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
		const redisReply *e = reply->element[i];

		if (i == 1)
			assert_int_equal(e->type, REDIS_REPLY_INTEGER);
		else if (e->type == REDIS_REPLY_INTEGER)
			len += (size_t)snprintf(
				text + len, sizeof(text) - len, " %lld", e->integer);
		else
			len += (size_t)snprintf(
				text + len, sizeof(text) - len, "%s%s", i ? " " : "", e->str);
	}
	freeReplyObject(reply);
	return text;
}

static int seq(void)
{
	return (int)redis_number(&server, "HGET " LEASE " seq");
}

static int setup(void **state)
{
	redis_text(&server, "FLUSHALL");
	assert_memory_equal(call("FCALL p_take 1 " LEASE " n01 3 %s %s", "", ""), "OK n01/3/", 9);
	snprintf(token, sizeof(token), "%s", redis_text(&server, "HGET " LEASE " tok"));
	return 0;
}

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

static void test_cross_slot(void **state)
{
	const char *text = call("FCALL b_del 4 " LEASE
				" {p018}:reg:al:b:1 {p017}:reg:al {p017}:regdue %s 1 m",
		token);

	assert_memory_equal(text, "CROSSSLOT", 9);
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

static int server_start(void **state)
{
	redis_server_make(&server, true, false, 0);
	load_library();
	return 0;
}

static int server_end(void **state)
{
	redis_server_free(&server);
	return 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {T(test_take), T(test_take_own), T(test_give),
		T(test_epoch_rises), T(test_no_lease), T(test_new), T(test_commit), T(test_end),
		T(test_end_any_time), T(test_done), T(test_done_unknown), T(test_reassert),
		T(test_fact), T(test_drop), T(test_bindings), T(test_join), T(test_cdr_ack),
		T(test_cross_slot), T(test_read), T(test_full)};

	return cmocka_run_group_tests(tests, server_start, server_end);
}
