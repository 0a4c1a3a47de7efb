/* SPDX-License-Identifier: BSD-3-Clause */
/* Session timer negotiation, one dialog at a time (RFC 4028 sections 4, 7 and 9): what we put into
 * requests and 2xx, and what those of the peer mean. Nothing of it ever crosses legs (B2B-01). */
#ifndef CONTROLPLANE_CALL_STIMER_NEGO_H
#define CONTROLPLANE_CALL_STIMER_NEGO_H

#include "controlplane/call/stimer.h"

/* The timer headers of one message (read and written by sip/msg.h). None: {0}. */
struct stimer_headers {
	uint32_t se;       /* s, valid if has_se */
	uint32_t min_se;   /* s, 0 = no header */
	uint8_t refresher; /* enum stimer_refresher */
	bool has_se;
	bool timer;   /* Supported: timer (or Require: timer in a request) */
	bool require; /* Require: timer */
};

/* Headers of our first INVITE of a dialog; min_se is the largest one of a 422 to it so far, 0 =
 * none. Supported: timer goes into every request, Require: timer into none (ST-02..09). */
void stimer_invite(const struct stimer_params *par, uint32_t min_se, struct stimer_headers *out);

/* A 422 came to a request of ours that carried Session-Expires sent_se. *min_se is the largest
 * Min-SE so far and is raised; tries counts the requests sent so far, this one included. True: send
 * again with the new value. False: give up (ST-19, ST-20). */
bool stimer_raise(const struct stimer_params *par, uint32_t sent_se, uint32_t got_min_se,
	unsigned int tries, uint32_t *min_se);

/* Our answer, as UAS, to an INVITE or UPDATE. */
struct stimer_answer {
	uint16_t code;             /* 0: accept. 422: refuse, with Min-SE min_se */
	uint8_t refresher;         /* enum stimer_refresher */
	bool require;              /* put Require: timer into the 2xx */
	uint32_t se;               /* s: Session-Expires of the 2xx, 0 = no header */
	uint32_t min_se;           /* s: of a 422 */
	struct stimer_terms terms; /* for STIMER_CONFIRMED once the 2xx is sent */
};

/* st: the timer of the dialog (its role is kept where the request leaves it open), or NULL for the
 * first INVITE. Also learns the request's Min-SE into *st unless refused (ST-21). ST-32..41. */
void stimer_answer(const struct stimer_params *par, struct stimer *st,
	const struct stimer_headers *request, struct stimer_answer *ans);

/* What a 2xx to our INVITE or UPDATE means (ST-10..13, ST-18, EXP-11). sent_refresher is what our
 * request said; min_se the dialog's largest Min-SE, 0 = none. */
void stimer_accept(const struct stimer_params *par, const struct stimer_headers *response,
	enum stimer_refresher sent_refresher, uint32_t min_se, struct stimer_terms *terms);

#endif
