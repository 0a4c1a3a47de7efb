/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker's share of the keep-alives. Owned by the worker once it runs; main changes it by
 * mails. */
#ifndef DATAPLANE_KEEPALIVE_SWEEP_H
#define DATAPLANE_KEEPALIVE_SWEEP_H

#include "dataplane/core/mailbox.h"
#include "dataplane/keepalive/defer.h"
#include "dataplane/keepalive/schedule.h"
#include "dataplane/keepalive/templates.h"

#include <rte_mempool.h>
#include <stdint.h>

struct sweep_ip6 {
	uint8_t ip[16];
};

struct sweep {
	struct schedule schedule;
	const struct templates *templates;
	struct rte_mempool *small, *large;
	uint64_t rearm;        /* first bytes of each mbuf before it is sent */
	uint64_t late;         /* worst lateness so far, in cycles */
	struct sweep_ip6 *ip6; /* [id], NULL until there is an IPv6 binding */
	struct defer defer;
	uint64_t cut; /* schedule.cut, for other threads to read */
	void *memory; /* of the schedule */
} __attribute__((aligned(64)));

/* Mails from main; each is complete in itself and keeps the order they were sent in. */
/* Its messages may be missing for that many cycles; UINT64_MAX: nobody knows how many. */
struct mail sweep_mail_add(const struct slots_binding *binding, uint64_t away);
struct mail sweep_mail_remove(uint32_t id);
/* Since that tick the way out was closed, to all or to many. */
struct mail sweep_mail_missed(uint32_t tick);
struct mail sweep_mail_conf(const struct schedule_conf *conf);
/* Skips bindings that were heard; caps what an address gets unless cap->place is NULL. */
struct mail sweep_mail_defer(const struct cap *cap, bool skip);
struct mail sweep_mail_table6(struct sweep_ip6 *table);
/* Address of an IPv6 binding; sent ahead of its sweep_mail_add. */
struct mail sweep_mail_ip6(uint32_t id, const uint8_t ip[static 16]);

#endif
