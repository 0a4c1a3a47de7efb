/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/idle_irq.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_rcu_qsbr.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define IDLE_IRQ_EVENTS 8

int idle_irq_open(struct idle_irq **out, struct rte_rcu_qsbr *qsbr, unsigned int thread)
{
	struct idle_irq *irq = calloc(1, sizeof(*irq));
	int err;

	if (!irq)
		return -ENOMEM;
	irq->qsbr = qsbr;
	irq->thread = thread;
	irq->epoll = epoll_create1(EPOLL_CLOEXEC);
	irq->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	irq->bell_event.epdata.event = EPOLLIN | EPOLLET;
	if (irq->epoll < 0 || irq->bell < 0 ||
		rte_epoll_ctl(irq->epoll, EPOLL_CTL_ADD, irq->bell, &irq->bell_event)) {
		err = -errno;
		idle_irq_close(irq);
		return err;
	}
	*out = irq;
	return 0;
}

void idle_irq_close(struct idle_irq *irq)
{
	if (!irq)
		return;
	for (uint16_t i = 0; i < irq->count; i++)
		idle_irq_remove(irq, i);
	if (irq->bell >= 0)
		close(irq->bell);
	if (irq->epoll >= 0)
		close(irq->epoll);
	free(irq);
}

/* Into the epoll set. */
static int idle_irq_place(struct idle_irq *irq, uint16_t index, uint16_t port)
{
	int err = rte_eth_dev_rx_intr_ctl_q(
		port, irq->queue[index].queue, irq->epoll, RTE_INTR_EVENT_ADD, NULL);

	if (err)
		return err;
	irq->queue[index].added = true;
	irq->queue[index].port = port;
	return 0;
}

/* On and off: what cannot do it says so here. */
static int idle_irq_try(const struct idle_irq *irq, uint16_t index)
{
	uint16_t port = irq->queue[index].port, queue = irq->queue[index].queue;
	int err = rte_eth_dev_rx_intr_enable(port, queue);

	return err ? err : rte_eth_dev_rx_intr_disable(port, queue);
}

int idle_irq_add_open(struct idle_irq *irq, uint16_t port, uint16_t queue)
{
	int err;

	if (irq->count == IDLE_IRQ_QUEUES)
		return -ENOSPC;
	irq->queue[irq->count].queue = queue;
	err = idle_irq_place(irq, irq->count, port);
	irq->count += !err;
	return err;
}

int idle_irq_add(struct idle_irq *irq, uint16_t port, uint16_t queue)
{
	int err = idle_irq_add_open(irq, port, queue);

	return err ? err : idle_irq_try(irq, (uint16_t)(irq->count - 1));
}

int idle_irq_renew(struct idle_irq *irq, uint16_t index, uint16_t port)
{
	int err;

	if (irq->queue[index].added)
		return 0;
	err = idle_irq_place(irq, index, port);
	return err ? err : idle_irq_try(irq, index);
}

void idle_irq_remove(struct idle_irq *irq, uint16_t index)
{
	if (irq->queue[index].added)
		rte_eth_dev_rx_intr_ctl_q(irq->queue[index].port, irq->queue[index].queue,
			irq->epoll, RTE_INTR_EVENT_DEL, NULL);
	irq->queue[index].added = false;
}

void idle_irq_arm(struct idle_irq *irq)
{
	for (uint16_t i = 0; i < irq->count; i++)
		if (!irq->queue[i].skipped)
			rte_eth_dev_rx_intr_enable(irq->queue[i].port, irq->queue[i].queue);
	__atomic_store_n(&irq->asleep, true, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

enum idle_irq_end idle_irq_sleep(struct idle_irq *irq, uint32_t ms)
{
	struct rte_epoll_event events[IDLE_IRQ_EVENTS];
	int n;

	if (irq->qsbr)
		rte_rcu_qsbr_thread_offline(irq->qsbr, irq->thread);
	n = rte_epoll_wait_interruptible(irq->epoll, events, IDLE_IRQ_EVENTS, (int)ms);
	if (irq->qsbr)
		rte_rcu_qsbr_thread_online(irq->qsbr, irq->thread);
	for (int i = 0; i < n; i++)
		if (events[i].fd != irq->bell)
			return IDLE_IRQ_QUEUE;
	return n == 0 ? IDLE_IRQ_TIME : IDLE_IRQ_BELL;
}

void idle_irq_disarm(struct idle_irq *irq)
{
	__atomic_store_n(&irq->asleep, false, __ATOMIC_RELAXED);
	for (uint16_t i = 0; i < irq->count; i++)
		if (!irq->queue[i].skipped)
			rte_eth_dev_rx_intr_disable(irq->queue[i].port, irq->queue[i].queue);
}

void idle_irq_ring(struct idle_irq *irq)
{
	if (__atomic_exchange_n(&irq->asleep, false, __ATOMIC_RELAXED))
		eventfd_write(irq->bell, 1);
}
