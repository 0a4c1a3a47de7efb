/* SPDX-License-Identifier: BSD-3-Clause */
/* One device taken out of the hands of all workers, while they go on with the others. A worker
 * carries the order out between two looks at the device, so whoever has seen its number in the
 * worker's port knows that the worker touches the device no more: no lock, and no look at anything
 * shared in the hot path. */
#include "dataplane/core/idle_irq.h"
#include "dataplane/core/spread.h"
#include "dataplane/core/workers.h"
#include "shared/log.h"

#include <errno.h>

/* Worker. */
static void workers_on_order(struct worker *w, const struct mail *mail)
{
	struct worker_port *p = &w->port[mail->arg[0] & UINT16_MAX];
	uint32_t order = (uint32_t)mail->arg[1];
	bool out = order & 1;

	p->id = (uint16_t)(mail->arg[0] >> 16);
	p->detour = p->poor || out;
	if (w->irq) {
		idle_irq_skip(w->irq, (uint16_t)(mail->arg[0] & UINT16_MAX), out);
		if (__atomic_load_n(&w->irq->deaf, __ATOMIC_RELAXED))
			idle_deafen(&w->idle);
	}
	__atomic_store_n(&p->order, order, __ATOMIC_RELEASE);
}

/* To all workers, or to none. */
static int workers_order(struct workers *workers, uint16_t port, uint16_t id)
{
	const struct mail mail = {
		.run = workers_on_order,
		.arg = {(uint64_t)id << 16 | port, workers->order[port] + 1},
	};

	for (unsigned int i = 0; i < workers->count; i++)
		if (mailbox_room(&workers->item[i].mailbox) == 0)
			return -EAGAIN;
	workers->order[port]++;
	for (unsigned int i = 0; i < workers->count; i++)
		mailbox_send(&workers->item[i].mailbox, &mail);
	return 0;
}

int workers_pause(struct workers *workers, uint16_t port)
{
	return workers_order(workers, port, workers->item[0].port[port].id);
}

bool workers_paused(const struct workers *workers, uint16_t port)
{
	for (unsigned int i = 0; i < workers->count; i++)
		if (__atomic_load_n(&workers->item[i].port[port].order, __ATOMIC_ACQUIRE) !=
			workers->order[port])
			return false;
	return true;
}

void workers_leave(struct workers *workers, uint16_t port)
{
	for (unsigned int i = 0; i < workers->count; i++)
		if (workers->item[i].irq)
			idle_irq_remove(workers->item[i].irq, port);
	if (workers->spread[port])
		spread_drain(workers->spread[port]);
}

int workers_resume(struct workers *workers, uint16_t port, uint16_t id)
{
	for (unsigned int i = 0; i < workers->count; i++) {
		struct idle_irq *irq = workers->item[i].irq;

		if (!irq || irq->noted || idle_irq_renew(irq, port, id) == 0)
			continue;
		__atomic_store_n(&irq->deaf, true, __ATOMIC_RELAXED);
		irq->noted = true;
		log_warning("worker %u: no sleep until Rx interrupts any more "
			    "(dataplane.rx_interrupts): the device came back without",
			i);
	}
	return workers_order(workers, port, id);
}
