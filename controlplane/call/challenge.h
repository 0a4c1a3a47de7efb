/* SPDX-License-Identifier: BSD-3-Clause */
/* A trunk that asks for credentials: our request is repeated with them, once, and once more if the
 * nonce was stale (RFC 3261 22.2, B2B-07). Whoever asked hears only of what came in the end. */
#ifndef CONTROLPLANE_CALL_CHALLENGE_H
#define CONTROLPLANE_CALL_CHALLENGE_H

#include "controlplane/call/call.h"

/* As leg_ask() starts a request: takes req, keeps a copy as long as it may have to be repeated.
 * Only what goes to the very address of a trunk with credentials is (DG-09); a device's challenge
 * is a refusal like any other. Returns 0 or -errno. */
int challenge_start(struct leg_ask_slot *slot, osip_message_t *req);

/* The slot's request is over, or nobody's any more. */
void challenge_clear(struct leg_ask_slot *slot);

#endif
