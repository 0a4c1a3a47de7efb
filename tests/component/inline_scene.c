/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/inline_scene.h"

#include "shared/clock.h"
#include "tests/component/frame.h"
#include "tests/component/netns.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct dp dp;
int wire[2];

void inline_cable(int side, int mtu)
{
	const int on = 1;
	char name[8];

	snprintf(name, sizeof(name), "far%d", side);
	sh("ip link del mon%d 2>/dev/null; true", side);
	sh("ip link add mon%d type veth peer name far%d netns $FAR_PID", side, side);
	sh(FAR "sysctl -qw net.ipv6.conf.far%d.disable_ipv6=1", side);
	sh(FAR "ip link set far%d arp off up", side);
	if (mtu) {
		sh("ip link set mon%d mtu %d", side, mtu);
		sh(FAR "ip link set far%d mtu %d", side, mtu);
	}
	sh("ip link set mon%d up && $LW_SOURCE/scripts/port-prepare.sh mon%d", side, side);
	wire[side] = netns_far_packet(name);
	assert_int_equal(setsockopt(wire[side], SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)), 0);
}

int inline_open(const char *lines, int mtu)
{
	dp_make(&dp);
	for (int i = 0; i < 2; i++)
		inline_cable(i, mtu);
	dp_start(&dp, lines);
	return 0;
}

int inline_close(void **state)
{
	int status = dp_stop(&dp, SIGTERM);

	for (int i = 0; i < 2; i++) {
		close(wire[i]);
		sh("$LW_SOURCE/scripts/port-release.sh mon%d", i);
		sh("ip link del mon%d", i);
	}
	dp_remove(&dp);
	return status;
}

/* The frame as it was on the wire: the kernel takes the outer tag out and tells it beside. */
static uint16_t inline_receive(int fd, uint8_t *data)
{
	uint8_t control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov = {.iov_base = data, .iov_len = INLINE_FRAME};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct tpacket_auxdata aux;
	ssize_t n;

	assert_int_equal(poll(&p, 1, DP_WAIT_MS), 1);
	n = recvmsg(fd, &msg, 0);
	assert_true(n > 0);
	memcpy(&aux, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(aux));
	if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
		return (uint16_t)n;
	memmove(data + 16, data + 12, (size_t)n - 12);
	data[12] = (uint8_t)(aux.tp_vlan_tpid >> 8);
	data[13] = (uint8_t)aux.tp_vlan_tpid;
	data[14] = (uint8_t)(aux.tp_vlan_tci >> 8);
	data[15] = (uint8_t)aux.tp_vlan_tci;
	return (uint16_t)(n + 4);
}

void inline_passes(int from, const uint8_t *data, uint16_t len)
{
	static uint8_t out[INLINE_FRAME + 4];

	assert_int_equal(send(wire[from], data, len, 0), len);
	/* A packet socket also sees what its own side sends. */
	assert_int_equal(inline_receive(wire[!from], out), len);
	assert_memory_equal(out, data, len);
}

uint16_t inline_rtp(uint8_t *data, uint16_t seq)
{
	static struct frame frame;

	assert_int_equal(addr_parse(&frame.src, "10.0.0.1:4000", 0), 0);
	assert_int_equal(addr_parse(&frame.dst, "10.0.0.2:5000", 0), 0);
	frame.ttl = 64;
	memcpy(frame.mac_dst, "\2\0\0\0\0\x51", 6);
	memcpy(frame.mac_src, "\2\0\0\0\0\x52", 6);
	frame_rtp(&frame, 0, seq, INLINE_SSRC, 172);
	return frame_write(&frame, data);
}

const struct facts_flow *inline_count(const struct facts_head *facts, uint32_t id)
{
	return (const struct facts_flow *)((const uint8_t *)facts + facts->flow_count_off +
		(uint64_t)id * facts->flow_count_stride);
}

void inline_await(const char *command)
{
	uint64_t until = clock_boot_ms() + DP_WAIT_MS;

	while (system(command) != 0) { /* NOLINT: of ours */
		assert_true(clock_boot_ms() < until);
		usleep(20000);
	}
}

void inline_passes_again(int from, const uint8_t *data, uint16_t len)
{
	struct pollfd p = {.fd = wire[!from], .events = POLLIN};
	uint64_t until = clock_boot_ms() + DP_WAIT_MS;
	static uint8_t out[INLINE_FRAME];
	ssize_t got = 0;

	while (got != len) {
		assert_true(clock_boot_ms() < until);
		send(wire[from], data, len, 0);
		poll(&p, 1, 100);
		got = recv(wire[!from], out, sizeof(out), MSG_DONTWAIT);
	}
	assert_memory_equal(out, data, len);
	/* The others, too. */
	while (poll(&p, 1, 300) == 1)
		recv(wire[!from], out, sizeof(out), MSG_DONTWAIT);
	inline_passes(from, data, len);
}
