/* SPDX-License-Identifier: BSD-3-Clause */
/* Our INVITE to the callee (leg B), and what comes back. */
#ifndef CONTROLPLANE_CALL_INVITE_H
#define CONTROLPLANE_CALL_INVITE_H

#include "controlplane/call/call.h"

/* Sends the first INVITE of the leg, or repeats it with the next CSeq after a 422. max_forwards:
 * what is left of the caller's (UA-05). */
void invite_send(struct leg *leg, uint32_t max_forwards);

/* A 2xx that no transaction waits for: a copy, whose ACK was lost, or another fork, or one that
 * crossed our CANCEL (CN-04, CN-07). */
void invite_orphan(struct calls *calls, const struct sip_rx *rx);

#endif
