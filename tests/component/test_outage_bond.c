/* SPDX-License-Identifier: BSD-3-Clause */
/* A bond whose members are reset, go and come back. Main's part and the worker's are done by hand.
 */
#include "tests/component/outage_scene.h"

#include <rte_eth_bond.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BOND "bond:active-backup:vdev:net_null12+vdev:net_null13"

static int setup_bond(void **state)
{
	static const char *const text[PORTS] = {BOND, "vdev:net_ring14"};

	open_all(text);
	return 0;
}

static unsigned int members(void)
{
	uint16_t ids[PORT_DEVICES_MAX];

	return (unsigned int)rte_eth_bond_slaves_get(ports[0].id, ids, PORT_DEVICES_MAX);
}

static uint64_t sent_by(uint16_t member)
{
	struct rte_eth_stats stats;

	if (ports[0].device[member].out)
		return 0;
	assert_int_equal(rte_eth_stats_get(ports[0].device[member].id, &stats), 0);
	return stats.opackets;
}

/* Frames leave by a member that is in service, and come by one. */
static void bond_works(void)
{
	struct rte_mbuf *mbufs[WORKER_BURST];
	uint64_t end = clock_boot_ms() + WAIT_MS, before = sent_by(0) + sent_by(1);
	uint16_t n = 0;

	while (n == 0 || sent_by(0) + sent_by(1) == before) {
		assert_true(clock_boot_ms() < end);
		offer(0);
		if (rte_ring_sc_dequeue(from_host[0], (void **)mbufs) == 0)
			worker_tx(rig->w, 0, mbufs[0]);
		worker_flush(rig->w, 0);
		port_watch_link(&ports[0]);
		n = rte_eth_rx_burst(ports[0].id, 0, mbufs, WORKER_BURST);
		rte_pktmbuf_free_bulk(mbufs, n);
	}
}

/* A bond loses the member that it uses, works on with the other, and gets it back. */
static void test_bond_loses_member(void **state)
{
	struct rte_ether_addr mac;
	uint64_t now = clock_boot_ms();

	bond_works();
	assert_int_equal(members(), 2);
	raise_event("net_null12", RTE_ETH_EVENT_INTR_RMV);
	for (int i = 0; i < 3 && !ports[0].device[0].out; i++)
		turn(now);
	assert_true(ports[0].device[0].out);
	mailbox_run(&rig->w->mailbox, rig->w);
	assert_int_equal(members(), 1);
	assert_int_equal(head->port[0].members_out, 1);
	assert_int_equal(head->port[0].state, FACTS_PORT_IN);
	bond_works();
	for (int i = 0; i < 5; i++)
		turn(now += 20);
	assert_int_equal(members(), 2);
	assert_int_equal(head->port[0].members_out, 0);
	assert_int_equal(load(&head->port[0].removals), 1);
	assert_int_equal(told[PROTO_PORT_GONE], 1);
	assert_int_equal(told[PROTO_PORT_BACK], 1);
	assert_int_equal(rte_eth_macaddr_get(ports[0].id, &mac), 0);
	assert_memory_equal(&mac, &ports[0].mac, sizeof(mac));
	bond_works();
}

/* All members, one after another: never both at a time. */
static void test_bond_is_reset(void **state)
{
	uint64_t now = clock_boot_ms();

	assert_int_equal(outages_reset(outages, BOND), 0);
	for (int i = 0; i < 20; i++) {
		turn(now += 20);
		assert_true(members() >= 1);
		assert_in_range(head->port[0].members_out, 0, 1);
	}
	assert_int_equal(members(), 2);
	assert_int_equal(load(&head->port[0].resets), 2);
	assert_int_equal(load(&head->port[0].removals), 0);
	bond_works();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bond_loses_member, setup_bond),
		TEST(test_bond_is_reset, setup_bond),
	};

	return cmocka_run_group_tests(tests, group_open, rig_eal_end);
}
