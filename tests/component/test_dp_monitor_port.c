/* SPDX-License-Identifier: BSD-3-Clause */
/* Monitor ports that are reset, vanish and come back, inline and mirror: what is watched stays and
 * is counted on, frames pass again, and a link that was taken down with the other's is given back,
 * whatever became of its own port meanwhile. */
#include "shared/clock.h"
#include "tests/component/frame.h"
#include "tests/component/inline_scene.h"
#include "tests/component/netns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define FLOW INLINE_FLOWS
#define MTU  1504

static const struct facts_head *facts;
static int client;
static uint16_t seq;
static struct dp_packet events;
static uint16_t events_at; /* the next of them */

static void watch_flow(void)
{
	struct proto_monitor flow = {
		.id = FLOW,
		.gen = 1,
		.payload_types = {1},
		.expires_ms = clock_boot_ms() + 3600000,
	};
	struct proto_ack ack;

	assert_int_equal(addr_parse(&flow.dst, "10.0.0.2:5000", 0), 0);
	assert_int_equal(addr_parse(&flow.source, "10.0.0.1", 0), 0);
	client = dp_client(&dp, 0, NULL, &facts);
	assert_int_equal(dp_order(client, PROTO_MONITOR_SET, &flow, 1, &ack), 0);
	events_at = events.head.count = 0;
	seq = 0;
}

static int setup(void **state)
{
	inline_open(INLINE_PORTS "  memory: 256\n", MTU);
	watch_flow();
	return 0;
}

/* A bond on one side. */
static int setup_bond(void **state)
{
	sh("ip link add mon2 type veth peer name far2 netns $FAR_PID && ip link set mon2 mtu %d up",
		MTU);
	sh(FAR "ip link set far2 arp off mtu %d up", MTU);
	inline_open("  monitor: inline\n"
		    "  monitor_ports: [\"af_packet:mon0\", "
		    "\"bond:active-backup:af_packet:mon1+af_packet:mon2\"]\n"
		    "  monitors: 32\n"
		    "  bindings: 100\n"
		    "  flows: 64\n"
		    "  memory: 256\n",
		MTU);
	watch_flow();
	return 0;
}

static int teardown_bond(void **state)
{
	close(client);
	sh("ip link del mon2");
	return inline_close(state);
}

static int setup_mirror(void **state)
{
	inline_open("  monitor: mirror\n"
		    "  monitor_ports: [\"af_packet:mon0\"]\n"
		    "  monitors: 32\n"
		    "  bindings: 100\n"
		    "  flows: 64\n"
		    "  memory: 256\n",
		MTU);
	watch_flow();
	return 0;
}

static int teardown(void **state)
{
	close(client);
	return inline_close(state);
}

static uint32_t packets(void)
{
	return __atomic_load_n(&inline_count(facts, FLOW)->packets, __ATOMIC_RELAXED);
}

/* Frames pass each way, and are those of the flow that was counted before; no link is missing. */
static void works(void)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;
	uint8_t data[FRAME_MAX];

	for (int from = 0; from < 2; from++) {
		uint32_t before = packets();

		inline_passes_again(from, data, inline_rtp(data, seq++));
		assert_true(packets() > before);
	}
	assert_int_equal(facts->flows_used, 1);
	assert_int_equal(inline_count(facts, FLOW)->ssrc, INLINE_SSRC);
	while (!__atomic_load_n(&facts->port[0].link_up, __ATOMIC_RELAXED) ||
		!__atomic_load_n(&facts->port[1].link_up, __ATOMIC_RELAXED)) {
		assert_true(clock_boot_ms() < end);
		usleep(20000);
	}
}

static void await_port(uint32_t port, enum proto_port_event_kind kind)
{
	const struct proto_port_event *event;

	if (events_at == events.head.count) {
		dp_receive(client, &events);
		assert_int_equal(events.head.type, PROTO_PORT_EVENT);
		events_at = 0;
	}
	event = (const struct proto_port_event *)(const void *)events.records + events_at++;
	assert_int_equal(event->port, port);
	assert_int_equal(event->kind, kind);
}

static void order_reset(int side)
{
	struct proto_port_reset reset = {0};
	struct proto_ack ack;

	snprintf(reset.name, sizeof(reset.name), "af_packet:mon%d", side);
	assert_int_equal(dp_order(client, PROTO_PORT_RESET, &reset, 1, &ack), 0);
	await_port((uint32_t)side, PROTO_PORT_RESETS);
}

/* The neighbour behind a side sees its link, or none. */
static void await_link(int side, bool up)
{
	char command[128];

	snprintf(command, sizeof(command), "%s" FAR "ip link show far%d | grep -q LOWER_UP",
		up ? "" : "! ", side);
	inline_await(command);
}

/* So often was a side taken down with the other. */
static void await_held(int side, unsigned int times)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;
	char text[64];

	snprintf(text, sizeof(text), "mon%d: its link is taken down", side);
	while (dp_log_count(&dp, text) < times) {
		assert_true(clock_boot_ms() < end);
		usleep(20000);
	}
	assert_int_equal(dp_log_count(&dp, text), times);
	await_link(side, false);
}

static void cut(int side)
{
	sh("ip link del mon%d", side);
	close(wire[side]);
	await_port((uint32_t)side, PROTO_PORT_GONE);
}

/* Another interface of that name. */
static void lay(int side)
{
	inline_cable(side, 0);
	await_port((uint32_t)side, PROTO_PORT_BACK);
}

static void each_side_is_reset(void **state)
{
	works();
	for (int side = 0; side < 2; side++) {
		order_reset(side);
		await_port((uint32_t)side, PROTO_PORT_BACK);
		works();
		await_link(0, true);
		await_link(1, true);
		assert_int_equal(facts->port[side].resets, 1);
		assert_int_equal(facts->port[side].removals, 0);
		assert_int_equal(facts->port[side].state, FACTS_PORT_IN);
	}
}

/* The other link goes down and up with it; what comes back takes frames as long as before. */
static void each_side_goes(void **state)
{
	static uint8_t data[MTU + 14];

	memcpy(data, "\2\0\0\0\0\x51\2\0\0\0\0\x52\x08\x00", 14);
	for (int side = 0; side < 2; side++) {
		works();
		cut(side);
		assert_int_equal(facts->port[side].state, FACTS_PORT_GONE);
		assert_int_equal(facts->port[side].link_up, 0);
		await_held(!side, 1);
		lay(side);
		await_link(!side, true);
		works();
		assert_int_equal(facts->port[side].removals, 1);
		sh(FAR "ip link set far%d mtu %d", side, MTU);
		inline_passes(0, data, sizeof(data));
		inline_passes(1, data, sizeof(data));
	}
}

/* The side that is kept down is reset: when the other's loss ends meanwhile, and when it lasts. */
static void held_side_is_reset(void **state)
{
	/* From the second one on a reset takes its time. */
	order_reset(1);
	await_port(1, PROTO_PORT_BACK);
	works();
	sh(FAR "ip link set far0 down");
	await_held(1, 1);
	order_reset(1);
	sh(FAR "ip link set far0 up");
	await_port(1, PROTO_PORT_BACK);
	await_link(1, true);
	works();
	sh(FAR "ip link set far0 down");
	await_held(1, 2);
	order_reset(1);
	await_port(1, PROTO_PORT_BACK);
	await_held(1, 3);
	sh(FAR "ip link set far0 up");
	await_link(1, true);
	works();
}

/* The side that is kept down vanishes: now it is the other that is to be kept down. */
static void held_side_goes(void **state)
{
	works();
	sh(FAR "ip link set far0 down");
	await_held(1, 1);
	cut(1);
	sh(FAR "ip link set far0 up");
	await_held(0, 1);
	lay(1);
	await_link(0, true);
	await_link(1, true);
	works();
}

/* As two ports of one card do. */
static void both_sides_go(void **state)
{
	works();
	cut(0);
	cut(1);
	lay(1);
	await_held(1, 1);
	lay(0);
	await_link(0, true);
	await_link(1, true);
	works();
	assert_int_equal(facts->port[0].removals, 1);
	assert_int_equal(facts->port[1].removals, 1);
}

/* All links of a bond follow the other side's. */
static void bond_is_held(void **state)
{
	works();
	for (int n = 0; n < 2; n++) {
		sh(FAR "ip link set far0 down");
		await_link(1, false);
		await_link(2, false);
		sh(FAR "ip link set far0 up");
		await_link(1, true);
		await_link(2, true);
		works();
	}
}

/* Copies come in and are counted. */
static void is_watched(void)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;
	uint32_t before = packets();
	uint8_t data[FRAME_MAX];

	while (packets() == before) {
		assert_true(clock_boot_ms() < end);
		send(wire[0], data, inline_rtp(data, seq++), 0);
		usleep(20000);
	}
	assert_int_equal(facts->flows_used, 1);
}

static void mirror_port(void **state)
{
	is_watched();
	order_reset(0);
	await_port(0, PROTO_PORT_BACK);
	is_watched();
	cut(0);
	assert_int_equal(facts->port[0].state, FACTS_PORT_GONE);
	lay(0);
	is_watched();
	assert_int_equal(facts->port[0].state, FACTS_PORT_IN);
	assert_int_equal(facts->port[0].resets, 1);
	assert_int_equal(facts->port[0].removals, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_side_is_reset),
		TEST(each_side_goes),
		TEST(held_side_is_reset),
		TEST(held_side_goes),
		TEST(both_sides_go),
		cmocka_unit_test_setup_teardown(bond_is_held, setup_bond, teardown_bond),
		cmocka_unit_test_setup_teardown(mirror_port, setup_mirror, teardown),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
