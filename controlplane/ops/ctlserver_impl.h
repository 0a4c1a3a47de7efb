/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the control socket share. */
#ifndef CONTROLPLANE_OPS_CTLSERVER_IMPL_H
#define CONTROLPLANE_OPS_CTLSERVER_IMPL_H

#include "controlplane/ops/ctlserver.h"

struct ctlserver_request {
	struct client *client;
	void (*gone)(void *arg); /* of a request that is told in parts */
	void *arg;
	struct ctlserver_pages pages;
};

/* A client is reading, waiting for a handler, or writing: one request at a time. */
struct client {
	uv_pipe_t pipe;
	uv_write_t write;
	struct ctlserver *server;
	struct client *prev, *next;
	struct ctlserver_request request;
	json_t *question; /* of the request that waits for its answer */
	char *answer;     /* that is being written */
	bool waiting;     /* a handler owes the answer */
	bool last;        /* close when the answer is written */
	bool closed;
	size_t used; /* bytes of `line` */
	char line[CTLSERVER_REQUEST_MAX];
};

struct ctlserver {
	uv_pipe_t pipe;
	char *path;
	struct client *clients;
	unsigned client_count;
	unsigned refs; /* the listener and each client's memory */
	struct ctlserver_command commands[CTLSERVER_COMMANDS_MAX];
	size_t command_count;
};

/* A connection's client, which asks at once. */
void client_open(struct ctlserver *server, uv_stream_t *stream);
void client_close(struct client *client);

/* Reading what a client says, also while it is told parts. Returns 0 or -errno. */
int client_read(struct client *client);

/* {key: value} as a line; takes the value over. NULL without memory. */
char *client_line(const char *key, json_t *value, uv_buf_t *buf);

const struct ctlserver_command *ctlserver_find(const struct ctlserver *server, const char *name);
void ctlserver_unref(struct ctlserver *server);

#endif
