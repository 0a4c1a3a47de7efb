/* SPDX-License-Identifier: BSD-3-Clause */
/* Drives the session timer of a leg (stimer.h): sends what it asks for, tells it what came of it.
 */
#ifndef CONTROLPLANE_CALL_REFRESH_H
#define CONTROLPLANE_CALL_REFRESH_H

#include "controlplane/call/call.h"
#include "controlplane/call/stimer_nego.h"

/* One step of the leg's session timer, and what follows from it. */
void refresh_step(struct leg *leg, const struct stimer_event *event);

/* A 2xx to an INVITE or UPDATE other than our own refresh was sent or received. */
void refresh_confirmed(struct leg *leg, const struct stimer_terms *terms);

/* An INVITE or UPDATE of the peer, or a relayed one of ours, begins or ends on the leg. */
void refresh_busy(struct leg *leg, bool busy);

/* Reads the timer headers, Allow and Supported of a message. Returns 0 or -EINVAL (400). */
int refresh_headers(const osip_message_t *msg, struct stimer_headers *headers);

/* Puts an answer's timer headers into a 2xx, and ours into a request that refreshes. */
void refresh_put_answer(osip_message_t *resp, const struct stimer_answer *answer);
void refresh_put_request(
	osip_message_t *req, uint32_t se, uint32_t min_se, enum stimer_refresher refresher);

/* Timer headers of a request that refreshes besides its purpose (a relayed offer). */
void refresh_put_offer(const struct leg *leg, osip_message_t *req);

/* What a 2xx to our INVITE or UPDATE says; sent: the refresher that the request named. */
int refresh_terms(const struct leg *leg, const osip_message_t *resp, enum stimer_refresher sent,
	struct stimer_terms *terms);

/* Notes what a message of the peer says of it: proof of life, Allow. */
void refresh_learn(struct leg *leg, const osip_message_t *msg);

/* Timer (struct leg). */
void refresh_wake(struct wheel_timer *timer);

#endif
