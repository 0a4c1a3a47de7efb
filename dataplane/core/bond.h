/* SPDX-License-Identifier: BSD-3-Clause */
/* Several devices as one port, by DPDK's own driver: "bond:MODE:MEMBER+MEMBER...", where MODE is
 * active-backup or 802.3ad and each MEMBER is a word that dataplane.ports allows by itself. */
#ifndef DATAPLANE_CORE_BOND_H
#define DATAPLANE_CORE_BOND_H

#include "dataplane/core/port.h"

bool bond_is(const char *text);

/* Calls fn for each member's word. Returns 0, fn's first error, or -EINVAL for a text that is no
 * bond's. */
int bond_each(const char *text, int (*fn)(void *ctx, const char *member), void *ctx);

/* Makes the members and the bond: port->device[] and port->id. Returns 0 or -errno after a log
 * line. */
int bond_make(struct port *port, const struct port_conf *conf);

/* What its members take, once the bond has started and was told to take all multicast. */
void bond_filter(struct port *port);

/* Takes a member out of the bond and closes it; the others carry on. No worker touches the bond
 * meanwhile (workers_pause). */
void bond_drop(struct port *port, uint16_t member);

/* Makes a member anew that was dropped. Returns 0, or -errno after a log line. */
int bond_remake(struct port *port, uint16_t member);

/* Takes it in again, while no worker touches the bond; on failure it is closed. Returns 0 or
 * -errno. */
int bond_take(struct port *port, uint16_t member);

/* After the members' links were looked at: a member whose link is down does not stay the active
 * one. Needed for drivers that tell the bond nothing. Main thread. */
void bond_turn(const struct port *port);

#endif
