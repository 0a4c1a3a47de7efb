/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/ctlserver_impl.h"

#include "controlplane/ops/ctlsocket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

void ctlserver_unref(struct ctlserver *server)
{
	if (--server->refs)
		return;
	free(server->path);
	free(server);
}

const struct ctlserver_command *ctlserver_find(const struct ctlserver *server, const char *name)
{
	for (size_t i = 0; i < server->command_count; i++) {
		if (strcmp(server->commands[i].name, name) == 0)
			return &server->commands[i];
	}
	return NULL;
}

static void on_connection(uv_stream_t *stream, int status)
{
	if (status == 0)
		client_open(stream->data, stream);
}

int ctlserver_open(struct ctlserver **out, uv_loop_t *loop, const char *path)
{
	struct ctlserver *server = calloc(1, sizeof(*server));
	int fd, err;

	if (!server)
		return -ENOMEM;
	server->path = strdup(path);
	if (!server->path) {
		free(server);
		return -ENOMEM;
	}
	fd = ctlsocket_listen(path);
	if (fd < 0) {
		free(server->path);
		free(server);
		return fd;
	}
	server->refs = 1;
	uv_pipe_init(loop, &server->pipe, 0);
	server->pipe.data = server;
	err = uv_pipe_open(&server->pipe, fd);
	if (err)
		close(fd);
	else
		err = uv_listen((uv_stream_t *)&server->pipe, CTLSERVER_CLIENTS_MAX, on_connection);
	if (err) {
		ctlserver_close(server);
		return err;
	}
	*out = server;
	return 0;
}

int ctlserver_add(struct ctlserver *server, const struct ctlserver_command *commands, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (ctlserver_find(server, commands[i].name))
			return -EEXIST;
		if (server->command_count == CTLSERVER_COMMANDS_MAX)
			return -ENOSPC;
		server->commands[server->command_count++] = commands[i];
	}
	return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
	ctlserver_unref(handle->data);
}

void ctlserver_close(struct ctlserver *server)
{
	struct client *client, *next;

	if (!server)
		return;
	unlink(server->path);
	DL_FOREACH_SAFE(server->clients, client, next)
	{
		client_close(client);
	}
	uv_close((uv_handle_t *)&server->pipe, on_listener_closed);
}
