/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/control/losses.h"

#include "dataplane/dataplane.h"

#include <rte_ethdev.h>

/* What its driver does not take is the pump's to count. */
static void losses_of_host(const struct exception *ex, uint64_t loss[FACTS_LOSS_MAX])
{
	for (uint16_t i = 0; i < ex->port_count; i++) {
		struct rte_eth_stats stats;

		if (rte_eth_stats_get(ex->port[i].host.port, &stats))
			continue;
		loss[FACTS_LOSS_RX_MISSED] += stats.imissed;
		loss[FACTS_LOSS_RX_ERROR] += stats.ierrors;
		loss[FACTS_LOSS_RX_NO_MBUF] += stats.rx_nombuf;
	}
}

static void losses_of_ports(struct dataplane *dp, uint64_t loss[FACTS_LOSS_MAX])
{
	for (uint16_t i = 0; i < dp->port_count + dp->monitor_count; i++) {
		struct port_losses losses;

		port_count_losses(&dp->ports[i], &losses);
		loss[FACTS_LOSS_RX_MISSED] += losses.missed;
		loss[FACTS_LOSS_RX_ERROR] += losses.damaged;
		loss[FACTS_LOSS_RX_NO_MBUF] += losses.no_mbuf;
		loss[FACTS_LOSS_TX_ERROR] += losses.unsent;
	}
}

void losses_note(struct dataplane *dp)
{
	const struct exception_count *host = &dp->exception.count;
	uint64_t loss[FACTS_LOSS_MAX] = {
		[FACTS_LOSS_TO_HOST] = __atomic_load_n(&host->to_host_drop, __ATOMIC_RELAXED),
		[FACTS_LOSS_FROM_HOST] = __atomic_load_n(&host->from_host_drop, __ATOMIC_RELAXED),
	};

	losses_of_ports(dp, loss);
	losses_of_host(&dp->exception, loss);
	for (unsigned int i = 0; i < dp->workers.count; i++)
		loss[FACTS_LOSS_MAIL] += dp->workers.item[i].mailbox.refused;
	for (int i = 0; i < FACTS_LOSS_MAX; i++)
		__atomic_store_n(&dp->facts.head->loss[i], loss[i], __ATOMIC_RELAXED);
}
