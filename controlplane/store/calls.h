/* SPDX-License-Identifier: BSD-3-Clause */
/* Between calls.c and op.c: where a call stands. */
#ifndef CONTROLPLANE_STORE_CALLS_H
#define CONTROLPLANE_STORE_CALLS_H

#include "controlplane/store/internal.h"

enum call_flags {
	CALL_PENDING = 1 << 0, /* in store->pending */
	CALL_CREATED = 1 << 1, /* Redis has a record of it */
	CALL_FULL = 1 << 2,    /* what Redis has is not known: write all of it */
	CALL_END = 1 << 3,     /* store_call_end is to be written */
	CALL_OVER = 1 << 4,    /* Redis says that it has ended */
	CALL_READ = 1 << 5,    /* somebody else wrote: read it */
};

/* Back to the pending list if there is still something to write. */
void calls_requeue(struct store *store, struct store_call *call);

/* A write that succeeded, a durable one on enough replicas. */
void op_done(struct store_op *op);

#endif
