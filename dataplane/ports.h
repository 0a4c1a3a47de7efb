/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports that the configuration names: dataplane.ports, and behind them the monitor ports. */
#ifndef DATAPLANE_PORTS_H
#define DATAPLANE_PORTS_H

#include "shared/conf.h"

struct dataplane;

/* Monitor ports in use. */
unsigned int ports_monitors(const struct conf_dataplane *conf);

/* Opens all. Returns 0, or -errno after a log line, with none open. */
int ports_start(struct dataplane *dp);
void ports_stop(struct dataplane *dp);

/* Watches the links of all, whether their interrupts come, and whether a device fails (outage.h).
 */
int links_start(struct dataplane *dp);
void links_stop(struct dataplane *dp);

#endif
