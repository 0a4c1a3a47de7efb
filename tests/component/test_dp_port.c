/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports of linewatch-dp that are reset, vanish and come back, beside one that works: nothing is set
 * again, and the call and the keep-alives go on. */
#include "shared/clock.h"
#include "tests/component/dp_call.h"
#include "tests/component/netns.h"
#include "tests/component/stamp.h"

#include <errno.h>
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

#define BINDINGS  8 /* of phone a, at ports SIP_PORT .. */
#define SIP_PORT  5060
#define PERIOD_US 10000000
#define SLACK_US  1000 /* of two clocks over some periods */
#define CPU_PART  10   /* of a core, for a process that has nothing to do */
#define ROUNDS    20

static const char lines[] = "  ports: [\"af_packet:eth1,qdisc_bypass=0\", \"af_packet:eth2\"]\n"
			    "  memory: 192\n"
			    "  bindings: 100\n"
			    "  flows: 64\n";

/* The second port's network is 198.51.100.0/24, .1 at the far end. */
static int setup(void **state)
{
	sh("ip link del eth2 2>/dev/null; ip link del lw1 2>/dev/null; "
	   "ip link add eth2 type veth peer name far2 netns $FAR_PID");
	sh(FAR "sh -c 'ip link set far2 up && ip addr add 198.51.100.1/24 dev far2 && "
	       "ethtool -K far2 tx off >/dev/null'");
	sh("$LW_SOURCE/scripts/port-prepare.sh eth2");
	call_open(lines);
	sh("ip addr add 198.51.100.10/24 dev lw1");
	stamp_open(wire);
	return 0;
}

static int teardown(void **state)
{
	int status = call_close(state);

	sh("$LW_SOURCE/scripts/port-release.sh eth2 lw1 && ip link del eth2");
	return status;
}

static void other_port_works(void)
{
	sh(FAR "ping -q -c 5 -i 0.2 -w 20 198.51.100.10 >/dev/null");
}

static void set_bindings(void)
{
	const struct proto_conf conf = {
		.payload_kind = PROTO_PAYLOAD_TEXT,
		.payload_len = 5,
		.payload = "HELLO",
		.period_ms = PERIOD_US / 1000,
		.send_interval_ms = 100,
		.send_least = 1,
	};
	struct proto_binding bindings[BINDINGS];
	struct proto_ack ack;

	assert_int_equal(dp_order(client, PROTO_CONF, &conf, 1, &ack), 0);
	for (uint32_t i = 0; i < BINDINGS; i++) {
		bindings[i] = dp_binding(i);
		bindings[i].dst = (struct addr){.family = ADDR_IPV4,
			.port = (uint16_t)(SIP_PORT + i),
			.ip = {203, 0, 113, 5}};
	}
	assert_int_equal(dp_order(client, PROTO_BINDING_SET, bindings, BINDINGS, &ack), 0);
}

/* The next keep-alive on the wire: for which binding, and when the kernel saw it. */
static uint16_t next_keepalive(int64_t *at_us)
{
	uint8_t frame[STAMP_FRAME];
	uint64_t seen_ns;
	ssize_t len;
	uint16_t to;

	do {
		len = stamp_read(wire, frame, &seen_ns, DP_WAIT_MS);
		assert_true(len >= 0);
	} while (len < 47 || frame[12] != 8 || frame[13] != 0 || frame[23] != IPPROTO_UDP ||
		memcmp(frame + 42, "HELLO", 5) != 0);
	to = (uint16_t)(frame[36] << 8 | frame[37]);
	assert_in_range(to, SIP_PORT, SIP_PORT + BINDINGS - 1);
	*at_us = (int64_t)(seen_ns / 1000);
	return (uint16_t)(to - SIP_PORT);
}

/* When each binding had a keep-alive. */
static void all_keepalives(int64_t at_us[BINDINGS])
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;
	unsigned int left = BINDINGS;

	memset(at_us, 0, BINDINGS * sizeof(*at_us));
	while (left) {
		int64_t at;
		uint16_t i = next_keepalive(&at);

		assert_true(clock_boot_ms() < end);
		left -= at_us[i] == 0;
		at_us[i] = at;
	}
}

static void empty_wire(void)
{
	uint8_t frame[2048];

	while (recv(wire, frame, sizeof(frame), MSG_DONTWAIT) > 0)
		;
}

static void test_reset(void **state)
{
	int64_t before[BINDINGS], after[BINDINGS], late;
	uint32_t packets;

	await_conversation();
	set_bindings();
	/* In the first round after a change of parameters the phase is still to come. */
	all_keepalives(before);
	all_keepalives(before);
	assert_int_equal(order_reset("af_packet:eth3"), -ENOENT);
	assert_int_equal(order_reset("af_packet:eth1"), 0);
	await_port(PROTO_PORT_RESETS);
	await_port(PROTO_PORT_BACK);
	assert_int_equal(facts->port[0].state, FACTS_PORT_IN);
	assert_int_equal(facts->port[0].resets, 1);
	assert_int_equal(facts->port[0].removals, 0);
	assert_int_equal(facts->port[1].resets, 0);
	/* What was learnt stays: both hear each other at once, and are counted on. */
	packets = flow_count(0)->packets;
	await_conversation();
	assert_true(flow_count(0)->packets > packets);
	other_port_works();
	empty_wire();
	all_keepalives(after);
	late = (int64_t)(worker_count(0)->keepalive_late_max_us +
		       worker_count(0)->loop_gap_max_us) +
		SLACK_US;
	for (int i = 0; i < BINDINGS; i++) {
		int64_t off = (after[i] - before[i]) % PERIOD_US;

		if (off > late && off < PERIOD_US - late)
			fail_msg("binding %d is %lld us off its phase, allowed are %lld", i,
				(long long)off, (long long)late);
	}
	assert_int_equal(dp_log_count(&dp, "port af_packet:eth1,qdisc_bypass=0: to be reset"), 1);
	assert_int_equal(
		dp_log_count(&dp, "port af_packet:eth1,qdisc_bypass=0: in service again"), 1);
	/* The next one within a short time has to wait. */
	assert_int_equal(order_reset("af_packet:eth1"), 0);
	await_port(PROTO_PORT_RESETS);
	assert_int_equal(order_reset("af_packet:eth1"), -EBUSY);
	await_port(PROTO_PORT_BACK);
	assert_int_equal(dp_log_count(&dp, "again: out of service, tried in 1 s"), 1);
	await_conversation();
}

static uint64_t cpu_us(clockid_t clock)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(clock, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* All threads together, best of some seconds. */
static void nobody_spins(void)
{
	uint64_t best = UINT64_MAX;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(dp.pid, &clock), 0);
	for (int round = 0; round < ROUNDS && best > 1000000 / CPU_PART; round++) {
		uint64_t start = cpu_us(CLOCK_MONOTONIC), used = cpu_us(clock);

		sleep(1);
		used = (cpu_us(clock) - used) * 1000000 / (cpu_us(CLOCK_MONOTONIC) - start);
		best = used < best ? used : best;
	}
	assert_true(best <= 1000000 / CPU_PART);
}

static void test_removal(void **state)
{
	uint64_t dropped;

	await_conversation();
	sh("ip link del eth1");
	await_port(PROTO_PORT_GONE);
	assert_int_equal(facts->port[0].state, FACTS_PORT_GONE);
	assert_int_equal(facts->port[0].link_up, 0);
	assert_int_equal(facts->port[0].removals, 1);
	assert_int_equal(order_reset("af_packet:eth1"), -EBUSY);
	dropped = worker_count(0)->drop[FACTS_DROP_PORT_OUT];
	/* The kernel goes on to look for its gateway. */
	sh("ping -q -c 2 -i 0.2 -W 1 192.0.2.1 >/dev/null; true");
	assert_true(worker_count(0)->drop[FACTS_DROP_PORT_OUT] > dropped);
	other_port_works();
	nobody_spins();
	/* Another interface of that name, with an address of its own, takes the old one's. */
	call_cable();
	await_port(PROTO_PORT_BACK);
	sh("mac() { ip -o link show $1 | grep -o 'ether [0-9a-f:]*'; }; "
	   "mac eth1 >/dev/null && test \"$(mac eth1)\" = \"$(mac lw0)\"");
	close(wire);
	wire = netns_far_packet("far0");
	await_conversation();
	assert_int_equal(facts->port[0].state, FACTS_PORT_IN);
	assert_int_equal(facts->port[0].resets, 0);
	assert_int_equal(dp_log_count(&dp, "the device has gone"), 1);
	other_port_works();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reset),
		TEST(test_removal),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
