/* SPDX-License-Identifier: BSD-3-Clause */
/* The store against a scripted Redis that knows the functions, and at a moment of the test's choice
 * answers nonsense, speaks unasked, or has another idea of the time. */
#include "shared/clock.h"
#include "tests/component/store_owner.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORDS 256

struct peer {
	uv_tcp_t tcp;
	char buf[1 << 20];
	size_t len;
};

static struct {
	uv_tcp_t listener;
	struct peer *peer;
	const char *target;   /* function or command that is answered wrongly */
	const char *nonsense; /* how */
	int64_t clock;        /* its time is ours and that much */
	int reasserts, ends;
} mad;

static struct owner owner;
static char address[32];

static void on_closed(uv_handle_t *handle)
{
	if (mad.peer == (struct peer *)handle)
		mad.peer = NULL;
	free(handle);
}

static void say(struct peer *peer, const char *fmt, ...)
{
	char text[512];
	uv_buf_t buf;
	va_list ap;

	va_start(ap, fmt);
	buf = uv_buf_init(text, (unsigned)vsnprintf(text, sizeof(text), fmt, ap));
	va_end(ap);
	uv_try_write((uv_stream_t *)&peer->tcp, &buf, 1);
}

static long long now(void)
{
	return (long long)clock_boot_ms() + 1700000000000 + mad.clock;
}

static void answer_function(struct peer *peer, int n, char **word)
{
	const char *name = word[1];
	long keys = strtol(word[2], NULL, 10);
	long ver = 4 + keys < n ? strtol(word[4 + keys], NULL, 10) : 0;

	if (strcmp(name, "n_join") == 0)
		say(peer, "*3\r\n$2\r\nOK\r\n:1\r\n:%lld\r\n", now());
	else if (strcmp(name, "p_take") == 0)
		say(peer, "*5\r\n$2\r\nOK\r\n:5\r\n$7\r\nn01/1/1\r\n$7\r\nn01/1/1\r\n:5\r\n");
	else if (strcmp(name, "p_renew") == 0)
		say(peer, "*3\r\n$2\r\nOK\r\n:5\r\n:%lld\r\n", now());
	else if (strcmp(name, "c_reassert") == 0)
		say(peer, "*3\r\n$2\r\nOK\r\n:5\r\n:%ld\r\n", ver);
	else
		say(peer, "*3\r\n$2\r\nOK\r\n:5\r\n:%ld\r\n", ver + 1);
	mad.reasserts += strcmp(name, "c_reassert") == 0;
	mad.ends += strcmp(name, "c_end") == 0;
}

static void answer(struct peer *peer, int n, char **word)
{
	if (mad.target &&
		(strcmp(word[0], mad.target) == 0 || (n > 1 && strcmp(word[1], mad.target) == 0)))
		say(peer, "%s", mad.nonsense);
	else if (strcmp(word[0], "ROLE") == 0)
		say(peer, "*1\r\n$6\r\nmaster\r\n");
	else if (strcmp(word[0], "FCALL") == 0 || strcmp(word[0], "FCALL_RO") == 0)
		answer_function(peer, n, word);
	else
		say(peer, "*0\r\n");
}

/* One command at the start of the buffer: its length, 0 if it is not complete. */
static size_t command(struct peer *peer, int *count, char **word)
{
	char *at = peer->buf, *end = peer->buf + peer->len, *line;

	*count = 0;
	line = memchr(at, '\n', (size_t)(end - at));
	if (!line)
		return 0;
	*count = (int)strtol(at + 1, NULL, 10);
	at = line + 1;
	for (int i = 0; i < *count; i++) {
		long len;

		line = memchr(at, '\n', (size_t)(end - at));
		if (!line)
			return 0;
		len = strtol(at + 1, NULL, 10);
		at = line + 1;
		if (end - at < len + 2)
			return 0;
		if (i < WORDS)
			word[i] = at;
		at += len + 2;
	}
	return (size_t)(at - peer->buf);
}

static void cut(int n, char **word)
{
	for (int i = 0; i < n && i < WORDS; i++)
		*strchr(word[i], '\r') = 0;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct peer *peer = (struct peer *)handle;

	*buf = uv_buf_init(peer->buf + peer->len, (unsigned)(sizeof(peer->buf) - peer->len - 1));
}

static void on_data(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *peer = (struct peer *)stream;
	char *word[WORDS];
	size_t len;
	int count;

	if (n < 0) {
		uv_close((uv_handle_t *)stream, on_closed);
		return;
	}
	peer->len += (size_t)n;
	peer->buf[peer->len] = 0;
	while (peer->len && (len = command(peer, &count, word))) {
		cut(count, word);
		answer(peer, count < WORDS ? count : WORDS, word);
		memmove(peer->buf, peer->buf + len, peer->len - len + 1);
		peer->len -= len;
	}
}

static void on_connection(uv_stream_t *server, int status)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	assert_non_null(peer);
	uv_tcp_init(server->loop, &peer->tcp);
	assert_int_equal(uv_accept(server, (uv_stream_t *)&peer->tcp), 0);
	uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_data);
	mad.peer = peer;
}

static int setup(void **state)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int len = sizeof(sin);

	memset(&mad, 0, sizeof(mad));
	owner_make(&owner, address, "n01");
	uv_tcp_init(&owner.loop, &mad.listener);
	uv_tcp_bind(&mad.listener, (struct sockaddr *)&sin, 0);
	uv_listen((uv_stream_t *)&mad.listener, 16, on_connection);
	uv_tcp_getsockname(&mad.listener, (struct sockaddr *)&sin, &len);
	snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(sin.sin_port));
	owner.conf.reply_ms = 500;
	return 0;
}

static void on_walk(uv_handle_t *handle, void *arg)
{
	if (handle->type == UV_TCP && !uv_is_closing(handle))
		uv_close(handle, handle == (uv_handle_t *)&mad.listener ? NULL : on_closed);
}

static int teardown(void **state)
{
	owner_close(&owner);
	uv_walk(&owner.loop, on_walk, NULL);
	owner_free(&owner);
	return 0;
}

static const char *const targets[] = {"ROLE", "FUNCTION", "CONFIG", "n_join", "p_take", "p_renew",
	"n_beat", "ZRANGE", "c_new", "c_commit", "c_end", "c_done", "b_set"};

static const char *const nonsenses[] = {":1\r\n", "$-1\r\n", "*0\r\n", "+\r\n", "*1\r\n:5\r\n",
	"*2\r\n$2\r\nOK\r\n$1\r\nx\r\n", "-ERR what\r\n", "*3\r\n$4\r\nWHAT\r\n:1\r\n:1\r\n",
	"*3\r\n$5\r\nSTALE\r\n:1\r\n:-9\r\n", "*2\r\n$4\r\nHELD\r\n:1\r\n",
	"*1\r\n*2\r\n$12\r\nlibrary_code\r\n$3\r\nabc\r\n", ":1\r\n:2\r\n:3\r\n"};

static void live(void)
{
	struct record *rec = store_scratch(owner.store);
	struct owner_call *call = owner_new(&owner, "active");

	if (!call)
		return;
	store_call_commit(owner.store, &call->store, 1, owner_told, call);
	owner_run(&owner, 10);
	store_call_end(owner.store, &call->store, 1, STORE_NO_EXPIRY, false, owner_told, call);
	owner_run(&owner, 10);
	owner_done(&owner, call, "normal");
	record_reset(rec);
	record_put(rec, "contact", "sip:x");
	store_binding_set(owner.store, "sip:x@y", "b", rec, clock_boot_ms() + 10000);
	owner_run(&owner, 20);
}

/* Whatever is answered to whatever: no crash, and afterwards everything is well again. */
static void test_nonsense(void **state)
{
	mad.target = *state;
	for (size_t i = 0; i < sizeof(nonsenses) / sizeof(nonsenses[0]); i++) {
		mad.nonsense = nonsenses[i];
		mad.target = *state;
		owner.fatal = 0;
		owner_open(&owner);
		owner_run(&owner, 40);
		if (!store_ready(owner.store)) {
			mad.target = NULL;
			assert_true(owner_until(&owner, owner_is_ready));
			mad.target = *state;
		}
		live();
		mad.target = NULL;
		assert_true(owner_until(&owner, owner_is_clean));
		assert_int_equal(owner.fatal, 0);
		owner_close(&owner);
	}
}

static void test_unasked(void **state)
{
	owner_start(&owner);
	owner_run(&owner, 100);
	assert_true(owner_until(&owner, owner_is_idle));
	say(mad.peer, "+hello\r\n");
	assert_true(owner_until(&owner, owner_is_down));
	assert_non_null(strstr(owner.why, "without being asked"));
	assert_true(owner_until(&owner, owner_is_clean));
}

static bool reasserted(struct owner *o)
{
	return mad.reasserts == 10;
}

/* Somebody steps Redis's clock: the deadlines that are kept there must follow. */
static void test_clock_jump(void **state)
{
	owner_start(&owner);
	for (int i = 0; i < 10; i++)
		owner_new(&owner, "active");
	owner_run(&owner, 2500);
	assert_int_equal(mad.reasserts, 0);
	mad.clock = -3600000;
	assert_true(owner_until(&owner, reasserted));
	owner_run(&owner, 2500);
	assert_int_equal(mad.reasserts, 10);
}

int main(void)
{
	enum { TARGETS = sizeof(targets) / sizeof(targets[0]) };
	struct CMUnitTest tests[TARGETS + 2];

	for (size_t i = 0; i < TARGETS; i++)
		tests[i] = (struct CMUnitTest){
			targets[i], test_nonsense, setup, teardown, (void *)targets[i]};
	tests[TARGETS] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(
		test_unasked, setup, teardown);
	tests[TARGETS + 1] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(
		test_clock_jump, setup, teardown);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
