/* SPDX-License-Identifier: BSD-3-Clause */
/* How fast linewatch-dp takes in bindings by its control socket, with the kernel's routes, beside a
 * socket pair whose other end only counts and answers.
 *
 *   bench_resync resync|churn COUNT 4|6 PROGRAM     PROGRAM: linewatch-dp, or `pair`
 *
 * Answers each line of its input by "RECORDS NANOSECONDS" of wall time. resync: a new process is
 * told COUNT bindings. churn: of COUNT bindings in place, CHURN go and come again, while
 * keep-alives are sent. */
#include "shared/clock.h"
#include "tests/component/dp_scene.h"
#include "tests/component/netns.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CHURN 100000u

/* What the client is connected to. */
struct end {
	struct dp dp;
	const struct facts_head *facts;
	const char *program;
	uint64_t generation;
	pthread_t answerer;
	bool pair;
	bool ipv6;
	uint32_t count;
	int fd, far;
};

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct addr device(uint32_t id, bool ipv6)
{
	struct addr addr = {.family = ADDR_IPV4, .port = (uint16_t)(1024 + id % 60000)};
	uint32_t ip = __builtin_bswap32(0x0a000000u + id);

	if (ipv6) {
		addr.family = ADDR_IPV6;
		memcpy(addr.ip, "\x20\x01\x0d\xb8", 4);
	}
	memcpy(addr.ip + (ipv6 ? 12 : 0), &ip, 4);
	return addr;
}

static struct addr local(bool ipv6)
{
	struct addr v4 = {.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 10}};
	struct addr v6 = {.family = ADDR_IPV6,
		.port = 5060,
		.ip = {0x20, 0x01, 0x0d, 0xb8, [4] = 0xff, [15] = 0x10}};

	return ipv6 ? v6 : v4;
}

/* Packets go as fast as the other end takes them; it takes one when its answers have been read. */
static void push(int fd, uint16_t type, const void *records, uint16_t count, uint32_t *open)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT};
	struct dp_packet packet;
	struct proto_ack ack;

	for (;;) {
		while (*open && recv(fd, &packet, sizeof(packet), MSG_DONTWAIT) > 0) {
			memcpy(&ack, packet.records, sizeof(ack));
			if (packet.head.type == PROTO_ACK && ack.status != 0)
				fail_msg("binding %u refused: %s", ack.first_id,
					strerror(-ack.status));
			*open -= packet.head.type == PROTO_ACK;
		}
		if (!records && *open == 0)
			return;
		pollfd.events = (short)(records ? POLLIN | POLLOUT : POLLIN);
		assert_true(poll(&pollfd, 1, DP_WAIT_MS) > 0);
		if (records && pollfd.revents & POLLOUT)
			break;
	}
	dp_send(fd, type, ++*open, records, count);
}

static void push_sets(
	const struct end *end, uint32_t first, uint32_t n, uint32_t gen, uint32_t *open)
{
	struct proto_binding binding[PROTO_RECORDS_MAX];
	uint64_t expires_ms = clock_boot_ms() + 3600000;

	while (n) {
		uint16_t count = (uint16_t)(n < PROTO_RECORDS_MAX ? n : PROTO_RECORDS_MAX);

		for (uint16_t i = 0; i < count; i++, first++)
			binding[i] = (struct proto_binding){
				.id = first,
				.gen = gen,
				.dst = device(first, end->ipv6),
				.local = local(end->ipv6),
				.expires_ms = expires_ms,
			};
		push(end->fd, PROTO_BINDING_SET, binding, count, open);
		n -= count;
	}
}

static void push_dels(const struct end *end, uint32_t n, uint32_t gen, uint32_t *open)
{
	struct proto_handle handle[PROTO_RECORDS_MAX];

	for (uint32_t id = 0; id < n;) {
		uint16_t count = 0;

		while (count < PROTO_RECORDS_MAX && id < n)
			handle[count++] = (struct proto_handle){.id = id++, .gen = gen};
		push(end->fd, PROTO_BINDING_DEL, handle, count, open);
	}
}

/* All that is wanted, as after a restart. Returns the time it took. */
static uint64_t resync(struct end *end)
{
	struct proto_sync sync = {.generation = ++end->generation};
	uint64_t began = wall_ns();
	uint32_t open = 0;

	push(end->fd, PROTO_SYNC_BEGIN, &sync, 1, &open);
	push_sets(end, 0, end->count, 1, &open);
	push(end->fd, PROTO_SYNC_END, &sync, 1, &open);
	push(end->fd, 0, NULL, 0, &open);
	if (end->facts)
		assert_int_equal(end->facts->bindings_used, end->count);
	return wall_ns() - began;
}

static uint64_t churn(struct end *end)
{
	static uint32_t gen = 1;
	uint64_t began = wall_ns();
	uint32_t open = 0, n = end->count < CHURN ? end->count : CHURN;

	push_dels(end, n, gen, &open);
	push_sets(end, 0, n, ++gen, &open);
	push(end->fd, 0, NULL, 0, &open);
	if (end->facts)
		assert_int_equal(end->facts->bindings_used, end->count);
	return wall_ns() - began;
}

/* The other end of the pair. */
static void *answer(void *arg)
{
	struct end *end = arg;
	struct dp_packet packet;

	while (recv(end->far, &packet, sizeof(packet), 0) > 0) {
		struct proto_ack ack = {.seq = packet.head.seq};

		dp_send(end->far, PROTO_ACK, 0, &ack, 1);
	}
	return NULL;
}

static void open_pair(struct end *end)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	end->fd = fd[0];
	end->far = fd[1];
	assert_int_equal(pthread_create(&end->answerer, NULL, answer, end), 0);
}

static void close_pair(struct end *end)
{
	shutdown(end->fd, SHUT_RDWR);
	pthread_join(end->answerer, NULL);
	close(end->fd);
	close(end->far);
}

static void open_dp(struct end *end)
{
	struct proto_conf conf = {
		.payload_kind = PROTO_PAYLOAD_TEXT,
		.payload_len = 5,
		.period_ms = 30000,
		.send_interval_ms = 500,
		.send_least = 3000,
		.payload = "HELLO",
	};
	struct proto_ack ack;
	char lines[256];

	snprintf(lines, sizeof(lines),
		"  ports: [\"vdev:net_null0,no-rx=1\"]\n  memory: %u\n  bindings: %u\n"
		"  flows: 512\n",
		256 + end->count / 4000, end->count);
	dp_make(&end->dp);
	setenv("LW_DP", end->program, 1);
	dp_start(&end->dp, lines);
	sh("ip addr add 192.0.2.10/24 dev lw0 && ip route add default via 192.0.2.1 &&"
	   "ip addr add 2001:db8:ff00::10/64 dev lw0 nodad &&"
	   "ip route add default via 2001:db8:ff00::1");
	end->fd = dp_client(&end->dp, 0, NULL, &end->facts);
	assert_int_equal(dp_order(end->fd, PROTO_CONF, &conf, 1, &ack), 0);
}

static void close_dp(struct end *end)
{
	close(end->fd);
	dp_stop(&end->dp, SIGTERM);
	dp_remove(&end->dp);
	sh("ip link del lw0");
	end->generation = 0;
}

static void open_end(struct end *end)
{
	if (end->pair)
		open_pair(end);
	else
		open_dp(end);
}

static void close_end(struct end *end)
{
	if (end->pair)
		close_pair(end);
	else
		close_dp(end);
}

int main(int argc, char **argv)
{
	bool churns = argc == 5 && strcmp(argv[1], "churn") == 0;
	struct end end = {0};
	char line[32];

	if (argc != 5 || netns_enter(NULL)) {
		fprintf(stderr, "bench_resync resync|churn COUNT 4|6 PROGRAM, as root\n");
		return 1;
	}
	end.count = (uint32_t)atoi(argv[2]);
	end.ipv6 = argv[3][0] == '6';
	end.program = argv[4];
	end.pair = strcmp(argv[4], "pair") == 0;
	if (churns) {
		open_end(&end);
		resync(&end);
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t spent;

		if (!churns)
			open_end(&end);
		spent = churns ? churn(&end) : resync(&end);
		if (!churns)
			close_end(&end);
		printf("%u %lu\n", churns && end.count > CHURN ? 2 * CHURN : end.count, spent);
		fflush(stdout);
	}
	if (churns)
		close_end(&end);
	return 0;
}
