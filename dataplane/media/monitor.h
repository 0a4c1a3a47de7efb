/* SPDX-License-Identifier: BSD-3-Clause */
/* Monitored flows: streams that do not pass through the relay but by a monitor port, and are only
 * stamped. Their ids lie above all port slots, their facts are those of any flow. */
#ifndef DATAPLANE_MEDIA_MONITOR_H
#define DATAPLANE_MEDIA_MONITOR_H

#include "shared/proto.h"

#include <rte_mbuf.h>
#include <stdint.h>

struct media;
struct worker;

/* Main: adds, updates (same gen: what was counted stays) or replaces (other gen). The record passed
 * proto_check. Returns 0, -ERANGE (not an id of this client), -ETIME (expired already), -ESTALE
 * (older than the generation in place), -ENOSPC. */
int monitor_set(
	struct media *media, uint32_t slot, const struct proto_monitor *monitor, uint64_t now_ms);

/* Main: as flow_replace(). */
void monitor_replace(struct media *media, uint32_t slot, const struct proto_monitor *monitor,
	uint32_t n, uint64_t now_ms);

/* Main: returns 0, also when the handle names nothing or another generation; -ERANGE. */
int monitor_del(struct media *media, uint32_t slot, const struct proto_handle *handle);

/* Worker: stamps the monitored flows that n frames belong to, at most WORKER_BURST. The frames stay
 * the caller's and as they are. */
void monitor_input(struct worker *w, struct rte_mbuf *const *mbufs, uint16_t n);

#endif
