/* SPDX-License-Identifier: BSD-3-Clause */
/* The phones of a wire, by a packet socket on its near end.
 *
 *   bench_wire verify IFACE MAC LEGS         a packet of each leg to MAC must come back to its peer
 *   bench_wire run    IFACE MAC LEGS RATE    rounds (setup.h) of RATE packets a second, 0: all it
 * can; answers with what it sent
 */
#include "shared/clock.h"
#include "tests/bench/legs.h"
#include "tests/bench/rtp_load.h"
#include "tests/bench/setup.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WIRE_BURST   32
#define WIRE_NAP_US  20 /* phones are many: they send one by one, not in bursts */
#define WIRE_WAIT_MS 5000
#define WIRE_SEQ     2 /* offset of the sequence number in RTP */
#define WIRE_HEADERS (14 + 20 + 8)

struct wire_frame {
	uint8_t data[256];
	uint16_t len;
};

static struct {
	struct legs legs;
	struct wire_frame *frame; /* of each leg */
	uint32_t *order;          /* of the legs */
	uint8_t mac[6];
	double rate;
	int fd;
} wire;

static void wire_open(const char *iface, const char *mac, uint16_t protocol)
{
	int one = 1, room = 16 << 20;
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)if_nametoindex(iface),
	};

	setup_must(sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &wire.mac[0], &wire.mac[1],
			   &wire.mac[2], &wire.mac[3], &wire.mac[4], &wire.mac[5]) == 6,
		"%s is no MAC address", mac);
	wire.fd = socket(AF_PACKET, SOCK_RAW, htons(protocol));
	setup_must(wire.fd >= 0 && at.sll_ifindex, "no packet socket on %s", iface);
	setup_must(bind(wire.fd, (struct sockaddr *)&at, sizeof(at)) == 0, "bind: %m");
	setsockopt(wire.fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	setsockopt(wire.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	setsockopt(wire.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
}

static void wire_make(struct frame *frame, uint32_t leg, uint16_t seq)
{
	*frame = (struct frame){
		.src = wire.legs.item[leg].phone, .dst = wire.legs.item[leg].local, .ttl = 60};
	memcpy(frame->mac_dst, wire.mac, 6);
	frame->mac_src[0] = 2;
	frame_rtp(frame, 0, seq, leg + 1, RTP_LOAD_PAYLOAD);
}

static void wire_fill(void)
{
	uint64_t seed = 1;

	wire.frame = calloc(wire.legs.count, sizeof(*wire.frame));
	wire.order = calloc(wire.legs.count, sizeof(*wire.order));
	setup_must(wire.frame && wire.order, "no memory");
	for (uint32_t leg = 0; leg < wire.legs.count; leg++) {
		struct frame frame;

		wire_make(&frame, leg, 1);
		wire.frame[leg].len = frame_write(&frame, wire.frame[leg].data);
		wire.order[leg] = leg;
	}
	for (uint32_t i = wire.legs.count - 1; i > 0; i--) {
		uint32_t j = rtp_load_random(&seed, i + 1), leg = wire.order[i];

		wire.order[i] = wire.order[j];
		wire.order[j] = leg;
	}
}

/* The next sequence number, and what it does to the UDP checksum (RFC 1624 (3)). */
static void wire_advance(struct wire_frame *frame)
{
	uint8_t *sum = frame->data + WIRE_HEADERS - 2, *seq = frame->data + WIRE_HEADERS + WIRE_SEQ;
	uint16_t old = (uint16_t)(seq[0] << 8 | seq[1]), new = (uint16_t)(old + 1);
	uint32_t all = (uint16_t) ~(sum[0] << 8 | sum[1]);

	all += (uint16_t)~old + (uint32_t) new;
	all = (all & 0xffff) + (all >> 16);
	all = ~((all & 0xffff) + (all >> 16)) & 0xffff;
	if (all == 0)
		all = 0xffff;
	seq[0] = (uint8_t)(new >> 8);
	seq[1] = (uint8_t) new;
	sum[0] = (uint8_t)(all >> 8);
	sum[1] = (uint8_t)all;
}

/* Sends a burst from place `at` of the order; returns how many the kernel took. */
static unsigned int wire_send(uint64_t at, unsigned int n)
{
	struct mmsghdr message[WIRE_BURST] = {0};
	struct iovec vec[WIRE_BURST];
	int sent;

	for (unsigned int i = 0; i < n; i++) {
		struct wire_frame *frame = &wire.frame[wire.order[(at + i) % wire.legs.count]];

		wire_advance(frame);
		vec[i] = (struct iovec){frame->data, frame->len};
		message[i].msg_hdr.msg_iov = &vec[i];
		message[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(wire.fd, message, n, 0);
	return sent < 0 ? 0 : (unsigned int)sent;
}

static double wire_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* What is due never piles up: late phones do not send in bursts. */
static uint64_t wire_round(double seconds)
{
	static uint64_t at;
	double began = wire_now(), last = began, now = began, due = 0;
	uint64_t sent = 0;

	for (; now - began < seconds; now = wire_now()) {
		unsigned int n;

		due += wire.rate ? (now - last) * wire.rate : WIRE_BURST;
		due = due < WIRE_BURST ? due : WIRE_BURST;
		last = now;
		if (due < 1) {
			usleep(WIRE_NAP_US);
			continue;
		}
		n = wire_send(at, (unsigned int)due);
		due -= n;
		sent += n;
		at += n;
	}
	return sent;
}

/* The frame is what the peer of that leg should get. */
static bool wire_is_relayed(const struct frame *got, uint32_t leg, uint16_t seq)
{
	const struct leg *peer = &wire.legs.item[leg ^ 1];
	struct frame sent;

	wire_make(&sent, leg, seq);
	return addr_equal(&got->src, &peer->local) && addr_equal(&got->dst, &peer->phone) &&
		got->len == sent.len && memcmp(got->payload, sent.payload, sent.len) == 0;
}

static void wire_expect(uint32_t leg, uint16_t seq)
{
	uint64_t end = clock_boot_ms() + WIRE_WAIT_MS;
	struct frame got;

	for (;;) {
		struct pollfd pollfd = {.fd = wire.fd, .events = POLLIN};
		uint64_t now = clock_boot_ms();
		uint8_t data[FRAME_MAX];
		ssize_t len;

		setup_must(now < end && poll(&pollfd, 1, (int)(end - now)) == 1,
			"packet %u of leg %u never came back", seq, leg);
		len = recv(wire.fd, data, sizeof(data), 0);
		if (len > 0 && frame_read(&got, data, (uint16_t)len) &&
			wire_is_relayed(&got, leg, seq))
			return;
	}
}

static void wire_verify(void)
{
	for (uint16_t seq = 1; seq <= 3; seq++) {
		for (uint32_t leg = 0; leg < wire.legs.count; leg++) {
			uint8_t data[FRAME_MAX];
			struct frame frame;

			wire_make(&frame, leg, seq);
			setup_must(
				send(wire.fd, data, frame_write(&frame, data), 0) > 0, "send: %m");
			wire_expect(leg, seq);
		}
	}
}

int main(int argc, char **argv)
{
	bool verify = argc == 5 && strcmp(argv[1], "verify") == 0;

	setup_must(verify || (argc == 6 && strcmp(argv[1], "run") == 0),
		"bench_wire: see the head of its source");
	wire_open(argv[2], argv[3], verify ? ETH_P_ALL : 0);
	legs_read(&wire.legs, argv[4]);
	if (verify) {
		wire_verify();
		return 0;
	}
	wire.rate = atof(argv[5]);
	wire_fill();
	setup_rounds(wire_round);
	return 0;
}
