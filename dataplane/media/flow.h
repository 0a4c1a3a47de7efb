/* SPDX-License-Identifier: BSD-3-Clause */
/* Relay flows as the control plane sets them. Main thread. `slot` is the client's (hello); a flow
 * may be set only in port slots that this client has claimed. */
#ifndef DATAPLANE_MEDIA_FLOW_H
#define DATAPLANE_MEDIA_FLOW_H

#include "shared/proto.h"

#include <stdint.h>

struct media;

/* Adds, updates (same gen: what was learnt stays, unless PROTO_FLOW_RELEARN) or replaces (other
 * gen). The record passed proto_check. The two legs may be set in any order: packets flow when both
 * name each other. Returns 0, -EINVAL (id, family), -EPERM (not this client's slot), -ETIME
 * (expired already), -ESTALE (older than the generation in place). */
int flow_set(struct media *media, uint32_t slot, const struct proto_flow *flow, uint64_t now_ms);

/* Ends those of n flows that flow_set() would replace: a port slot is clean when no worker is
 * before the old flow any more, and so main waits once for all of them. */
void flow_replace(struct media *media, uint32_t slot, const struct proto_flow *flow, uint32_t n,
	uint64_t now_ms);

/* Monitored flows too. Returns 0, also when the handle names nothing or another generation; -EPERM,
 * -ERANGE (a monitored flow of another client). */
int flow_del(struct media *media, uint32_t slot, const struct proto_handle *handle);

/* Mark and sweep of one client's flows: what was not set between begin and end goes. */
void flow_sync_begin(struct media *media, uint32_t slot);
void flow_sync_end(struct media *media, uint32_t slot);

#endif
