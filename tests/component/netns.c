/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static pid_t far_pid;

void sh(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

int netns_enter(void **state)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	return system("ip link set lo up");
}

/* A child that does nothing keeps the far namespace open. */
int netns_enter_two(void **state)
{
	char pid[16], byte;
	int ready[2];

	if (netns_enter(state) || pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	far_pid = fork();
	if (far_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	if (far_pid < 0 || read(ready[0], &byte, 1) != 1)
		return -1;
	close(ready[0]);
	snprintf(pid, sizeof(pid), "%d", (int)far_pid);
	setenv("FAR_PID", pid, 1);
	return system(FAR "ip link set lo up");
}

int netns_leave(void **state)
{
	if (far_pid > 0) {
		kill(far_pid, SIGKILL);
		waitpid(far_pid, NULL, 0);
		far_pid = 0;
	}
	return 0;
}

bool netns_has_vlan(void)
{
	return system("ip link add try0 type veth && "
		      "{ ip link add link try0 name try0.9 type vlan id 9 2>/dev/null; "
		      "status=$?; ip link del try0; exit $status; }") == 0;
}

/* Opens a socket in the far namespace and binds it. */
static int netns_far_socket(int domain, int type, int protocol)
{
	int near = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), far, fd;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)far_pid);
	far = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(near >= 0 && far >= 0);
	assert_int_equal(setns(far, CLONE_NEWNET), 0);
	fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	assert_int_equal(setns(near, CLONE_NEWNET), 0);
	assert_true(fd >= 0);
	close(near);
	close(far);
	return fd;
}

int netns_far_packet(const char *ifname)
{
	int fd = netns_far_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	struct sockaddr_ll sll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct ifreq ifr = {0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	assert_int_equal(ioctl(fd, SIOCGIFINDEX, &ifr), 0);
	sll.sll_ifindex = ifr.ifr_ifindex;
	assert_int_equal(bind(fd, (struct sockaddr *)&sll, sizeof(sll)), 0);
	return fd;
}

int netns_far_udp(const char *ip, uint16_t port)
{
	int fd = netns_far_socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};

	assert_int_equal(inet_pton(AF_INET, ip, &sin.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}
