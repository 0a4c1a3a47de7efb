/* SPDX-License-Identifier: BSD-3-Clause */
/* A private redis-server for one test program: cluster-enabled with all slots (only so does Redis
 * refuse keys of two slots and undeclared ones), on an address and in a directory of its own. It
 * dies with the test. */
#ifndef TESTS_COMPONENT_REDIS_SERVER_H
#define TESTS_COMPONENT_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

struct redis_server {
	char dir[64];
	char ip[16];
	char address[32]; /* "ip:port" */
	int port;
	int bus;
	bool cluster;
	bool keeps; /* writes an AOF */
	int master; /* port of the master, 0 = none */
	pid_t pid;
	redisContext *ctx; /* blocking, for the test itself */
};

/* Makes the directory and starts. Aborts the test program if that fails. */
void redis_server_make(struct redis_server *server, bool cluster, bool keeps, int master);
/* Starts again on the same port, after a kill. */
void redis_server_start(struct redis_server *server);
/* kill -9. */
void redis_server_kill(struct redis_server *server);
void redis_server_stop(struct redis_server *server);     /* SIGSTOP */
void redis_server_continue(struct redis_server *server); /* SIGCONT */
/* Removes the data while it is not running. */
void redis_server_forget(struct redis_server *server);
void redis_server_free(struct redis_server *server);

/* Runs a command, cut into words at its spaces ("" is an empty word); the reply is the caller's.
 * Aborts on a broken connection. */
redisReply *redis_do(struct redis_server *server, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, as a text in a static buffer: string, status, error, or a number. */
const char *redis_text(struct redis_server *server, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
long long redis_number(struct redis_server *server, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
