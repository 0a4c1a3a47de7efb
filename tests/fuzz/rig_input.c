/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/rig_input.h"

#include "dataplane/media/monitor.h"

#include <rte_cycles.h>

static struct rte_mempool *input_pool;
static uint16_t input_port;

int rig_input_open(void)
{
	/* An assertion of the rig outside a cmocka test. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	if (rig_eal(NULL) != 0)
		return -1;
	input_pool = rte_mempool_lookup("rig");
	return input_pool ? rte_eth_dev_get_port_by_name("net_ring0", &input_port) : -1;
}

struct rig *rig_input_rig(uint32_t bindings, uint32_t flows)
{
	struct rig *rig = rig_open(bindings, flows);

	rig->w->now_tsc = rte_rdtsc();
	return rig;
}

static struct rte_mbuf *input_mbuf(const uint8_t *data, uint16_t len)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(input_pool);
	uint8_t *at;

	assert(mbuf);
	fuzz_show(mbuf->buf_addr, mbuf->buf_len);
	at = (uint8_t *)rte_pktmbuf_append(mbuf, len);
	assert(at);
	if (len)
		memcpy(at, data, len);
	fuzz_hide(at + len, rte_pktmbuf_tailroom(mbuf));
	mbuf->port = input_port;
	return mbuf;
}

void rig_input(struct rig *rig, const uint8_t *data, uint16_t len, uint16_t first)
{
	struct rte_mbuf *mbuf;

	if (first > len)
		first = len;
	mbuf = input_mbuf(data, first ? first : len);
	if (first && first < len)
		assert(rte_pktmbuf_chain(mbuf, input_mbuf(data + first, (uint16_t)(len - first))) ==
			0);
	monitor_input(rig->w, &mbuf, 1);
	media_input(rig->w, 0, &mbuf, 1);
	worker_flush(rig->w, 0);
}

void rig_input_frame(struct rig *rig, const struct frame *frame)
{
	uint8_t data[FRAME_MAX];
	struct frame full = *frame;

	memcpy(full.mac_dst, rig_mac, 6);
	memcpy(full.mac_src, rig_gateway[0], 6);
	rig_input(rig, data, frame_write(&full, data), 0);
}

void rig_input_turn(struct rig *rig)
{
	uint64_t next = 0;

	while (mailbox_run(&rig->w->mailbox, rig->w))
		;
	for (int i = 0; i < 64 && next <= rig->w->now_tsc; i++)
		next = keepalive_turn(rig->w, rig->w->now_tsc);
	worker_flush(rig->w, 0);
}

void rig_input_pass(struct rig *rig, uint32_t ms)
{
	uint64_t tsc = rig->w->now_tsc + (uint64_t)ms * (RIG_HZ / 1000);
	uint32_t ticks = ms < 40 ? ms : 40;

	rig->now_ms += ms - ticks;
	rig_pass(rig, ticks);
	/* The schedule's clock is not that of the ticks. */
	rig->w->now_tsc = tsc;
	rig_input_turn(rig);
}
