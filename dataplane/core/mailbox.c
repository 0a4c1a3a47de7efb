/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/mailbox.h"

#include "dataplane/core/idle_irq.h"
#include "dataplane/core/ring.h"

#include <errno.h>

int mailbox_open(struct mailbox *box)
{
	box->irq = NULL;
	box->ring = ring_open("mailbox", sizeof(struct mail), MAILBOX_SIZE);
	return box->ring ? 0 : -ENOMEM;
}

void mailbox_close(struct mailbox *box)
{
	ring_close(box->ring);
	box->ring = NULL;
}

int mailbox_send(struct mailbox *box, const struct mail *mail)
{
	if (rte_ring_sp_enqueue_elem(box->ring, (void *)(uintptr_t)mail, sizeof(*mail)) == 0) {
		idle_irq_kick(box->irq);
		return 0;
	}
	box->refused++;
	return -EAGAIN;
}

unsigned int mailbox_room(const struct mailbox *box)
{
	return rte_ring_free_count(box->ring);
}

unsigned int mailbox_run(struct mailbox *box, struct worker *w)
{
	struct mail mail[MAILBOX_BURST];
	unsigned int n;

	n = rte_ring_sc_dequeue_burst_elem(box->ring, mail, sizeof(mail[0]), MAILBOX_BURST, NULL);
	for (unsigned int i = 0; i < n; i++)
		mail[i].run(w, &mail[i]);
	return n;
}
