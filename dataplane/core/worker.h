/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker: a pinned lcore with one Rx and one Tx queue on every port. Everything in here belongs
 * to that lcore; other threads reach it through its rings only. Hot path: no system call, malloc,
 * lock, log, division or unbounded loop. */
#ifndef DATAPLANE_CORE_WORKER_H
#define DATAPLANE_CORE_WORKER_H

#include "dataplane/core/idle.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/core/timebase.h"
#include "dataplane/core/vlan.h"
#include "dataplane/host/nexthop.h"
#include "shared/facts.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include <stdbool.h>
#include <stdint.h>

#define WORKER_MAX       64
#define WORKER_PORTS_MAX 8  /* devices */
#define WORKER_LINKS_MAX 64 /* devices and VLANs on them */
#define WORKER_BURST     32

/* Frames of a class that may wait for the exception pump, and one. */
#define WORKER_PUNT_RING 1024

struct media;
struct keepalive;
struct spread;
struct capture_board;

/* What is handed to the kernel, best served first: the order of the pump's turns. A class has a
 * ring and a budget of its own, so that a flood of one cannot starve another. */
enum punt_class {
	PUNT_NEIGHBOUR,  /* ARP, neighbour discovery: to us alone, such as answers to our kernel, */
	PUNT_NEIGHBOURS, /* and what everybody hears */
	PUNT_ROUTING,    /* routing protocols of neighbours: nobody farther away can send such */
	PUNT_BGP,        /* the same that may come from anywhere: BGP, BFD over hops, OSPF */
	PUNT_DHCP,
	PUNT_SIP,  /* UDP to an address of ours that is not a media port */
	PUNT_ICMP, /* other ICMP, ICMPv6 */
	PUNT_OTHER,
	PUNT_CLASSES,
};

/* A port as this worker sees it: a device, or a VLAN on one, which is for sending only. */
struct worker_port {
	uint16_t id;    /* DPDK port */
	uint16_t queue; /* Rx and Tx queue of this worker */
	uint16_t tx_len;
	uint16_t device; /* place in port[] of the device: its own, or that below a VLAN */
	uint32_t order;  /* last one carried out of workers_pause() and workers_resume(); odd: the
			  * device is out of service, and nobody's to touch but main's */
	struct rte_ether_addr mac;
	bool detour;                  /* frames do not go to the device as they are */
	bool poor;                    /* of Tx queues: the worker has none here */
	bool beats;                   /* the driver wants to be called with nothing to send too */
	rte_be16_t vlan;              /* its tag, 0 = none */
	const struct vlan_set *vlans; /* of a device: those that are known, NULL = none */
	const struct spread *spread;  /* NULL: each worker has queues of its own */
	struct rte_ring
		*from_host; /* frames of the kernel to send here, NULL: another worker's job */
	struct rte_mbuf *tx[WORKER_BURST];
};

struct worker {
	uint16_t index; /* 0 .. workers - 1: the index of per-worker arrays everywhere */
	uint16_t port_count;
	uint16_t monitor_count; /* ports behind those of port_count that are only watched */
	uint16_t link_count;    /* VLANs in port[], behind the place of the last device */
	bool monitor_inline;    /* what comes by one of two monitor ports leaves by the other */
	uint16_t monitor_most;  /* bytes of a frame there, beside a tag; 0: the devices know */
	uint32_t now_tick;      /* clock.h tick, never 0, never goes back */
	uint64_t now_tsc;       /* of this turn */
	uint64_t tsc_hz;
	uint64_t work;  /* packets taken and sent: a turn that does not move it is idle */
	uint64_t taken; /* packets taken: from the devices, and from workers that hand them on */
	struct facts_worker *count;
	const struct nexthop_entry *nexthops; /* see nexthop_load() */
	struct media *media;
	struct keepalive *keepalive;
	struct capture_board *board; /* what is captured */
	/* Indexed by nexthop_entry.port, not DPDK's id: port_count devices, monitor ports, and from
	 * WORKER_PORTS_MAX on VLANs, which main fills in before a next hop names them. */
	struct worker_port port[WORKER_LINKS_MAX];

	/* Cold. */
	struct rte_ring *punt[PUNT_CLASSES]; /* to the exception pump, SP/SC */
	struct rte_ring *captured;           /* of struct proto_frame, to main, SP/SC */
	const struct timebase *timebase;
	struct rte_rcu_qsbr *qsbr; /* thread id = index */
	struct mailbox mailbox;    /* orders of the main thread */
	struct idle idle;
	struct idle_irq *irq;  /* NULL: no interrupts, or not at every port */
	struct idle_irq *pump; /* whose bell tells it of frames in punt[], NULL: it naps */
	uint64_t rung;         /* count->punted when it was last told */
	unsigned int lcore;
	int socket;
	uint64_t turn_tsc; /* start of the turn before */
	uint64_t gap_tsc;  /* longest gap so far */
	const bool *stop;
} __rte_cache_aligned;

static inline void worker_drop(struct worker *w, struct rte_mbuf *mbuf, enum facts_drop why)
{
	w->count->drop[why]++;
	rte_pktmbuf_free(mbuf);
}

static inline bool worker_port_is_out(const struct worker *w, uint16_t port)
{
	return w->port[w->port[port].device].order & 1;
}

/* What worker_put() does at a port with a detour. */
uint16_t worker_put_detour(
	struct worker *w, const struct worker_port *p, struct rte_mbuf **mbufs, uint16_t n);

/* Hands frames to the device of a port; returns how many it took, of the rest none is changed. */
static inline uint16_t worker_put(
	struct worker *w, const struct worker_port *p, struct rte_mbuf **mbufs, uint16_t n)
{
	if (unlikely(p->detour))
		return worker_put_detour(w, p, mbufs, n);
	return rte_eth_tx_burst(p->id, p->queue, mbufs, n);
}

/* Sends what is buffered for a port; what the ring does not take is freed and counted. */
void worker_flush(struct worker *w, uint16_t port);

/* Queues a complete frame for a port (index, not DPDK id) and takes it over. Sent when a burst is
 * full and at the end of the turn. */
static inline void worker_tx(struct worker *w, uint16_t port, struct rte_mbuf *mbuf)
{
	struct worker_port *p = &w->port[port];

	p->tx[p->tx_len++] = mbuf;
	if (p->tx_len == WORKER_BURST)
		worker_flush(w, port);
}

/* Sends n frames for a port at once, behind those that are buffered for it, and takes them over. */
void worker_tx_burst(struct worker *w, uint16_t port, struct rte_mbuf **mbufs, uint16_t n);

/* Hands a frame to the kernel by way of the exception pump and takes it over; a full ring drops and
 * counts it. The pump finds the host port by mbuf->port, the DPDK id as Rx has set it. */
static inline void worker_punt(struct worker *w, struct rte_mbuf *mbuf, enum punt_class class)
{
	if (likely(rte_ring_sp_enqueue(w->punt[class], mbuf) == 0))
		w->count->punted++;
	else
		worker_drop(w, mbuf, FACTS_DROP_PUNT_FULL);
}

/* Receives from a monitor port, stamps, and sends on or frees. Part of a turn. */
void worker_watch(struct worker *w, uint16_t port);

/* The lcore's main function; arg is its struct worker. Returns when *stop is set. Each turn:
 *   media_input(w, port, mbufs, n)    for each port that had frames; takes all of them over
 *   monitor_input(w, mbufs, n)        for each monitor port that had; then they are sent on or
 *                                     freed
 *   keepalive_turn(w, now_tsc)        sends what is due, bounded; returns the TSC of the next due
 *                                     moment (UINT64_MAX: nothing to send)
 *   mails, frames of the kernel, flush, quiescent report, sleep ramp. */
int worker_run(void *arg);

#endif
