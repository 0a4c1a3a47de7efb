/* SPDX-License-Identifier: BSD-3-Clause */
/* The one quiescent-state variable of the process: each worker reports once a turn (thread id =
 * worker index). Tables that workers read and main writes attach to it in DQ mode
 * (rte_hash_rcu_qsbr_add with RTE_HASH_QSBR_MODE_DQ), so that main never waits for a worker. */
#ifndef DATAPLANE_CORE_RCU_H
#define DATAPLANE_CORE_RCU_H

#include <rte_rcu_qsbr.h>

/* Returns NULL with errno set. Needs no EAL. */
struct rte_rcu_qsbr *rcu_open(unsigned int workers);
void rcu_close(struct rte_rcu_qsbr *qsbr);

#endif
