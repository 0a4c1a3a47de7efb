/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-dp as a bump in the wire: af_packet monitor ports on two veth pairs whose other ends
 * are hosts. What comes in by one leaves by the other, byte by byte, tags included; RTP on its way
 * is stamped. No port of linewatch's own is needed. */
#include "shared/clock.h"
#include "tests/component/dp_scene.h"
#include "tests/component/frame.h"
#include "tests/component/netns.h"

#include <errno.h>
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

#define FLOWS    64
#define MONITORS 32
#define SSRC     7

#define FRAME_LONG 9014

static struct dp dp;
static int wire[2]; /* the hosts' ends of the cables */

#define PORTS                                                         \
	"  monitor: inline\n"                                         \
	"  monitor_ports: [\"af_packet:mon0\", \"af_packet:mon1\"]\n" \
	"  monitors: 32\n"                                            \
	"  bindings: 100\n"                                           \
	"  flows: 64\n"
#define LINES PORTS "  memory: 256\n"
#define LONG  PORTS "  mtu: 9000\n  memory: 512\n"

static int setup_at(const char *lines, int mtu)
{
	const int on = 1;

	dp_make(&dp);
	for (int i = 0; i < 2; i++) {
		char name[8];

		snprintf(name, sizeof(name), "far%d", i);
		sh("ip link del mon%d 2>/dev/null; true", i);
		sh("ip link add mon%d type veth peer name far%d netns $FAR_PID", i, i);
		sh(FAR "sysctl -qw net.ipv6.conf.far%d.disable_ipv6=1", i);
		sh(FAR "ip link set far%d arp off up", i);
		sh("ip link set mon%d mtu %d", i, mtu);
		sh(FAR "ip link set far%d mtu %d", i, mtu);
		sh("ip link set mon%d up && $LW_SOURCE/scripts/port-prepare.sh mon%d", i, i);
		wire[i] = netns_far_packet(name);
		assert_int_equal(
			setsockopt(wire[i], SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)), 0);
	}
	dp_start(&dp, lines);
	return 0;
}

static int setup_with(const char *lines)
{
	return setup_at(lines, 1500);
}

static int setup(void **state)
{
	return setup_with(LINES);
}

/* Each link for itself. */
static int setup_alone(void **state)
{
	return setup_with(LINES "  monitor_link: false\n");
}

/* Three workers and one queue a port. */
static int setup_shared(void **state)
{
	return setup_with("  monitor: inline\n"
			  "  monitor_ports: [\"af_packet:mon0,qpairs=1\", "
			  "\"af_packet:mon1,qpairs=1\"]\n"
			  "  monitors: 32\n"
			  "  workers: 3\n"
			  "  memory: 256\n"
			  "  bindings: 100\n"
			  "  flows: 64\n");
}

static int teardown(void **state)
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
static uint16_t receive(int fd, uint8_t *data)
{
	uint8_t control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov = {.iov_base = data, .iov_len = FRAME_LONG};
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

static void passes(int from, const uint8_t *data, uint16_t len)
{
	static uint8_t out[FRAME_LONG + 4];

	assert_int_equal(send(wire[from], data, len, 0), len);
	/* A packet socket also sees what its own side sends. */
	assert_int_equal(receive(wire[!from], out), len);
	assert_memory_equal(out, data, len);
}

static uint16_t rtp(uint8_t *data, uint16_t seq)
{
	static struct frame frame;

	assert_int_equal(addr_parse(&frame.src, "10.0.0.1:4000", 0), 0);
	assert_int_equal(addr_parse(&frame.dst, "10.0.0.2:5000", 0), 0);
	frame.ttl = 64;
	memcpy(frame.mac_dst, "\2\0\0\0\0\x51", 6);
	memcpy(frame.mac_src, "\2\0\0\0\0\x52", 6);
	frame_rtp(&frame, 0, seq, SSRC, 172);
	return frame_write(&frame, data);
}

static uint16_t tag(uint8_t *data, uint16_t len)
{
	memmove(data + 16, data + 12, len - 12u);
	memcpy(data + 12, "\x81\x00\x20\x64", 4);
	return (uint16_t)(len + 4);
}

static void frames_pass_as_they_are(void **state)
{
	uint8_t data[FRAME_MAX];
	uint16_t len;

	for (int from = 0; from < 2; from++) {
		len = rtp(data, 1);
		passes(from, data, len);
		len = tag(data, len);
		passes(from, data, len);
		/* LACP and ARP, which a bridge would keep or answer. */
		memset(data, 0x5a, sizeof(data));
		memcpy(data, "\x01\x80\xc2\0\0\x02\2\0\0\0\0\1\x88\x09", 14);
		passes(from, data, 124);
		memcpy(data, "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x08\x06", 14);
		passes(from, data, 60);
		passes(from, data, 1514);
	}
}

static const struct facts_flow *count_of(const struct facts_head *facts, uint32_t id)
{
	return (const struct facts_flow *)((const uint8_t *)facts + facts->flow_count_off +
		(uint64_t)id * facts->flow_count_stride);
}

static void flows_are_stamped(void **state)
{
	struct proto_monitor flow = {
		.gen = 1,
		.payload_types = {1},
		.expires_ms = clock_boot_ms() + 3600000,
	};
	const struct facts_head *facts;
	struct proto_welcome welcome;
	struct proto_handle handle;
	uint8_t data[FRAME_MAX];
	struct proto_ack ack;
	int client = dp_client(&dp, 0, &welcome, &facts);

	assert_int_equal(welcome.flow_count, FLOWS);
	assert_int_equal(welcome.monitor_first, FLOWS);
	assert_int_equal(welcome.monitor_count, MONITORS);
	assert_int_equal(facts->flows, FLOWS + MONITORS);
	assert_int_equal(addr_parse(&flow.dst, "10.0.0.2:5000", 0), 0);
	assert_int_equal(addr_parse(&flow.source, "10.0.0.1", 0), 0);
	flow.id = FLOWS + MONITORS;
	assert_int_equal(dp_order(client, PROTO_MONITOR_SET, &flow, 1, &ack), -ERANGE);
	assert_int_equal(ack.first_id, flow.id);
	flow.id = FLOWS + MONITORS - 1;
	assert_int_equal(dp_order(client, PROTO_MONITOR_SET, &flow, 1, &ack), 0);
	for (uint16_t seq = 0; seq < 20; seq++) {
		uint16_t len = rtp(data, seq);

		passes(seq & 1, data, seq & 2 ? tag(data, len) : len);
	}
	assert_int_equal(count_of(facts, flow.id)->packets, 20);
	assert_int_equal(count_of(facts, flow.id)->ssrc, SSRC);
	handle = (struct proto_handle){flow.id, 1};
	assert_int_equal(dp_order(client, PROTO_FLOW_DEL, &handle, 1, &ack), 0);
	passes(0, data, rtp(data, 21));
	assert_int_equal(count_of(facts, flow.id)->packets, 0);
	close(client);
}

static int setup_long(void **state)
{
	setup_with(LONG);
	for (int i = 0; i < 2; i++)
		sh(FAR "ip link set far%d mtu 9000", i);
	return 0;
}

static void fill(uint8_t *data, uint16_t len, const char *type)
{
	for (uint16_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7);
	memcpy(data, "\2\0\0\0\0\x51\2\0\0\0\0\x52", 12);
	memcpy(data + 12, type, 2);
}

static void long_frames_pass(void **state)
{
	static uint8_t data[FRAME_LONG];

	for (int from = 0; from < 2; from++) {
		for (uint16_t len = 1514; len < FRAME_LONG; len = (uint16_t)(len + 1250)) {
			fill(data, len, "\x08\x00");
			passes(from, data, len);
		}
		fill(data, FRAME_LONG, "\x08\x00");
		passes(from, data, FRAME_LONG);
	}
}

static int longest; /* bytes of an untagged frame */

/* The first network's frames may be longer than the second takes. */
static int setup_uneven(void **state)
{
	setup_with(LINES);
	sh("ip link set mon0 mtu 9000");
	sh(FAR "ip link set far0 mtu 9000");
	longest = 1514;
	return 0;
}

/* Both networks' may be longer than a frame of the ring is. */
static int setup_short_rings(void **state)
{
	setup_at(LINES, 9000);
	longest = 1972;
	return 0;
}

/* What cannot pass is counted, and never passes cut. */
static void too_long_is_counted(void **state)
{
	const int lens[] = {longest + 1, 1980, 1981, 1982, 1983, 2048, 4000, FRAME_LONG};
	static uint8_t data[FRAME_LONG];
	const struct facts_head *facts;
	const struct facts_worker *count;
	int client = dp_client(&dp, 0, NULL, &facts);
	uint64_t until = clock_boot_ms() + DP_WAIT_MS;

	count = (const struct facts_worker *)((const uint8_t *)facts + facts->worker_off);
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		fill(data, (uint16_t)lens[i], "\x08\x00");
		assert_int_equal(send(wire[0], data, (size_t)lens[i], 0), lens[i]);
	}
	while (__atomic_load_n(&count->drop[FACTS_DROP_TOO_LONG], __ATOMIC_RELAXED) <
		sizeof(lens) / sizeof(*lens)) {
		assert_true(clock_boot_ms() < until);
		usleep(10000);
	}
	fill(data, (uint16_t)(longest + 4), "\x81\x00");
	memcpy(data + 14, "\x20\x64\x08\x00", 4);
	passes(0, data, (uint16_t)(longest + 4));
	fill(data, (uint16_t)longest, "\x08\x00");
	passes(0, data, (uint16_t)longest);
	passes(1, data, (uint16_t)longest);
	assert_int_equal(count->drop[FACTS_DROP_TOO_LONG], sizeof(lens) / sizeof(*lens));
	close(client);
}

static void await(const char *command)
{
	uint64_t until = clock_boot_ms() + DP_WAIT_MS;

	while (system(command) != 0) { /* NOLINT: of ours */
		assert_true(clock_boot_ms() < until);
		usleep(20000);
	}
}

/* After an outage sockets on both sides tell of it before they go on: sends until a frame passes.
 */
static void passes_again(int from, const uint8_t *data, uint16_t len)
{
	struct pollfd p = {.fd = wire[!from], .events = POLLIN};
	uint64_t until = clock_boot_ms() + DP_WAIT_MS;
	static uint8_t out[FRAME_LONG];
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
	passes(from, data, len);
}

/* A side that loses its link takes the other along, and gives it back; a process that is killed
 * meanwhile leaves it to the next. */
static void links_follow(void **state)
{
	uint8_t data[FRAME_MAX];
	uint16_t len = rtp(data, 1);

	for (int lost = 0; lost < 2; lost++) {
		char held[80];

		passes_again(0, data, len);
		snprintf(held, sizeof(held), "ip link show mon%d | grep -q '[<,]UP[,>]'", !lost);
		sh("%s", held);
		sh(FAR "ip link set far%d down", lost);
		snprintf(held, sizeof(held), "! ip link show mon%d | grep -q '[<,]UP[,>]'", !lost);
		await(held);
		if (lost) {
			dp_stop(&dp, SIGKILL);
			dp_start(&dp, LINES);
		}
		sh(FAR "ip link set far%d up", lost);
		await(held + 2);
		snprintf(held, sizeof(held), "ip link show mon%d | grep -q LOWER_UP", !lost);
		await(held);
	}
	passes_again(0, data, len);
	passes_again(1, data, len);
}

/* A port that cannot send says so in the facts: what is lost here ends calls by mistake. */
static void losses_are_told(void **state)
{
	const struct facts_head *facts;
	uint8_t data[FRAME_MAX];
	int client = dp_client(&dp, 0, NULL, &facts);
	uint64_t until = clock_boot_ms() + DP_WAIT_MS;
	uint16_t len = rtp(data, 1);

	sh("ip link set mon1 down");
	while (__atomic_load_n(&facts->loss[FACTS_LOSS_TX_ERROR], __ATOMIC_RELAXED) == 0) {
		assert_true(clock_boot_ms() < until);
		assert_int_equal(send(wire[0], data, len, 0), len);
		usleep(20000);
	}
	close(client);
}

#define TEST(name, before) cmocka_unit_test_setup_teardown(name, before, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_pass_as_they_are, setup),
		TEST(flows_are_stamped, setup),
		TEST(flows_are_stamped, setup_shared),
		TEST(long_frames_pass, setup_long),
		TEST(too_long_is_counted, setup_uneven),
		TEST(too_long_is_counted, setup_short_rings),
		TEST(links_follow, setup),
		TEST(losses_are_told, setup_alone),
	};

	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
