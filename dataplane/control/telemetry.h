/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands for dpdk-telemetry.py: /linewatch/status, /linewatch/drops, /linewatch/roundtrip,
 * /linewatch/senderror, /linewatch/workers. They run
 * on DPDK's telemetry thread and read counters only. */
#ifndef DATAPLANE_CONTROL_TELEMETRY_H
#define DATAPLANE_CONTROL_TELEMETRY_H

struct dataplane;

/* Returns 0 or -errno. The commands stay registered; after telemetry_close() they answer that the
 * data plane has stopped. */
int telemetry_open(const struct dataplane *dp);
void telemetry_close(void);

#endif
