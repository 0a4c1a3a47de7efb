/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-dp and a gateway that changes, or is not there: the keep-alives of a thousand bindings
 * and a call go by it. */
#include "shared/clock.h"
#include "tests/component/dp_call.h"
#include "tests/component/netns.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BINDINGS   1000
#define PER_HOST   100 /* bindings of an address, by their ports */
#define PORT_FIRST 6000
#define PERIOD_MS  10000
#define LOST       20000 /* packets: more than there are buffers */
#define PAYLOAD    "gateway"

static const char lines[] = "  ports: [\"af_packet:eth1\"]\n"
			    "  memory: 128\n"
			    "  bindings: 4000\n"
			    "  clients: 2\n"
			    "  flows: 64\n";

static int other; /* client, that of the bindings */
static struct {
	unsigned int old, now; /* messages to the one gateway and to the other */
} seen[BINDINGS];

static void set_bindings(void)
{
	struct proto_conf conf = {
		.payload_kind = PROTO_PAYLOAD_TEXT,
		.payload_len = sizeof(PAYLOAD) - 1,
		.payload = PAYLOAD,
		.period_ms = PERIOD_MS,
		.send_interval_ms = 100,
		.send_least = 1,
	};
	struct proto_binding bindings[PER_HOST];
	struct proto_welcome welcome;
	struct proto_ack ack;

	other = dp_client(&dp, 1, &welcome, NULL);
	assert_int_equal(dp_order(other, PROTO_CONF, &conf, 1, &ack), 0);
	for (uint32_t host = 0; host < BINDINGS / PER_HOST; host++) {
		for (uint32_t i = 0; i < PER_HOST; i++) {
			bindings[i] = dp_binding(welcome.binding_first + host * PER_HOST + i);
			bindings[i].dst.ip[3] = (uint8_t)(1 + host);
			bindings[i].dst.port = (uint16_t)(PORT_FIRST + i);
		}
		assert_int_equal(dp_order(other, PROTO_BINDING_SET, bindings, PER_HOST, &ack), 0);
	}
}

static int setup(void **state)
{
	call_open(lines);
	/* All that this test makes fits. */
	setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &(int){1 << 24}, sizeof(int));
	sh("ip neigh replace 192.0.2.2 dev lw0 lladdr 02:00:00:00:00:99 nud permanent");
	return 0;
}

/* The next keep-alive on the wire: its binding, and the last byte of the MAC address it goes to.
 * -1: none within DP_WAIT_MS. */
static int next_message(uint8_t *mac)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;
	uint8_t frame[2048];
	int host, port;

	while (clock_boot_ms() < end) {
		if (recv(wire, frame, sizeof(frame), MSG_DONTWAIT) < 44) {
			usleep(1000);
			continue;
		}
		if (frame[12] != 8 || frame[13] || frame[23] != IPPROTO_UDP || frame[30] != 198)
			continue;
		*mac = frame[5];
		host = frame[33] - 1;
		port = (frame[36] << 8 | frame[37]) - PORT_FIRST;
		assert_true(host < BINDINGS / PER_HOST && port >= 0 && port < PER_HOST);
		return host * PER_HOST + port;
	}
	return -1;
}

/* Reads until every binding's keep-alives go to the gateway ..:last. Returns how many still went to
 * another after the first one to it. */
static unsigned int await_all(uint8_t last)
{
	uint64_t end = clock_boot_ms() + WAIT_MS;
	unsigned int there = 0, late = 0;
	uint8_t mac;

	memset(seen, 0, sizeof(seen));
	while (there < BINDINGS) {
		int i = next_message(&mac);

		if (i < 0 || clock_boot_ms() > end)
			fail_msg("%u of %d bindings moved to ..:%02x", there, BINDINGS, last);
		if (mac != last) {
			late += there > 0;
			seen[i].old += there > 0;
			continue;
		}
		there += seen[i].now++ == 0;
	}
	return late;
}

static void await_first(uint8_t last)
{
	uint8_t mac;

	assert_true(next_message(&mac) >= 0);
	assert_int_equal(mac, last);
}

/* One gateway with another MAC address: not one message more goes to the old one. */
static void test_mac_moves_all_bindings_at_once(void **state)
{
	set_bindings();
	await_first(0xa0);
	sh("ip neigh replace 192.0.2.1 dev lw0 lladdr 02:00:00:00:00:98 nud permanent");
	assert_int_equal(await_all(0x98), 0);
}

/* Another gateway: the next message of each binding goes there, but for those that were sent while
 * the kernel was asked. */
static void test_route_moves_all_bindings(void **state)
{
	set_bindings();
	await_first(0xa0);
	sh("ip route replace default via 192.0.2.2");
	await_all(0x99);
	for (int i = 0; i < BINDINGS; i++)
		assert_true(seen[i].old <= 1);
}

static uint64_t lost(void)
{
	return __atomic_load_n(&worker_count(0)->drop[FACTS_DROP_NEXT_HOP], __ATOMIC_RELAXED);
}

/* A gateway that does not answer: packets are counted, and nothing of them is kept. */
static void test_nobody_there(void **state)
{
	uint64_t before, end = clock_boot_ms() + WAIT_MS;
	uint8_t frame[2048];

	await_conversation();
	sh("ip route replace default via 192.0.2.77");
	before = lost();
	while (lost() < before + LOST) {
		if (clock_boot_ms() > end)
			fail_msg("%lu packets are counted", lost() - before);
		say(phone_a, PORT_A, 7777);
	}
	while (recv(wire, frame, sizeof(frame), MSG_DONTWAIT) > 0)
		;
	sh("ip route replace default via 192.0.2.1");
	for (uint16_t seq = 1; hear(phone_b, PORT_B) < 0; seq++) {
		assert_true(clock_boot_ms() < end);
		say(phone_a, PORT_A, seq);
	}
	/* Of those that were lost none comes now. */
	for (ssize_t n; (n = recv(wire, frame, sizeof(frame), MSG_DONTWAIT)) > 0;)
		assert_false(n > 46 && frame[12] == 8 && frame[23] == IPPROTO_UDP &&
			(frame[34] << 8 | frame[35]) == PORT_B &&
			(frame[44] << 8 | frame[45]) == 7777);
	await_conversation();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, call_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mac_moves_all_bindings_at_once),
		TEST(test_route_moves_all_bindings),
		TEST(test_nobody_there),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
