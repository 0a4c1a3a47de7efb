/* SPDX-License-Identifier: BSD-3-Clause */
/* Our INVITEs to the callee (leg B), and what comes back. */
#ifndef CONTROLPLANE_CALL_INVITE_H
#define CONTROLPLANE_CALL_INVITE_H

#include "controlplane/call/call.h"

/* Sends the first INVITE of the leg to all contacts whose turn it is (fork.h). max_forwards: what
 * is left of the caller's (UA-05). */
void invite_send(struct leg *leg, uint32_t max_forwards);

/* Is any INVITE of the leg not finally answered? Of this process: a former one's are forgotten. */
bool invite_is_open(const struct leg *leg);

/* Wishes them away; the leg is gone when all have been answered. False: there are none. */
bool invite_cancel(struct leg *leg, const char *reason);

/* A 2xx that no transaction waits for: a copy, whose ACK was lost, or another fork, or one that
 * crossed our CANCEL (CN-04, CN-07). */
void invite_orphan(struct calls *calls, const struct sip_rx *rx);

#endif
