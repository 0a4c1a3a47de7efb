/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/control/server.h"

#include "dataplane/control/captures.h"
#include "dataplane/control/client.h"
#include "shared/clock.h"
#include "shared/log.h"

#include <errno.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SERVER_BACKLOG     16
#define SERVER_CONNECTIONS 32 /* with or without a slot */

int server_open(struct server **out, const struct server_conf *conf)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return -ENOMEM;
	server->conf = *conf;
	server->fd = -1;
	*out = server;
	return 0;
}

static void server_event(void *ctx, uint32_t slot, uint16_t type, const void *record)
{
	struct server *server = ctx;
	struct client *client = slot < PROTO_SLOTS ? server->slot[slot].client : NULL;

	if (!client)
		return;
	if (!queue_push(&client->queue, type, record))
		server->conf.facts->head->events_lost++;
	client_wait(client);
}

static void server_flow_event(void *ctx, uint32_t slot, const struct proto_flow_event *event)
{
	server_event(ctx, slot, PROTO_FLOW_EVENT, event);
}

static void server_binding_event(void *ctx, uint32_t slot, const struct proto_binding_event *event)
{
	server_event(ctx, slot, PROTO_BINDING_EVENT, event);
}

static void server_port_event(void *ctx, const struct proto_port_event *event)
{
	for (uint32_t slot = 0; slot < PROTO_SLOTS; slot++)
		server_event(ctx, slot, PROTO_PORT_EVENT, event);
}

/* A capture counts what finds no room, and its end waits: neither is an event that is lost. */
static bool server_capture(void *ctx, uint32_t slot, uint16_t type, const void *record)
{
	struct server *server = ctx;
	struct client *client = server->slot[slot].client;

	if (!client || queue_room(&client->frames) == 0)
		return false;
	queue_push(&client->frames, type, record);
	client_wait(client);
	return true;
}

struct event_sink server_sink(struct server *server)
{
	return (struct event_sink){
		.ctx = server,
		.flow = server_flow_event,
		.binding = server_binding_event,
		.capture = server_capture,
		.port = server_port_event,
	};
}

void server_on_port_reset(struct server *server, int (*fn)(void *ctx, const char *name), void *ctx)
{
	server->port_reset = fn;
	server->port_reset_ctx = ctx;
}

static unsigned int server_connections(const struct server *server)
{
	unsigned int n = 0;

	for (const struct client *client = server->clients; client; client = client->next)
		n++;
	return n;
}

/* Why a peer may not talk to us, NULL when it may. */
static const char *server_refuse(const struct server *server, const struct ucred *cred)
{
	if (cred->uid != 0 && cred->uid != geteuid())
		return "it runs as another user";
	if (server_connections(server) >= SERVER_CONNECTIONS)
		return "too many connections";
	return NULL;
}

static void server_on_connection(uv_poll_t *poll, int status, int events)
{
	struct server *server = poll->data;
	struct ucred cred = {.pid = -1, .uid = (uid_t)-1};
	socklen_t len = sizeof(cred);
	const char *why;
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		why = strerror(errno);
	else
		why = server_refuse(server, &cred);
	if (why) {
		log_warning(
			"refused a connection (pid %d, uid %u): %s", (int)cred.pid, cred.uid, why);
		close(fd);
		return;
	}
	client_open(server, fd, cred.pid);
}

/* A socket file that nobody serves is left over from a killed process. */
static int server_clear(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	/* One that is stuck has no place left for us. */
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 || errno == EAGAIN)
		err = -EADDRINUSE;
	else if (errno == ECONNREFUSED && lstat(sun->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
		unlink(sun->sun_path) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int server_bind(struct server *server)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	mode_t mask;
	int err;

	if (snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", server->conf.path) >=
		(int)sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	err = server_clear(&sun);
	if (err)
		return err;
	server->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->fd < 0)
		return -errno;
	mask = umask(0117);
	err = bind(server->fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 ? -errno : 0;
	umask(mask);
	if (!err && listen(server->fd, SERVER_BACKLOG) < 0)
		err = -errno;
	if (err) {
		close(server->fd);
		server->fd = -1;
	}
	return err;
}

static int server_open_captures(struct server *server, const struct captures_conf *conf)
{
	struct captures_conf own = *conf;

	own.events = server_sink(server);
	server->media = conf->media;
	server->keepalive = conf->keepalive;
	return captures_open(&server->captures, &own);
}

int server_listen(struct server *server, const struct captures_conf *conf)
{
	int err = server_open_captures(server, conf);

	if (!err)
		err = server_bind(server);
	if (err) {
		log_error("dataplane.socket: %s: %s%s", server->conf.path, strerror(-err),
			err == -EADDRINUSE       ? " (does another linewatch-dp serve it?)"
				: err == -ENOENT ? " (its folder must exist)"
						 : "");
		return err;
	}
	server->listener.data = server;
	err = uv_poll_init(server->conf.loop, &server->listener, server->fd);
	if (!err)
		err = uv_poll_start(&server->listener, UV_READABLE, server_on_connection);
	server->listening = true;
	return err;
}

void server_tick(struct server *server, uint64_t now_ms)
{
	struct client *next;

	captures_tick(server->captures, clock_boot_us(), rte_rdtsc());
	for (struct client *client = server->clients; client; client = next) {
		next = client->next;
		if (client->slot == CLIENT_NO_SLOT && now_ms > client->opened_ms + CLIENT_HELLO_MS)
			client_close(client, "it never said hello");
		else
			client_wait(client);
	}
}

bool server_is_busy(const struct server *server)
{
	bool busy = captures_count(server->captures) > 0;

	for (const struct client *client = server->clients; client && !busy; client = client->next)
		busy = !(client->events & UV_READABLE);
	return busy;
}

unsigned int server_clients(const struct server *server)
{
	return __atomic_load_n(&server->connected, __ATOMIC_RELAXED);
}

unsigned int server_captures(const struct server *server)
{
	return captures_count(server->captures);
}

static void server_free(uv_handle_t *handle)
{
	free(handle->data);
}

void server_close(struct server *server)
{
	if (!server)
		return;
	/* They look at what is no more. */
	captures_close(server->captures);
	server->captures = NULL;
	while (server->clients)
		client_close(server->clients, "the data plane stops");
	if (!server->listening) {
		free(server);
		return;
	}
	uv_close((uv_handle_t *)&server->listener, server_free);
	unlink(server->conf.path);
	close(server->fd);
}
