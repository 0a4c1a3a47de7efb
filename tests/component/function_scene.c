/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/function_scene.h"

#include "controlplane/store/library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct redis_server server;
char token[64];

static void load_library(void)
{
	redisReply *reply = redisCommand(
		server.ctx, "FUNCTION LOAD REPLACE %b", library_text, library_len);

	if (!reply || reply->type == REDIS_REPLY_ERROR)
		fail_msg("library: %s", reply ? reply->str : "no answer");
	freeReplyObject(reply);
}

const char *call(const char *fmt, ...)
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

int setup(void **state)
{
	redis_text(&server, "FLUSHALL");
	assert_memory_equal(call("FCALL p_take 1 " LEASE " n01 3 %s %s", "", ""), "OK n01/3/", 9);
	snprintf(token, sizeof(token), "%s", redis_text(&server, "HGET " LEASE " tok"));
	return 0;
}

int server_start(void **state)
{
	redis_server_make(&server, true, false, 0);
	load_library();
	return 0;
}

int server_end(void **state)
{
	redis_server_free(&server);
	return 0;
}
