/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-dp with nothing to do: what it costs, and how soon it is awake. Other work on the
 * machine may delay anything, so the best of several rounds counts. */
#include "shared/clock.h"
#include "tests/component/dp_call.h"
#include "tests/component/latency.h"
#include "tests/component/netns.h"
#include "tests/component/stamp.h"
#include "tests/component/urgent.h"

#include <arpa/inet.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS      5
#define LATENCY_NS  2000000
#define CPU_PART    20 /* of a core: 5 % */
#define SIP_PORT    5060
#define HOST_NS     4000000
#define MAIN        "linewatch-dp"
#define PUMP        "rte-worker-2" /* behind that of the one worker */
#define PUMP_SLEEPS 20             /* a second; twice what it takes when nothing wakes it */
#define MAIN_SLEEPS 32             /* likewise, without flows */

static const struct latency silence = {
	.rounds = ROUNDS,
	.samples = LATENCY_SAMPLES,
	.quiet_us = 40000,
	.step_us = 479,
};

static const char lines[] = "  ports: [\"af_packet:eth1\"]\n"
			    "  memory: 128\n"
			    "  bindings: 100\n"
			    "  flows: 64\n";

static int setup(void **state)
{
	call_open(lines);
	stamp_open(wire);
	return 0;
}

/* The next RTP frame with that sequence number at the far end of the cable, and when the kernel saw
 * it: at its start on the way to linewatch or, from port `from`, when it came back. */
static uint64_t seen_ns(uint16_t seq, uint16_t from)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS, ns;
	uint8_t frame[STAMP_FRAME];

	while (clock_boot_ms() < end)
		if (stamp_read(wire, frame, &ns, 100) >= 46 && frame[12] == 8 && frame[13] == 0 &&
			frame[23] == IPPROTO_UDP && (frame[34] << 8 | frame[35]) == from &&
			(frame[44] << 8 | frame[45]) == seq)
			return ns;
	fail_msg("packet %u is not on the wire", seq);
	return 0;
}

/* Between a packet's start and its return. */
static uint64_t relayed_ns(uint16_t seq)
{
	uint64_t start;

	say(phone_a, PORT_A, seq);
	start = seen_ns(seq, PHONE_PORT);
	return seen_ns(seq, PORT_B) - start;
}

static void test_first_packet_after_silence(void **state)
{
	uint64_t best;

	await_conversation();
	best = latency_usual(&silence, relayed_ns, LATENCY_NS);
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

/* From a phone to a socket of this host, and back: by the pump twice. */
static int host;

static uint64_t answered_ns(uint16_t seq)
{
	uint64_t start = latency_now_ns();
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint8_t data[2048];

	say(phone_a, SIP_PORT, seq);
	do {
		assert_true(
			recvfrom(host, data, sizeof(data), 0, (struct sockaddr *)&from, &len) > 0);
	} while ((data[2] << 8 | data[3]) != seq);
	assert_int_equal(sendto(host, data, 172, 0, (struct sockaddr *)&from, len), 172);
	hears(phone_a, SIP_PORT, seq);
	return latency_now_ns() - start;
}

/* The pump sleeps long, so it is woken: by the worker that left a frame for the kernel, and by the
 * kernel that has one. Two naps of the worker are in this time, and none of the pump's sleeps. */
static void test_frame_of_the_kernel_after_silence(void **state)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(SIP_PORT)};
	const struct timeval patience = {.tv_sec = DP_WAIT_MS / 1000};
	uint64_t best;

	inet_pton(AF_INET, "192.0.2.10", &local.sin_addr);
	host = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(host, (struct sockaddr *)&local, sizeof(local)), 0);
	setsockopt(host, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	await_conversation();
	best = latency_usual(&silence, answered_ns, HOST_NS);
	print_message("after silence the kernel has answered in %llu us\n",
		(unsigned long long)best / 1000);
	close(host);
	assert_true(best <= HOST_NS);
}

/* How often a thread has gone to sleep so far. */
static unsigned long sleeps(const char *name)
{
	char line[160];
	unsigned long n = 0;
	FILE *file;

	snprintf(line, sizeof(line), "cat /proc/%d/task/*/status", dp.pid);
	file = popen(line, "r");
	assert_non_null(file);
	for (bool here = false; fgets(line, sizeof(line), file);) {
		if (strncmp(line, "Name:", 5) == 0)
			here = strstr(line, name);
		if (here)
			sscanf(line, "voluntary_ctxt_switches: %lu", &n);
	}
	pclose(file);
	assert_true(n > 0);
	return n;
}

/* Whether in some round a thread sleeps as seldom as that, or more often. */
static bool sleeps_seldom(const char *name, unsigned long most, bool seldom)
{
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = latency_now_ns();
		unsigned long n = sleeps(name);

		sleep(1);
		n = (sleeps(name) - n) * 1000000000 / (latency_now_ns() - start);
		print_message("%s sleeps %lu times a second\n", name, n);
		if ((n <= most) == seldom)
			return true;
	}
	return false;
}

/* Nothing for the kernel, and a worker that would ring: a sleep is of LULL_CALM_MS. */
static void test_pump_sleeps(void **state)
{
	await_conversation();
	assert_true(sleeps_seldom(PUMP, PUMP_SLEEPS, true));
}

/* Main looks often while there are flows, and only then. */
static void test_main_sleeps(void **state)
{
	const struct proto_handle legs[] = {{ready.base, 1}, {ready.base + 1, 1}};
	struct proto_ack ack;

	await_conversation();
	assert_true(sleeps_seldom(MAIN, MAIN_SLEEPS, false));
	assert_int_equal(dp_order(client, PROTO_FLOW_DEL, legs, 2, &ack), 0);
	assert_true(sleeps_seldom(MAIN, MAIN_SLEEPS, true));
	close(client);
	call_set(NULL);
	assert_true(sleeps_seldom(MAIN, MAIN_SLEEPS, false));
}

/* All threads of the program together. */
static void test_cpu(void **state)
{
	uint64_t best = UINT64_MAX;
	clockid_t clock;

	await_conversation();
	assert_int_equal(clock_getcpuclockid(dp.pid, &clock), 0);
	for (int round = 0; round < ROUNDS && best > 1000000000 / CPU_PART; round++) {
		uint64_t start = latency_now_ns(), used = cpu_ns(clock);

		sleep(1);
		used = cpu_ns(clock) - used;
		used = used * 1000000000 / (latency_now_ns() - start);
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
		TEST(test_frame_of_the_kernel_after_silence),
		TEST(test_pump_sleeps),
		TEST(test_main_sleeps),
		TEST(test_cpu),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	urgent();
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
