/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/dp_scene.h"

#include "shared/clock.h"
#include "tests/component/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void dp_pause(void)
{
	usleep(20000);
}

void dp_make(struct dp *dp)
{
	*dp = (struct dp){.dir = "/tmp/linewatch-dp-XXXXXX", .pid = -1};
	assert_non_null(mkdtemp(dp->dir));
	snprintf(dp->socket, sizeof(dp->socket), "%s/dp.sock", dp->dir);
	snprintf(dp->log, sizeof(dp->log), "%s/log", dp->dir);
}

void dp_remove(struct dp *dp)
{
	if (dp->pid > 0) {
		kill(dp->pid, SIGKILL);
		dp_wait(dp);
	}
	sh("rm -r %s", dp->dir);
}

static void dp_exec_with(const struct dp *dp, const char *program, const char *path)
{
	char command[1024];

	snprintf(command, sizeof(command), "exec %s %s -c %s", dp->rights, program, path);
	setenv("RUNTIME_DIRECTORY", dp->dir, 1);
	execl("/bin/sh", "sh", "-c", command, NULL);
}

void dp_launch(struct dp *dp, const char *lines)
{
	const char *program = getenv("LW_DP");
	char path[128];
	FILE *file;
	int log;

	assert_non_null(program);
	snprintf(path, sizeof(path), "%s/conf.yaml", dp->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
		"node: {service_address: 192.0.2.10, media_ports: 20000-20063}\n"
		"dataplane:\n  socket: %s\n%s",
		dp->socket, lines);
	fclose(file);
	log = open(dp->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(log >= 0);
	dp->pid = fork();
	assert_true(dp->pid >= 0);
	if (dp->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(log, STDOUT_FILENO);
		dup2(log, STDERR_FILENO);
		if (dp->rights)
			dp_exec_with(dp, program, path);
		execl(program, program, "-c", path, NULL);
		_exit(127);
	}
	close(log);
}

static void dp_show_log(const struct dp *dp)
{
	char command[160];

	snprintf(command, sizeof(command), "sed 's/^/    /' %s >&2", dp->log);
	if (system(command) != 0)
		print_message("(no log)\n");
}

bool dp_is_alive(const struct dp *dp)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)dp->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		info.si_pid == 0;
}

void dp_start(struct dp *dp, const char *lines)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;

	dp_launch(dp, lines);
	while (access(dp->socket, F_OK) != 0 || dp_log_count(dp, "ready:") == 0) {
		if (!dp_is_alive(dp) || clock_boot_ms() > end) {
			dp_show_log(dp);
			fail_msg("linewatch-dp does not start");
		}
		dp_pause();
	}
}

int dp_wait(struct dp *dp)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;
	int status = 0;

	while (waitpid(dp->pid, &status, WNOHANG) == 0) {
		if (clock_boot_ms() > end) {
			dp_show_log(dp);
			fail_msg("linewatch-dp does not end");
		}
		dp_pause();
	}
	dp->pid = -1;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int dp_stop(struct dp *dp, int sig)
{
	kill(dp->pid, sig);
	return dp_wait(dp);
}

unsigned int dp_log_count(const struct dp *dp, const char *text)
{
	FILE *file = fopen(dp->log, "r");
	unsigned int n = 0;
	char line[2048];

	while (file && fgets(line, sizeof(line), file))
		n += strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return n;
}

void dp_await_log(const struct dp *dp, const char *text)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;

	while (dp_log_count(dp, text) == 0) {
		if (clock_boot_ms() > end) {
			dp_show_log(dp);
			fail_msg("the log never says: %s", text);
		}
		dp_pause();
	}
}

int dp_connect(const struct dp *dp)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", dp->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

void dp_send_raw(int fd, const void *packet, size_t len)
{
	assert_int_equal(send(fd, packet, len, MSG_NOSIGNAL), len);
}

void dp_send(int fd, uint16_t type, uint32_t seq, const void *records, uint16_t count)
{
	struct dp_packet packet = {.head = {.type = type, .count = count, .seq = seq}};

	packet.head.size = (uint16_t)proto_size(type);
	memcpy(packet.records, records, (size_t)packet.head.size * count);
	dp_send_raw(fd, &packet, sizeof(packet.head) + (size_t)packet.head.size * count);
}

/* Returns the length; 0 at the end of the connection. */
static size_t dp_receive_any(int fd, struct dp_packet *packet)
{
	struct iovec iov = {.iov_base = packet, .iov_len = offsetof(struct dp_packet, fd)};
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	struct cmsghdr *cmsg;
	ssize_t n;

	assert_int_equal(poll(&pollfd, 1, DP_WAIT_MS), 1);
	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0 && errno == ECONNRESET)
		return 0;
	assert_true(n >= 0);
	packet->fd = -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&packet->fd, CMSG_DATA(cmsg), sizeof(int));
	return (size_t)n;
}

void dp_receive(int fd, struct dp_packet *packet)
{
	size_t len = dp_receive_any(fd, packet);
	const char *why;

	if (len == 0)
		fail_msg("the connection was closed");
	if (proto_check(packet, len, false, &why))
		fail_msg("malformed packet from the data plane: %s", why);
}

void dp_receive_end(int fd)
{
	struct dp_packet packet;

	if (dp_receive_any(fd, &packet) != 0)
		fail_msg("a packet of type %u instead of the end", packet.head.type);
}

int dp_order(int fd, uint16_t type, const void *records, uint16_t count, struct proto_ack *ack)
{
	struct dp_packet packet;

	dp_send(fd, type, 4711, records, count);
	dp_receive(fd, &packet);
	assert_int_equal(packet.head.type, PROTO_ACK);
	memcpy(ack, packet.records, sizeof(*ack));
	assert_int_equal(ack->seq, 4711);
	return ack->status;
}

void dp_hello(struct proto_hello *hello, uint32_t slot)
{
	*hello = (struct proto_hello){
		.magic = PROTO_MAGIC,
		.version = PROTO_VERSION,
		.slot = slot,
		.incarnation = 5,
	};
	proto_sizes(hello->sizes);
}

int dp_client(const struct dp *dp, uint32_t slot, struct proto_welcome *welcome,
	const struct facts_head **facts)
{
	struct proto_welcome got;
	struct proto_hello hello;
	struct dp_packet packet;
	int fd = dp_connect(dp);
	void *base;

	dp_hello(&hello, slot);
	dp_send(fd, PROTO_HELLO, 1, &hello, 1);
	dp_receive(fd, &packet);
	assert_int_equal(packet.head.type, PROTO_WELCOME);
	assert_int_equal(packet.head.seq, 1);
	memcpy(&got, packet.records, sizeof(got));
	assert_true(packet.fd >= 0);
	if (facts) {
		base = mmap(NULL, got.facts_size, PROT_READ, MAP_SHARED, packet.fd, 0);
		assert_ptr_not_equal(base, MAP_FAILED);
		*facts = base;
	}
	close(packet.fd);
	if (welcome)
		*welcome = got;
	return fd;
}

struct proto_binding dp_binding(uint32_t id)
{
	return (struct proto_binding){
		.id = id,
		.gen = 1,
		.dst = {.family = ADDR_IPV4,
			.port = 5060,
			.ip = {198, 51, 100, (uint8_t)(id % 200 + 1)}},
		.local = {.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 10}},
		.expires_ms = clock_boot_ms() + 3600000,
	};
}
