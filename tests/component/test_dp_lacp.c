/* SPDX-License-Identifier: BSD-3-Clause */
/* Two linewatch-dp whose ports are 802.3ad bonds over the same two cables: members are lost, reset
 * and taken back on either side, and what one kernel sends by its lw0 arrives at the other's. */
#include "shared/clock.h"
#include "tests/component/dp_scene.h"
#include "tests/component/netns.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BOND_NEAR "bond:802.3ad:af_packet:near0+af_packet:near1"
#define BOND_FAR  "bond:802.3ad:af_packet:far0+af_packet:far1"
#define REST                \
	"  memory: 192\n"   \
	"  bindings: 100\n" \
	"  flows: 64\n"     \
	"  host_interface: "

static struct dp near, far;
static const struct facts_head *facts[2];
static int client[2];
static char rights[64];

static void cable(int i)
{
	sh("ip link add near%d type veth peer name far%d netns $FAR_PID", i, i);
	sh("$LW_SOURCE/scripts/port-prepare.sh near%d", i);
	sh(FAR "$LW_SOURCE/scripts/port-prepare.sh far%d", i);
}

static void cut(int i)
{
	sh("ip link del near%d", i);
}

static int setup(void **state)
{
	for (int i = 0; i < 2; i++)
		cable(i);
	snprintf(rights, sizeof(rights), "nsenter --net=/proc/%s/ns/net", getenv("FAR_PID"));
	dp_make(&near);
	dp_make(&far);
	far.rights = rights;
	dp_start(&near, "  ports: [\"" BOND_NEAR "\"]\n" REST "lw0\n");
	dp_start(&far, "  ports: [\"" BOND_FAR "\"]\n" REST "lw0\n");
	sh("ip addr add 192.0.2.10/24 dev lw0");
	sh(FAR "ip addr add 192.0.2.1/24 dev lw0");
	client[0] = dp_client(&near, 0, NULL, &facts[0]);
	client[1] = dp_client(&far, 0, NULL, &facts[1]);
	return 0;
}

static int teardown(void **state)
{
	int status = dp_stop(&near, SIGTERM) | dp_stop(&far, SIGTERM);

	close(client[0]);
	close(client[1]);
	dp_remove(&near);
	dp_remove(&far);
	sh("for i in near0 near1 lw0; do ip link del $i; done");
	sh(FAR "ip link del lw0");
	return status;
}

/* The partners agree within some seconds. */
static void passes(void)
{
	sh("for i in $(seq 60); do ping -q -c 1 -W 1 192.0.2.1 >/dev/null && exit; done; exit 1");
	sh("ping -q -c 5 -i 0.2 -w 10 192.0.2.1 >/dev/null");
}

/* Whom the partner sends to is the bond, by whichever member. */
static void share_address(void)
{
	for (int i = 0; i < 2; i++)
		sh("mac() { ip -o link show $1 | grep -o 'ether [0-9a-f:]*'; }; "
		   "mac near%d >/dev/null && test \"$(mac near%d)\" = \"$(mac lw0)\"",
			i, i);
}

static void await_event(int side, enum proto_port_event_kind kind)
{
	const struct proto_port_event *event;
	struct dp_packet packet;

	dp_receive(client[side], &packet);
	assert_int_equal(packet.head.type, PROTO_PORT_EVENT);
	assert_int_equal(packet.head.count, 1);
	event = (const struct proto_port_event *)(const void *)packet.records;
	assert_int_equal(event->kind, kind);
}

static void await_members(int side, uint32_t out)
{
	uint64_t end = clock_boot_ms() + DP_WAIT_MS;

	while (__atomic_load_n(&facts[side]->port[0].members_out, __ATOMIC_RELAXED) != out) {
		assert_true(clock_boot_ms() < end);
		usleep(20000);
	}
	assert_int_equal(facts[side]->port[0].state, FACTS_PORT_IN);
}

/* A cable is cut while the other carries on, and is laid again. */
static void cut_and_lay(int cable_index)
{
	cut(cable_index);
	await_members(0, 1);
	await_members(1, 1);
	passes();
	cable(cable_index);
	await_members(0, 0);
	await_members(1, 0);
}

/* Each cable is cut while the other carries on, and is laid again. At the end all that passes has
 * passed by the one that was taken back first. */
static void members_go(void **state)
{
	passes();
	share_address();
	for (int i = 0; i < 2; i++) {
		cut_and_lay(i);
		passes();
		share_address();
		assert_int_equal(facts[0]->port[0].removals, i + 1);
	}
	cut_and_lay(0);
}

/* By order: one member after the other, the partner keeps its own. */
static void members_are_reset(void **state)
{
	struct proto_port_reset reset = {0};
	struct proto_ack ack;

	passes();
	memcpy(reset.name, BOND_NEAR, sizeof(BOND_NEAR));
	assert_int_equal(dp_order(client[0], PROTO_PORT_RESET, &reset, 1, &ack), 0);
	for (int i = 0; i < 2; i++) {
		await_event(0, PROTO_PORT_RESETS);
		await_event(0, PROTO_PORT_BACK);
	}
	passes();
	assert_int_equal(facts[0]->port[0].resets, 2);
	assert_int_equal(facts[0]->port[0].removals, 0);
	assert_int_equal(facts[1]->port[0].resets, 0);
	for (int i = 0; i < 2; i++)
		cut_and_lay(i);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(members_go),
		TEST(members_are_reset),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
