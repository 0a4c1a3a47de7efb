/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ctl/ctlask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX     (512u << 20) /* bytes: a million calls */
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

/* Reads up to the end of a line; the caller frees *answer. Returns its length or -errno. */
static ssize_t receive_line(int fd, char **answer)
{
	size_t used = 0, room = 0;

	*answer = NULL;
	for (;;) {
		ssize_t n;

		if (used == room) {
			char *more = room < ANSWER_MAX ? realloc(*answer, room * 2 + ANSWER_CHUNK)
						       : NULL;

			if (!more)
				return -ENOMEM;
			*answer = more;
			room = room * 2 + ANSWER_CHUNK;
		}
		n = recv(fd, *answer + used, room - used, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ECONNRESET;
		used += (size_t)n;
		if ((*answer)[used - 1] == '\n')
			return (ssize_t)used;
	}
}

static int parse_answer(const char *line, size_t len, json_t **result, char *err, size_t errlen)
{
	json_t *answer = json_loadb(line, len, 0, NULL);
	const char *refusal = json_string_value(json_object_get(answer, "error"));

	*result = json_incref(json_object_get(answer, "result"));
	if (!*result)
		snprintf(err, errlen, "%s", refusal ? refusal : "the node's answer is not JSON");
	json_decref(answer);
	return *result ? 0 : -EPROTO;
}

int ctlask(const char *path, const char *command, const json_t *args, json_t **result, char *err,
	size_t errlen)
{
	int fd = connect_to(path, err, errlen);
	char *line = NULL;
	ssize_t len;
	int rc;

	if (fd < 0)
		return fd;
	rc = send_line(fd, command, args);
	len = rc ? rc : receive_line(fd, &line);
	if (len > 0) {
		rc = parse_answer(line, (size_t)len, result, err, errlen);
	} else if (len == -EAGAIN) {
		snprintf(err, errlen, ANSWER_TIMEOUT, path, ANSWER_WAIT_S);
		rc = -EPROTO;
	} else {
		snprintf(err, errlen, NOT_RUNNING, path, strerror((int)-len));
		rc = len == -ENOMEM ? -EPROTO : -ECONNREFUSED;
	}
	free(line);
	close(fd);
	return rc;
}
