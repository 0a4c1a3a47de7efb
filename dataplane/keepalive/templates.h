/* SPDX-License-Identifier: BSD-3-Clause */
/* All templates: one for each device class and local address. Main thread; workers only read the
 * entries. A replaced one is freed when no worker can hold it any more. */
#ifndef DATAPLANE_KEEPALIVE_TEMPLATES_H
#define DATAPLANE_KEEPALIVE_TEMPLATES_H

#include "dataplane/keepalive/template.h"
#include "shared/proto.h"

#include <rte_rcu_qsbr.h>
#include <stdint.h>

#define TEMPLATES_LOCALS 64 /* local SIP addresses, all clients together */

struct templates {
	/* [local * PROTO_CLASSES + class]; NULL: the class sends nothing. */
	struct template *entry[TEMPLATES_LOCALS * PROTO_CLASSES];
	struct addr local[TEMPLATES_LOCALS];
	unsigned int locals;
	struct proto_conf class[PROTO_CLASSES];
	uint16_t longest; /* frame of all: a hint which buffers to take */
	struct rte_rcu_qsbr *qsbr;
	struct template *retired;
};

static inline const struct template *templates_get(const struct templates *t, uint16_t index)
{
	return __atomic_load_n(&t->entry[index], __ATOMIC_ACQUIRE);
}

/* Index of the entry for a class and local address; it stays valid for ever. Returns -ENOSPC for
 * one local address too many, or -ENOMEM. */
int templates_index(struct templates *t, uint8_t class_id, const struct addr *local);

/* New payload of a class. Returns 0 or -ENOMEM (then nothing has changed). */
int templates_set(struct templates *t, const struct proto_conf *conf);

/* Frees what workers are done with. */
void templates_tick(struct templates *t);

/* After the workers have ended. */
void templates_close(struct templates *t);

#endif
