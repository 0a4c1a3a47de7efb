/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/hot_rig.h"

#include "dataplane/core/pool.h"
#include "dataplane/core/rcu.h"
#include "shared/log.h"

#include <rte_dev.h>
#include <rte_eal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

const uint8_t rig_mac[6] = {2, 0, 0, 0, 0, 0x10};
const uint8_t rig_gateway[2][6] = {{2, 0, 0, 0, 0, 0x21}, {2, 0, 0, 0, 0, 0x22}};

static uint16_t rig_port;
static struct rte_mempool *rig_pool, *rig_own, *rig_small, *rig_large;
static struct rte_ring *rig_punt[PUNT_CLASSES];
static char rig_dir[] = "/tmp/lw-rig-XXXXXX";

uint16_t rig_open_port(const char *name)
{
	const struct rte_eth_conf conf = {0};
	uint16_t id = 0;

	assert_int_equal(rte_eal_hotplug_add("vdev", name, ""), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(name, &id), 0);
	assert_int_equal(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(id, 0, 1024, 0, NULL, rig_pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(id, 0, 1024, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start(id), 0);
	return id;
}

int rig_eal(void **state)
{
	static char *args[] = {"test", "--no-huge", "-m", "256", "--no-shconf", "--no-pci",
		"--no-telemetry", "--log-level=lib.eal:4", "-l", "0", NULL};

	/* The EAL makes its folder here. */
	if (!mkdtemp(rig_dir))
		return -1;
	setenv("XDG_RUNTIME_DIR", rig_dir, 1);
	setenv("RUNTIME_DIRECTORY", rig_dir, 1);
	if (rte_eal_init((int)RTE_DIM(args) - 1, args) < 0)
		return -1;
	log_open("test", LOG_ERROR);
	rig_pool = rte_pktmbuf_pool_create("rig", 8191, 64, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	rig_own = rte_pktmbuf_pool_create("own", 1023, 64, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	rig_small = pool_open_keepalives("small", 1, KEEPALIVE_FRAME_SMALL);
	rig_large = pool_open_keepalives("large", 1, KEEPALIVE_FRAME_LARGE);
	if (!rig_pool || !rig_own || !rig_small || !rig_large)
		return -1;
	for (int i = 0; i < PUNT_CLASSES; i++) {
		char name[RTE_RING_NAMESIZE];

		snprintf(name, sizeof(name), "rig_%d", i);
		rig_punt[i] = rte_ring_create(name, 256, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!rig_punt[i])
			return -1;
	}
	rig_port = rig_open_port("net_ring0");
	return 0;
}

int rig_eal_end(void **state)
{
	char command[64];

	rte_eth_dev_stop(rig_port);
	rte_eal_hotplug_remove("vdev", "net_ring0");
	rte_eal_cleanup();
	snprintf(command, sizeof(command), "rm -rf %s", rig_dir);
	return system(command);
}

static uint16_t rig_route_get(void *ctx, const struct addr *dst)
{
	struct rig *rig = ctx;
	uint8_t last = dst->ip[dst->family == ADDR_IPV4 ? 3 : 15];

	if (last == 99 || rig->no_routes)
		return NEXTHOP_NONE;
	rig->routes++;
	return (uint16_t)((last & 1 ? 1 : 2) + rig->route_shift);
}

static void rig_route_put(void *ctx, uint16_t index)
{
	struct rig *rig = ctx;

	if (index != NEXTHOP_NONE)
		rig->routes--;
}

static void rig_on_flow(void *ctx, uint32_t slot, const struct proto_flow_event *event)
{
	struct rig *rig = ctx;

	assert_true(rig->flow_events < RIG_EVENTS);
	rig->event[rig->flow_events].slot = slot;
	rig->event[rig->flow_events++].flow = *event;
}

static void rig_on_binding(void *ctx, uint32_t slot, const struct proto_binding_event *event)
{
	struct rig *rig = ctx;

	assert_true(rig->binding_events < RIG_EVENTS);
	rig->binding_event[rig->binding_events++] = *event;
}

static void rig_open_nexthops(struct rig *rig)
{
	rig->nexthops = aligned_alloc(64, NEXTHOP_MAX * sizeof(*rig->nexthops));
	memset(rig->nexthops, 0, NEXTHOP_MAX * sizeof(*rig->nexthops));
	for (int i = 1; i <= 4; i++) {
		struct nexthop_entry *e = &rig->nexthops[i];

		memcpy(e->dst, rig_gateway[(i - 1) % 2], 6);
		memcpy(e->src, rig_mac, 6);
		/* 3 and 4 are the first two after a change of routes. */
		e->dst[0] = i > 2 ? 6 : 2;
		e->flags = NEXTHOP_VALID;
	}
}

static void rig_open_worker(struct rig *rig)
{
	struct worker *w = aligned_alloc(64, sizeof(*w));

	rig->w = memset(w, 0, sizeof(*w));
	w->port_count = 1;
	w->now_tick = clock_tick(rig->now_ms);
	w->tsc_hz = RIG_HZ;
	w->count = facts_worker(&rig->facts, 0);
	w->nexthops = rig->nexthops;
	w->timebase = &rig->timebase;
	w->qsbr = rig->qsbr;
	w->port[0].id = rig_port;
	memcpy(w->port[0].mac.addr_bytes, rig_mac, 6);
	memcpy(w->punt, rig_punt, sizeof(w->punt));
	assert_int_equal(mailbox_open(&w->mailbox), 0);
	assert_int_equal(capture_open(&rig->board, w, 1), 0);
}

static void rig_open_keepalive(struct rig *rig, uint32_t bindings)
{
	const struct keepalive_conf conf = {
		.mem = &rig->mem,
		.facts = &rig->facts,
		.qsbr = rig->qsbr,
		.events = {rig, rig_on_flow, rig_on_binding},
		.route = {rig, rig_route_get, rig_route_put},
		.workers = rig->w,
		.worker_count = 1,
		.small = rig_small,
		.large = rig_large,
		.bindings = bindings,
		.tsc_hz = RIG_HZ,
	};

	assert_int_equal(keepalive_open(&rig->keepalive, &conf), 0);
}

static void rig_open_media(struct rig *rig, uint32_t flows)
{
	const struct media_conf conf = {
		.mem = &rig->mem,
		.facts = &rig->facts,
		.qsbr = rig->qsbr,
		.events = {rig, rig_on_flow, rig_on_binding},
		.route = {rig, rig_route_get, rig_route_put},
		.workers = rig->w,
		.worker_count = 1,
		.pool = rig_own,
		.flows = flows,
		.monitors = RIG_MONITORS,
		.clients = 2,
	};

	assert_int_equal(media_open(&rig->media, &conf), 0);
}

struct rig *rig_open(uint32_t bindings, uint32_t flows)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig->now_ms = 1000000;
	assert_int_equal(
		facts_open(&rig->facts, &rig->mem, 1, bindings, media_total(flows, RIG_MONITORS)),
		0);
	rig->qsbr = rcu_open(1);
	timebase_open(&rig->timebase, RIG_HZ);
	rig_open_nexthops(rig);
	rig_open_worker(rig);
	rig_open_keepalive(rig, bindings);
	rig_open_media(rig, flows);
	return rig;
}

void rig_close(struct rig *rig)
{
	uint8_t data[FRAME_MAX];

	while (rig_sent_raw(rig, data))
		;
	media_close(rig->media);
	keepalive_close(rig->keepalive);
	for (enum punt_class class = 0; class < PUNT_CLASSES; class ++)
		rig_punted(rig, class);
	mailbox_close(&rig->w->mailbox);
	capture_close(rig->board, rig->w, 1);
	/* Every buffer came back. */
	assert_int_equal(rte_mempool_in_use_count(rig_pool), 0);
	assert_int_equal(rte_mempool_in_use_count(rig_own), 0);
	assert_int_equal(rte_mempool_in_use_count(rig_small), 0);
	assert_int_equal(rte_mempool_in_use_count(rig_large), 0);
	rcu_close(rig->qsbr);
	facts_close(&rig->facts);
	free(rig->nexthops);
	free(rig->w);
	free(rig);
}

void rig_pass(struct rig *rig, uint64_t ms)
{
	uint64_t end = rig->now_ms + ms;

	do {
		rig->now_ms += end - rig->now_ms < 20 ? end - rig->now_ms : 20;
		rig->w->now_tick = clock_tick(rig->now_ms);
		rig->w->now_tsc = rig->now_ms * (RIG_HZ / 1000);
		media_tick(rig->media, rig->now_ms);
		keepalive_tick(rig->keepalive, rig->now_ms);
	} while (rig->now_ms < end);
}

struct rte_mbuf *rig_mbuf(const uint8_t *data, uint16_t len)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(rig_pool);

	assert_non_null(mbuf);
	memcpy(rte_pktmbuf_append(mbuf, len), data, len);
	mbuf->port = rig_port;
	return mbuf;
}

void rig_feed_raw(struct rig *rig, const uint8_t *data, uint16_t len)
{
	struct rte_mbuf *mbuf = rig_mbuf(data, len);

	media_input(rig->w, 0, &mbuf, 1);
	worker_flush(rig->w, 0);
}

void rig_feed_burst(struct rig *rig, uint8_t (*data)[FRAME_MAX], const uint16_t *len, uint16_t n)
{
	struct rte_mbuf *mbufs[WORKER_BURST];

	for (uint16_t i = 0; i < n; i++)
		mbufs[i] = rig_mbuf(data[i], len[i]);
	media_input(rig->w, 0, mbufs, n);
	worker_flush(rig->w, 0);
}

void rig_feed(struct rig *rig, const struct frame *frame)
{
	uint8_t data[FRAME_MAX];
	struct frame full = *frame;

	memcpy(full.mac_dst, rig_mac, 6);
	memcpy(full.mac_src, rig_gateway[0], 6);
	if (full.ttl == 0)
		full.ttl = 64;
	rig_feed_raw(rig, data, frame_write(&full, data));
}

uint16_t rig_sent_raw(struct rig *rig, uint8_t *data)
{
	struct rte_mbuf *mbuf;
	uint16_t len;

	if (rte_eth_rx_burst(rig_port, 0, &mbuf, 1) == 0)
		return 0;
	assert_int_equal(mbuf->nb_segs, 1);
	assert_int_equal(mbuf->pkt_len, mbuf->data_len);
	len = mbuf->data_len;
	memset(data + len, 0, len < 60 ? 60u - len : 0);
	memcpy(data, rte_pktmbuf_mtod(mbuf, void *), len);
	rte_pktmbuf_free(mbuf);
	return len < 60 ? 60 : len;
}

bool rig_sent(struct rig *rig, struct frame *frame)
{
	uint8_t data[FRAME_MAX];
	uint16_t len = rig_sent_raw(rig, data);

	if (len == 0)
		return false;
	assert_true(frame_read(frame, data, len));
	assert_memory_equal(frame->mac_src, rig_mac, 6);
	return true;
}

unsigned int rig_punted(struct rig *rig, enum punt_class class)
{
	struct rte_mbuf *mbuf;
	unsigned int n = 0;

	while (rte_ring_sc_dequeue(rig->w->punt[class], (void **)&mbuf) == 0) {
		rte_pktmbuf_free(mbuf);
		n++;
	}
	return n;
}

struct addr rig_addr(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text, 0), 0);
	return addr;
}
