/* SPDX-License-Identifier: BSD-3-Clause */
/* A call through linewatch-dp on a real wire: both parties live behind a gateway at the far end of
 * the port's cable. What they hear, and to which MAC it was sent while the gateway changes. */
#include "shared/clock.h"
#include "tests/component/dp_call.h"
#include "tests/component/netns.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const char lines[] = "  ports: [\"af_packet:eth1\"]\n"
			    "  memory: 128\n"
			    "  bindings: 100\n"
			    "  flows: 64\n";

/* Four workers share one queue, and its owner's work. */
static const char shared_queue[] = "  ports: [\"af_packet:eth1,qpairs=1\"]\n"
				   "  workers: 4\n"
				   "  memory: 256\n"
				   "  bindings: 100\n"
				   "  flows: 64\n";

static int setup(void **state)
{
	return call_open(lines);
}

static int setup_shared(void **state)
{
	return call_open(shared_queue);
}

/* All that is on the far side is on VLAN 100; the interfaces come while the program runs. */
static int setup_vlan(void **state)
{
	call_open(lines);
	if (!netns_has_vlan())
		return 0;
	sh("ip addr flush dev lw0 && ip link add link lw0 name lw0.100 type vlan id 100 && "
	   "ip addr add 192.0.2.10/24 dev lw0.100 && ip link set lw0.100 up && "
	   "ip route add default via 192.0.2.1");
	sh(FAR "sh -c 'ip addr flush dev far0 && "
	       "ip link add link far0 name far0.100 type vlan id 100 && "
	       "ip addr add 192.0.2.1/24 dev far0.100 && ip addr add 192.0.2.2/24 dev far0.100 && "
	       "ip link set far0.100 up'");
	return 0;
}

/* Talks until a relayed frame is sent to the MAC 02:00:00:00:00:last. */
static void await_mac(uint8_t last)
{
	const uint8_t mac[6] = {2, 0, 0, 0, 0, last};
	uint64_t end = clock_boot_ms() + WAIT_MS;
	uint8_t frame[2048];

	for (uint16_t seq = 1; clock_boot_ms() < end; seq++) {
		say(phone_a, PORT_A, seq);
		usleep(20000);
		while (recv(wire, frame, sizeof(frame), MSG_DONTWAIT) > 44) {
			/* IPv4, UDP, from our port towards b. */
			if (memcmp(frame, mac, 6) == 0 && frame[12] == 8 && frame[13] == 0 &&
				frame[23] == IPPROTO_UDP && frame[34] == PORT_B >> 8 &&
				frame[35] == (PORT_B & 255))
				return;
		}
	}
	fail_msg("no relayed frame goes to ..:%02x", last);
}

static void test_both_directions(void **state)
{
	const struct facts_worker *count = worker_count(0);
	const struct facts_flow *flow;
	uint64_t busy, start;

	await_conversation();
	start = clock_boot_ms();
	busy = __atomic_load_n(&count->busy_cycles, __ATOMIC_RELAXED);
	for (uint16_t seq = 1000; seq < 1100; seq++) {
		say(phone_a, PORT_A, seq);
		say(phone_b, PORT_B, seq);
		hears(phone_b, PORT_B, seq);
		hears(phone_a, PORT_A, seq);
	}
	/* Work is busy time, and the rest of the time is not. */
	busy = __atomic_load_n(&count->busy_cycles, __ATOMIC_RELAXED) - busy;
	assert_true(busy > 0);
	assert_true(__atomic_load_n(&count->busy_cycles, __ATOMIC_RELAXED) <
		__atomic_load_n(&count->total_cycles, __ATOMIC_RELAXED) / 2);
	for (uint32_t i = 0; i < 2; i++) {
		flow = (const struct facts_flow *)((const char *)facts + facts->flow_count_off +
			(ready.base + i) * facts->flow_count_stride);
		assert_true(clock_tick_ms(flow->heard, clock_boot_ms()) + CLOCK_TICK_MS >= start);
	}
}

static void test_shared_queue(void **state)
{
	uint64_t elsewhere = 0;

	test_both_directions(state);
	assert_true(worker_count(0)->rx >= 200);
	for (unsigned int i = 1; i < 4; i++) {
		assert_int_equal(worker_count(i)->rx, 0);
		elsewhere += worker_count(i)->relayed_rtp;
	}
	assert_true(elsewhere >= 100);
}

/* A call on a VLAN; it comes back when the interface was away. The kernel answers there too. */
static void test_vlan(void **state)
{
	if (!netns_has_vlan())
		skip();
	test_both_directions(state);
	sh(FAR "ping -c 2 -i 0.2 -w 20 192.0.2.10 >/dev/null");
	sh("ip link del lw0.100");
	/* Nothing leaves, and nothing that was on its way is left. */
	for (int quiet = 0; quiet < 10; quiet++) {
		say(phone_a, PORT_A, 1);
		if (hear(phone_b, PORT_B) >= 0)
			quiet = 0;
	}
	sh("ip link add link lw0 name lw0.100 type vlan id 100 && "
	   "ip addr add 192.0.2.10/24 dev lw0.100 && ip link set lw0.100 up && "
	   "ip route add default via 192.0.2.1");
	await_conversation();
}

/* Nobody hears a stranger, whether the port is in use or not. */
static void test_stranger_is_not_relayed(void **state)
{
	int stranger = netns_far_udp("192.0.2.2", 50000);

	await_conversation();
	for (uint16_t seq = 1; seq < 20; seq++) {
		say(stranger, PORT_A, seq);
		say(stranger, PORT_A + 8, seq);
		assert_int_equal(hear(phone_b, PORT_B), -1);
	}
	close(stranger);
}

static void test_gateway_changes_its_mac(void **state)
{
	await_mac(0xa0);
	/* In silence: no gratuitous ARP. */
	sh(FAR "ip link set far0 address 02:00:00:00:00:b0");
	await_mac(0xb0);
	await_conversation();
}

static void test_neighbour_deleted(void **state)
{
	await_mac(0xa0);
	sh(FAR "ip link set far0 address 02:00:00:00:00:c0");
	sh("ip neigh del 192.0.2.1 dev lw0");
	await_mac(0xc0);
	await_conversation();
}

/* Flows that are up follow a new route. */
static void test_route_changes(void **state)
{
	await_mac(0xa0);
	sh("ip neigh add 192.0.2.2 dev lw0 lladdr 02:00:00:00:00:99 nud permanent");
	sh("ip route replace default via 192.0.2.2");
	await_mac(0x99);
	sh("ip route replace default via 192.0.2.1");
	await_mac(0xa0);
	sh("ip route del default");
	usleep(500000);
	sh("ip route add default via 192.0.2.1");
	await_conversation();
}

/* What the kernel does not take is counted. */
static void test_host_interface_is_down(void **state)
{
	uint64_t end = clock_boot_ms() + WAIT_MS;

	await_conversation();
	assert_int_equal(__atomic_load_n(&facts->loss[FACTS_LOSS_TO_HOST], __ATOMIC_RELAXED), 0);
	sh("ip link set lw0 down");
	while (__atomic_load_n(&facts->loss[FACTS_LOSS_TO_HOST], __ATOMIC_RELAXED) == 0) {
		assert_true(clock_boot_ms() < end);
		say(phone_a, 5060, 1);
		usleep(20000);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, call_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_directions),
		cmocka_unit_test_setup_teardown(test_shared_queue, setup_shared, call_close),
		cmocka_unit_test_setup_teardown(test_vlan, setup_vlan, call_close),
		TEST(test_stranger_is_not_relayed),
		TEST(test_gateway_changes_its_mac),
		TEST(test_neighbour_deleted),
		TEST(test_route_changes),
		TEST(test_host_interface_is_down),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
