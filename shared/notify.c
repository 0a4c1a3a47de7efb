/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/notify.h"

#include "shared/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int notify_send(const char *path, const char *state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd, err = 0;

	if (len >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, len);
	/* A name without a file. */
	if (path[0] == '@')
		sun.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&sun,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int notify_ready(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int err = path && path[0] ? notify_send(path, "READY=1") : 0;

	if (err)
		log_warning(
			"NOTIFY_SOCKET: %s: the service manager is not told that all is ready: %s",
			path, strerror(-err));
	return err;
}
