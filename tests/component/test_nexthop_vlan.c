/* SPDX-License-Identifier: BSD-3-Clause */
/* VLANs of a real kernel on the host interfaces: they come and go, and have next hops. No EAL. */
#include "shared/clock.h"
#include "tests/component/netns.h"
#include "tests/component/nexthop_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct nexthop_vlan vlans[8];
static unsigned int vlan_count;

static void on_vlan(void *ctx, const struct nexthop_vlan *vlan)
{
	assert_true(vlan_count < 8);
	vlans[vlan_count++] = *vlan;
}

static void await_vlans(unsigned int count)
{
	uint64_t end = clock_boot_ms() + WAIT_MS;

	while (vlan_count < count) {
		if (clock_boot_ms() > end)
			fail_msg("a VLAN came or went, nobody was told");
		run_for(20);
	}
	assert_int_equal(vlan_count, count);
}

/* A VLAN on a host interface: told, its next hops have a port of their own, and it may go and come
 * again. */
static void test_vlan_comes_and_goes(void **state)
{
	struct nexthop_entry entry;
	unsigned int before;
	uint16_t index, link;

	if (!netns_has_vlan())
		skip();
	vlan_count = 0;
	nexthops_on_vlan(scene.nexthops, on_vlan, NULL);
	sh("ip link add link lw1 name lw1.100 type vlan id 100 && "
	   "ip addr add 203.0.113.10/24 dev lw1.100 && ip link set lw1.100 up");
	sh(FAR "sh -c 'ip link add link far1 name far1.100 type vlan id 100 && "
	       "ip addr add 203.0.113.1/24 dev far1.100 && ip link set far1.100 up'");
	await_vlans(1);
	link = vlans[0].link;
	assert_true(link >= NEXTHOP_PORTS_MAX && vlans[0].device == 1 && vlans[0].id == 100 &&
		vlans[0].present);
	index = get("203.0.113.1");
	await(index, 0xa1);
	nexthop_load(nexthops_table(scene.nexthops), index, &entry);
	assert_int_equal(entry.port, link);
	assert_int_equal(entry.src[5], 0x11);
	sh("ip neigh show 203.0.113.1 dev lw1.100 | grep -q managed");
	/* No business of ours. */
	sh("ip link add other0 type veth && ip link add link other0 name other0.7 type vlan id 7 "
	   "&& "
	   "ip link del other0 && "
	   "ip link add link lw0 name lw0.9 type vlan id 9 protocol 802.1ad && ip link del lw0.9");
	/* Down and up. */
	run_for(200);
	before = scene.reroutes;
	sh("ip link set lw1.100 down");
	await_reroute(before);
	assert_int_equal(get("203.0.113.1"), NEXTHOP_NONE);
	sh("ip link set lw1.100 up");
	put(index);
	index = get("203.0.113.1");
	await(index, 0xa1);
	/* Gone: nothing is sent there any more. */
	run_for(200);
	before = scene.reroutes;
	sh("ip link del lw1.100");
	await_vlans(2);
	assert_true(vlans[1].link == link && !vlans[1].present);
	assert_false(resolved(index, 0xa1));
	await_reroute(before);
	/* And there again, at its old place, and another beside it. */
	sh("ip link add link lw1 name lw1.100 type vlan id 100 && "
	   "ip addr add 203.0.113.10/24 dev lw1.100 && ip link set lw1.100 up && "
	   "ip link add link lw0 name lw0.100 type vlan id 100");
	await_vlans(4);
	assert_int_equal(vlans[2].link, link);
	assert_int_equal(vlans[3].device, 0);
	assert_int_not_equal(vlans[3].link, link);
	put(index);
	await(get("203.0.113.1"), 0xa1);
	/* Who starts later finds them. */
	nexthops_close(scene.nexthops);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	assert_int_equal(nexthops_open(&scene.nexthops,
				 &(struct nexthops_conf){.loop = &scene.loop,
					 .ports = scene.ports,
					 .port_count = 2,
					 .reroute = rerouted}),
		0);
	nexthops_on_vlan(scene.nexthops, on_vlan, NULL);
	await_vlans(6);
	await(get("203.0.113.1"), 0xa1);
	nexthops_on_vlan(scene.nexthops, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_vlan_comes_and_goes, scene_open, scene_close),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
