/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/stamp.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

void stamp_open(int fd)
{
	const int on = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)), 0);
}

ssize_t stamp_read(int fd, uint8_t frame[static STAMP_FRAME], uint64_t *seen_ns, int wait_ms)
{
	char control[256] __attribute__((aligned(8)));
	struct iovec iov = {.iov_base = frame, .iov_len = STAMP_FRAME};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	const struct cmsghdr *cmsg;
	struct timespec ts;
	ssize_t len = recvmsg(fd, &msg, MSG_DONTWAIT);

	if (len < 0 && wait_ms && poll(&pollfd, 1, wait_ms) == 1)
		len = recvmsg(fd, &msg, MSG_DONTWAIT);
	if (len < 0)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	assert_true(cmsg && cmsg->cmsg_type == SO_TIMESTAMPNS);
	memcpy(&ts, CMSG_DATA(cmsg), sizeof(ts));
	*seen_ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	return len;
}
