/* SPDX-License-Identifier: BSD-3-Clause */
/* Three workers on a port with one queue, whose turns are made by hand: who gets which frame, and
 * how those without a queue send. */
#include "dataplane/core/spread.h"
#include "tests/component/hot_rig.h"

#include <rte_dev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS 3
#define FLOWS   300

static struct rte_mempool *pool;
static struct spread *spread;
static struct worker *workers;
static struct facts_worker count[WORKERS];
static uint16_t wire;

static int group_open(void **state)
{
	const struct rte_eth_conf conf = {0};

	if (rig_eal(state))
		return -1;
	/* One ring for both ways: what is sent comes back. */
	assert_int_equal(rte_eal_hotplug_add("vdev", "net_ring1", ""), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_ring1", &wire), 0);
	pool = rte_pktmbuf_pool_create("spread", 8191, 0, 0, 256, SOCKET_ID_ANY);
	assert_non_null(pool);
	assert_int_equal(rte_eth_dev_configure(wire, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(wire, 0, 512, 0, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(wire, 0, 512, 0, NULL), 0);
	return rte_eth_dev_start(wire);
}

static int setup(void **state)
{
	memset(count, 0, sizeof(count));
	assert_int_equal(spread_open(&spread, WORKERS, 1, 1), 0);
	workers = aligned_alloc(64, WORKERS * sizeof(*workers));
	memset(workers, 0, WORKERS * sizeof(*workers));
	for (uint16_t i = 0; i < WORKERS; i++) {
		workers[i].index = i;
		workers[i].port_count = 1;
		workers[i].count = &count[i];
		workers[i].port[0].id = wire;
		workers[i].port[0].queue = i;
		workers[i].port[0].spread = spread;
		workers[i].port[0].detour = i > 0;
		workers[i].port[0].poor = i > 0;
	}
	return 0;
}

static int teardown(void **state)
{
	struct rte_mbuf *mbuf;

	while (rte_eth_rx_burst(wire, 0, &mbuf, 1))
		rte_pktmbuf_free(mbuf);
	spread_close(spread);
	free(workers);
	/* Every buffer came back, those in the rings too. */
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static struct rte_mbuf *make(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
	uint8_t data[FRAME_MAX];
	struct frame frame = {.ttl = 64, .len = 20};
	uint16_t len;

	assert_non_null(mbuf);
	frame.src = rig_addr(src);
	frame.dst = rig_addr(dst);
	frame.src.port = sport;
	frame.dst.port = dport;
	len = frame_write(&frame, data);
	memcpy(rte_pktmbuf_append(mbuf, len), data, len);
	return mbuf;
}

static uint16_t target(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct rte_mbuf *mbuf = make(src, sport, dst, dport);
	uint16_t which = spread_target(mbuf, WORKERS);

	rte_pktmbuf_free(mbuf);
	return which;
}

/* One worker for both directions of a flow, and for its RTCP. */
static void test_flow_stays(void **state)
{
	for (uint16_t i = 0; i < 100; i++) {
		uint16_t a = (uint16_t)(30000 + 2 * i), b = (uint16_t)(20000 + 6 * i);

		assert_int_equal(target("203.0.113.5", a, "192.0.2.10", b),
			target("192.0.2.10", b, "203.0.113.5", a));
		assert_int_equal(target("203.0.113.5", a, "192.0.2.10", b),
			target("203.0.113.5", a + 1, "192.0.2.10", b + 1));
		assert_int_equal(target("2001:db8::5", a, "2001:db8::10", b),
			target("2001:db8::10", b, "2001:db8::5", a));
	}
}

/* The calls of one carrier, whose ports rise as ours do, reach every worker alike. */
static void test_all_get_a_share(void **state)
{
	unsigned int share[2][WORKERS] = {{0}};

	for (uint16_t i = 0; i < FLOWS; i++) {
		uint16_t a = (uint16_t)(30000 + 2 * i), b = (uint16_t)(20000 + 2 * i);

		share[0][target("203.0.113.5", a, "192.0.2.10", b)]++;
		share[1][target("2001:db8::5", a, "2001:db8::10", b)]++;
	}
	for (int i = 0; i < WORKERS; i++) {
		assert_in_range(share[0][i], FLOWS / 6, FLOWS / 2);
		assert_in_range(share[1][i], FLOWS / 6, FLOWS / 2);
	}
}

/* A tag makes no difference. */
static void test_vlan(void **state)
{
	static const uint8_t tag[4] = {0x81, 0, 0, 100};

	for (uint16_t i = 0; i < 100; i++) {
		struct rte_mbuf *mbuf = make("203.0.113.5", 30000, "192.0.2.10", 20000 + 2 * i);
		uint16_t plain = spread_target(mbuf, WORKERS);
		uint8_t *data = rte_pktmbuf_mtod(mbuf, uint8_t *);

		memmove(data + 16, data + 12, mbuf->data_len - 12u);
		mbuf->data_len += sizeof(tag);
		memcpy(data + 12, tag, sizeof(tag));
		assert_int_equal(spread_target(mbuf, WORKERS), plain);
		rte_pktmbuf_free(mbuf);
	}
}

/* Phones with one port, as SIP has: their addresses tell them apart. */
static void test_same_ports(void **state)
{
	unsigned int share[WORKERS] = {0};

	for (int i = 0; i < FLOWS; i++) {
		char src[16];

		snprintf(src, sizeof(src), "10.0.%d.%d", i / 100, i % 100);
		share[target(src, 5060, "192.0.2.10", 5060)]++;
	}
	for (int i = 0; i < WORKERS; i++)
		assert_in_range(share[i], FLOWS / 6, FLOWS / 2);
}

/* Whatever stands behind the first `len` bytes makes no difference. */
static void expect_blind(struct rte_mbuf *mbuf, uint16_t len)
{
	uint8_t *data = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint16_t first = spread_target(mbuf, WORKERS);

	for (int i = 0; i < 20; i++) {
		memset(data + len, i * 37, 20);
		assert_int_equal(spread_target(mbuf, WORKERS), first);
	}
	rte_pktmbuf_free(mbuf);
}

/* Only the first fragment has ports, so no fragment goes by them; nor does what is cut, or has no
 * ports at all. */
static void test_without_ports(void **state)
{
	static const char *const src[] = {"203.0.113.5", "2001:db8::5"};
	static const char *const dst[] = {"192.0.2.10", "2001:db8::10"};
	struct rte_mbuf *mbuf;

	for (int more = 0; more < 2; more++) {
		mbuf = make(src[0], 30000, dst[0], 20000);
		rte_pktmbuf_mtod(mbuf, uint8_t *)[20 + !more] = more ? 0x20 : 9;
		expect_blind(mbuf, 34);
	}
	for (int v6 = 0; v6 < 2; v6++) {
		uint16_t headers = v6 ? 54 : 34;

		mbuf = make(src[v6], 30000, dst[v6], 20000);
		mbuf->data_len = headers + 7;
		expect_blind(mbuf, headers);
		mbuf = make(src[v6], 30000, dst[v6], 20000);
		rte_pktmbuf_mtod(mbuf, uint8_t *)[v6 ? 20 : 23] = v6 ? 44 : 6;
		expect_blind(mbuf, headers);
	}
	/* The longest header, of which little is there. */
	mbuf = make(src[0], 30000, dst[0], 20000);
	rte_pktmbuf_mtod(mbuf, uint8_t *)[14] = 0x4f;
	mbuf->data_len = 14 + 60 + 7;
	expect_blind(mbuf, 14 + 60);
}

/* Puts a frame of flow i on the wire. */
static void feed(uint16_t i)
{
	struct rte_mbuf *mbuf = make("203.0.113.5", (uint16_t)(30000 + 2 * i), "192.0.2.10", 20000);

	assert_int_equal(rte_eth_tx_burst(wire, 0, &mbuf, 1), 1);
}

static unsigned int turn(uint16_t index)
{
	struct rte_mbuf *mbufs[WORKER_BURST];
	uint16_t n = spread_turn(&workers[index], &workers[index].port[0], mbufs);

	assert_true(n <= WORKER_BURST);
	for (uint16_t i = 0; i < n; i++) {
		assert_int_equal(spread_target(mbufs[i], WORKERS), index);
		rte_pktmbuf_free(mbufs[i]);
	}
	return n;
}

/* Each frame is worked on once, by the worker that it is for. */
static void test_receive(void **state)
{
	unsigned int got = 0;

	for (uint16_t i = 0; i < FLOWS; i++)
		feed(i);
	for (int round = 0; round < 40; round++)
		for (uint16_t i = 0; i < WORKERS; i++)
			got += turn(i);
	assert_int_equal(got, FLOWS);
	assert_int_equal(count[0].rx, FLOWS);
	assert_int_equal(count[1].rx + count[2].rx, 0);
	/* How long each may sleep follows from what it takes in, wherever from. */
	assert_int_equal(workers[0].taken, FLOWS);
	assert_in_range(workers[1].taken, FLOWS / 6, FLOWS / 2);
	assert_in_range(workers[2].taken, FLOWS / 6, FLOWS / 2);
}

/* What is too short for a frame is nobody else's. */
static void test_runt(void **state)
{
	for (uint16_t i = 0; i < 20; i++) {
		struct rte_mbuf *mbuf = make("203.0.113.5", 30000, "192.0.2.10", 20000 + 2 * i);

		mbuf->data_len = 10;
		assert_int_equal(rte_eth_tx_burst(wire, 0, &mbuf, 1), 1);
		assert_int_equal(spread_turn(&workers[0], &workers[0].port[0], &mbuf), 1);
		rte_pktmbuf_free(mbuf);
	}
}

/* A worker that lags loses frames, which are counted; it delays nobody. */
static void test_worker_that_lags(void **state)
{
	unsigned int got = 0, most = rte_ring_get_capacity(spread->rx[1]);

	for (unsigned int n = 0; n < 10 * most; n += 100) {
		for (uint16_t i = 0; i < 100; i++)
			feed(i);
		for (int round = 0; round < 4; round++) {
			got += turn(0);
			got += turn(2);
		}
	}
	assert_int_equal(rte_ring_count(spread->rx[1]), most);
	assert_true(count[0].drop[FACTS_DROP_WORKER_FULL] > 0);
	assert_int_equal(got + most + count[0].drop[FACTS_DROP_WORKER_FULL], count[0].rx);
}

/* Frames of a worker without a Tx queue leave through the one that has it, in order. */
static void test_send(void **state)
{
	struct rte_mbuf *mbufs[4], *back[8];

	for (uint16_t i = 0; i < 4; i++)
		mbufs[i] = make("192.0.2.10", (uint16_t)(20000 + i), "203.0.113.5", 30000);
	assert_int_equal(worker_put(&workers[2], &workers[2].port[0], mbufs, 4), 4);
	assert_int_equal(rte_eth_rx_burst(wire, 0, back, 8), 0);
	/* Worker 0 sends them, and they come back to it by this wire. */
	workers[0].work = 0;
	spread_turn(&workers[1], &workers[1].port[0], back);
	assert_int_equal(rte_eth_rx_burst(wire, 0, back, 8), 0);
	for (unsigned int n = 0; n < 4; n += turn(0) + turn(1) + turn(2))
		assert_true(workers[0].work < 100);
}

/* What the device does not take stays in the ring, and then the sender hears of it. */
static void test_device_is_full(void **state)
{
	struct worker *poor = &workers[1];
	struct rte_mbuf *mbuf, *back[WORKER_BURST];
	unsigned int jam = 0, taken = 0;

	for (;; jam++) {
		mbuf = make("192.0.2.10", 20000, "203.0.113.5", 30000);
		if (rte_eth_tx_burst(wire, 0, &mbuf, 1) == 0)
			break;
	}
	while (worker_put(poor, &poor->port[0], &mbuf, 1) == 1) {
		taken++;
		mbuf = make("192.0.2.10", 20000, "203.0.113.5", 30000);
	}
	rte_pktmbuf_free(mbuf);
	assert_int_equal(taken, rte_ring_get_capacity(spread->tx[1]));
	/* Its first turn finds the device full, and makes room by what it receives. */
	rte_pktmbuf_free_bulk(back, spread_turn(&workers[0], &workers[0].port[0], back));
	assert_int_equal(rte_ring_count(spread->tx[1]), taken);
	while (count[0].rx < jam + taken) {
		uint64_t rx = count[0].rx;

		turn(0);
		turn(1);
		turn(2);
		assert_true(count[0].rx > rx);
	}
	assert_int_equal(rte_ring_count(spread->tx[1]), 0);
}

/* What waits in the rings at the end is freed: teardown looks. */
static void test_end_with_frames(void **state)
{
	struct rte_mbuf *mbufs[4];

	for (uint16_t i = 0; i < WORKERS * 10; i++)
		feed(i);
	turn(0);
	for (uint16_t i = 0; i < 4; i++)
		mbufs[i] = make("192.0.2.10", (uint16_t)(20000 + i), "203.0.113.5", 30000);
	assert_int_equal(worker_put(&workers[2], &workers[2].port[0], mbufs, 4), 4);
	assert_true(rte_ring_count(spread->rx[1]) > 0);
}

/* As many workers and ports as there may be, each device one queue short. */
static void test_all_workers_and_ports(void **state)
{
	struct spread *all[WORKER_PORTS_MAX];

	for (int i = 0; i < WORKER_PORTS_MAX; i++)
		assert_int_equal(
			spread_open(&all[i], WORKER_MAX, WORKER_MAX - 1, WORKER_MAX - 1), 0);
	for (int i = 0; i < WORKER_PORTS_MAX; i++)
		spread_close(all[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_flow_stays),
		TEST(test_all_get_a_share),
		TEST(test_vlan),
		TEST(test_same_ports),
		TEST(test_without_ports),
		TEST(test_receive),
		TEST(test_runt),
		TEST(test_worker_that_lags),
		TEST(test_send),
		TEST(test_device_is_full),
		TEST(test_end_with_frames),
		TEST(test_all_workers_and_ports),
	};

	return cmocka_run_group_tests(tests, group_open, rig_eal_end);
}
