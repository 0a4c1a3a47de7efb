/* SPDX-License-Identifier: BSD-3-Clause */
/* A leg's audio that does not pass through us but by the data plane's monitor ports: it is watched
 * on its way to the other party's address. For anchor.c. */
#ifndef CONTROLPLANE_CALL_MONITOR_H
#define CONTROLPLANE_CALL_MONITOR_H

#include "controlplane/call/call.h"

/* Takes a monitored flow for the leg. Returns 0, or -ENOSPC: answer 503; -EINVAL: this node
 * monitors nothing. */
int monitor_open(struct leg *leg);

/* Ends it. */
void monitor_close(struct leg *leg);

/* Tells the data plane what is expected of the leg now. clock: with both times 0 nothing is. */
void monitor_push(struct leg *leg, const struct verdict_clock *clock);

#endif
