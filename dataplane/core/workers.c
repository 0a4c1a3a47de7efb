/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/workers.h"

#include "dataplane/core/capture.h"
#include "dataplane/core/idle_irq.h"
#include "dataplane/core/spread.h"
#include "shared/log.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int worker_open_rings(struct worker *w)
{
	char name[RTE_RING_NAMESIZE];

	for (unsigned int class = 0; class < PUNT_CLASSES; class ++) {
		snprintf(name, sizeof(name), "punt_%u_%u", w->index, class);
		w->punt[class] = rte_ring_create(
			name, WORKER_PUNT_RING, w->socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!w->punt[class])
			return -rte_errno;
	}
	return mailbox_open(&w->mailbox);
}

/* The first port without Rx interrupts of this worker's own, NULL: all have. */
static const struct port *worker_add_queues(
	const struct worker *w, struct idle_irq *irq, const struct workers_conf *conf)
{
	for (uint16_t i = 0; i < conf->port_count + conf->monitor_count; i++)
		if (w->port[i].spread || w->port[i].beats ||
			idle_irq_add(irq, w->port[i].id, w->port[i].queue))
			return &conf->ports[i];
	return NULL;
}

static int worker_open_irq(struct worker *w, const struct workers_conf *conf)
{
	static_assert(IDLE_IRQ_QUEUES >= WORKER_PORTS_MAX, "a queue of each port");
	const struct port *without;
	struct idle_irq *irq = NULL;
	int err;

	if (!conf->rx_interrupts || conf->idle_sleep_us == 0)
		return 0;
	err = idle_irq_open(&irq, conf->qsbr, w->index);
	if (err)
		return err;
	without = worker_add_queues(w, irq, conf);
	if (without) {
		log_notice("worker %u: no sleep until Rx interrupts (dataplane.rx_interrupts): "
			   "port %s has none for it",
			w->index, without->text);
		idle_irq_close(irq);
		return 0;
	}
	log_notice("worker %u: sleeps until Rx interrupts", w->index);
	w->irq = w->mailbox.irq = irq;
	return 0;
}

/* The kernel's interfaces take what fits the smaller of both. */
static uint16_t worker_most(const struct workers_conf *conf)
{
	const struct port *port = &conf->ports[conf->port_count];
	uint32_t mtu = UINT32_MAX;

	if (!conf->monitor_inline)
		return 0;
	for (unsigned int i = 0; i < conf->monitor_count; i++)
		if (port[i].device[0].ifname[0])
			mtu = RTE_MIN(mtu, port[i].mtu);
	return mtu == UINT32_MAX ? 0 : (uint16_t)(mtu + sizeof(struct rte_ether_hdr));
}

static int worker_open(struct workers *workers, uint16_t index, const struct workers_conf *conf)
{
	struct worker *w = &workers->item[index];
	int err;

	*w = (struct worker){
		.index = index,
		.port_count = conf->port_count,
		.monitor_count = conf->monitor_count,
		.monitor_inline = conf->monitor_inline,
		.monitor_most = worker_most(conf),
		.now_tick = clock_tick(clock_boot_ms()),
		.tsc_hz = conf->tsc_hz,
		.count = facts_worker(conf->facts, index),
		.nexthops = conf->nexthops,
		.timebase = conf->timebase,
		.qsbr = conf->qsbr,
		.idle = {.max_us = conf->idle_sleep_us},
		.lcore = conf->lcore_first + index,
		.stop = &workers->stop,
	};
	w->socket = (int)rte_lcore_to_socket_id(w->lcore);
	for (uint16_t port = 0; port < conf->port_count + conf->monitor_count; port++) {
		w->port[port].id = conf->ports[port].id;
		w->port[port].queue = index;
		w->port[port].device = port;
		w->port[port].mac = conf->ports[port].mac;
		w->port[port].spread = workers->spread[port];
		w->port[port].poor = index >= conf->ports[port].tx_queues;
		w->port[port].detour = w->port[port].poor;
		w->port[port].beats = conf->ports[port].beats && !w->port[port].poor;
		w->port[port].vlans = &workers->vlans[port];
	}
	if (rte_rcu_qsbr_thread_register(conf->qsbr, index))
		return -EINVAL;
	err = worker_open_rings(w);
	return err ? err : worker_open_irq(w, conf);
}

/* Rings between the workers where a device has too few queues. */
static int workers_spread(struct workers *workers, const struct workers_conf *conf)
{
	int err = 0;

	for (uint16_t i = 0; i < conf->port_count + conf->monitor_count && !err; i++) {
		const struct port *port = &conf->ports[i];

		if (port->rx_queues < conf->count || port->tx_queues < conf->count)
			err = spread_open(&workers->spread[i], (uint16_t)conf->count,
				port->rx_queues, port->tx_queues);
	}
	return err;
}

int workers_open(struct workers *workers, const struct workers_conf *conf)
{
	int err;

	*workers = (struct workers){0};
	workers->item = aligned_alloc(RTE_CACHE_LINE_SIZE, conf->count * sizeof(*workers->item));
	if (!workers->item)
		return -ENOMEM;
	memset(workers->item, 0, conf->count * sizeof(*workers->item));
	workers->count = conf->count;
	err = workers_spread(workers, conf);
	for (uint16_t i = 0; i < conf->count && !err; i++)
		err = worker_open(workers, i, conf);
	if (!err)
		err = capture_open(&workers->board, workers->item, workers->count);
	if (err) {
		log_error("cannot make the workers' rings: %s (dataplane.memory)", strerror(-err));
		workers_close(workers);
	}
	return err;
}

static void workers_add_vlan(struct workers *workers, const struct nexthop_vlan *vlan)
{
	for (unsigned int i = 0; i < workers->count; i++) {
		struct worker *w = &workers->item[i];
		const struct worker_port *on = &w->port[vlan->device];
		struct worker_port *p = &w->port[vlan->link];
		uint16_t count = (uint16_t)(vlan->link + 1 - WORKER_PORTS_MAX);

		p->device = vlan->device;
		p->mac = on->mac;
		p->spread = on->spread;
		p->poor = on->poor;
		p->detour = true;
		p->vlan = rte_cpu_to_be_16(vlan->id);
		if (count > w->link_count)
			__atomic_store_n(&w->link_count, count, __ATOMIC_RELEASE);
	}
	vlan_put(&workers->vlans[vlan->device], vlan->id, true);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void workers_set_vlan(struct workers *workers, const struct nexthop_vlan *vlan)
{
	static_assert(
		NEXTHOP_LINKS_MAX == WORKER_LINKS_MAX && NEXTHOP_PORTS_MAX == WORKER_PORTS_MAX,
		"one index for both");
	if (vlan->present)
		workers_add_vlan(workers, vlan);
	else
		vlan_put(&workers->vlans[vlan->device], vlan->id, false);
}

static void worker_close_ring(struct rte_ring *ring)
{
	struct rte_mbuf *mbuf;

	while (ring && rte_ring_sc_dequeue(ring, (void **)&mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(ring);
}

void workers_close(struct workers *workers)
{
	for (unsigned int i = 0; i < workers->count; i++) {
		for (unsigned int class = 0; class < PUNT_CLASSES; class ++)
			worker_close_ring(workers->item[i].punt[class]);
		mailbox_close(&workers->item[i].mailbox);
		idle_irq_close(workers->item[i].irq);
	}
	for (unsigned int i = 0; i < WORKER_PORTS_MAX; i++)
		spread_close(workers->spread[i]);
	capture_close(workers->board, workers->item, workers->count);
	free(workers->item);
	*workers = (struct workers){0};
}

void workers_watch(struct workers *workers)
{
	for (unsigned int i = 0; i < workers->count; i++) {
		struct idle_irq *irq = workers->item[i].irq;

		if (!irq || irq->noted || !__atomic_load_n(&irq->deaf, __ATOMIC_RELAXED))
			continue;
		irq->noted = true;
		log_warning("worker %u: Rx interrupts do not come: sleeps by "
			    "dataplane.idle_sleep from now on",
			i);
	}
}

int workers_start(struct workers *workers)
{
	int err = 0;

	workers->stop = false;
	for (unsigned int i = 0; i < workers->count && !err; i++)
		err = rte_eal_remote_launch(worker_run, &workers->item[i], workers->item[i].lcore);
	workers->running = true;
	if (err)
		workers_stop(workers);
	return err;
}

void workers_stop(struct workers *workers)
{
	if (!workers->running)
		return;
	__atomic_store_n(&workers->stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < workers->count; i++)
		idle_irq_kick(workers->item[i].irq);
	for (unsigned int i = 0; i < workers->count; i++)
		rte_eal_wait_lcore(workers->item[i].lcore);
	workers->running = false;
}
