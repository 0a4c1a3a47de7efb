/* SPDX-License-Identifier: BSD-3-Clause */
/* A call through linewatch-dp on a real wire: both parties live behind a gateway at the far end of
 * the port's cable. What they hear, and to which MAC it was sent while the gateway changes. */
#include "shared/clock.h"
#include "tests/component/dp_scene.h"
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

#define WAIT_MS    60000 /* for the kernel to notice a gateway; far more than it takes */
#define PORT_A     20000 /* ours towards a and b */
#define PORT_B     20002
#define PHONE_A    "203.0.113.5"
#define PHONE_B    "203.0.113.6"
#define PHONE_PORT 40000

static struct dp dp;
static int client, phone_a, phone_b, wire;
static const struct facts_head *facts;
static struct proto_media_ready ready;

static const char lines[] = "  ports: [\"af_packet:eth1\"]\n"
			    "  memory: 128\n"
			    "  bindings: 100\n"
			    "  flows: 64\n";

static struct addr phone(uint8_t last)
{
	return (struct addr){.family = ADDR_IPV4, .port = PHONE_PORT, .ip = {203, 0, 113, last}};
}

/* One leg, latched already, as it is given back after a restart. */
static struct proto_flow leg(uint32_t number, uint8_t last)
{
	return (struct proto_flow){
		.id = ready.base + number,
		.gen = 1,
		.peer_id = ready.base + (number ^ 1),
		.peer_gen = 1,
		.remote = phone(last),
		.latched = phone(last),
		.flags = PROTO_FLOW_LATCHED,
		.payload_types = {1},
		.expires_ms = clock_boot_ms() + 3600000,
	};
}

static void call(void)
{
	struct proto_media_addr media = {
		.local = {.family = ADDR_IPV4, .ip = {192, 0, 2, 10}},
		.port_min = PORT_A,
		.port_max = PORT_A + 31,
	};
	struct proto_flow legs[2];
	struct dp_packet packet;
	struct proto_ack ack;

	client = dp_client(&dp, 0, NULL, &facts);
	dp_send(client, PROTO_MEDIA_ADDR, 1, &media, 1);
	dp_receive(client, &packet);
	memcpy(&ready, packet.records, sizeof(ready));
	dp_receive(client, &packet);
	legs[0] = leg(0, 5);
	legs[1] = leg(1, 6);
	assert_int_equal(dp_order(client, PROTO_FLOW_SET, legs, 2, &ack), 0);
}

/* Four workers share one queue, and its owner's work. */
static const char shared_queue[] = "  ports: [\"af_packet:eth1,qpairs=1\"]\n"
				   "  workers: 4\n"
				   "  memory: 256\n"
				   "  bindings: 100\n"
				   "  flows: 64\n";

static int setup_with(const char *conf)
{
	dp_make(&dp);
	sh("for i in eth1 lw0; do ip link del $i 2>/dev/null; done; true");
	sh("ip link add eth1 type veth peer name far0 netns $FAR_PID");
	sh(FAR "sh -c 'ip link set far0 address 02:00:00:00:00:a0 up && "
	       "ip addr add 192.0.2.1/24 dev far0 && ip addr add 192.0.2.2/24 dev far0 && "
	       "ip addr replace " PHONE_A "/32 dev lo && ip addr replace " PHONE_B "/32 dev lo && "
	       "ethtool -K far0 tx off >/dev/null'");
	sh("$LW_SOURCE/scripts/port-prepare.sh eth1");
	dp_start(&dp, conf);
	sh("ip addr add 192.0.2.10/24 dev lw0 && ip route add default via 192.0.2.1");
	phone_a = netns_far_udp(PHONE_A, PHONE_PORT);
	phone_b = netns_far_udp(PHONE_B, PHONE_PORT);
	wire = netns_far_packet("far0");
	call();
	return 0;
}

static int setup(void **state)
{
	return setup_with(lines);
}

static int setup_shared(void **state)
{
	return setup_with(shared_queue);
}

/* All that is on the far side is on VLAN 100; the interfaces come while the program runs. */
static int setup_vlan(void **state)
{
	setup_with(lines);
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

static int teardown(void **state)
{
	int status;

	close(client);
	close(phone_a);
	close(phone_b);
	close(wire);
	status = dp_stop(&dp, SIGTERM);
	dp_remove(&dp);
	sh("$LW_SOURCE/scripts/port-release.sh eth1 lw0 && ip link del eth1");
	return status;
}

/* One RTP packet of 172 bytes from a phone to one of our ports. */
static void say(int from, uint16_t port, uint16_t seq)
{
	uint8_t rtp[172] = {0x80, 0, (uint8_t)(seq >> 8), (uint8_t)seq};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, "192.0.2.10", &to.sin_addr);
	assert_int_equal(
		sendto(from, rtp, sizeof(rtp), 0, (struct sockaddr *)&to, sizeof(to)), 172);
}

/* What a phone hears within 20 ms: the sequence number, -1 for silence. */
static int hear(int phone, uint16_t from_port)
{
	struct pollfd pollfd = {.fd = phone, .events = POLLIN};
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint8_t rtp[2048];

	if (poll(&pollfd, 1, 20) == 0)
		return -1;
	assert_int_equal(recvfrom(phone, rtp, sizeof(rtp), 0, (struct sockaddr *)&from, &len), 172);
	assert_int_equal(ntohs(from.sin_port), from_port);
	assert_int_equal(from.sin_addr.s_addr, inet_addr("192.0.2.10"));
	return rtp[2] << 8 | rtp[3];
}

/* Both talk until both hear. */
static void await_conversation(void)
{
	uint64_t end = clock_boot_ms() + WAIT_MS;
	bool a = false, b = false;

	for (uint16_t seq = 1; !a || !b; seq++) {
		if (clock_boot_ms() > end)
			fail_msg("a hears: %d, b hears: %d", a, b);
		say(phone_a, PORT_A, seq);
		say(phone_b, PORT_B, seq);
		b |= hear(phone_b, PORT_B) >= 0;
		a |= hear(phone_a, PORT_A) >= 0;
	}
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

/* Reads what a phone hears up to that packet; what was late from before comes first. */
static void hears(int phone, uint16_t from_port, uint16_t seq)
{
	for (int i = 0; i < 500; i++) {
		if (hear(phone, from_port) == seq)
			return;
	}
	fail_msg("packet %u does not arrive", seq);
}

static void test_both_directions(void **state)
{
	const uint32_t *rtp_tick;

	await_conversation();
	for (uint16_t seq = 1000; seq < 1100; seq++) {
		say(phone_a, PORT_A, seq);
		say(phone_b, PORT_B, seq);
		hears(phone_b, PORT_B, seq);
		hears(phone_a, PORT_A, seq);
	}
	rtp_tick = (const uint32_t *)((const char *)facts + facts->flow_rtp_off) + ready.base;
	for (int i = 0; i < 2; i++)
		assert_true(clock_boot_ms() - clock_tick_ms(rtp_tick[i], clock_boot_ms()) < 5000);
}

static const struct facts_worker *worker_count(unsigned int i)
{
	return (const void *)((const char *)facts + facts->worker_off + i * facts->worker_stride);
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
	sh(FAR "ping -c 2 -i 0.2 -W 10 192.0.2.10 >/dev/null");
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
	while (hear(phone_b, PORT_B) >= 0)
		;
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_directions),
		cmocka_unit_test_setup_teardown(test_shared_queue, setup_shared, teardown),
		cmocka_unit_test_setup_teardown(test_vlan, setup_vlan, teardown),
		TEST(test_stranger_is_not_relayed),
		TEST(test_gateway_changes_its_mac),
		TEST(test_neighbour_deleted),
		TEST(test_route_changes),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
