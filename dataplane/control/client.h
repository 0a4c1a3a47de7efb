/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection of the control socket: reads packets, answers them, sends events. Inside
 * dataplane/control only. */
#ifndef DATAPLANE_CONTROL_CLIENT_H
#define DATAPLANE_CONTROL_CLIENT_H

#include "dataplane/control/queue.h"
#include "dataplane/control/server.h"

#include <stdbool.h>
#include <sys/types.h>

#define CLIENT_NO_SLOT UINT32_MAX
#define CLIENT_REPLIES 2 /* MEDIA_READY and ACK */
#define CLIENT_REPLY_MAX \
	(sizeof(struct proto_head) + PROTO_RECORDS_MAX * sizeof(struct proto_media_ready))
#define CLIENT_HELLO_MS 5000 /* for the first packet */
#define CLIENT_EVENTS   8192 /* that may wait, power of two */
#define CLIENT_FRAMES   512  /* captured, likewise */
/* Each flow of it is learnt, its RTCP too, and told silent. */
#define CLIENT_EVENTS_OF_PACKET (3 * PROTO_RECORDS_MAX)

/* What stays of a slot when its client goes. */
struct server_slot {
	struct client *client;
	uint64_t generation; /* of the last sync that ended */
	uint64_t syncing;    /* of the sync that this client began, 0 = none */
};

struct server {
	struct server_conf conf;
	struct media *media;
	struct keepalive *keepalive;
	struct captures *captures;
	int (*port_reset)(void *ctx, const char *name);
	void *port_reset_ctx;
	struct server_slot slot[PROTO_SLOTS];
	struct client *clients; /* all connections */
	uv_poll_t listener;
	int fd;
	bool listening;
	bool closing;
	unsigned int connected; /* with a slot */
	uint64_t at_ms;         /* of the last tick */
};

struct client_reply {
	size_t len;
	int fd; /* passed along, -1 = none; not owned */
	uint64_t data[(CLIENT_REPLY_MAX + 7) / 8];
};

struct client {
	struct client *next;
	struct server *server;
	uv_poll_t poll;
	int fd;
	int events; /* that the poll waits for */
	pid_t pid;
	uint32_t slot; /* CLIENT_NO_SLOT before the hello */
	uint32_t incarnation;
	uint64_t opened_ms;
	uint32_t seq;
	bool closing;
	struct queue queue;  /* of events */
	struct queue frames; /* captured; made with the client's first capture */
	struct client_reply reply[CLIENT_REPLIES]; /* that the socket did not take yet */
	unsigned int replies;
};

/* Takes over a connected socket. On failure the socket is closed. */
void client_open(struct server *server, int fd, pid_t pid);

/* Ends the connection with one log line. */
void client_close(struct client *client, const char *why);

/* Queues an answer to the packet that is being handled. */
void client_reply(
	struct client *client, uint16_t type, uint32_t seq, const void *records, uint16_t count);

/* Tells poll what this client waits for: after events were pushed, or room was made. */
void client_wait(struct client *client);

/* Handles one packet that proto_check accepted. Returns 0, or -errno with *why set when the
 * connection must be closed. (dispatch.c) */
int dispatch(struct client *client, const struct proto_head *head, const char **why);

#endif
