/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void shell(const char *fmt, const char *dir)
{
	char line[160];

	snprintf(line, sizeof(line), fmt, dir, dir);
	if (system(line))
		fprintf(stderr, "%s failed\n", line);
}

/* The server itself dies with us. */
static void die(const char *what, const struct redis_server *server)
{
	fprintf(stderr, "redis-server: %s (%s)\n", what, server->address);
	shell("rm -rf %s", server->dir);
	abort();
}

/* An address of this process's own: a port that is free there stays free until it is taken, and
 * while a server that was killed is not there. */
static struct in_addr own_address(void)
{
	return (struct in_addr){.s_addr = htonl(0x7f800000u + (uint32_t)getpid() % 0x7fffffu)};
}

static int free_port(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = own_address()};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, len) < 0 ||
		getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		abort();
	close(fd);
	return ntohs(sin.sin_port);
}

static void run(const struct redis_server *server)
{
	char port[16], bus[16], master[16];
	const char *argv[40] = {"redis-server", "--port", port, "--bind", server->ip, "--dir",
		server->dir, "--logfile", "log", "--save", "", "--daemonize", "no",
		"--hash-max-listpack-value", "512", "--appendonly", server->keeps ? "yes" : "no",
		"--appendfsync", "always", "--repl-diskless-sync-delay", "0"};
	int n = 21;

	snprintf(port, sizeof(port), "%d", server->port);
	snprintf(bus, sizeof(bus), "%d", server->bus);
	snprintf(master, sizeof(master), "%d", server->master);
	if (server->cluster) {
		argv[n++] = "--cluster-enabled";
		argv[n++] = "yes";
		argv[n++] = "--cluster-port";
		argv[n++] = bus;
	}
	if (server->master) {
		argv[n++] = "--replicaof";
		argv[n++] = server->ip;
		argv[n++] = master;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO) < 0)
		_exit(126);
	execvp(argv[0], (char **)argv);
	_exit(127);
}

static bool answers(struct redis_server *server)
{
	redisReply *reply;
	bool ok;

	if (server->ctx)
		redisFree(server->ctx);
	server->ctx = redisConnect(server->ip, server->port);
	if (!server->ctx || server->ctx->err)
		return false;
	reply = redisCommand(server->ctx, "PING");
	ok = reply && reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "PONG") == 0;
	freeReplyObject(reply);
	return ok;
}

static bool serves(struct redis_server *server)
{
	return !server->cluster ||
		strstr(redis_text(server, "CLUSTER INFO"), "cluster_state:ok") != NULL;
}

void redis_server_start(struct redis_server *server)
{
	server->pid = fork();
	if (server->pid < 0)
		abort();
	if (server->pid == 0)
		run(server);
	while (!answers(server)) {
		if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
			die("did not start", server);
		usleep(10000);
	}
	if (server->cluster && strstr(redis_text(server, "CLUSTER INFO"), "assigned:0"))
		redis_text(server, "CLUSTER ADDSLOTSRANGE 0 16383");
	/* A cluster's master waits two seconds before it serves again. */
	while (!serves(server))
		usleep(10000);
}

void redis_server_make(struct redis_server *server, bool cluster, bool keeps, int master)
{
	memset(server, 0, sizeof(*server));
	strcpy(server->dir, "/tmp/lw-redis-XXXXXX");
	if (!mkdtemp(server->dir))
		abort();
	server->cluster = cluster;
	server->keeps = keeps;
	server->master = master;
	server->port = free_port();
	server->bus = free_port();
	snprintf(server->ip, sizeof(server->ip), "%s", inet_ntoa(own_address()));
	snprintf(server->address, sizeof(server->address), "%s:%d", server->ip, server->port);
	redis_server_start(server);
}

void redis_server_kill(struct redis_server *server)
{
	if (server->pid <= 0)
		return;
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

void redis_server_stop(struct redis_server *server)
{
	kill(server->pid, SIGSTOP);
}

void redis_server_continue(struct redis_server *server)
{
	kill(server->pid, SIGCONT);
}

void redis_server_forget(struct redis_server *server)
{
	shell("rm -rf %s/appendonlydir %s/dump.rdb", server->dir);
}

void redis_server_free(struct redis_server *server)
{
	redis_server_kill(server);
	if (server->ctx)
		redisFree(server->ctx);
	server->ctx = NULL;
	shell("rm -rf %s", server->dir);
}

/* The line is cut at spaces; "" stands for an empty word. */
static redisReply *value(struct redis_server *server, const char *fmt, va_list ap)
{
	char line[8192], *save = NULL;
	const char *argv[256];
	redisReply *reply;
	int argc = 0;

	vsnprintf(line, sizeof(line), fmt, ap);
	for (char *word = strtok_r(line, " ", &save); word && argc < 256;
		word = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(word, "\"\"") == 0 ? "" : word;
	reply = redisCommandArgv(server->ctx, argc, argv, NULL);
	if (!reply)
		die(server->ctx->errstr, server);
	return reply;
}

redisReply *redis_do(struct redis_server *server, const char *fmt, ...)
{
	redisReply *reply;
	va_list ap;

	va_start(ap, fmt);
	reply = value(server, fmt, ap);
	va_end(ap);
	return reply;
}

const char *redis_text(struct redis_server *server, const char *fmt, ...)
{
	static char text[8192];
	redisReply *reply;
	va_list ap;

	va_start(ap, fmt);
	reply = value(server, fmt, ap);
	va_end(ap);
	if (reply->type == REDIS_REPLY_INTEGER)
		snprintf(text, sizeof(text), "%lld", reply->integer);
	else
		snprintf(text, sizeof(text), "%s", reply->str ? reply->str : "");
	freeReplyObject(reply);
	return text;
}

long long redis_number(struct redis_server *server, const char *fmt, ...)
{
	long long number;
	redisReply *reply;
	va_list ap;

	va_start(ap, fmt);
	reply = value(server, fmt, ap);
	va_end(ap);
	number = reply->type == REDIS_REPLY_INTEGER
		? reply->integer
		: strtoll(reply->str ? reply->str : "0", NULL, 10);
	freeReplyObject(reply);
	return number;
}
