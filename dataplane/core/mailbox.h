/* SPDX-License-Identifier: BSD-3-Clause */
/* Orders of the main thread to one worker: a bounded single-producer, single-consumer ring of small
 * messages. For state that a worker owns (its keep-alive slots); shared tables use RCU instead. */
#ifndef DATAPLANE_CORE_MAILBOX_H
#define DATAPLANE_CORE_MAILBOX_H

#include <assert.h>
#include <stdint.h>

#define MAILBOX_SIZE  65536 /* power of two; one less fits in */
#define MAILBOX_BURST 64    /* messages a worker takes in one turn */

struct idle_irq;
struct worker;

struct mail {
	/* Runs on the worker: bounded, hot-path rules. */
	void (*run)(struct worker *w, const struct mail *mail);
	void *ptr;
	uint64_t arg[2];
};
static_assert(sizeof(struct mail) == 32, "ring element");

struct mailbox {
	struct rte_ring *ring;
	struct idle_irq *irq; /* to wake the worker, NULL: it wakes by itself. Set after opening. */
	uint64_t refused;     /* messages, main's own count */
};

/* Returns 0 or -ENOMEM. Needs no EAL. */
int mailbox_open(struct mailbox *box);
void mailbox_close(struct mailbox *box);

/* Main thread. Returns 0, or -EAGAIN when the worker lags behind: try again later. Messages run in
 * the order sent. */
int mailbox_send(struct mailbox *box, const struct mail *mail);

/* Free places, for a sender that must place several messages or none. Main thread. */
unsigned int mailbox_room(const struct mailbox *box);

/* Worker: runs up to MAILBOX_BURST messages, returns how many. */
unsigned int mailbox_run(struct mailbox *box, struct worker *w);

#endif
