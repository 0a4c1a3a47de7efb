/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/nexthop_scene.h"

#include "shared/clock.h"
#include "tests/component/netns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct nexthop_scene scene;

void rerouted(void *ctx)
{
	scene.reroutes++;
}

int scene_open(void **state)
{
	struct nexthops_conf conf = {
		.loop = &scene.loop,
		.ports = scene.ports,
		.port_count = 2,
		.reroute = rerouted,
	};

	sh("ip link add lw0 address 02:00:00:00:00:10 type veth peer name far0 netns $FAR_PID && "
	   "ip link add lw1 address 02:00:00:00:00:11 type veth peer name far1 netns $FAR_PID && "
	   "ip addr add 192.0.2.10/24 dev lw0 && ip addr add 198.51.100.10/24 dev lw1 && "
	   "ip -6 addr add 2001:db8::10/64 dev lw0 nodad && "
	   "ip link set lw0 up && ip link set lw1 up && ip link set lo up");
	sh(FAR "sh -c 'ip link set far0 address 02:00:00:00:00:a0 up && "
	       "ip link set far1 address 02:00:00:00:00:a1 up && "
	       "ip addr add 192.0.2.1/24 dev far0 && ip addr add 192.0.2.2/24 dev far0 && "
	       "ip -6 addr add 2001:db8::1/64 dev far0 nodad && "
	       "ip addr add 198.51.100.1/24 dev far1'");
	scene.reroutes = 0;
	scene.ports[0] = (struct nexthop_port){"lw0", {2, 0, 0, 0, 0, 0x10}};
	scene.ports[1] = (struct nexthop_port){"lw1", {2, 0, 0, 0, 0, 0x11}};
	uv_loop_init(&scene.loop);
	return nexthops_open(&scene.nexthops, &conf);
}

int scene_close(void **state)
{
	nexthops_close(scene.nexthops);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&scene.loop))
		return -1;
	return system("ip link del lw0; ip link del lw1");
}

uint16_t get(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text, 0), 0);
	return nexthop_get(scene.nexthops, &addr);
}

void put(uint16_t index)
{
	nexthop_put(scene.nexthops, index);
}

static void on_timeout(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

void run_for(uint64_t ms)
{
	uv_timer_t timer;

	uv_timer_init(&scene.loop, &timer);
	uv_timer_start(&timer, on_timeout, ms, 0);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&scene.loop, UV_RUN_NOWAIT);
}

bool resolved(uint16_t index, uint8_t last_byte)
{
	struct nexthop_entry entry;

	return nexthop_load(nexthops_table(scene.nexthops), index, &entry) && entry.dst[0] == 2 &&
		entry.dst[5] == last_byte;
}

void await(uint16_t index, uint8_t last_byte)
{
	uint64_t end = clock_boot_ms() + WAIT_MS;

	while (!resolved(index, last_byte)) {
		if (clock_boot_ms() > end)
			fail_msg("next hop %u did not become ..:%02x", index, last_byte);
		run_for(20);
	}
}

void await_reroute(unsigned int more_than)
{
	uint64_t end = clock_boot_ms() + WAIT_MS;

	while (scene.reroutes <= more_than) {
		if (clock_boot_ms() > end)
			fail_msg("routes changed, nobody was told");
		run_for(20);
	}
}
