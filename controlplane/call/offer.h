/* SPDX-License-Identifier: BSD-3-Clause */
/* A changed description in mid-call: one party's re-INVITE or UPDATE is answered with what the
 * other party says to it (B2B-02). One at a time in a call; the session stays as it was until it is
 * answered (RI-04). */
#ifndef CONTROLPLANE_CALL_OFFER_H
#define CONTROLPLANE_CALL_OFFER_H

#include "controlplane/call/call.h"
#include "controlplane/call/stimer_nego.h"

/* Relays the offer of `from`. Returns 0, and answers `server` later, or the code to refuse it with
 * now: 488, 491 or 500. */
int offer_start(struct leg *from, struct sip_server *server, const char *sdp, size_t len);

/* Ends what is under way: the asking party gets 487 (DL-11). */
void offer_drop(struct call *call);

/* The asking party gave up its re-INVITE: it gets 487, and the other party's is cancelled. */
void offer_cancel(struct call *call);

/* Answers a re-INVITE or UPDATE of the leg with 2xx: description, timer headers, new interval. */
void offer_accept(struct leg *leg, struct sip_server *server, const char *sdp);

/* Timer (struct call.offer). */
void offer_timeout(struct wheel_timer *timer);

#endif
