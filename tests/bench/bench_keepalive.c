/* SPDX-License-Identifier: BSD-3-Clause */
/* How many keep-alives one core sends: the sweep as it is, on a virtual clock that makes it always
 * due, on net_null. Verification: the same on net_ring, each frame looked at.
 *
 *   bench_keepalive run|verify COUNT [ipv6] [huge]
 *
 * run: see setup_rounds(). verify prints "verified COUNT". */
#include "dataplane/core/mailbox.h"
#include "dataplane/keepalive/binding.h"
#include "tests/bench/setup.h"
#include "tests/component/frame.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD    "HELLO"
#define FIRST_IP   0x0a000000u
#define FIRST_PORT 1024u
#define PORTS      60000u

static struct setup setup;
static bool ipv6;

static struct addr device(uint32_t i)
{
	uint32_t ip = FIRST_IP + i;
	struct addr addr = {
		.family = ipv6 ? ADDR_IPV6 : ADDR_IPV4,
		.port = (uint16_t)(FIRST_PORT + i % PORTS),
		.ip = {0x20, 0x01, 0x0d, 0xb8},
	};
	uint8_t *last = ipv6 ? addr.ip + 12 : addr.ip;

	for (int byte = 0; byte < 4; byte++)
		last[byte] = (uint8_t)(ip >> (24 - 8 * byte));
	return addr;
}

static void configure(void)
{
	struct proto_conf conf = {
		.payload_kind = PROTO_PAYLOAD_TEXT,
		.payload_len = sizeof(PAYLOAD) - 1,
		.period_ms = 30000,
		.send_interval_ms = 500,
		.send_least = 3000,
	};

	memcpy(conf.payload, PAYLOAD, sizeof(PAYLOAD) - 1);
	setup_must(keepalive_conf_set(setup.keepalive, &conf) == 0, "configuration refused");
}

static void add(uint32_t count)
{
	struct proto_binding binding = {
		.gen = 1,
		.local = {.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 10}},
		.expires_ms = setup.now_ms + 86400000,
	};

	if (ipv6)
		binding.local = (struct addr){.family = ADDR_IPV6,
			.port = 5060,
			.ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 10}};
	for (uint32_t i = 0; i < count; i++) {
		binding.id = i;
		binding.dst = device(i);
		setup_must(binding_set(setup.keepalive, 0, &binding, setup.now_ms) == 0,
			"binding %u refused", i);
		while (i % 64 == 0 && mailbox_run(&setup.w->mailbox, setup.w))
			;
	}
	while (mailbox_run(&setup.w->mailbox, setup.w))
		;
}

/* A turn as worker_run() makes it, but for the sweep's clock. Returns its next moment. */
static uint64_t turn(uint64_t now)
{
	struct worker_port *port = &setup.w->port[0];
	struct rte_mbuf *mbufs[WORKER_BURST];
	uint16_t n;

	setup.w->now_tsc = rte_rdtsc();
	mailbox_run(&setup.w->mailbox, setup.w);
	n = rte_eth_rx_burst(port->id, port->queue, mbufs, WORKER_BURST);
	if (n)
		media_input(setup.w, 0, mbufs, n);
	now = keepalive_turn(setup.w, now);
	worker_flush(setup.w, 0);
	rte_rcu_qsbr_quiescent(setup.qsbr, 0);
	return now;
}

static uint64_t round_of(double seconds)
{
	static uint64_t now;
	uint64_t frames = setup.w->count->keepalives;
	uint64_t end = setup_cpu_ns() + (uint64_t)(seconds * 1e9);

	if (now == 0)
		now = rte_rdtsc();
	do {
		for (int i = 0; i < 256; i++) {
			uint64_t next = turn(now);

			if (next > now)
				now = next;
		}
	} while (setup_cpu_ns() < end);
	return setup.w->count->keepalives - frames;
}

/* What one frame says; marks its device. */
static void look(struct rte_mbuf *mbuf, uint8_t *seen, uint32_t count)
{
	static struct frame frame;
	const uint8_t *last;
	struct addr dst;
	uint32_t i;

	setup_must(frame_read(&frame, rte_pktmbuf_mtod(mbuf, uint8_t *), mbuf->data_len),
		"a frame is malformed, or a checksum is wrong");
	last = ipv6 ? frame.dst.ip + 12 : frame.dst.ip;
	i = ((uint32_t)last[0] << 24 | (uint32_t)last[1] << 16 | (uint32_t)last[2] << 8 | last[3]) -
		FIRST_IP;
	setup_must(i < count, "a frame to nobody");
	dst = device(i);
	setup_must(addr_equal(&dst, &frame.dst) && frame.src.port == 5060,
		"a frame with a wrong address");
	setup_must(frame.len == sizeof(PAYLOAD) - 1 && memcmp(frame.payload, PAYLOAD, 5) == 0,
		"a frame with a wrong payload");
	setup_must(memcmp(frame.mac_dst, setup_gateway, 6) == 0, "a frame to a wrong next hop");
	setup_must(seen[i]++ == 0, "device %u got two messages in one period", i);
}

/* Reads back what was sent; looks at it if `seen` is given. Returns the number of frames. */
static uint32_t drain(uint8_t *seen, uint32_t count)
{
	struct worker_port *port = &setup.w->port[0];
	struct rte_mbuf *mbufs[WORKER_BURST];
	uint32_t total = 0;
	uint16_t n;

	while ((n = rte_eth_rx_burst(port->id, port->queue, mbufs, WORKER_BURST)) > 0) {
		for (uint16_t i = 0; i < n; i++) {
			if (seen)
				look(mbufs[i], seen, count);
			rte_pktmbuf_free(mbufs[i]);
		}
		total += n;
	}
	return total;
}

/* One period, frame by frame: each device exactly once. */
static void verify(uint32_t count)
{
	uint8_t *seen = calloc(count, 1);
	const uint64_t period = 30 * setup.w->tsc_hz;
	uint64_t now = rte_rdtsc(), next = now, start = now + period;
	uint32_t total = 0;

	setup_must(seen, "no memory");
	/* What fell due while the bindings were made is caught up first. Then one period, from the
	 * moment of a slot to just before it comes round again. */
	for (; now<start; now = next> now ? next : now) {
		next = keepalive_turn(setup.w, now);
		drain(NULL, count);
	}
	for (start = now; now<start + period; now = next> now ? next : now) {
		next = keepalive_turn(setup.w, now);
		total += drain(seen, count);
	}
	setup_must(total == count, "%u of %u devices got a message", total, count);
	printf("verified %u\n", total);
	free(seen);
}

int main(int argc, char **argv)
{
	bool checks = argc >= 3 && strcmp(argv[1], "verify") == 0;
	struct setup_conf conf = {
		.port = checks ? "vdev:net_ring0" : "vdev:net_null0,no-rx=1",
		.flows = 64,
		.frames = 4095,
		.room = 2048,
		.huge = argc > 3 && strcmp(argv[argc - 1], "huge") == 0,
	};

	setup_must(argc >= 3, "bench_keepalive run|verify COUNT [ipv6] [huge]");
	ipv6 = argc > 3 && strcmp(argv[3], "ipv6") == 0;
	conf.bindings = (uint32_t)atoi(argv[2]);
	setup_open(&setup, &conf);
	configure();
	add(conf.bindings);
	if (checks)
		verify(conf.bindings);
	else
		setup_rounds(round_of);
	setup_close(&setup);
	return 0;
}
