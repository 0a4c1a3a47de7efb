/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/mailbox.h"

#include "dataplane/core/idle_irq.h"

#include <errno.h>
#include <rte_common.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <stdlib.h>

int mailbox_open(struct mailbox *box)
{
	ssize_t size = rte_ring_get_memsize_elem(sizeof(struct mail), MAILBOX_SIZE);

	box->irq = NULL;
	if (size < 0)
		return (int)size;
	box->ring = aligned_alloc(
		RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL((size_t)size, RTE_CACHE_LINE_SIZE));
	if (!box->ring)
		return -ENOMEM;
	return rte_ring_init(box->ring, "mailbox", MAILBOX_SIZE, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

void mailbox_close(struct mailbox *box)
{
	free(box->ring);
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
