/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/exception.h"

#include "dataplane/core/idle_irq.h"
#include "shared/log.h"

#include <errno.h>
#include <fcntl.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXCEPTION_RING    1024
#define EXCEPTION_NAP_US  1000
#define EXCEPTION_REFILLS 100 /* of the budgets, a second */

/* Frames that a class may pass in one turn, so that none waits for another's flood, and in one
 * second, so that no flood eats the CPU. What is over waits in the worker's ring, then is dropped
 * and counted there. */
static const struct {
	uint16_t turn;
	uint32_t second;
} exception_budget[PUNT_CLASSES] = {
	[PUNT_NEIGHBOUR] = {32, 20000},
	[PUNT_NEIGHBOURS] = {32, 20000},
	[PUNT_ROUTING] = {32, 20000},
	[PUNT_BGP] = {32, 20000},
	[PUNT_DHCP] = {16, 5000},
	[PUNT_SIP] = {128, 500000},
	[PUNT_ICMP] = {16, 10000},
	[PUNT_OTHER] = {32, 100000},
};

/* Frames of one worker to the host interfaces of the ports they came by. */
static void exception_deliver(struct exception *ex, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t first = 0, sent, run;

	while (first < n) {
		uint16_t wire = mbufs[first]->port;
		struct exception_port *port = &ex->port[ex->port_of[wire]];

		for (run = 1; first + run < n && mbufs[first + run]->port == wire; run++)
			;
		sent = rte_eth_tx_burst(port->host.port, 0, mbufs + first, run);
		ex->count.to_host += sent;
		first = (uint16_t)(first + sent);
		if (sent == run)
			continue;
		/* Maybe it is this frame alone that is not taken: too long for a TAP. */
		ex->count.to_host_drop++;
		rte_pktmbuf_free(mbufs[first++]);
	}
}

static unsigned int exception_class(struct exception *ex, enum punt_class class)
{
	struct rte_mbuf *mbufs[WORKER_BURST];
	unsigned int moved = 0;

	for (unsigned int i = 0; i < ex->worker_count; i++) {
		unsigned int turn = exception_budget[class].turn, n;

		while (turn && ex->left[class]) {
			unsigned int want = RTE_MIN(turn, ex->left[class]);

			want = RTE_MIN(want, (unsigned int)WORKER_BURST);
			n = rte_ring_sc_dequeue_burst(
				ex->workers[i].punt[class], (void **)mbufs, want, NULL);
			exception_deliver(ex, mbufs, (uint16_t)n);
			turn -= n;
			ex->left[class] -= n;
			moved += n;
			if (n < want)
				break;
		}
	}
	return moved;
}

static unsigned int exception_from_host(struct exception *ex, struct exception_port *port)
{
	struct rte_mbuf *mbufs[WORKER_BURST];
	uint16_t n = rte_eth_rx_burst(port->host.port, 0, mbufs, WORKER_BURST);
	unsigned int queued = rte_ring_sp_enqueue_burst(port->from_host, (void **)mbufs, n, NULL);

	if (queued)
		idle_irq_kick(port->irq);
	ex->count.from_host += queued;
	ex->count.from_host_drop += n - queued;
	rte_pktmbuf_free_bulk(mbufs + queued, n - queued);
	return n;
}

static void exception_refill(struct exception *ex, uint64_t now)
{
	if (now < ex->refill_tsc)
		return;
	ex->refill_tsc = now + ex->tsc_hz / EXCEPTION_REFILLS;
	lull_refill(&ex->lull);
	for (unsigned int class = 0; class < PUNT_CLASSES; class ++)
		ex->left[class] = exception_budget[class].second / EXCEPTION_REFILLS;
}

/* Frames may be left in the rings until the budgets are new. */
static bool exception_is_spent(const struct exception *ex)
{
	for (unsigned int class = 0; class < PUNT_CLASSES; class ++)
		if (ex->left[class] == 0)
			return true;
	return false;
}

/* Nobody leaves frames here and goes on without ringing: each worker had half of its time left
 * since the last look, so it was without work. */
static bool exception_is_rung(struct exception *ex)
{
	bool rung = true;

	for (unsigned int i = 0; i < ex->worker_count; i++) {
		const struct facts_worker *count = ex->workers[i].count;
		struct exception_load now = {
			.total = __atomic_load_n(&count->total_cycles, __ATOMIC_RELAXED),
			.busy = __atomic_load_n(&count->busy_cycles, __ATOMIC_RELAXED),
		};

		rung &= now.busy - ex->load[i].busy <= (now.total - ex->load[i].total) / 2;
		ex->load[i] = now;
	}
	return rung;
}

/* The TAP driver reads only after a signal, which goes to the main thread. Here it comes before
 * the interrupt, so that the turn after that finds the frame. */
static void exception_take_signals(const struct exception *ex)
{
	const struct f_owner_ex pump = {.type = F_OWNER_TID, .pid = gettid()};

	for (uint16_t i = 0; i < ex->port_count; i++) {
		const struct hostif *host = &ex->port[i].host;
		int fd = host->tap ? rte_eth_dev_rx_intr_ctl_q_get_fd(host->port, 0) : -1;

		if (fd >= 0 && fcntl(fd, F_SETOWN_EX, &pump) < 0)
			log_warning("host interface %s: its signals go to another thread: %s",
				host->ifname, strerror(errno));
	}
}

static int exception_run(void *arg)
{
	struct exception *ex = arg;
	unsigned int moved;

	lull_open(&ex->lull, ex->lull.idle.max_us, ex->tsc_hz);
	exception_take_signals(ex);
	while (!__atomic_load_n(&ex->stop, __ATOMIC_RELAXED)) {
		uint64_t now = rte_rdtsc();

		exception_refill(ex, now);
		moved = 0;
		for (unsigned int class = 0; class < PUNT_CLASSES; class ++)
			moved += exception_class(ex, class);
		for (uint16_t i = 0; i < ex->port_count; i++)
			moved += exception_from_host(ex, &ex->port[i]);
		if (ex->lull.over)
			ex->lull.most_ms = exception_is_rung(ex) ? LULL_CALM_MS : LULL_MOST_MS;
		if (moved)
			lull_end(&ex->lull, moved);
		else
			lull_wait(&ex->lull, now, exception_is_spent(ex));
	}
	return 0;
}

/* Without interrupts of every host interface the pump looks by itself. */
static int exception_open_irq(struct exception *ex)
{
	int err = idle_irq_open(&ex->irq, NULL, 0), deaf = 0;

	for (uint16_t i = 0; i < ex->port_count && !err && !deaf; i++) {
		const struct hostif *host = &ex->port[i].host;

		deaf = host->tap ? idle_irq_add_open(ex->irq, host->port, 0)
				 : idle_irq_add(ex->irq, host->port, 0);
		if (deaf)
			log_notice("host interface %s has no interrupts (%s): it is looked at each "
				   "millisecond",
				host->ifname, strerror(-deaf));
	}
	if (deaf) {
		idle_irq_close(ex->irq);
		ex->irq = NULL;
	}
	return err;
}

int exception_open(struct exception *ex, const struct port *ports, uint16_t port_count,
	const char *ifname, struct rte_mempool *pool)
{
	char name[RTE_RING_NAMESIZE];
	int err = 0;

	*ex = (struct exception){0};
	for (uint16_t i = 0; i < port_count && !err; i++) {
		struct exception_port *port = &ex->port[i];
		char host[IF_NAMESIZE];

		snprintf(name, sizeof(name), "from_host_%u", i);
		port->from_host = rte_ring_create(
			name, EXCEPTION_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!port->from_host)
			err = -rte_errno;
		if (!err)
			err = hostif_name(host, ifname, i);
		if (!err)
			err = hostif_open(&port->host, host, i, &ports[i], pool);
		port->wire = ports[i].id;
		ex->port_of[ports[i].id] = (uint8_t)i;
		/* A bond's frames say by which member they came. */
		for (uint16_t j = 0; j < ports[i].device_count; j++)
			ex->port_of[ports[i].device[j].id] = (uint8_t)i;
		ex->port_count++;
	}
	if (!err)
		err = exception_open_irq(ex);
	if (err)
		exception_close(ex);
	return err;
}

void exception_close(struct exception *ex)
{
	for (uint16_t i = 0; i < ex->port_count; i++)
		rte_ring_free(ex->port[i].from_host);
	ex->port_count = 0;
	idle_irq_close(ex->irq);
	ex->irq = NULL;
}

void exception_attach(struct exception *ex, struct worker *workers, unsigned int count)
{
	ex->workers = workers;
	ex->worker_count = count;
	for (unsigned int i = 0; i < count; i++)
		workers[i].pump = ex->irq;
	for (uint16_t i = 0; i < ex->port_count; i++) {
		workers[i % count].port[i].from_host = ex->port[i].from_host;
		ex->port[i].irq = workers[i % count].irq;
	}
}

int exception_start(
	struct exception *ex, unsigned int lcore, uint64_t tsc_hz, uint32_t idle_sleep_us)
{
	int err;

	ex->lull = (struct lull){.irq = ex->irq};
	ex->lull.idle.max_us = idle_sleep_us ? idle_sleep_us : EXCEPTION_NAP_US;
	ex->lcore = lcore;
	ex->tsc_hz = tsc_hz;
	ex->stop = false;
	err = rte_eal_remote_launch(exception_run, ex, lcore);
	ex->running = err == 0;
	return err;
}

void exception_stop(struct exception *ex)
{
	if (!ex->running)
		return;
	__atomic_store_n(&ex->stop, true, __ATOMIC_RELAXED);
	idle_irq_kick(ex->irq);
	rte_eal_wait_lcore(ex->lcore);
	ex->running = false;
}
