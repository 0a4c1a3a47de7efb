/* SPDX-License-Identifier: BSD-3-Clause */
/* From the caller's INVITE to the call that is up: leg A is answered with what leg B answers. */
#ifndef CONTROLPLANE_CALL_SETUP_H
#define CONTROLPLANE_CALL_SETUP_H

#include "controlplane/call/call.h"

/* An INVITE outside any dialog: checks it, finds the way, starts leg B, or refuses. */
void setup_invite(struct calls *calls, struct sip_server *server, const struct sip_rx *rx);

/* The caller's CANCEL. */
void setup_cancel(struct call *call);

/* The caller's ACK for the 2xx to its first INVITE, or its absence for 64*T1. */
void setup_ack(struct leg *leg, const struct sip_rx *rx);
void setup_ack_timeout(struct leg *leg);

/* Timer (struct call): rung too long; in an ending call: time to finish. */
void setup_ring_timeout(struct wheel_timer *timer);

#endif
