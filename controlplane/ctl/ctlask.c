/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ctl/ctlask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX     (16u << 20) /* bytes of a line */
#define ANSWER_CHUNK   65536
#define ANSWER_WAIT_S  10
#define NOT_RUNNING    "the node does not run: no answer at %s: %s"
#define ANSWER_TIMEOUT "no answer from %s within %d s"

static int connect_to(const char *path, char *err, size_t errlen)
{
	const struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		snprintf(err, errlen, "%s is too long for a socket: at most %zu bytes", path,
			sizeof(sun.sun_path) - 1);
		return -EPROTO;
	}
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
		connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		snprintf(err, errlen, NOT_RUNNING, path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -ECONNREFUSED;
	}
	return fd;
}

static int send_line(int fd, const char *command, const json_t *args)
{
	json_t *question = json_pack("{s:s,s:O}", "cmd", command, "args", args);
	char *line = question ? json_dumps(question, JSON_COMPACT) : NULL;
	size_t len = line ? strlen(line) : 0, sent = 0;

	json_decref(question);
	if (!line)
		return -ENOMEM;
	line[len++] = '\n';
	while (sent < len) {
		ssize_t n = send(fd, line + sent, len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		/* A server that is full says so and closes: the answer is still there to read. */
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	free(line);
	return 0;
}

/* What has come and was not taken yet. */
struct reader {
	int fd;
	char *data;
	size_t used, room;
};

/* Reads until a line is whole. Returns its length, its end included, or -errno. */
static ssize_t reader_line(struct reader *r)
{
	size_t seen = 0;

	for (;;) {
		char *end = r->used > seen ? memchr(r->data + seen, '\n', r->used - seen) : NULL;
		ssize_t n;

		if (end)
			return end + 1 - r->data;
		seen = r->used;
		if (r->used == r->room) {
			size_t room = r->room * 2 + ANSWER_CHUNK;
			char *more = r->room < ANSWER_MAX ? realloc(r->data, room) : NULL;

			if (!more)
				return -ENOMEM;
			r->data = more;
			r->room = room;
		}
		n = recv(r->fd, r->data + r->used, r->room - r->used, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ECONNRESET;
		r->used += (size_t)n;
	}
}

static void reader_take(struct reader *r, size_t len)
{
	r->used -= len;
	memmove(r->data, r->data + len, r->used);
}

/* Returns 1 for a part, which is taken care of, 0 with the result, or -EPROTO. */
static int take_line(const char *line, size_t len, const struct ctlask_parts *parts,
	json_t **result, char *err, size_t errlen)
{
	json_t *answer = json_loadb(line, len, 0, NULL);
	const json_t *part = json_object_get(answer, "part");
	const char *refusal = json_string_value(json_object_get(answer, "error"));

	*result = json_incref(json_object_get(answer, "result"));
	if (part && parts)
		parts->part(parts->arg, part);
	else if (!*result)
		snprintf(err, errlen, "%s", refusal ? refusal : "the node's answer is not JSON");
	json_decref(answer);
	return part && parts ? 1 : *result ? 0 : -EPROTO;
}

int ctlask(const char *path, const char *command, const json_t *args,
	const struct ctlask_parts *parts, json_t **result, char *err, size_t errlen)
{
	struct reader r = {.fd = connect_to(path, err, errlen)};
	ssize_t len;
	int rc;

	if (r.fd < 0)
		return r.fd;
	rc = send_line(r.fd, command, args);
	for (len = rc ? rc : reader_line(&r); len > 0; len = reader_line(&r)) {
		rc = take_line(r.data, (size_t)len, parts, result, err, errlen);
		if (rc <= 0)
			break;
		reader_take(&r, (size_t)len);
	}
	if (len == -EAGAIN) {
		snprintf(err, errlen, ANSWER_TIMEOUT, path, ANSWER_WAIT_S);
		rc = -EPROTO;
	} else if (len <= 0) {
		snprintf(err, errlen, NOT_RUNNING, path, strerror((int)-len));
		rc = len == -ENOMEM ? -EPROTO : -ECONNREFUSED;
	}
	free(r.data);
	close(r.fd);
	return rc;
}
