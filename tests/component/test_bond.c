/* SPDX-License-Identifier: BSD-3-Clause */
/* A bond that speaks LACP, on net_ring members: it does so while there is nothing to send. */
#include "dataplane/core/port.h"
#include "tests/component/hot_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define TURNS 500 /* of 10 ms; LACP beats once a second */

static uint64_t sent(const struct port *port)
{
	uint64_t frames = 0;

	for (uint16_t i = 0; i < port->device_count; i++) {
		struct rte_eth_stats stats;

		assert_int_equal(rte_eth_stats_get(port->device[i].id, &stats), 0);
		frames += stats.opackets;
	}
	return frames;
}

static void lacp_needs_no_traffic(void **state)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"bond", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	const struct port_conf conf = {.workers = 1, .pool = pool};
	struct worker *w = aligned_alloc(64, sizeof(*w));
	struct facts_worker count = {0};
	struct port port;
	int turns = 0;

	assert_non_null(pool);
	assert_int_equal(port_open(&port, "bond:802.3ad:vdev:net_ring6+vdev:net_ring7", &conf), 0);
	memset(w, 0, sizeof(*w));
	w->count = &count;
	w->port[0].id = port.id;
	w->port[0].beats = port.beats;
	for (; sent(&port) == 0; turns++) {
		struct rte_mbuf *mbufs[WORKER_BURST];

		assert_true(turns < TURNS);
		rte_pktmbuf_free_bulk(mbufs, rte_eth_rx_burst(port.id, 0, mbufs, WORKER_BURST));
		worker_flush(w, 0);
		usleep(10000);
	}
	port_close(&port);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lacp_needs_no_traffic),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
