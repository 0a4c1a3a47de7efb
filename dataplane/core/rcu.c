/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/rcu.h"

#include <errno.h>
#include <rte_common.h>
#include <stdlib.h>

struct rte_rcu_qsbr *rcu_open(unsigned int workers)
{
	size_t size = RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(workers), RTE_CACHE_LINE_SIZE);
	struct rte_rcu_qsbr *qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, size);

	if (!qsbr)
		return NULL;
	if (rte_rcu_qsbr_init(qsbr, workers)) {
		free(qsbr);
		errno = EINVAL;
		return NULL;
	}
	return qsbr;
}

void rcu_close(struct rte_rcu_qsbr *qsbr)
{
	free(qsbr);
}
