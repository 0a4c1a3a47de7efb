/* SPDX-License-Identifier: BSD-3-Clause */
/* Lays out and owns the facts memory (shared/facts.h). */
#ifndef DATAPLANE_CORE_FACTS_H
#define DATAPLANE_CORE_FACTS_H

#include "dataplane/core/mem.h"
#include "dataplane/media/record.h"
#include "shared/facts.h"

#include <stddef.h>
#include <stdint.h>

struct facts {
	const struct mem *mem;
	void *base;
	size_t size;
	int fd; /* read-only for those it is handed to */

	/* Inside base. Ticks are written with relaxed stores, and only when they change. */
	struct facts_head *head;
	uint32_t *binding_heard;            /* [bindings] */
	uint32_t *flow_rtcp;                /* [flows] */
	struct flow_record *flow;           /* [flows], the counters are their field `count` */
	struct facts_quality *flow_quality; /* [flows] */
};

/* Returns 0 or -ENOMEM. */
int facts_open(struct facts *facts, const struct mem *mem, uint32_t workers, uint32_t bindings,
	uint32_t flows);
void facts_close(struct facts *facts);

/* Counters of worker `index`: two cache lines or more of its own. */
struct facts_worker *facts_worker(const struct facts *facts, unsigned int index);

#endif
