/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/worker.h"

#include "dataplane/core/capture.h"
#include "dataplane/core/idle_irq.h"
#include "dataplane/core/spread.h"
#include "dataplane/keepalive/keepalive.h"
#include "dataplane/media/media.h"
#include "dataplane/media/monitor.h"

#include <rte_cycles.h>

uint16_t worker_put_detour(
	struct worker *w, const struct worker_port *p, struct rte_mbuf **mbufs, uint16_t n)
{
	const struct worker_port *on = &w->port[p->device];
	uint16_t sent;

	if (unlikely(on->order & 1))
		return 0;
	for (uint16_t i = 0; p->vlan && i < n; i++)
		vlan_push(mbufs[i], p->vlan);
	sent = p->poor ? spread_send(w, p, mbufs, n)
		       : rte_eth_tx_burst(on->id, on->queue, mbufs, n);
	for (uint16_t i = sent; p->vlan && i < n; i++)
		vlan_pop(mbufs[i]);
	return sent;
}

static void worker_send(
	struct worker *w, const struct worker_port *p, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t sent = worker_put(w, p, mbufs, n);

	w->count->tx += sent;
	w->work += sent;
	if (unlikely(sent < n)) {
		bool out = w->port[p->device].order & 1;

		w->count->drop[out ? FACTS_DROP_PORT_OUT : FACTS_DROP_TX_FULL] += (uint64_t)(n -
			sent);
		rte_pktmbuf_free_bulk(mbufs + sent, (unsigned int)(n - sent));
	}
}

void worker_flush(struct worker *w, uint16_t port)
{
	struct worker_port *p = &w->port[port];

	if (p->tx_len == 0) {
		if (unlikely(p->beats && !(p->order & 1)))
			rte_eth_tx_burst(p->id, p->queue, p->tx, 0);
		return;
	}
	worker_send(w, p, p->tx, p->tx_len);
	p->tx_len = 0;
}

void worker_tx_burst(struct worker *w, uint16_t port, struct rte_mbuf **mbufs, uint16_t n)
{
	worker_flush(w, port);
	worker_send(w, &w->port[port], mbufs, n);
}

/* Takes the time of this turn and accounts for the turn before. */
static void worker_clock(struct worker *w)
{
	uint64_t now = rte_rdtsc();
	uint64_t gap = now - w->turn_tsc;
	uint32_t tick = timebase_tick(w->timebase, now);

	w->count->total_cycles += gap;
	if (unlikely(gap > w->gap_tsc)) {
		w->gap_tsc = gap;
		w->count->loop_gap_max_us = timebase_us(w->timebase, gap);
	}
	w->turn_tsc = now;
	w->now_tsc = now;
	w->now_tick = timebase_follow(w->now_tick, tick);
}

static inline uint16_t worker_take(struct worker *w, uint16_t port, struct rte_mbuf **mbufs)
{
	struct worker_port *p = &w->port[port];
	uint16_t n;

	if (unlikely(p->order & 1))
		return 0;
	if (unlikely(p->spread)) {
		n = spread_turn(w, p, mbufs);
	} else {
		n = rte_eth_rx_burst(p->id, p->queue, mbufs, WORKER_BURST);
		w->count->rx += n;
		w->taken += n;
	}
	w->work += n;
	return n;
}

static void worker_receive(struct worker *w, uint16_t port)
{
	struct rte_mbuf *mbufs[WORKER_BURST];
	uint16_t n = worker_take(w, port, mbufs);

	if (n)
		media_input(w, port, mbufs, n);
}

/* Frames of the kernel leave by the worker's own queue. */
static void worker_from_host(struct worker *w, uint16_t port)
{
	struct worker_port *p = &w->port[port];
	struct rte_mbuf *mbufs[WORKER_BURST];
	unsigned int n;

	if (!p->from_host)
		return;
	n = rte_ring_sc_dequeue_burst(p->from_host, (void **)mbufs, WORKER_BURST, NULL);
	if (unlikely(n && capture_on(w, PROTO_CAPTURE_BINDING)))
		keepalive_capture_host(w, mbufs, n);
	for (unsigned int i = 0; i < n; i++)
		worker_tx(w, port, mbufs[i]);
}

/* The kernel cuts off what its ring has no room for, and drops without a word what is longer than
 * an interface may send. Returns how many frames are left. */
static uint16_t worker_fit(struct worker *w, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t count = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(
			mbufs[i], const struct rte_ether_hdr *);
		uint32_t tag = eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN)
			? sizeof(struct rte_vlan_hdr)
			: 0;

		if (unlikely(mbufs[i]->pkt_len > w->monitor_most + tag))
			worker_drop(w, mbufs[i], FACTS_DROP_TOO_LONG);
		else
			mbufs[count++] = mbufs[i];
	}
	return count;
}

void worker_watch(struct worker *w, uint16_t port)
{
	struct rte_mbuf *mbufs[WORKER_BURST];
	uint16_t n = worker_take(w, port, mbufs);

	if (n == 0)
		return;
	monitor_input(w, mbufs, n);
	if (unlikely(w->monitor_most))
		n = worker_fit(w, mbufs, n);
	if (w->monitor_inline)
		worker_tx_burst(w, (uint16_t)(2 * w->port_count + 1 - port), mbufs, n);
	else
		rte_pktmbuf_free_bulk(mbufs, n);
}

/* What it meant to sleep is no gap between two turns; what came on top is. */
static void worker_slept(struct worker *w, uint64_t cycles)
{
	w->turn_tsc += cycles;
	w->count->total_cycles += cycles;
}

/* Wakes the pump for what was punted: a system call, so in a turn without work only. */
static void worker_ring(struct worker *w)
{
	if (w->rung == w->count->punted)
		return;
	w->rung = w->count->punted;
	idle_irq_kick(w->pump);
}

static void worker_turn(struct worker *w)
{
	uint64_t work = w->work, taken = w->taken;
	uint64_t due;
	uint16_t links;

	worker_clock(w);
	w->work += mailbox_run(&w->mailbox, w);
	for (uint16_t port = 0; port < w->port_count; port++) {
		worker_receive(w, port);
		worker_from_host(w, port);
	}
	for (uint16_t i = 0; i < w->monitor_count; i++)
		worker_watch(w, (uint16_t)(w->port_count + i));
	due = keepalive_turn(w, w->now_tsc);
	links = __atomic_load_n(&w->link_count, __ATOMIC_ACQUIRE);
	for (uint16_t port = 0; port < w->port_count; port++)
		worker_flush(w, port);
	for (uint16_t i = 0; i < links; i++)
		worker_flush(w, (uint16_t)(WORKER_PORTS_MAX + i));
	rte_rcu_qsbr_quiescent(w->qsbr, w->index);
	if (w->work == work) {
		worker_ring(w);
		worker_slept(w, idle_wait(&w->idle, w->now_tsc, due));
		return;
	}
	idle_reset(&w->idle, w->taken - taken);
	w->count->busy_cycles += rte_rdtsc() - w->now_tsc;
}

int worker_run(void *arg)
{
	struct worker *w = arg;

	idle_open(&w->idle, w->idle.max_us, w->tsc_hz);
	w->idle.irq = w->irq;
	w->idle.count = w->count;
	rte_rcu_qsbr_thread_online(w->qsbr, w->index);
	w->turn_tsc = rte_rdtsc();
	while (!__atomic_load_n(w->stop, __ATOMIC_RELAXED))
		worker_turn(w);
	rte_rcu_qsbr_thread_offline(w->qsbr, w->index);
	return 0;
}
