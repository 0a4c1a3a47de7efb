/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops against a real kernel: a network namespace of our own with two veth pairs, whose far
 * ends (in a second namespace) are neighbours and gateways. No EAL. */
#include "shared/clock.h"
#include "tests/component/netns.h"
#include "tests/component/nexthop_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void test_neighbour_on_link(void **state)
{
	struct nexthop_entry entry;
	uint16_t index = get("192.0.2.1");

	assert_int_not_equal(index, NEXTHOP_NONE);
	await(index, 0xa0);
	nexthop_load(nexthops_table(scene.nexthops), index, &entry);
	assert_int_equal(entry.src[5], 0x10);
	assert_int_equal(entry.port, 0);
	assert_int_equal(get("192.0.2.1"), index);
	assert_int_not_equal(get("192.0.2.2"), index);
}

static void test_other_port(void **state)
{
	struct nexthop_entry entry;
	uint16_t index = get("198.51.100.1");

	await(index, 0xa1);
	nexthop_load(nexthops_table(scene.nexthops), index, &entry);
	assert_int_equal(entry.src[5], 0x11);
	assert_int_equal(entry.port, 1);
}

static void test_ipv6_neighbour(void **state)
{
	uint16_t index = get("2001:db8::1");

	assert_int_not_equal(index, NEXTHOP_NONE);
	await(index, 0xa0);
}

/* All destinations behind one gateway share one entry. */
static void test_gateway_is_shared(void **state)
{
	uint16_t index;

	sh("ip route add default via 192.0.2.1");
	index = get("203.0.113.1");
	assert_int_equal(get("203.0.113.99"), index);
	assert_int_equal(get("192.0.2.1"), index);
	await(index, 0xa0);
}

static void test_no_usable_route(void **state)
{
	assert_int_equal(get("203.0.113.1"), NEXTHOP_NONE);
	assert_int_equal(get("127.0.0.1"), NEXTHOP_NONE);
	assert_int_equal(get("224.0.0.1"), NEXTHOP_NONE);
	assert_int_equal(get("255.255.255.255"), NEXTHOP_NONE);
	/* Our own address, and the broadcast of the link. */
	assert_int_equal(get("192.0.2.10"), NEXTHOP_NONE);
	assert_int_equal(get("192.0.2.255"), NEXTHOP_NONE);
	sh("ip route add blackhole 203.0.113.0/24");
	assert_int_equal(get("203.0.113.1"), NEXTHOP_NONE);
	sh("ip route del blackhole 203.0.113.0/24");
	put(NEXTHOP_NONE);
}

/* The default route by a management interface does not keep us from a gateway of our own. */
static void test_management_interface(void **state)
{
	uint16_t index;

	sh("ip link add mgmt type veth peer name mgmt1 && ip addr add 10.0.0.5/24 dev mgmt && "
	   "ip link set mgmt up && ip route add default via 10.0.0.1");
	assert_int_equal(get("203.0.113.1"), NEXTHOP_NONE);
	assert_int_equal(get("10.0.0.7"), NEXTHOP_NONE);
	sh("ip route add default via 192.0.2.1 dev lw0 metric 100");
	index = get("203.0.113.1");
	sh("ip link del mgmt");
	await(index, 0xa0);
}

static void test_gateway_changes_its_mac(void **state)
{
	uint16_t index = get("192.0.2.1");

	await(index, 0xa0);
	/* As a standby router that takes the address over in silence: no gratuitous ARP. */
	sh(FAR "ip link set far0 address 02:00:00:00:00:b0");
	await(index, 0xb0);
}

static void test_gratuitous_arp(void **state)
{
	uint64_t start;
	uint16_t index = get("192.0.2.1");

	await(index, 0xa0);
	/* The kernel ignores a second word within its lock time of one second. */
	run_for(1100);
	sh(FAR "sysctl -qw net/ipv4/conf/far0/arp_notify=1");
	start = clock_boot_ms();
	sh(FAR "ip link set far0 address 02:00:00:00:00:b0");
	await(index, 0xb0);
	assert_true(clock_boot_ms() - start < 3000);
}

static void test_neighbour_deleted(void **state)
{
	uint16_t index = get("192.0.2.1");

	await(index, 0xa0);
	sh(FAR "ip link set far0 address 02:00:00:00:00:c0");
	sh("ip neigh del 192.0.2.1 dev lw0");
	await(index, 0xc0);
	/* It gives up in the end: what it takes away is asked for again at once. */
	sh("ip neigh flush dev lw0 || :");
	run_for(100);
	await(index, 0xc0);
}

/* An entry that an administrator nailed down is followed and left alone. */
static void test_static_neighbour(void **state)
{
	uint16_t index;
	uint64_t end;

	sh("ip neigh add 192.0.2.77 dev lw0 lladdr 02:00:00:00:00:77 nud permanent");
	index = get("192.0.2.77");
	assert_true(resolved(index, 0x77));
	run_for(1500);
	sh("ip neigh show 192.0.2.77 dev lw0 | grep -q PERMANENT");
	sh("ip neigh replace 192.0.2.77 dev lw0 lladdr 02:00:00:00:00:78 nud permanent");
	await(index, 0x78);
	/* Nobody is there without it. */
	sh("ip neigh del 192.0.2.77 dev lw0");
	end = clock_boot_ms() + WAIT_MS;
	while (resolved(index, 0x78)) {
		assert_true(clock_boot_ms() < end);
		run_for(20);
	}
}

/* What nobody uses any more is the kernel's alone again. */
static void test_unused_entry_is_let_go(void **state)
{
	uint64_t end = clock_boot_ms() + WAIT_MS;
	uint16_t index = get("192.0.2.1");

	await(index, 0xa0);
	sh("ip neigh show 192.0.2.1 dev lw0 | grep -q managed");
	put(index);
	while (system("ip neigh show 192.0.2.1 dev lw0 | grep -q managed") == 0) {
		assert_true(clock_boot_ms() < end);
		run_for(500);
	}
	assert_false(resolved(index, 0xa0));
}

static void test_unresolvable_then_there(void **state)
{
	uint16_t index = get("192.0.2.50");

	assert_int_not_equal(index, NEXTHOP_NONE);
	run_for(1500);
	assert_false(resolved(index, 0xa0));
	sh(FAR "ip addr add 192.0.2.50/24 dev far0");
	await(index, 0xa0);
}

static void test_route_changes_are_told(void **state)
{
	unsigned int before;
	uint16_t index;

	/* IPv6 routes tell of a link that goes down; without them nothing but the link does. */
	sh("sysctl -qw net/ipv6/conf/lw1/disable_ipv6=1");
	run_for(100);
	before = scene.reroutes;
	assert_int_equal(get("203.0.113.1"), NEXTHOP_NONE);
	sh("ip route add 203.0.113.0/24 via 192.0.2.2");
	await_reroute(before);
	index = get("203.0.113.1");
	assert_int_equal(index, get("192.0.2.2"));

	run_for(100);
	before = scene.reroutes;
	sh("ip route replace 203.0.113.0/24 via 198.51.100.1");
	await_reroute(before);
	assert_int_equal(get("203.0.113.1"), get("198.51.100.1"));

	run_for(100);
	before = scene.reroutes;
	sh("ip link set lw1 down");
	await_reroute(before);
	assert_int_equal(get("203.0.113.1"), NEXTHOP_NONE);
}

/* A storm of changes makes few walks. */
static void test_route_storm_is_damped(void **state)
{
	unsigned int before;

	run_for(200);
	before = scene.reroutes;
	sh("for i in $(seq 1 200); do echo route add 10.9.$i.0/24 via 192.0.2.1; done | "
	   "ip -batch -");
	run_for(300);
	assert_in_range(scene.reroutes - before, 1, 3);
}

/* The kernel keeps what we use, and only that; a killed process's orders are taken back. */
static void test_managed_entries(void **state)
{
	uint16_t index = get("192.0.2.1");

	await(index, 0xa0);
	/* Marked as ours. */
	sh("ip neigh show 192.0.2.1 dev lw0 | grep managed | grep -q 'proto 211'");
	scene_close(NULL);
	assert_int_equal(scene_open(NULL), 0);
	/* That on another interface is another program's. */
	sh("ip link add other0 type veth peer name other1 && ip link set other0 up && "
	   "ip neigh add 192.0.2.5 dev other0 managed protocol 211 && "
	   "ip neigh add 192.0.2.3 dev lw0 managed protocol 211 && "
	   "ip neigh add 192.0.2.4 dev lw0 managed");
	nexthops_close(scene.nexthops);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	assert_int_equal(nexthops_open(&scene.nexthops,
				 &(struct nexthops_conf){.loop = &scene.loop,
					 .ports = scene.ports,
					 .port_count = 2,
					 .reroute = rerouted}),
		0);
	sh("! ip neigh show 192.0.2.3 dev lw0 | grep -q managed");
	sh("ip neigh show 192.0.2.4 dev lw0 | grep -q managed");
	sh("ip neigh show 192.0.2.5 dev other0 | grep -q managed && ip link del other0");
}

/* More events than the socket holds: everything is read again. */
static void test_overrun(void **state)
{
	uint16_t index = get("192.0.2.1");
	unsigned int before;

	await(index, 0xa0);
	before = scene.reroutes;
	/* The loop stands still meanwhile. */
	sh("for i in $(seq 1 200); do for j in $(seq 1 250); do echo "
	   "neigh replace 192.0.2.$j dev lw0 lladdr 02:00:00:00:$(printf %%02x:%%02x $i $j) "
	   "nud stale; done; done | ip -batch -");
	sh("ip neigh replace 192.0.2.1 dev lw0 lladdr 02:00:00:00:00:d0 nud permanent");
	await(index, 0xd0);
	await_reroute(before);
}

/* Asks for 200 hosts of a network; all must have the next hop of `like`, or none. */
static void all_go(const char *network, uint16_t like)
{
	char text[32];

	for (int i = 1; i <= 200; i++) {
		snprintf(text, sizeof(text), "%s.%d", network, i);
		assert_int_equal(get(text), like);
	}
}

/* So many destinations that the kernel is not asked for each: the answers are the same, also after
 * routes, rules and addresses have changed. */
static void test_many_destinations(void **state)
{
	unsigned int before = scene.reroutes;
	uint16_t first, second;

	sh("ip route add default via 192.0.2.1 && ip route add 203.0.113.64/26 via 198.51.100.1");
	await_reroute(before);
	first = get("203.0.113.1");
	second = get("203.0.113.100");
	assert_int_not_equal(first, second);
	all_go("10.9.8", first);
	all_go("203.0.112", first);
	for (int i = 1; i <= 255; i++) {
		char text[32];

		snprintf(text, sizeof(text), "203.0.113.%d", i);
		assert_int_equal(get(text), i / 64 == 1 ? second : first);
	}
	/* Neighbours on the link are their own next hops. */
	assert_int_equal(get("192.0.2.1"), first);
	assert_int_not_equal(get("192.0.2.77"), get("192.0.2.78"));
	assert_int_equal(get("2001:db8:1::1"), NEXTHOP_NONE);

	before = scene.reroutes;
	sh("ip route add 10.9.8.0/25 via 198.51.100.1");
	await_reroute(before);
	all_go("10.9.9", first);
	assert_int_equal(get("10.9.8.127"), second);
	assert_int_equal(get("10.9.8.128"), first);

	before = scene.reroutes;
	sh("ip route add default via 198.51.100.1 table 77");
	await_reroute(before);
	run_for(100);
	before = scene.reroutes;
	sh("ip rule add to 10.9.9.0/24 table 77");
	await_reroute(before);
	all_go("10.9.7", first);
	all_go("10.9.9", second);
	all_go("10.9.10", first);
	run_for(100);
	before = scene.reroutes;
	sh("ip rule del to 10.9.9.0/24 table 77");
	await_reroute(before);
	all_go("10.9.9", first);
}

static void test_many_destinations6(void **state)
{
	unsigned int before = scene.reroutes;
	uint16_t first, second;
	char text[32];

	sh("ip -6 route add default via 2001:db8::1 && "
	   "ip -6 route add 2001:db8:5::/48 via 2001:db8::2");
	await_reroute(before);
	first = get("2001:db8::1");
	second = get("2001:db8::2");
	for (int i = 1; i <= 200; i++) {
		snprintf(text, sizeof(text), "2001:db8:%x::%x", i % 10 + 1, i);
		assert_int_equal(get(text), i % 10 + 1 == 5 ? second : first);
	}
}

/* A route with several next hops spreads its destinations. */
static void test_multipath(void **state)
{
	unsigned int before = scene.reroutes;
	uint16_t by[NEXTHOP_MAX] = {0};
	char text[32];
	int paths = 0;

	sh("ip route add default nexthop via 192.0.2.1 nexthop via 198.51.100.1");
	await_reroute(before);
	for (int i = 1; i <= 250; i++) {
		snprintf(text, sizeof(text), "10.1.%d.1", i);
		by[get(text)]++;
	}
	for (int i = 0; i < NEXTHOP_MAX; i++)
		paths += by[i] > 0;
	assert_int_equal(paths, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_neighbour_on_link),
		TEST(test_other_port),
		TEST(test_ipv6_neighbour),
		TEST(test_gateway_is_shared),
		TEST(test_no_usable_route),
		TEST(test_management_interface),
		TEST(test_many_destinations),
		TEST(test_many_destinations6),
		TEST(test_multipath),
		TEST(test_gateway_changes_its_mac),
		TEST(test_gratuitous_arp),
		TEST(test_neighbour_deleted),
		TEST(test_static_neighbour),
		TEST(test_unused_entry_is_let_go),
		TEST(test_unresolvable_then_there),
		TEST(test_route_changes_are_told),
		TEST(test_route_storm_is_damped),
		TEST(test_managed_entries),
		TEST(test_overrun),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
