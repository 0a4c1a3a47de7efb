/* SPDX-License-Identifier: BSD-3-Clause */
/* Long packets: relayed and answered where dataplane.mtu allows them, dropped and counted where
 * not. */
#include "tests/component/dp_call.h"
#include "tests/component/netns.h"

#include "shared/clock.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG 8000

static const char usual[] = "  ports: [\"af_packet:eth1\"]\n"
			    "  memory: 128\n"
			    "  bindings: 100\n"
			    "  flows: 64\n";
static const char jumbo[] = "  ports: [\"af_packet:eth1\"]\n"
			    "  mtu: 9000\n"
			    "  memory: 384\n"
			    "  bindings: 100\n"
			    "  flows: 64\n";

static int setup_jumbo(void **state)
{
	call_open(jumbo);
	sh(FAR "ip link set far0 mtu 9000");
	return 0;
}

/* The network allows long packets, linewatch-dp does not. */
static int setup_usual(void **state)
{
	call_open(usual);
	sh("ip link set eth1 mtu 9000");
	sh(FAR "ip link set far0 mtu 9000");
	return 0;
}

/* RTP of LONG bytes from phone a. */
static void say_long(uint16_t seq)
{
	uint8_t rtp[LONG] = {0x80, 0, (uint8_t)(seq >> 8), (uint8_t)seq};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT_A)};

	memset(rtp + 12, (uint8_t)seq, sizeof(rtp) - 12);
	inet_pton(AF_INET, "192.0.2.10", &to.sin_addr);
	assert_int_equal(sendto(phone_a, rtp, sizeof(rtp), 0, (struct sockaddr *)&to, sizeof(to)),
		sizeof(rtp));
}

static void test_jumbo(void **state)
{
	await_conversation();
	for (uint16_t seq = 1000; seq < 1020; seq++) {
		struct pollfd pollfd = {.fd = phone_b, .events = POLLIN};
		uint8_t rtp[LONG + 1], body[LONG - 12];

		say_long(seq);
		assert_int_equal(poll(&pollfd, 1, DP_WAIT_MS), 1);
		assert_int_equal(recv(phone_b, rtp, sizeof(rtp), 0), LONG);
		assert_int_equal(rtp[2] << 8 | rtp[3], seq);
		memset(body, (uint8_t)seq, sizeof(body));
		assert_memory_equal(rtp + 12, body, sizeof(body));
	}
	sh("ip link show eth1 | grep -q 'mtu 9000'");
	if (access("/dev/vhost-net", R_OK) == 0)
		sh(FAR "ping -q -M do -s 8900 -c 3 -i 0.2 -w 20 192.0.2.10 >/dev/null");
	else
		sh("ip link show lw0 | grep -q 'mtu 1500'");
	sh(FAR "ping -q -c 3 -i 0.2 -w 20 192.0.2.10 >/dev/null");
	await_conversation();
}

static void test_too_long(void **state)
{
	const uint64_t *dropped;
	uint64_t end = clock_boot_ms() + DP_WAIT_MS, before;

	await_conversation();
	dropped = &worker_count(0)->drop[FACTS_DROP_CHECKSUM];
	before = __atomic_load_n(dropped, __ATOMIC_RELAXED);
	for (uint16_t seq = 1000; seq < 1020; seq++)
		say_long(seq);
	while (__atomic_load_n(dropped, __ATOMIC_RELAXED) < before + 20) {
		assert_true(clock_boot_ms() < end);
		usleep(10000);
	}
	/* hear() would refuse it. */
	await_conversation();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_jumbo, setup_jumbo, call_close),
		cmocka_unit_test_setup_teardown(test_too_long, setup_usual, call_close),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
