/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-dp on a real PCI network device, inside the virtual machine: $LW_PCI is bound to
 * vfio-pci, $LW_PEER is the kernel's interface at the far end of its cable, with a gateway and two
 * phones behind it in a namespace of its own. The host pulls the cable when it reads "vm: set_link"
 * on the console. */
#include "shared/clock.h"
#include "tests/component/dp_call.h"
#include "tests/component/netns.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BINDINGS  8 /* of phone a, at ports SIP_PORT .. */
#define SIP_PORT  5060
#define PACKETS   100
#define PAYLOAD   "linewatch"
#define PERIOD_MS 10000
#define QUIET_S   3
#define SLEEP_MS  10 /* until an interrupt, at least, on the average */
#define WAKES     20
#define DEAF      "Rx interrupts do not come"

static int sip[BINDINGS];
static uint32_t first; /* binding */

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
	struct proto_binding bindings[BINDINGS];
	struct proto_ack ack;

	assert_int_equal(dp_order(client, PROTO_CONF, &conf, 1, &ack), 0);
	for (uint16_t i = 0; i < BINDINGS; i++) {
		bindings[i] = dp_binding(first + i);
		bindings[i].dst = (struct addr){.family = ADDR_IPV4,
			.port = (uint16_t)(SIP_PORT + i),
			.ip = {203, 0, 113, 5}};
	}
	assert_int_equal(dp_order(client, PROTO_BINDING_SET, bindings, BINDINGS, &ack), 0);
}

static void del_bindings(void)
{
	struct proto_handle handles[BINDINGS];
	struct proto_ack ack;

	for (uint32_t i = 0; i < BINDINGS; i++)
		handles[i] = (struct proto_handle){.id = first + i, .gen = 1};
	assert_int_equal(dp_order(client, PROTO_BINDING_DEL, handles, BINDINGS, &ack), 0);
}

/* More lines of the configuration's dataplane section. */
static const char *more = "";

/* Starts linewatch-dp, which finds lw0 as it left it, and sets one call and the bindings. */
static void start(void)
{
	struct proto_welcome welcome;
	char lines[256];

	snprintf(lines, sizeof(lines),
		"  ports: [\"%s\"]\n"
		"  hugepages: true\n"
		"  bindings: 100\n"
		"  flows: 64\n"
		"%s",
		getenv("LW_PCI"), more);
	dp_start(&dp, lines);
	sh("ip addr replace 192.0.2.10/24 dev lw0 && ip route replace default via 192.0.2.1");
	call_set(&welcome);
	first = welcome.binding_first;
	set_bindings();
}

static int setup(void **state)
{
	if (netns_enter_two(state))
		return -1;
	sh("nsenter --net=/proc/1/ns/net ip link set $LW_PEER netns $FAR_PID");
	sh(FAR "sh -c 'ip link set $LW_PEER up && ip addr add 192.0.2.1/24 dev $LW_PEER && "
	       "ip addr add " PHONE_A "/32 dev lo && ip addr add " PHONE_B "/32 dev lo'");
	call_phones();
	for (uint16_t i = 0; i < BINDINGS; i++)
		sip[i] = netns_far_udp(PHONE_A, (uint16_t)(SIP_PORT + i));
	dp_make(&dp);
	start();
	return 0;
}

static int teardown(void **state)
{
	sh("cat %s.old %s 2>/dev/null | sed 's/^/    /'", dp.log, dp.log);
	sh(FAR "ip link set $LW_PEER netns 1");
	dp_remove(&dp);
	return netns_leave(state);
}

/* Every binding gets a keep-alive from the SIP port, and nothing else. */
static void await_keepalives(void)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char text[2048];

	/* All of them within the same period. */
	for (int i = 0; i < BINDINGS; i++)
		while (recv(sip[i], text, sizeof(text), MSG_DONTWAIT) > 0)
			;
	for (int i = 0; i < BINDINGS; i++) {
		struct pollfd pollfd = {.fd = sip[i], .events = POLLIN};

		if (poll(&pollfd, 1, DP_WAIT_MS) != 1)
			fail_msg("no keep-alive to port %d", SIP_PORT + i);
		assert_int_equal(
			recvfrom(sip[i], text, sizeof(text), 0, (struct sockaddr *)&from, &len),
			sizeof(PAYLOAD) - 1);
		assert_memory_equal(text, PAYLOAD, sizeof(PAYLOAD) - 1);
		assert_int_equal(ntohs(from.sin_port), SIP_PORT);
		assert_int_equal(from.sin_addr.s_addr, inet_addr("192.0.2.10"));
	}
}

static void test_call_is_relayed(void **state)
{
	struct facts_flow before[2], after;

	await_conversation();
	before[0] = *flow_count(0);
	before[1] = *flow_count(1);
	for (uint16_t seq = 1000; seq < 1000 + PACKETS; seq++) {
		say(phone_a, PORT_A, seq);
		say(phone_b, PORT_B, seq);
		hears(phone_b, PORT_B, seq);
		hears(phone_a, PORT_A, seq);
	}
	for (uint32_t i = 0; i < 2; i++) {
		after = *flow_count(i);
		assert_int_equal(after.packets - before[i].packets, PACKETS);
		assert_int_equal(after.bytes - before[i].bytes, PACKETS * RTP_LEN);
	}
	assert_true(worker_count(0)->relayed_rtp >= 2 * PACKETS);
}

static void test_stranger_is_not_relayed(void **state)
{
	int stranger = netns_far_udp("192.0.2.1", 50000);
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;

	for (uint16_t seq = 1; worker_count(0)->drop[FACTS_DROP_OFF_SOURCE] < 3; seq++) {
		assert_true(clock_boot_ms() < end);
		say(stranger, PORT_A, seq);
		assert_int_equal(hear(phone_b, PORT_B), -1);
	}
	close(stranger);
}

static void test_keepalives_leave(void **state)
{
	await_keepalives();
	assert_true(worker_count(0)->keepalives >= BINDINGS);
}

static void test_host_is_reached(void **state)
{
	sh(FAR "ping -q -c 3 -W 10 192.0.2.10");
	sh("ping -q -c 3 -W 10 " PHONE_A);
	/* IPv6 neighbours ask by multicast. */
	sh("ip -6 addr replace 2001:db8::10/64 dev lw0 nodad");
	sh(FAR "ip -6 addr replace 2001:db8::1/64 dev $LW_PEER nodad && " FAR
	       "ping -6 -q -c 3 -W 10 2001:db8::10");
}

/* The network moves to a VLAN, and back. */
static void test_vlan(void **state)
{
	sh("ip addr del 192.0.2.10/24 dev lw0 && ip link add link lw0 name lw0.100 type vlan id "
	   "100 && "
	   "ip addr add 192.0.2.10/24 dev lw0.100 && ip link set lw0.100 up && "
	   "ip route replace default via 192.0.2.1");
	sh(FAR "sh -c 'ip addr del 192.0.2.1/24 dev $LW_PEER && "
	       "ip link add link $LW_PEER name far.100 type vlan id 100 && "
	       "ip addr add 192.0.2.1/24 dev far.100 && ip link set far.100 up'");
	await_conversation();
	await_keepalives();
	sh(FAR "ping -q -c 3 -W 10 192.0.2.10");
	sh("ip link del lw0.100 && ip addr add 192.0.2.10/24 dev lw0 && "
	   "ip route replace default via 192.0.2.1");
	sh(FAR "sh -c 'ip link del far.100 && ip addr add 192.0.2.1/24 dev $LW_PEER'");
	await_conversation();
	await_keepalives();
}

/* The host reads this and tells QEMU; linewatch-dp must notice. */
static void set_link(const char *to, const char *logged)
{
	unsigned int before = dp_log_count(&dp, logged);
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;

	printf("vm: set_link %s\n", to);
	fflush(stdout);
	while (dp_log_count(&dp, logged) == before) {
		if (clock_boot_ms() > end)
			fail_msg("linewatch-dp does not say: %s", logged);
		usleep(50000);
	}
}

static void test_link_down_and_up(void **state)
{
	for (int i = 0; i < 2; i++) {
		set_link("off", "link is down");
		say(phone_a, PORT_A, 7);
		usleep(300000);
		assert_int_equal(hear(phone_b, PORT_B), -1);
		set_link("on", "link is up");
		await_conversation();
	}
	await_keepalives();
}

static void reset(void)
{
	assert_int_equal(order_reset(getenv("LW_PCI")), 0);
	await_port(PROTO_PORT_RESETS);
	await_port(PROTO_PORT_BACK);
	await_conversation();
}

/* Nothing is set again: the call goes on, and the keep-alives. */
static void test_reset(void **state)
{
	reset();
	assert_int_equal(facts->port[0].resets, 1);
	await_keepalives();
	sh(FAR "ping -q -c 3 -W 10 192.0.2.10");
}

static bool has_interface(void)
{
	return system("ls -d /sys/bus/pci/devices/$LW_PCI/net/* "
		      "/sys/bus/pci/devices/$LW_PCI/virtio*/net/* 2>/dev/null | grep -q .") == 0;
}

/* The host takes the card out, and puts another one in, which an operator binds. */
static void test_unplug_and_plug(void **state)
{
	uint64_t end;

	printf("vm: unplug\n");
	fflush(stdout);
	await_port(PROTO_PORT_GONE);
	assert_int_equal(facts->port[0].state, FACTS_PORT_GONE);
	/* The kernel waits for us to let it go. */
	end = clock_boot_ms() + DP_WAIT_MS;
	while (system("test -e /sys/bus/pci/devices/$LW_PCI") == 0) {
		assert_true(clock_boot_ms() < end);
		usleep(50000);
	}
	assert_true(dp_is_alive(&dp));
	end = clock_boot_ms() + DP_WAIT_MS;
	while (!has_interface()) {
		assert_true(clock_boot_ms() < end);
		/* The host may not be done with the old one. */
		printf("vm: plug\n");
		fflush(stdout);
		sleep(1);
	}
	sh("nsenter --net=/proc/1/ns/net scripts/nic-bind.sh $LW_PCI");
	await_port(PROTO_PORT_BACK);
	assert_int_equal(facts->port[0].removals, 1);
	await_conversation();
	await_keepalives();
	sh(FAR "ping -q -c 3 -W 10 192.0.2.10");
}

/* The next process begins a log of its own. */
static void stop(int sig, int status)
{
	close(client);
	assert_int_equal(dp_stop(&dp, sig), status);
	sh("cat %s >>%s.old && rm %s", dp.log, dp.log, dp.log);
}

/* The device is taken over as a process left it that could not clean up. */
static void test_kill_and_start(void **state)
{
	stop(SIGKILL, -SIGKILL);
	start();
	await_conversation();
	stop(SIGTERM, 0);
}

/* How often the worker fell asleep so far. */
static unsigned long naps(void)
{
	char command[256], text[32] = "";
	FILE *file;

	snprintf(command, sizeof(command),
		"cat $(grep -l 'worker-1$' /proc/%d/task/*/status) | "
		"sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p'",
		(int)dp.pid);
	file = popen(command, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	pclose(file);
	return strtoul(text, NULL, 10);
}

/* The worker goes to sleep until an interrupt, now. */
static void await_sleep(void)
{
	uint64_t before = worker_count(0)->irq_sleeps, end = clock_boot_ms() + DP_WAIT_MS;

	while (worker_count(0)->irq_sleeps == before) {
		if (clock_boot_ms() > end)
			fail_msg("the worker does not sleep until an interrupt");
		usleep(200);
	}
}

/* A packet comes to a worker that has just fallen asleep: an interrupt must end that, and the turn
 * after it relay the packet. That is counted, not timed; only a machine that keeps an interrupt
 * back for as long as such a sleep may last (100 ms) spoils a try. */
static void await_wakes(unsigned int wakes)
{
	uint64_t missed = worker_count(0)->irq_missed;
	unsigned int woken = 0, tries = 0;

	for (; woken < wakes && tries < 2 * wakes; tries++) {
		uint16_t seq = (uint16_t)(1000 + tries);
		uint64_t before;

		await_sleep();
		before = worker_count(0)->irq_woken;
		say(phone_a, PORT_A, seq);
		hears(phone_b, PORT_B, seq);
		await_sleep();
		woken += worker_count(0)->irq_woken > before;
	}
	missed = worker_count(0)->irq_missed - missed;
	print_message("# %u of %u packets woke the worker, time did so %lu times\n", woken, tries,
		(unsigned long)missed);
	assert_int_equal(woken, wakes);
	assert_true(missed * 4 <= wakes);
}

/* In silence it hardly naps, but for the odd frame of a neighbour, and sleeps long; a busy machine
 * makes sleeps longer still. */
static void quiet_with_interrupts(void)
{
	uint64_t start, sleeps;
	unsigned long all;

	await_sleep();
	start = clock_boot_ms();
	all = naps();
	sleeps = worker_count(0)->irq_sleeps;
	sleep(QUIET_S);
	sleeps = worker_count(0)->irq_sleeps - sleeps;
	all = naps() - all;
	print_message("# %lu sleeps in %d s, %lu until an interrupt\n", all, QUIET_S,
		(unsigned long)sleeps);
	assert_true(all <= 4 * sleeps);
	assert_true(all * SLEEP_MS <= clock_boot_ms() - start);
}

/* Three packets that nothing told of are enough; from then on it naps. */
static void quiet_without_interrupts(void)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS, sleeps;
	unsigned long all;

	for (uint16_t seq = 1000; dp_log_count(&dp, DEAF) == 0; seq++) {
		assert_true(clock_boot_ms() < end);
		say(phone_a, PORT_A, seq);
		hears(phone_b, PORT_B, seq);
	}
	assert_int_equal(worker_count(0)->irq_missed, 3);
	assert_int_equal(worker_count(0)->irq_woken, 0);
	sleeps = worker_count(0)->irq_sleeps;
	all = naps();
	sleep(QUIET_S);
	assert_true(naps() > all);
	assert_int_equal(worker_count(0)->irq_sleeps, sleeps);
	assert_int_equal(dp_log_count(&dp, DEAF), 1);
}

/* A card of Intel's emulated by QEMU has no Rx interrupts that come; the others must have them. */
static bool has_interrupts(void)
{
	char command[128];

	snprintf(command, sizeof(command), "grep -qv 0x8086 /sys/bus/pci/devices/%s/vendor",
		getenv("LW_PCI"));
	return system(command) == 0;
}

/* A worker of a port with Rx interrupts sleeps until there is something to do, and is then awake at
 * once. One of a port without, or whose do not come, sleeps as ever. */
static void test_rx_interrupts(void **state)
{
	more = "  rx_interrupts: true\n";
	start();
	await_conversation();
	await_keepalives();
	sh(FAR "ping -q -c 3 -W 10 192.0.2.10");
	if (has_interrupts()) {
		del_bindings(); /* whose due moments end sleeps, too */
		await_wakes(WAKES);
		reset();
		await_wakes(WAKES / 2);
		quiet_with_interrupts();
		assert_int_equal(dp_log_count(&dp, "no sleep until Rx interrupts"), 0);
		assert_int_equal(dp_log_count(&dp, DEAF), 0);
	} else {
		quiet_without_interrupts();
		reset();
	}
	stop(SIGTERM, 0);
	more = "";
}

/* As a user who owns the device's group and may do nothing but make the host interface. */
static void test_least_rights(void **state)
{
	/* The second is as udev has it. */
	sh("chown 65534 /dev/vfio/[0-9]* /dev/vhost-net && chmod 666 /dev/net/tun");
	sh("chown 65534 %s && rm -f %s", dp.dir, dp.log);
	dp.rights = "prlimit --memlock=unlimited setpriv --reuid 65534 --regid 65534 "
		    "--clear-groups --no-new-privs --inh-caps=-all,+net_admin "
		    "--ambient-caps=-all,+net_admin --bounding-set=-all,+net_admin";
	start();
	sh("grep -q '^CapEff:.*0000000000001000$' /proc/%d/status", (int)dp.pid);
	await_conversation();
	await_keepalives();
	stop(SIGTERM, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call_is_relayed),
		cmocka_unit_test(test_stranger_is_not_relayed),
		cmocka_unit_test(test_keepalives_leave),
		cmocka_unit_test(test_host_is_reached),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_link_down_and_up),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_unplug_and_plug),
		cmocka_unit_test(test_kill_and_start),
		cmocka_unit_test(test_rx_interrupts),
		cmocka_unit_test(test_least_rights),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
