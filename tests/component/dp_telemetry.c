/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/dp_telemetry.h"

#include <rte_hash_crc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

int dp_telemetry_open(const struct dp *dp)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char greeting[DP_TELEMETRY_MAX];

	/* The folder bears the checksum of our socket's name. */
	snprintf(sun.sun_path, sizeof(sun.sun_path),
		"/var/run/dpdk/linewatch-%08x/dpdk_telemetry.v2",
		rte_hash_crc(dp->socket, (uint32_t)strlen(dp->socket), 0));
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_true(recv(fd, greeting, sizeof(greeting), 0) > 0);
	return fd;
}

void dp_telemetry(int fd, const char *command, char answer[static DP_TELEMETRY_MAX])
{
	ssize_t n;

	dp_send_raw(fd, command, strlen(command));
	n = recv(fd, answer, DP_TELEMETRY_MAX - 1, 0);
	assert_true(n > 0);
	answer[n] = '\0';
}
