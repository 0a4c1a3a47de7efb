/* SPDX-License-Identifier: BSD-3-Clause */
/* What the process allots once, at its start: the facts, and the frames in flight. */
#ifndef DATAPLANE_MEMORY_H
#define DATAPLANE_MEMORY_H

#include <stdint.h>

struct dataplane;

/* Monitored flows that there is room for. */
uint32_t memory_monitors(const struct dataplane *dp);

/* The facts, and what readers of shared tables report to. Returns 0 or -errno. */
int memory_start(struct dataplane *dp);
void memory_stop(struct dataplane *dp);

/* Pools of frames, once DPDK runs. Returns 0 or -errno. */
int pools_start(struct dataplane *dp);
void pools_stop(struct dataplane *dp);

#endif
