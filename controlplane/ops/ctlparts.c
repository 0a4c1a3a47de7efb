/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers told in parts: as they come (ctlserver_stream), or as the client reads them
 * (ctlserver_pages). */
#include "controlplane/ops/ctlserver_impl.h"

#include <stdlib.h>

#define PARTS_MAX 1048576 /* bytes of parts that may wait for a slow client */

struct part {
	uv_write_t write;
	struct client *client;
	char *line;
};

/* Reading on tells when the client leaves; a next question waits. */
void ctlserver_stream(struct ctlserver_request *request, void (*gone)(void *arg), void *arg)
{
	struct client *client = request->client;

	request->gone = gone;
	request->arg = arg;
	if (client_read(client) < 0)
		client_close(client);
}

static void part_free(struct part *part)
{
	free(part->line);
	free(part);
}

/* Takes the value over. */
static bool part_write(struct client *client, json_t *value, uv_write_cb written)
{
	struct part *part = calloc(1, sizeof(*part));
	uv_buf_t buf;

	if (!part) {
		json_decref(value);
		return false;
	}
	part->write.data = part;
	part->client = client;
	part->line = client_line("part", value, &buf);
	if (part->line &&
		uv_write(&part->write, (uv_stream_t *)&client->pipe, &buf, 1, written) == 0)
		return true;
	part_free(part);
	return false;
}

static void on_part_written(uv_write_t *write, int status)
{
	part_free(write->data);
}

bool ctlserver_part(struct ctlserver_request *request, json_t *value)
{
	uv_stream_t *pipe = (uv_stream_t *)&request->client->pipe;

	if (uv_is_closing((uv_handle_t *)pipe) ||
		uv_stream_get_write_queue_size(pipe) > PARTS_MAX) {
		json_decref(value);
		return false;
	}
	return part_write(request->client, value, on_part_written);
}

static void pages_end(void *arg)
{
	struct ctlserver_request *request = arg;

	request->pages.end(request->pages.arg);
	ctlserver_reply(request, NULL);
}

static void pages_next(struct client *client);

static void on_page_written(uv_write_t *write, int status)
{
	struct part *part = write->data;
	struct client *client = part->client;

	part_free(part);
	/* Closing has ended it already. */
	if (uv_is_closing((uv_handle_t *)&client->pipe))
		return;
	if (status < 0)
		client_close(client);
	else
		pages_next(client);
}

static void pages_next(struct client *client)
{
	struct ctlserver_request *request = &client->request;
	json_t *page = request->pages.next(request->pages.arg);

	if (!page)
		pages_end(request);
	else if (!part_write(client, page, on_page_written))
		client_close(client);
}

void ctlserver_pages(struct ctlserver_request *request, const struct ctlserver_pages *pages)
{
	request->pages = *pages;
	request->gone = pages_end;
	request->arg = request;
	/* It may have left before there was anything to tell. */
	if (uv_is_closing((uv_handle_t *)&request->client->pipe))
		pages_end(request);
	else
		pages_next(request->client);
}
