/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/tap_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint16_t tap_port[2];

int tap_eal(void **state)
{
	int err = rig_eal(state);

	if (err)
		return err;
	tap_port[0] = rig_open_port("net_ring1");
	tap_port[1] = rig_open_port("net_ring2");
	return 0;
}

struct tap *tap_open(const char *src, const char *dst)
{
	struct tap *t = calloc(1, sizeof(*t));

	t->rig = rig_open(64, TAP_FIRST);
	for (int i = 0; i < 2; i++)
		t->rig->w->port[1 + i].id = tap_port[i];
	t->rig->w->monitor_count = 2;
	t->flow = (struct proto_monitor){
		.id = TAP_FIRST,
		.gen = 1,
		.dst = rig_addr(dst),
		.dst_rtcp = rig_addr(dst),
		.source = rig_addr(src),
		.payload_types = {1},
		.expires_ms = t->rig->now_ms + 3600000,
	};
	t->flow.source.port = 0;
	t->flow.dst_rtcp.port++;
	return t;
}

struct tap *tap_open4(void)
{
	return tap_open("10.0.0.1:4000", "10.0.0.2:5000");
}

void tap_close(struct tap *t)
{
	struct proto_handle handle = {.id = t->flow.id, .gen = t->flow.gen};

	assert_int_equal(flow_del(t->rig->media, 0, &handle), 0);
	assert_int_equal(t->rig->facts.head->flows_used, 0);
	/* The kernel gets nothing of a monitor port. */
	for (enum punt_class class = 0; class < PUNT_CLASSES; class ++)
		assert_int_equal(rig_punted(t->rig, class), 0);
	rig_close(t->rig);
	free(t);
}

int tap_set(struct tap *t)
{
	return monitor_set(t->rig->media, 0, &t->flow, t->rig->now_ms);
}

void tap_arrive(struct tap *t, int side, const uint8_t *data, uint16_t len)
{
	struct rte_mbuf *mbuf = rig_mbuf(data, len);

	assert_int_equal(rte_eth_tx_burst(tap_port[side], 0, &mbuf, 1), 1);
	worker_watch(t->rig->w, (uint16_t)(1 + side));
}

void tap_expect_none(int side)
{
	struct rte_mbuf *mbuf;

	assert_int_equal(rte_eth_rx_burst(tap_port[side], 0, &mbuf, 1), 0);
}

void tap_expect_same(int side, const uint8_t *data, uint16_t len)
{
	struct rte_mbuf *mbuf;

	assert_int_equal(rte_eth_rx_burst(tap_port[side], 0, &mbuf, 1), 1);
	assert_int_equal(mbuf->nb_segs, 1);
	assert_int_equal(mbuf->data_len, len);
	assert_int_equal(mbuf->pkt_len, len);
	assert_memory_equal(rte_pktmbuf_mtod(mbuf, void *), data, len);
	rte_pktmbuf_free(mbuf);
}

uint16_t tap_frame(
	struct frame *payload, const struct addr *src, const struct addr *dst, uint8_t *data)
{
	payload->src = *src;
	payload->dst = *dst;
	payload->ttl = 60;
	memcpy(payload->mac_dst, "\2\0\0\0\0\x51", 6);
	memcpy(payload->mac_src, "\2\0\0\0\0\x52", 6);
	return frame_write(payload, data);
}

void tap_arrive_to(
	struct tap *t, struct frame *payload, const struct addr *src, const struct addr *dst)
{
	uint8_t data[FRAME_MAX];
	struct addr from = *src;

	from.port = 4000;
	tap_arrive(t, 0, data, tap_frame(payload, &from, dst, data));
}

void tap_rtp(struct tap *t)
{
	struct frame payload = {0};

	frame_rtp(&payload, 0, t->seq++, TAP_SSRC, 172);
	tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst);
}

const struct facts_flow *tap_count(const struct tap *t)
{
	return &t->rig->facts.flow[t->flow.id].count;
}

const struct facts_quality *tap_quality(const struct tap *t)
{
	return &t->rig->facts.flow_quality[t->flow.id];
}

uint32_t tap_heard(const struct tap *t)
{
	return t->rig->facts.flow[t->flow.id].count.heard;
}

uint32_t tap_heard_rtcp(const struct tap *t)
{
	return t->rig->facts.flow_rtcp[t->flow.id];
}

void tap_expect_event(struct tap *t, uint32_t kind)
{
	assert_int_equal(t->rig->flow_events, 1);
	assert_int_equal(t->rig->event[0].slot, 0);
	assert_int_equal(t->rig->event[0].flow.id, t->flow.id);
	assert_int_equal(t->rig->event[0].flow.gen, t->flow.gen);
	assert_int_equal(t->rig->event[0].flow.kind, kind);
	t->rig->flow_events = 0;
}
