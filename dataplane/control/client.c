/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/control/client.h"

#include "dataplane/control/captures.h"
#include "dataplane/keepalive/keepalive.h"
#include "shared/clock.h"
#include "shared/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENT_PACKETS 16 /* read or written in one turn of the loop */

/* Sends one packet, with a descriptor beside it unless that is -1. Returns 0, -EAGAIN or what is
 * wrong with the connection. */
static int client_send(struct client *client, const void *packet, size_t len, int fd)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)packet, .iov_len = len};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;

	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	if (sendmsg(client->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EWOULDBLOCK || errno == ENOBUFS ? -EAGAIN : -errno;
}

void client_reply(
	struct client *client, uint16_t type, uint32_t seq, const void *records, uint16_t count)
{
	struct client_reply *reply = &client->reply[client->replies++];
	struct proto_head head = {
		.type = type,
		.size = (uint16_t)proto_size(type),
		.count = count,
		.seq = seq,
	};

	reply->len = sizeof(head) + (size_t)head.size * count;
	reply->fd = type == PROTO_WELCOME ? client->server->conf.facts->fd : -1;
	memcpy(reply->data, &head, sizeof(head));
	memcpy((uint8_t *)reply->data + sizeof(head), records, (size_t)head.size * count);
}

/* Answers first, they are in the order of the requests. */
static int client_send_replies(struct client *client)
{
	unsigned int sent = 0;
	int err = 0;

	while (sent < client->replies && !err) {
		const struct client_reply *reply = &client->reply[sent];

		err = client_send(client, reply->data, reply->len, reply->fd);
		if (!err)
			sent++;
	}
	client->replies -= sent;
	memmove(client->reply, client->reply + sent, client->replies * sizeof(*client->reply));
	return err;
}

static int client_send_queue(struct client *client, struct queue *queue)
{
	uint64_t packet[PROTO_PACKET_MAX / 8];

	for (int i = 0; i < CLIENT_PACKETS && queue->place; i++) {
		size_t len = queue_pack(queue, packet, client->seq);
		int err;

		if (len == 0)
			return 0;
		err = client_send(client, packet, len, -1);
		if (err)
			return err;
		queue_sent(queue, packet);
		client->seq++;
	}
	return 0;
}

/* Sends what it can. Returns 0 also when the socket is full. */
static int client_flush(struct client *client)
{
	int err = client_send_replies(client);

	if (!err)
		err = client_send_queue(client, &client->queue);
	if (!err)
		err = client_send_queue(client, &client->frames);
	return err == -EAGAIN ? 0 : err;
}

/* A packet is taken only when its answers have a place to go, its orders as well, and the events
 * that it may bring about: a sync is told what was learnt of each of its flows. */
static bool client_may_read(const struct client *client)
{
	return client->replies == 0 &&
		(client->slot == CLIENT_NO_SLOT ||
			queue_room(&client->queue) >= CLIENT_EVENTS_OF_PACKET) &&
		keepalive_room(client->server->keepalive) >= PROTO_RECORDS_MAX;
}

/* One packet. Returns 1, 0 when there is none, or -errno with *why. */
static int client_read(struct client *client, const char **why)
{
	uint64_t packet[(PROTO_PACKET_MAX + 8) / 8];
	ssize_t n = recv(client->fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
	int err;

	if (n < 0 && (errno == EWOULDBLOCK || errno == EINTR))
		return 0;
	if (n <= 0) {
		*why = n == 0 ? "it has gone" : strerror(errno);
		return n == 0 ? -ENOTCONN : -errno;
	}
	err = proto_check(packet, (size_t)n, true, why);
	if (!err)
		err = dispatch(client, (const struct proto_head *)packet, why);
	else if (client->slot == CLIENT_NO_SLOT) {
		/* Another version deserves to hear so. */
		struct proto_ack ack = {.status = err, .refused = 1};

		client_reply(client, PROTO_ACK, 0, &ack, 1);
	}
	return err ? err : 1;
}

static void client_on_poll(uv_poll_t *poll, int status, int events)
{
	struct client *client = poll->data;
	const char *why = NULL;
	int ret = 1, err;

	for (int i = 0; i < CLIENT_PACKETS && ret > 0 && client_may_read(client); i++) {
		ret = client_read(client, &why);
		if (ret > 0)
			ret = client_send_replies(client) == 0;
	}
	err = client_flush(client);
	if (ret < 0)
		client_close(client, why);
	else if (err || status < 0)
		client_close(client, strerror(err ? -err : -status));
	else
		client_wait(client);
}

void client_wait(struct client *client)
{
	int events = 0;

	if (client->closing)
		return;
	if (client_may_read(client))
		events |= UV_READABLE;
	if (client->replies || !queue_is_empty(&client->queue) || !queue_is_empty(&client->frames))
		events |= UV_WRITABLE;
	if (events == client->events)
		return;
	client->events = events;
	if (events)
		uv_poll_start(&client->poll, events, client_on_poll);
	else
		uv_poll_stop(&client->poll);
}

void client_open(struct server *server, int fd, pid_t pid)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client || uv_poll_init(server->conf.loop, &client->poll, fd)) {
		log_error("no memory for a client (pid %d)", (int)pid);
		free(client);
		close(fd);
		return;
	}
	client->server = server;
	client->poll.data = client;
	client->fd = fd;
	client->pid = pid;
	client->slot = CLIENT_NO_SLOT;
	client->opened_ms = clock_boot_ms();
	client->next = server->clients;
	server->clients = client;
	client_wait(client);
}

static void client_free(uv_handle_t *handle)
{
	struct client *client = handle->data;

	queue_close(&client->queue);
	queue_close(&client->frames);
	close(client->fd);
	free(client);
}

void client_close(struct client *client, const char *why)
{
	struct server *server = client->server;
	struct client **link = &server->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	if (client->slot == CLIENT_NO_SLOT) {
		log_warning(
			"closed a connection (pid %d) that had no slot: %s", (int)client->pid, why);
	} else {
		server->slot[client->slot].client = NULL;
		server->slot[client->slot].syncing = 0;
		if (server->captures)
			captures_forget(server->captures, client->slot);
		__atomic_fetch_sub(&server->connected, 1, __ATOMIC_RELAXED);
		log_warning("closed the client of slot %u (pid %d): %s; its bindings and flows "
			    "stay until they expire",
			client->slot, (int)client->pid, why);
	}
	client->closing = true;
	uv_close((uv_handle_t *)&client->poll, client_free);
}
