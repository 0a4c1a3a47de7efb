/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/ctlserver_impl.h"

#include "shared/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void client_resume(struct client *client);

static void client_free(struct client *client)
{
	json_decref(client->question);
	free(client->answer);
	ctlserver_unref(client->server);
	free(client);
}

static void on_client_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;

	client->closed = true;
	if (!client->waiting)
		client_free(client);
}

void client_close(struct client *client)
{
	if (uv_is_closing((uv_handle_t *)&client->pipe))
		return;
	DL_DELETE(client->server->clients, client);
	client->server->client_count--;
	uv_close((uv_handle_t *)&client->pipe, on_client_closed);
	if (client->waiting && client->request.gone)
		client->request.gone(client->request.arg);
}

static void on_written(uv_write_t *write, int status)
{
	struct client *client = write->data;

	free(client->answer);
	client->answer = NULL;
	if (status < 0 || client->last)
		client_close(client);
	else
		client_resume(client);
}

char *client_line(const char *key, json_t *value, uv_buf_t *buf)
{
	json_t *object = json_object();
	char *line = NULL;
	size_t len;

	if (json_object_set_new(object, key, value) == 0)
		line = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!line)
		return NULL;
	len = strlen(line);
	/* The zero makes room for the end of the line. */
	line[len] = '\n';
	*buf = uv_buf_init(line, (unsigned)len + 1);
	return line;
}

/* Sends {key: value} as the answer to the request at hand; takes the value over. */
static void client_answer(struct client *client, const char *key, json_t *value)
{
	bool streamed = client->request.gone != NULL;
	uv_buf_t buf;

	client->waiting = false;
	client->request.gone = NULL;
	json_decref(client->question);
	client->question = NULL;
	if (client->closed || uv_is_closing((uv_handle_t *)&client->pipe)) {
		json_decref(value);
		if (client->closed)
			client_free(client);
		return;
	}
	client->answer = client_line(key, value, &buf);
	if (!client->answer) {
		client_close(client);
		return;
	}
	if (streamed)
		uv_read_stop((uv_stream_t *)&client->pipe);
	client->write.data = client;
	if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &buf, 1, on_written) < 0)
		client_close(client);
}

void ctlserver_reply(struct ctlserver_request *request, json_t *result)
{
	client_answer(request->client, "result", result ? result : json_object());
}

void ctlserver_fail(struct ctlserver_request *request, const char *fmt, ...)
{
	char raw[512], text[4 * sizeof(raw)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	client_answer(request->client, "error",
		json_string(log_escape(text, sizeof(text), raw, strlen(raw))));
}

static void client_handle(struct client *client, const char *line, size_t len)
{
	struct ctlserver_request *request = &client->request;
	const struct ctlserver_command *command;
	json_error_t error;
	json_t *args;
	const char *name;

	client->waiting = true;
	client->question = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (!client->question) {
		ctlserver_fail(request, "not a line of JSON: %s", error.text);
		return;
	}
	name = json_string_value(json_object_get(client->question, "cmd"));
	args = json_object_get(client->question, "args");
	if (!args && json_is_object(client->question)) {
		args = json_object();
		json_object_set_new(client->question, "args", args);
	}
	command = name ? ctlserver_find(client->server, name) : NULL;
	if (!name)
		ctlserver_fail(request, "\"cmd\" is missing: {\"cmd\":\"status\",\"args\":{}}");
	else if (!json_is_object(args))
		ctlserver_fail(request, "\"args\" must be an object");
	else if (!command)
		ctlserver_fail(request, "unknown command %s", name);
	else
		command->handle(command->arg, request, args);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct client *client = handle->data;

	*buf = uv_buf_init(
		client->line + client->used, (unsigned)(sizeof(client->line) - client->used));
}

/* Takes the first line of the buffer, if one is complete. */
static void client_take_line(struct client *client)
{
	char *end = memchr(client->line, '\n', client->used);
	size_t len;

	if (!end) {
		if (client->used < sizeof(client->line))
			return;
		uv_read_stop((uv_stream_t *)&client->pipe);
		client->waiting = client->last = true;
		ctlserver_fail(&client->request, "the request is longer than %d bytes",
			CTLSERVER_REQUEST_MAX);
		return;
	}
	/* The question is parsed into memory of its own; the rest waits for the answer. */
	uv_read_stop((uv_stream_t *)&client->pipe);
	len = (size_t)(end - client->line);
	client_handle(client, client->line, len);
	client->used -= len + 1;
	memmove(client->line, end + 1, client->used);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *client = stream->data;

	if (n < 0) {
		client_close(client);
		return;
	}
	client->used += (size_t)n;
	if (!client->waiting)
		client_take_line(client);
}

int client_read(struct client *client)
{
	return uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read);
}

static void client_resume(struct client *client)
{
	if (uv_is_closing((uv_handle_t *)&client->pipe))
		return;
	client_take_line(client);
	if (!client->waiting && !client->answer && client_read(client) < 0)
		client_close(client);
}

void client_open(struct ctlserver *server, uv_stream_t *stream)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return;
	client->server = server;
	client->request.client = client;
	uv_pipe_init(stream->loop, &client->pipe, 0);
	client->pipe.data = client;
	server->refs++;
	server->client_count++;
	DL_APPEND(server->clients, client);
	if (uv_accept(stream, (uv_stream_t *)&client->pipe) < 0) {
		client_close(client);
	} else if (server->client_count > CTLSERVER_CLIENTS_MAX) {
		client->waiting = client->last = true;
		ctlserver_fail(&client->request, "%d clients ask already: try again",
			CTLSERVER_CLIENTS_MAX);
	} else {
		client_resume(client);
	}
}
