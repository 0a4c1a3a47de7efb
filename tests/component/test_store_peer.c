/* SPDX-License-Identifier: BSD-3-Clause */
/* The store against servers that are no Redis, or a mad one: it says so, tries again, and neither
 * crashes nor believes anything. */
#include "shared/clock.h"
#include "tests/component/store_owner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What is said on connecting, and the answer to each piece of data; NULL = nothing. */
struct script {
	const char *name;
	const char *greeting;
	const char *answer;
	bool closes;
	const char *why; /* part of what the store says about it */
};

static const struct script scripts[] = {
	{"mute", NULL, NULL, false, "no answer for"},
	{"closes at once", "", NULL, true, NULL},
	{"closes on data", NULL, "", true, "closed"},
	{"HTTP", NULL, "HTTP/1.1 400 Bad Request\r\n\r\n", false, "Protocol error"},
	{"speaks first", "+OK\r\n+OK\r\n:1\r\n", "+OK\r\n", false, "not a master"},
	{"speaks too much", NULL, "+OK\r\n+OK\r\n+OK\r\n", false, NULL},
	{"too many clients", "-ERR max number of clients reached\r\n", NULL, true, NULL},
	{"numbers", NULL, ":7\r\n", false, "not a master"},
	{"nil", NULL, "$-1\r\n", false, "not a master"},
	{"nil array", NULL, "*-1\r\n", false, "not a master"},
	{"empty array", NULL, "*0\r\n", false, "not a master"},
	{"errors", NULL, "-ERR \x01\x02 what\r\n", false, "ROLE: ERR \\x01\\x02 what"},
	{"half a reply", NULL, "*3\r\n$6\r\nmas", false, "no answer for"},
	{"half a reply and the end", NULL, "*3\r\n$6\r\nmas", true, "closed"},
	{"loading", NULL, "-LOADING Redis is loading the dataset in memory\r\n", false, "LOADING"},
	{"huge string", NULL, "$536870911\r\nxxxxxxxx", false, "no answer for"},
	{"negative length", NULL, "$-5\r\n", false, NULL},
	{"bad length", NULL, "*99999999999999999999\r\n", false, NULL},
	{"deep", NULL, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", false,
		NULL},
	{"always a master", NULL, "*2\r\n$6\r\nmaster\r\n:0\r\n", false, NULL},
	{"nested nonsense", NULL, "*2\r\n*2\r\n$12\r\nlibrary_code\r\n:5\r\n$6\r\nmaster\r\n",
		false, NULL},
};

struct peer {
	uv_tcp_t tcp;
	const struct script *script;
};

static uv_tcp_t listener;
static const struct script *current;
static struct owner owner;
static char address[32];

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	static char space[65536];

	*buf = uv_buf_init(space, sizeof(space));
}

static void say(struct peer *peer, const char *text)
{
	uv_buf_t buf = uv_buf_init((char *)text, (unsigned)strlen(text));

	uv_try_write((uv_stream_t *)&peer->tcp, &buf, 1);
}

static void hang_up(struct peer *peer)
{
	if (!uv_is_closing((uv_handle_t *)&peer->tcp))
		uv_close((uv_handle_t *)&peer->tcp, on_closed);
}

static void on_data(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *peer = (struct peer *)stream;

	if (n < 0) {
		hang_up(peer);
		return;
	}
	if (peer->script->answer)
		say(peer, peer->script->answer);
	if (peer->script->closes)
		hang_up(peer);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	assert_non_null(peer);
	peer->script = current;
	uv_tcp_init(server->loop, &peer->tcp);
	assert_int_equal(uv_accept(server, (uv_stream_t *)&peer->tcp), 0);
	if (peer->script->greeting)
		say(peer, peer->script->greeting);
	if (peer->script->greeting && peer->script->closes)
		hang_up(peer);
	else
		uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_data);
}

static void listen_somewhere(uv_loop_t *loop)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int len = sizeof(sin);

	assert_int_equal(uv_tcp_init(loop, &listener), 0);
	assert_int_equal(uv_tcp_bind(&listener, (struct sockaddr *)&sin, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&listener, 16, on_connection), 0);
	assert_int_equal(uv_tcp_getsockname(&listener, (struct sockaddr *)&sin, &len), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(sin.sin_port));
}

static void on_walk(uv_handle_t *handle, void *arg)
{
	if (handle->type == UV_TCP && !uv_is_closing(handle))
		uv_close(handle, handle == (uv_handle_t *)&listener ? NULL : on_closed);
}

static bool has_said(struct owner *o)
{
	struct store_stats stats;

	store_stats_read(o->store, &stats);
	return stats.error[0] && stats.reconnects >= 2;
}

static void test_peer(void **state)
{
	struct store_stats stats;

	current = *state;
	owner_make(&owner, "", "n01");
	listen_somewhere(&owner.loop);
	owner.conf.address = address;
	owner.conf.reply_ms = 300;
	owner.conf.password = strcmp(current->name, "speaks too much") == 0 ? "x" : NULL;
	owner_open(&owner);
	assert_true(owner_until(&owner, has_said));
	store_stats_read(owner.store, &stats);
	if (current->why && !strstr(stats.error, current->why))
		fail_msg("\"%s\" does not tell of \"%s\"", stats.error, current->why);
	assert_int_equal(owner.ready, 0);
	assert_int_equal(owner.down, 0);
	assert_false(store_accepts_new(owner.store));
	owner_close(&owner);
	uv_walk(&owner.loop, on_walk, NULL);
	owner_free(&owner);
}

static void test_open_checks(void **state)
{
	static const char *const bad[] = {"", "localhost:6379", "127.0.0.1:99999", "unix:", "::::"};
	struct store_events events = {0};
	struct store *store;
	struct owner o;

	owner_make(&o, "", "n01");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		o.conf.address = bad[i];
		assert_int_equal(store_open(&store, &o.loop, &o.conf, &events, NULL), -EINVAL);
	}
	o.conf.address = "127.0.0.1:6379";
	o.conf.node = "a/b";
	assert_int_equal(store_open(&store, &o.loop, &o.conf, &events, NULL), -EINVAL);
	owner_free(&o);
}

int main(void)
{
	enum { SCRIPTS = sizeof(scripts) / sizeof(scripts[0]) };
	struct CMUnitTest tests[SCRIPTS + 1];

	for (size_t i = 0; i < SCRIPTS; i++)
		tests[i] = (struct CMUnitTest){
			scripts[i].name, test_peer, NULL, NULL, (void *)&scripts[i]};
	tests[SCRIPTS] = (struct CMUnitTest)cmocka_unit_test(test_open_checks);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
