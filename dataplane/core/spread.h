/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers on a port that has fewer queues than there are workers: the first ones own a queue each,
 * and hand a share of what they receive to all others, by a hash that keeps both directions of a
 * flow, and its RTP and RTCP, on one worker. Who has no Tx queue sends through a worker that has
 * one. Every ring has one writer and one reader. */
#ifndef DATAPLANE_CORE_SPREAD_H
#define DATAPLANE_CORE_SPREAD_H

#include "dataplane/core/worker.h"

struct spread {
	uint16_t workers;
	uint16_t rx_queues; /* worker i has one if i is below */
	uint16_t tx_queues;
	struct rte_ring **rx; /* [rx_queues * workers]: from the owner of a queue to a worker */
	struct rte_ring **tx; /* [workers]: to worker i % tx_queues; NULL where i has a queue */
	void *rx_memory, *tx_memory; /* of the rings */
};

/* Makes the rings of a port. Returns 0 or -errno. Main thread. */
int spread_open(struct spread **spread, uint16_t workers, uint16_t rx_queues, uint16_t tx_queues);
void spread_close(struct spread *spread);

/* Frees what is in the rings. Main thread, while no worker uses them. */
void spread_drain(struct spread *spread);

/* Which of `workers` the frame is for. */
uint16_t spread_target(const struct rte_mbuf *mbuf, uint16_t workers);

/* One turn of a worker at such a port: sends for others, receives, hands on. Returns how many
 * frames are this worker's own, at most WORKER_BURST. Worker. */
uint16_t spread_turn(struct worker *w, const struct worker_port *p, struct rte_mbuf **mbufs);

/* Hands frames to the owner of a Tx queue; returns how many its ring took. Worker without one. */
uint16_t spread_send(
	const struct worker *w, const struct worker_port *p, struct rte_mbuf **mbufs, uint16_t n);

#endif
