/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/ctlsocket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

static int address(struct sockaddr_un *sun, const char *path)
{
	if (strlen(path) >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	strcpy(sun->sun_path, path);
	return 0;
}

/* 0 when path is free or a socket that nobody serves. */
static int check_place(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A full backlog (EAGAIN) is a living server as well. */
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 || errno == EAGAIN)
		err = -EADDRINUSE;
	else if (errno != ECONNREFUSED && errno != ENOENT)
		err = -errno;
	close(fd);
	return err;
}

int ctlsocket_listen(const char *path)
{
	struct sockaddr_un place, own;
	char name[sizeof(place.sun_path)];
	int fd, err;

	/* Made under a name of our own and moved: nobody ever sees a socket that refuses. */
	if (snprintf(name, sizeof(name), "%s.%d", path, (int)getpid()) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	err = address(&place, path);
	if (!err)
		err = address(&own, name);
	if (!err)
		err = check_place(&place);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(name);
	if (bind(fd, (const struct sockaddr *)&own, sizeof(own)) < 0) {
		err = -errno;
		goto close_fd;
	}
	if (chmod(name, 0660) < 0 || listen(fd, BACKLOG) < 0 || rename(name, path) < 0) {
		err = -errno;
		goto unlink_name;
	}
	return fd;

unlink_name:
	unlink(name);
close_fd:
	close(fd);
	return err;
}
