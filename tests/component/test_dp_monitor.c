/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-dp as a bump in the wire: af_packet monitor ports on two veth pairs whose other ends
 * are hosts. What comes in by one leaves by the other, byte by byte, tags included; RTP on its way
 * is stamped. No port of linewatch's own is needed. */
#include "shared/clock.h"
#include "tests/component/frame.h"
#include "tests/component/inline_scene.h"
#include "tests/component/netns.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LINES INLINE_PORTS "  memory: 256\n"
#define LONG  INLINE_PORTS "  mtu: 9000\n  memory: 512\n"

static int setup_with(const char *lines)
{
	return inline_open(lines, 1500);
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
		len = inline_rtp(data, 1);
		inline_passes(from, data, len);
		len = tag(data, len);
		inline_passes(from, data, len);
		/* LACP and ARP, which a bridge would keep or answer. */
		memset(data, 0x5a, sizeof(data));
		memcpy(data, "\x01\x80\xc2\0\0\x02\2\0\0\0\0\1\x88\x09", 14);
		inline_passes(from, data, 124);
		memcpy(data, "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x08\x06", 14);
		inline_passes(from, data, 60);
		inline_passes(from, data, 1514);
	}
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

	assert_int_equal(welcome.flow_count, INLINE_FLOWS);
	assert_int_equal(welcome.monitor_first, INLINE_FLOWS);
	assert_int_equal(welcome.monitor_count, INLINE_MONITORS);
	assert_int_equal(facts->flows, INLINE_FLOWS + INLINE_MONITORS);
	assert_int_equal(addr_parse(&flow.dst, "10.0.0.2:5000", 0), 0);
	assert_int_equal(addr_parse(&flow.source, "10.0.0.1", 0), 0);
	flow.id = INLINE_FLOWS + INLINE_MONITORS;
	assert_int_equal(dp_order(client, PROTO_MONITOR_SET, &flow, 1, &ack), -ERANGE);
	assert_int_equal(ack.first_id, flow.id);
	flow.id = INLINE_FLOWS + INLINE_MONITORS - 1;
	assert_int_equal(dp_order(client, PROTO_MONITOR_SET, &flow, 1, &ack), 0);
	for (uint16_t seq = 0; seq < 20; seq++) {
		uint16_t len = inline_rtp(data, seq);

		inline_passes(seq & 1, data, seq & 2 ? tag(data, len) : len);
	}
	assert_int_equal(inline_count(facts, flow.id)->packets, 20);
	assert_int_equal(inline_count(facts, flow.id)->ssrc, INLINE_SSRC);
	handle = (struct proto_handle){flow.id, 1};
	assert_int_equal(dp_order(client, PROTO_FLOW_DEL, &handle, 1, &ack), 0);
	inline_passes(0, data, inline_rtp(data, 21));
	assert_int_equal(inline_count(facts, flow.id)->packets, 0);
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
	static uint8_t data[INLINE_FRAME];

	for (int from = 0; from < 2; from++) {
		for (uint16_t len = 1514; len < INLINE_FRAME; len = (uint16_t)(len + 1250)) {
			fill(data, len, "\x08\x00");
			inline_passes(from, data, len);
		}
		fill(data, INLINE_FRAME, "\x08\x00");
		inline_passes(from, data, INLINE_FRAME);
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
	inline_open(LINES, 9000);
	longest = 1972;
	return 0;
}

/* What cannot pass is counted, and never passes cut. */
static void too_long_is_counted(void **state)
{
	const int lens[] = {longest + 1, 1980, 1981, 1982, 1983, 2048, 4000, INLINE_FRAME};
	static uint8_t data[INLINE_FRAME];
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
	inline_passes(0, data, (uint16_t)(longest + 4));
	fill(data, (uint16_t)longest, "\x08\x00");
	inline_passes(0, data, (uint16_t)longest);
	inline_passes(1, data, (uint16_t)longest);
	assert_int_equal(count->drop[FACTS_DROP_TOO_LONG], sizeof(lens) / sizeof(*lens));
	close(client);
}

/* A side that loses its link takes the other along, and gives it back; a process that is killed
 * meanwhile leaves it to the next. */
static void links_follow(void **state)
{
	uint8_t data[FRAME_MAX];
	uint16_t len = inline_rtp(data, 1);

	for (int lost = 0; lost < 2; lost++) {
		char held[80];

		inline_passes_again(0, data, len);
		snprintf(held, sizeof(held), "ip link show mon%d | grep -q '[<,]UP[,>]'", !lost);
		sh("%s", held);
		sh(FAR "ip link set far%d down", lost);
		snprintf(held, sizeof(held), "! ip link show mon%d | grep -q '[<,]UP[,>]'", !lost);
		inline_await(held);
		if (lost) {
			dp_stop(&dp, SIGKILL);
			dp_start(&dp, LINES);
		}
		sh(FAR "ip link set far%d up", lost);
		inline_await(held + 2);
		snprintf(held, sizeof(held), "ip link show mon%d | grep -q LOWER_UP", !lost);
		inline_await(held);
	}
	inline_passes_again(0, data, len);
	inline_passes_again(1, data, len);
}

/* A port that cannot send says so in the facts: what is lost here ends calls by mistake. */
static void losses_are_told(void **state)
{
	const struct facts_head *facts;
	uint8_t data[FRAME_MAX];
	int client = dp_client(&dp, 0, NULL, &facts);
	uint64_t until = clock_boot_ms() + DP_WAIT_MS;
	uint16_t len = inline_rtp(data, 1);

	sh("ip link set mon1 down");
	while (__atomic_load_n(&facts->loss[FACTS_LOSS_TX_ERROR], __ATOMIC_RELAXED) == 0) {
		assert_true(clock_boot_ms() < until);
		assert_int_equal(send(wire[0], data, len, 0), len);
		usleep(20000);
	}
	close(client);
}

#define TEST(name, before) cmocka_unit_test_setup_teardown(name, before, inline_close)

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
