/* SPDX-License-Identifier: BSD-3-Clause */
/* How much RTP one core watches at a monitor port: the worker as it is, fed by net_pcap with the
 * frames of N flows in random order; inline they leave again, at a mirror they are freed.
 *
 *   bench_monitor run inline|mirror FLOWS FILE FRAMES [huge]   FILE by bench_relay feed
 *   bench_monitor verify FLOWS [huge]
 *
 * run: see setup_rounds(). verify prints "verified FRAMES". Fails unless every frame that came in
 * was counted for its flow, and inline went out. */
#include "dataplane/media/monitor.h"
#include "tests/bench/rtp_load.h"
#include "tests/bench/setup.h"

#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_SLOTS 64
#define FRAME_ROOM 256  /* bytes of a frame of the load, at most */
#define SPARE      8192 /* buffers beside those that hold the file */

static struct setup setup;

static void open_setup(const char *port, bool sends, uint32_t flows, uint32_t frames, bool huge)
{
	const struct setup_conf conf = {
		.port = port,
		.bindings = 64,
		.flows = PORT_SLOTS,
		.monitors = flows,
		.monitor_inline = sends,
		.frames = frames,
		.room = FRAME_ROOM,
		.huge = huge,
	};
	struct proto_monitor flow = {.gen = 1, .payload_types = {1}};

	setup_open(&setup, &conf);
	flow.expires_ms = setup.now_ms + 86400000;
	for (uint32_t i = 0; i < flows; i++) {
		flow.id = media_monitor_first(PORT_SLOTS) + i;
		flow.dst = rtp_load_local(i);
		flow.source = rtp_load_phone(i);
		setup_must(monitor_set(setup.media, 0, &flow, setup.now_ms) == 0, "flow refused");
	}
}

static uint64_t round_of(double seconds)
{
	const struct facts_worker *count = setup.w->count;
	uint64_t rx = count->rx;

	setup_run(&setup, seconds);
	setup_must(count->rx > rx, "nothing received");
	setup_must(count->watched_rtp == count->rx &&
			count->tx == (setup.w->monitor_inline ? count->rx : 0),
		"%lu frames received, %lu watched, %lu sent", count->rx, count->watched_rtp,
		count->tx);
	return count->rx - rx;
}

/* One frame of each flow, which must stay as it is. */
static void verify(uint32_t flows)
{
	const struct flow_record *record = &setup.facts.flow[media_monitor_first(PORT_SLOTS)];
	uint8_t data[FRAME_MAX];
	struct rte_mbuf *mbuf;

	for (uint32_t i = 0; i < flows; i++) {
		uint16_t len = rtp_load_frame(i, 0, data);

		mbuf = rte_pktmbuf_alloc(setup.pool);
		setup_must(mbuf != NULL, "no buffers");
		memcpy(rte_pktmbuf_append(mbuf, len), data, len);
		monitor_input(setup.w, &mbuf, 1);
		setup_must(memcmp(rte_pktmbuf_mtod(mbuf, void *), data, len) == 0,
			"flow %u: the frame was changed", i);
		rte_pktmbuf_free(mbuf);
	}
	for (uint32_t i = 0; i < flows; i++)
		setup_must(record[i].count.packets == 1 && record[i].count.ssrc == i,
			"flow %u: not counted once", i);
	printf("verified %u\n", flows);
}

int main(int argc, char **argv)
{
	bool huge = argc > 1 && strcmp(argv[argc - 1], "huge") == 0;
	char port[300];

	setup_must(argc >= 3, "bench_monitor run|verify ...");
	if (strcmp(argv[1], "verify") == 0) {
		uint32_t flows = (uint32_t)atoi(argv[2]);

		open_setup("vdev:net_ring0", false, flows, SPARE, huge);
		verify(flows);
	} else {
		setup_must(argc >= 6, "bench_monitor run inline|mirror FLOWS FILE FRAMES [huge]");
		snprintf(port, sizeof(port), "vdev:net_pcap0,rx_pcap=%s,infinite_rx=1", argv[4]);
		open_setup(port, strcmp(argv[2], "inline") == 0, (uint32_t)atoi(argv[3]),
			(uint32_t)atoi(argv[5]) + SPARE, huge);
		setup_rounds(round_of);
	}
	setup_close(&setup);
	return 0;
}
