/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-dp with nothing to do: what it costs, and how soon it is awake. Other work on the
 * machine may delay anything, so the best of several rounds counts. */
#include "shared/clock.h"
#include "tests/component/dp_call.h"
#include "tests/component/netns.h"

#include <linux/if_packet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS        20
#define PACKETS       21    /* of a round */
#define QUIET_US      40000 /* between packets: every sleep is as long as it gets */
#define QUIET_STEP_US 479   /* more each time, so that a packet comes at any moment of a sleep */
#define LATENCY_NS    2000000
#define CPU_PART      20 /* of a core: 5 % */

static const char lines[] = "  ports: [\"af_packet:eth1\"]\n"
			    "  memory: 128\n"
			    "  bindings: 100\n"
			    "  flows: 64\n";

static int setup(void **state)
{
	const int on = 1;

	call_open(lines);
	return setsockopt(wire, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
}

/* The next RTP frame with that sequence number at the far end of the cable, and when the kernel saw
 * it: at its start on the way to linewatch or, from port `from`, when it came back. */
static uint64_t seen_ns(uint16_t seq, uint16_t from)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;
	uint8_t frame[2048];
	char control[256] __attribute__((aligned(8)));

	while (clock_boot_ms() < end) {
		struct iovec iov = {.iov_base = frame, .iov_len = sizeof(frame)};
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		struct pollfd pollfd = {.fd = wire, .events = POLLIN};
		const struct cmsghdr *cmsg;
		struct timespec ts;

		if (poll(&pollfd, 1, 100) != 1 || recvmsg(wire, &msg, 0) < 46 || frame[12] != 8 ||
			frame[13] != 0 || frame[23] != IPPROTO_UDP ||
			(frame[34] << 8 | frame[35]) != from || (frame[44] << 8 | frame[45]) != seq)
			continue;
		cmsg = CMSG_FIRSTHDR(&msg);
		assert_non_null(cmsg);
		memcpy(&ts, CMSG_DATA(cmsg), sizeof(ts));
		return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	}
	fail_msg("packet %u is not on the wire", seq);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The usual time between a packet's start and its return, after silence. */
static uint64_t median_ns(uint16_t first)
{
	uint64_t ns[PACKETS];

	for (uint16_t i = 0; i < PACKETS; i++) {
		uint16_t seq = (uint16_t)(first + i);
		uint64_t start;

		usleep(QUIET_US + QUIET_STEP_US * i);
		say(phone_a, PORT_A, seq);
		start = seen_ns(seq, PHONE_PORT);
		ns[i] = seen_ns(seq, PORT_B) - start;
	}
	qsort(ns, PACKETS, sizeof(ns[0]), compare);
	return ns[PACKETS / 2];
}

static void test_first_packet_after_silence(void **state)
{
	uint64_t best = UINT64_MAX;

	await_conversation();
	for (uint16_t round = 0; round < ROUNDS && best > LATENCY_NS; round++) {
		uint64_t ns = median_ns((uint16_t)(1000 + round * PACKETS));

		best = ns < best ? ns : best;
	}
	print_message(
		"after silence a packet is relayed in %llu us\n", (unsigned long long)best / 1000);
	assert_true(best <= LATENCY_NS);
}

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(clock, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* All threads of the program together. */
static void test_cpu(void **state)
{
	uint64_t best = UINT64_MAX;
	clockid_t clock;

	await_conversation();
	assert_int_equal(clock_getcpuclockid(dp.pid, &clock), 0);
	for (int round = 0; round < ROUNDS && best > 1000000000 / CPU_PART; round++) {
		uint64_t start = cpu_ns(CLOCK_MONOTONIC), used = cpu_ns(clock);

		sleep(1);
		used = cpu_ns(clock) - used;
		used = used * 1000000000 / (cpu_ns(CLOCK_MONOTONIC) - start);
		best = used < best ? used : best;
	}
	print_message("idle it takes %.1f %% of a core\n", (double)best / 1e7);
	assert_true(best <= 1000000000 / CPU_PART);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, call_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_packet_after_silence),
		TEST(test_cpu),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
