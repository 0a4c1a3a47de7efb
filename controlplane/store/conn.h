/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection to Redis: hiredis's asynchronous context on a uv loop, with what it lacks: a
 * deadline, an end that is never reported from inside somebody's call, and a count of what is under
 * way. One struct serves many connections, one after another. */
#ifndef CONTROLPLANE_STORE_CONN_H
#define CONTROLPLANE_STORE_CONN_H

#include "controlplane/store/args.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define CONN_WHY_LEN 160

struct redisAsyncContext;

/* Embedded in what a command is about. */
struct conn_cmd {
	struct conn *conn;
	/* Called exactly once. reply NULL: the connection ended, the outcome is unknown. */
	void (*reply)(struct conn_cmd *cmd, const redisReply *reply);
	uint64_t sent_us;
};

struct conn {
	uv_loop_t *loop;
	void (*wake)(void *arg); /* something happened: call conn_reap soon */
	void *arg;
	struct redisAsyncContext *ac;
	bool connected;
	bool gone; /* ended, not yet reaped */
	uint32_t in_flight;
	uint64_t progress_ms; /* last sign of life, or since when we wait for one */
	uint32_t reply_max_us;
	char why[CONN_WHY_LEN];
};

void conn_init(struct conn *conn, uv_loop_t *loop, void (*wake)(void *arg), void *arg);

/* Starts connecting to a numeric "ip:port" or "unix:/path". Commands may be sent at once. Returns 0
 * or -EINVAL; a refused connection is told by conn_reap. */
int conn_open(struct conn *conn, const char *address, uint64_t now_ms);

/* The address can be used by conn_open. */
int conn_check_address(const char *address);

/* Returns 0, or -ENOTCONN, -ENOMEM, -E2BIG: cmd->reply is not called then. */
int conn_send(struct conn *conn, struct conn_cmd *cmd, const struct args *args, uint64_t now_ms);

/* Ends the connection; the first reason counts. Safe from inside a reply. */
void conn_doom(struct conn *conn, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Dooms a connection that has been silent for limit_ms while something is under way. */
void conn_check(struct conn *conn, uint64_t now_ms, uint32_t limit_ms);

/* To be called outside of replies. True once after a connection has ended: every command has had
 * its reply, conn->why says the reason. */
bool conn_reap(struct conn *conn);

/* Open and not ending. */
static inline bool conn_usable(const struct conn *conn)
{
	return conn->ac && !conn->gone;
}

/* An array reply whose first element is a string: that string, else NULL. */
const char *conn_reply_code(const redisReply *reply);
/* Element i of an array as a string ("" if there is none) or as a number (0). */
const char *conn_reply_text(const redisReply *reply, size_t i);
int64_t conn_reply_num(const redisReply *reply, size_t i);

#endif
