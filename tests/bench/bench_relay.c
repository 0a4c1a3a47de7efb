/* SPDX-License-Identifier: BSD-3-Clause */
/* How much RTP one core relays: the worker as it is, fed by net_pcap with the frames of N legs in
 * random order, each leg as a restored, learnt flow. Verification: the same frames by hand, each
 * that comes out of a net_ring looked at.
 *
 *   bench_relay feed FILE LEGS FRAMES [huge]   writes the pcap file
 *   bench_relay run LEGS FILE FRAMES [huge]
 *   bench_relay verify LEGS [huge]
 *
 * run: see setup_rounds(). verify prints "verified FRAMES". Fails unless every frame that came in
 * went out. */
#include "dataplane/media/flow.h"
#include "tests/bench/rtp_load.h"
#include "tests/bench/setup.h"

#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_ROOM 256  /* bytes of a frame of the load, at most */
#define SPARE      8192 /* buffers beside those that hold the file */

static struct setup setup;

static void claim(uint32_t legs)
{
	for (uint32_t first = 0; first < legs; first += RTP_LOAD_PORTS) {
		uint32_t n = legs - first < RTP_LOAD_PORTS ? legs - first : RTP_LOAD_PORTS;
		struct proto_media_addr range = {
			.local = rtp_load_local(first),
			.port_min = RTP_LOAD_PORT,
			.port_max = (uint16_t)(RTP_LOAD_PORT + 2 * n - 1),
		};
		struct proto_media_ready ready;

		range.local.port = 0;
		setup_must(media_addr_claim(setup.media, 0, &range, &ready) == 0, "claim refused");
		setup_must(ready.base == first, "claims are not in order");
	}
}

static void restore(uint32_t legs)
{
	struct proto_flow flow = {
		.gen = 1,
		.peer_gen = 1,
		.flags = PROTO_FLOW_LATCHED,
		.payload_types = {1},
		.dscp = PROTO_DSCP_KEEP,
		.expires_ms = setup.now_ms + 86400000,
	};

	for (uint32_t leg = 0; leg < legs; leg++) {
		flow.id = leg;
		flow.peer_id = leg ^ 1;
		flow.remote = flow.latched = rtp_load_phone(leg);
		flow.ssrc = leg;
		setup_must(flow_set(setup.media, 0, &flow, setup.now_ms) == 0, "flow refused");
	}
}

static void open_setup(const char *port, uint32_t legs, uint32_t frames, bool huge)
{
	const struct setup_conf conf = {
		.port = port,
		.bindings = 64,
		.flows = legs,
		.frames = frames,
		.room = FRAME_ROOM,
		.huge = huge,
	};

	setup_open(&setup, &conf);
	claim(legs);
	restore(legs);
}

static uint64_t round_of(double seconds)
{
	const struct facts_worker *count = setup.w->count;
	uint64_t rx = count->rx;

	setup_run(&setup, seconds);
	setup_must(count->rx > rx, "nothing received");
	setup_must(count->relayed_rtp == count->rx && count->tx == count->rx,
		"%lu frames received, %lu relayed, %lu sent", count->rx, count->relayed_rtp,
		count->tx);
	return count->rx - rx;
}

/* Leg i's frame must leave as leg i ^ 1 expects it. */
static void look(const struct rte_mbuf *mbuf, uint32_t leg)
{
	static struct frame in, out;
	struct addr src = rtp_load_local(leg ^ 1), dst = rtp_load_phone(leg ^ 1);
	uint8_t data[FRAME_MAX];
	uint16_t len = rtp_load_frame(leg, 0, data);

	setup_must(frame_read(&in, data, len), "the load is malformed");
	setup_must(frame_read(&out, rte_pktmbuf_mtod(mbuf, uint8_t *), mbuf->data_len),
		"leg %u: a frame is malformed, or a checksum is wrong", leg);
	setup_must(addr_equal(&out.src, &src) && addr_equal(&out.dst, &dst),
		"leg %u: a frame with wrong addresses", leg);
	setup_must(memcmp(out.mac_dst, setup_gateway, 6) == 0 &&
			memcmp(out.mac_src, setup.port.mac.addr_bytes, 6) == 0,
		"leg %u: a frame with wrong MAC addresses", leg);
	setup_must(out.len == in.len && memcmp(out.payload, in.payload, in.len) == 0,
		"leg %u: a frame with another payload", leg);
	setup_must(out.ttl == in.ttl - 1, "leg %u: a frame with a wrong TTL", leg);
}

static void verify(uint32_t legs)
{
	struct worker_port *port = &setup.w->port[0];
	struct rte_mbuf *mbufs[WORKER_BURST], *back[WORKER_BURST];
	uint32_t total = 0;

	for (uint32_t first = 0; first < legs; first += WORKER_BURST) {
		uint16_t n = (uint16_t)RTE_MIN(legs - first, (uint32_t)WORKER_BURST);

		setup_must(rte_pktmbuf_alloc_bulk(setup.pool, mbufs, n) == 0, "no buffers");
		for (uint16_t i = 0; i < n; i++) {
			uint8_t *data = rte_pktmbuf_mtod(mbufs[i], uint8_t *);
			uint16_t len = rtp_load_frame(first + i, 0, data);

			memcpy(data, port->mac.addr_bytes, 6);
			mbufs[i]->data_len = len;
			mbufs[i]->pkt_len = len;
			mbufs[i]->port = port->id;
		}
		media_input(setup.w, 0, mbufs, n);
		worker_flush(setup.w, 0);
		setup_must(rte_eth_rx_burst(port->id, port->queue, back, WORKER_BURST) == n,
			"not every frame came out");
		for (uint16_t i = 0; i < n; i++) {
			look(back[i], first + i);
			rte_pktmbuf_free(back[i]);
		}
		total += n;
	}
	printf("verified %u\n", total);
}

int main(int argc, char **argv)
{
	bool huge = argc > 1 && strcmp(argv[argc - 1], "huge") == 0;
	char port[300];
	uint32_t legs;

	setup_must(argc >= 3, "bench_relay feed|run|verify ...");
	if (strcmp(argv[1], "feed") == 0) {
		setup_must(argc >= 5, "bench_relay feed FILE LEGS FRAMES");
		setup_must(rtp_load_pcap(
				   argv[2], (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4])) == 0,
			"cannot write %s", argv[2]);
		return 0;
	}
	legs = (uint32_t)atoi(argv[2]);
	if (strcmp(argv[1], "verify") == 0) {
		open_setup("vdev:net_ring0", legs, SPARE, huge);
		verify(legs);
	} else {
		setup_must(argc >= 5, "bench_relay run LEGS FILE FRAMES [huge]");
		snprintf(port, sizeof(port), "vdev:net_pcap0,rx_pcap=%s,infinite_rx=1", argv[3]);
		open_setup(port, legs, (uint32_t)atoi(argv[4]) + SPARE, huge);
		setup_must(memcmp(setup.w->port[0].mac.addr_bytes, rtp_load_mac, 6) == 0,
			"the port has another MAC address than the frames are for");
		setup_rounds(round_of);
	}
	setup_close(&setup);
	return 0;
}
