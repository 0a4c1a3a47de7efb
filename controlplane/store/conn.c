/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/store/conn.h"

#include "shared/addr.h"
#include "shared/log.h"

#include <errno.h>
#include <hiredis/async.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_PREFIX  "unix:"
#define CONN_BUF_MAX (64u << 20) /* an unfinished reply larger than this is nonsense */

/* hiredis ships an adapter for libuv, but that ignores POLLERR (uv reports it as an error status
 * and stops polling), so a reset connection would be noticed by its deadline only. */
struct conn_poll {
	uv_poll_t handle;
	struct redisAsyncContext *ac;
	struct conn *conn;
	int events;
};

/* A server that speaks before it is asked would run hiredis into an assertion. */
static bool speaks_unasked(const struct conn *conn)
{
	char byte;

	return conn->connected && conn->in_flight == 0 &&
		recv(conn->ac->c.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct conn_poll *poll = handle->data;

	if (status < 0)
		events = UV_READABLE | UV_WRITABLE;
	if (poll->ac && (events & UV_READABLE)) {
		if (poll->conn->gone || speaks_unasked(poll->conn))
			conn_doom(poll->conn, "it speaks without being asked: not a Redis server?");
		else
			redisAsyncHandleRead(poll->ac);
	}
	if (poll->ac && (events & UV_WRITABLE) && !poll->conn->gone)
		redisAsyncHandleWrite(poll->ac);
}

static void poll_set(struct conn_poll *poll, int events)
{
	poll->events = events;
	if (events)
		uv_poll_start(&poll->handle, events, on_poll);
	else
		uv_poll_stop(&poll->handle);
}

static void add_read(void *data)
{
	struct conn_poll *poll = data;

	poll_set(poll, poll->events | UV_READABLE);
}

static void del_read(void *data)
{
	struct conn_poll *poll = data;

	poll_set(poll, poll->events & ~UV_READABLE);
}

static void add_write(void *data)
{
	struct conn_poll *poll = data;

	poll_set(poll, poll->events | UV_WRITABLE);
}

static void del_write(void *data)
{
	struct conn_poll *poll = data;

	poll_set(poll, poll->events & ~UV_WRITABLE);
}

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void cleanup(void *data)
{
	struct conn_poll *poll = data;

	poll->ac = NULL;
	uv_close((uv_handle_t *)&poll->handle, on_poll_closed);
}

static int attach(struct conn *conn, struct redisAsyncContext *ac)
{
	struct conn_poll *poll = calloc(1, sizeof(*poll));
	int err;

	if (!poll)
		return -ENOMEM;
	err = uv_poll_init(conn->loop, &poll->handle, ac->c.fd);
	if (err) {
		free(poll);
		return err;
	}
	poll->handle.data = poll;
	poll->ac = ac;
	poll->conn = conn;
	ac->ev.data = poll;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
	return 0;
}

static void set_gone(struct conn *conn, const char *why)
{
	if (!conn->gone)
		snprintf(conn->why, sizeof(conn->why), "%s", why);
	conn->gone = true;
	conn->wake(conn->arg);
}

/* The library frees the context itself after these two. */
static void on_connect(const redisAsyncContext *ac, int status)
{
	struct conn *conn = ac->data;

	if (status == REDIS_OK) {
		conn->connected = true;
		return;
	}
	set_gone(conn, ac->errstr ? ac->errstr : "cannot connect");
	conn->ac = NULL;
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
	struct conn *conn = ac->data;

	set_gone(conn, ac->errstr && *ac->errstr ? ac->errstr : "connection closed");
	conn->ac = NULL;
}

void conn_init(struct conn *conn, uv_loop_t *loop, void (*wake)(void *arg), void *arg)
{
	memset(conn, 0, sizeof(*conn));
	conn->loop = loop;
	conn->wake = wake;
	conn->arg = arg;
}

static struct redisAsyncContext *context_make(const char *address)
{
	char host[ADDR_STRLEN];
	struct addr addr;

	if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return redisAsyncConnectUnix(address + strlen(UNIX_PREFIX));
	if (addr_parse(&addr, address, 6379))
		return NULL;
	return redisAsyncConnect(addr_format_ip(&addr, host), addr.port);
}

int conn_check_address(const char *address)
{
	struct addr addr;

	if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return address[strlen(UNIX_PREFIX)] ? 0 : -EINVAL;
	return addr_parse(&addr, address, 6379);
}

int conn_open(struct conn *conn, const char *address, uint64_t now_ms)
{
	struct redisAsyncContext *ac = context_make(address);

	if (!ac)
		return -EINVAL;
	conn->connected = false;
	conn->gone = false;
	conn->in_flight = 0;
	conn->progress_ms = now_ms;
	ac->data = conn;
	if (ac->err || attach(conn, ac)) {
		set_gone(conn, ac->err ? ac->errstr : "no memory");
		redisAsyncFree(ac);
		return 0;
	}
	conn->ac = ac;
	redisAsyncSetDisconnectCallback(ac, on_disconnect);
	redisAsyncSetConnectCallback(ac, on_connect);
	return 0;
}

static void on_reply(redisAsyncContext *ac, void *data, void *arg)
{
	struct conn_cmd *cmd = arg;
	struct conn *conn = cmd->conn;
	const redisReply *reply = data;
	uint64_t now_us = uv_hrtime() / 1000;

	conn->in_flight--;
	if (reply) {
		conn->progress_ms = 0;
		if (now_us - cmd->sent_us > conn->reply_max_us)
			conn->reply_max_us = (uint32_t)(now_us - cmd->sent_us);
	}
	cmd->reply(cmd, reply);
	conn->wake(conn->arg);
	/* More bytes than replies we wait for: see speaks_unasked. */
	if (reply && conn->in_flight == 0 && ac->c.reader->pos < ac->c.reader->len) {
		set_gone(conn, "it answers more than was asked: not a Redis server?");
		redisAsyncFree(ac);
	}
}

int conn_send(struct conn *conn, struct conn_cmd *cmd, const struct args *args, uint64_t now_ms)
{
	if (args->error)
		return args->error;
	if (!conn_usable(conn))
		return -ENOTCONN;
	cmd->conn = conn;
	cmd->sent_us = uv_hrtime() / 1000;
	if (redisAsyncCommandArgv(conn->ac, on_reply, cmd, (int)args->count,
		    (const char **)args->argv, args->len) != REDIS_OK)
		return -ENOMEM;
	if (conn->in_flight++ == 0 || conn->progress_ms == 0)
		conn->progress_ms = now_ms;
	return 0;
}

void conn_doom(struct conn *conn, const char *fmt, ...)
{
	char why[CONN_WHY_LEN];
	va_list ap;

	if (!conn->ac)
		return;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	set_gone(conn, why);
}

void conn_check(struct conn *conn, uint64_t now_ms, uint32_t limit_ms)
{
	if (!conn_usable(conn))
		return;
	if (conn->ac->c.reader->len > CONN_BUF_MAX) {
		conn_doom(conn, "an endless reply: not a Redis server?");
		return;
	}
	if (conn->connected && conn->in_flight == 0)
		return;
	/* A reply since the last look: count from now. */
	if (conn->progress_ms == 0)
		conn->progress_ms = now_ms;
	if (now_ms - conn->progress_ms >= limit_ms)
		conn_doom(conn, conn->connected ? "no answer for %u ms" : "not connected in %u ms",
			limit_ms);
}

bool conn_reap(struct conn *conn)
{
	if (!conn->gone)
		return false;
	if (conn->ac)
		redisAsyncFree(conn->ac);
	conn->ac = NULL;
	conn->gone = false;
	conn->connected = false;
	return true;
}

const char *conn_reply_code(const redisReply *reply)
{
	const redisReply *first;

	if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements < 1)
		return NULL;
	first = reply->element[0];
	if (first->type != REDIS_REPLY_STRING && first->type != REDIS_REPLY_STATUS)
		return NULL;
	return first->str;
}

const char *conn_reply_text(const redisReply *reply, size_t i)
{
	if (reply->type != REDIS_REPLY_ARRAY || i >= reply->elements ||
		reply->element[i]->type != REDIS_REPLY_STRING)
		return "";
	return reply->element[i]->str;
}

int64_t conn_reply_num(const redisReply *reply, size_t i)
{
	if (reply->type != REDIS_REPLY_ARRAY || i >= reply->elements ||
		reply->element[i]->type != REDIS_REPLY_INTEGER)
		return 0;
	return reply->element[i]->integer;
}
