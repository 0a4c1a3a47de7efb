/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/dp_call.h"

#include "shared/clock.h"
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

#define QUIET 12 /* times that neither hears anything: 480 ms, also for an emulated NIC */

struct dp dp;
int client, phone_a, phone_b, wire;
unsigned int said;
const struct facts_head *facts;
struct proto_media_ready ready;

static struct dp_packet port_events;
static uint16_t port_at; /* the next of them */

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

void call_set(struct proto_welcome *welcome)
{
	struct proto_media_addr media = {
		.local = {.family = ADDR_IPV4, .ip = {192, 0, 2, 10}},
		.port_min = PORT_A,
		.port_max = PORT_A + 31,
	};
	struct proto_flow legs[2];
	struct dp_packet packet;
	struct proto_ack ack;

	port_at = port_events.head.count = 0;
	client = dp_client(&dp, 0, welcome, &facts);
	dp_send(client, PROTO_MEDIA_ADDR, 1, &media, 1);
	dp_receive(client, &packet);
	assert_int_equal(packet.head.type, PROTO_MEDIA_READY);
	memcpy(&ready, packet.records, sizeof(ready));
	dp_receive(client, &packet);
	legs[0] = leg(0, 5);
	legs[1] = leg(1, 6);
	assert_int_equal(dp_order(client, PROTO_FLOW_SET, legs, 2, &ack), 0);
}

void call_phones(void)
{
	phone_a = netns_far_udp(PHONE_A, PHONE_PORT);
	phone_b = netns_far_udp(PHONE_B, PHONE_PORT);
}

void call_cable(void)
{
	sh("ip link add eth1 type veth peer name far0 netns $FAR_PID");
	sh(FAR "sh -c 'ip link set far0 address 02:00:00:00:00:a0 up && "
	       "ip addr add 192.0.2.1/24 dev far0 && ip addr add 192.0.2.2/24 dev far0 && "
	       "ip addr replace " PHONE_A "/32 dev lo && ip addr replace " PHONE_B "/32 dev lo && "
	       "ethtool -K far0 tx off >/dev/null'");
	sh("$LW_SOURCE/scripts/port-prepare.sh eth1");
}

int call_open(const char *conf)
{
	dp_make(&dp);
	said = 0;
	sh("for i in eth1 lw0; do ip link del $i 2>/dev/null; done; true");
	call_cable();
	dp_start(&dp, conf);
	sh("ip addr add 192.0.2.10/24 dev lw0 && ip route add default via 192.0.2.1");
	call_phones();
	wire = netns_far_packet("far0");
	call_set(NULL);
	return 0;
}

int call_close(void **state)
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

void say(int from, uint16_t port, uint16_t seq)
{
	uint8_t rtp[RTP_LEN] = {0x80, 0, (uint8_t)(seq >> 8), (uint8_t)seq};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};

	memset(rtp + 12, (uint8_t)seq, RTP_LEN - 12);
	inet_pton(AF_INET, "192.0.2.10", &to.sin_addr);
	assert_int_equal(
		sendto(from, rtp, sizeof(rtp), 0, (struct sockaddr *)&to, sizeof(to)), RTP_LEN);
	said++;
}

int hear(int phone, uint16_t from_port)
{
	struct pollfd pollfd = {.fd = phone, .events = POLLIN};
	uint8_t rtp[2048], body[RTP_LEN - 12];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);

	if (poll(&pollfd, 1, 20) == 0)
		return -1;
	assert_int_equal(
		recvfrom(phone, rtp, sizeof(rtp), 0, (struct sockaddr *)&from, &len), RTP_LEN);
	assert_int_equal(ntohs(from.sin_port), from_port);
	assert_int_equal(from.sin_addr.s_addr, inet_addr("192.0.2.10"));
	memset(body, rtp[3], sizeof(body));
	assert_memory_equal(rtp + 12, body, sizeof(body));
	return rtp[2] << 8 | rtp[3];
}

void hears(int phone, uint16_t from_port, uint16_t seq)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;

	while (hear(phone, from_port) != seq) {
		if (clock_boot_ms() > end)
			fail_msg("packet %u does not arrive", seq);
	}
}

void await_conversation(void)
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
	for (int quiet = 0; quiet < QUIET; quiet++) {
		if (hear(phone_a, PORT_A) >= 0 || hear(phone_b, PORT_B) >= 0)
			quiet = 0;
	}
}

int order_reset(const char *port)
{
	struct proto_port_reset reset = {0};
	struct proto_ack ack;

	memcpy(reset.name, port, strlen(port));
	return dp_order(client, PROTO_PORT_RESET, &reset, 1, &ack);
}

void await_port(enum proto_port_event_kind kind)
{
	const struct proto_port_event *event;

	/* Several may come in one packet. */
	if (port_at == port_events.head.count) {
		dp_receive(client, &port_events);
		assert_int_equal(port_events.head.type, PROTO_PORT_EVENT);
		port_at = 0;
	}
	event = (const struct proto_port_event *)(const void *)port_events.records + port_at++;
	assert_int_equal(event->kind, kind);
	assert_int_equal(event->port, 0);
}

const struct facts_worker *worker_count(unsigned int i)
{
	return (const void *)((const char *)facts + facts->worker_off + i * facts->worker_stride);
}

const struct facts_flow *flow_count(unsigned int i)
{
	return (const void *)((const char *)facts + facts->flow_count_off +
		(size_t)facts->flow_count_stride * (ready.base + i));
}
