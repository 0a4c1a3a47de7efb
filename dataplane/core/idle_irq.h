/* SPDX-License-Identifier: BSD-3-Clause */
/* What ends the long sleep of a worker or the pump: Rx interrupts of its queues, and a bell that
 * other threads ring when they have put something into a ring of its. A part of idle.h, which says
 * when. */
#ifndef DATAPLANE_CORE_IDLE_IRQ_H
#define DATAPLANE_CORE_IDLE_IRQ_H

#include <rte_epoll.h>
#include <stdbool.h>
#include <stdint.h>

#define IDLE_IRQ_MAX_MS 100 /* a sleep ends even if nothing ends it */
#define IDLE_IRQ_QUEUES 8

struct rte_rcu_qsbr;

struct idle_irq {
	bool asleep; /* or about to: the bell must be rung */
	bool deaf;   /* the worker has found out that interrupts do not come */
	bool noted;  /* main has said so */
	int epoll;
	int bell; /* eventfd, never read: each write is an edge */
	uint16_t count;
	struct {
		uint16_t port; /* DPDK */
		uint16_t queue;
		bool added;   /* main: it is in the epoll set */
		bool skipped; /* worker: the device is out of service */
	} queue[IDLE_IRQ_QUEUES];
	struct rte_rcu_qsbr *qsbr; /* NULL: the thread reads no shared tables */
	unsigned int thread;       /* of qsbr: offline while it sleeps */
	struct rte_epoll_event bell_event;
};

/* Makes one without queues. Returns 0 or -errno. Main thread. */
int idle_irq_open(struct idle_irq **out, struct rte_rcu_qsbr *qsbr, unsigned int thread);
void idle_irq_close(struct idle_irq *irq);

/* An Rx queue of a started device that was configured with Rx interrupts. Returns 0, or -errno when
 * it has none. Main thread, before the worker runs. */
int idle_irq_add(struct idle_irq *irq, uint16_t port, uint16_t queue);

/* The same for a device whose interrupts are always on: a TAP. */
int idle_irq_add_open(struct idle_irq *irq, uint16_t port, uint16_t queue);

/* The index'th that was added, whose device the worker has left (idle_irq_skip): takes it out, and
 * puts it back in, now of that DPDK port; 0 or -errno. Main thread. */
void idle_irq_remove(struct idle_irq *irq, uint16_t index);
int idle_irq_renew(struct idle_irq *irq, uint16_t index, uint16_t port);

/* Worker: leaves its interrupt alone, or no more. */
static inline void idle_irq_skip(struct idle_irq *irq, uint16_t index, bool skip)
{
	irq->queue[index].skipped = skip;
}

enum idle_irq_end {
	IDLE_IRQ_TIME,
	IDLE_IRQ_BELL, /* or a signal */
	IDLE_IRQ_QUEUE,
};

/* Its thread: arm, look at every queue and ring once more, sleep, disarm. */
void idle_irq_arm(struct idle_irq *irq);
enum idle_irq_end idle_irq_sleep(struct idle_irq *irq, uint32_t ms);
void idle_irq_disarm(struct idle_irq *irq);

void idle_irq_ring(struct idle_irq *irq);

/* Any thread, after it has put something where the worker looks each turn. irq NULL: no worker that
 * sleeps long. */
static inline void idle_irq_kick(struct idle_irq *irq)
{
	if (!irq)
		return;
	/* Either the worker's last look sees what was put there, or this sees that it sleeps. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&irq->asleep, __ATOMIC_RELAXED))
		idle_irq_ring(irq);
}

#endif
