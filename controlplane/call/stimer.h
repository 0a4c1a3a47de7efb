/* SPDX-License-Identifier: BSD-3-Clause */
/* The RFC 4028 session timer of one leg: (state, event, now) -> (state, action). Pure: no clock, no
 * I/O, no memory. product.md section 1 is the law; ids such as ST-15 are the checklist's.
 *
 *   struct stimer_event ev = {.kind = STIMER_TICK};
 *   stimer_step(&leg->stimer, &params, &ev, now, &act);
 *   ... carry out act.kind, arm the leg's timer for act.next_ms ...
 *
 * Times are ms of CLOCK_BOOTTIME, intervals are seconds. Negotiation is in stimer_nego.h. */
#ifndef CONTROLPLANE_CALL_STIMER_H
#define CONTROLPLANE_CALL_STIMER_H

#include "controlplane/call/cause.h"

#include <stdbool.h>
#include <stdint.h>

#define STIMER_TRANSACTION_MS 32000 /* 64 * T1: a request that is silent this long has failed */
#define STIMER_FLOOR          90    /* s: smallest interval of RFC 4028 */
#define STIMER_MIN_SE_MAX     7200  /* s: largest Min-SE that one may ask of us */
#define STIMER_STEP_MS        10000 /* least time between refreshes if the interval is below */
#define STIMER_NEVER          UINT64_MAX /* next_ms: nothing to wait for */

enum stimer_probe {
	STIMER_PROBE_OFF,     /* a leg without timer is left alone, as in VOS3000 */
	STIMER_PROBE_OPTIONS, /* it gets OPTIONS after media silence (the verdict asks) */
	STIMER_PROBE_REFRESH, /* it is refreshed as if it had timer support */
};

enum stimer_policy {
	STIMER_POLICY_AUTO, /* our first request leaves it open; as UAS we take the duty */
	STIMER_POLICY_US,   /* we ask for the duty */
	STIMER_POLICY_PEER, /* we ask the peer to do it */
};

/* Parameters of the trunk; handed in at each step, so that a reload works on calls that are up. */
struct stimer_params {
	uint32_t ttl;          /* SS_SIP_SESSION_TTL, s */
	uint32_t segment;      /* SS_SIP_SESSION_UPDATE_SEGMENT, 2 to 10 */
	uint32_t early_hangup; /* SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP, s */
	uint32_t min_se;       /* s */
	uint8_t no_timer;      /* enum stimer_probe: no_timer_probe */
	uint8_t policy;        /* enum stimer_policy */
};

enum stimer_role {
	STIMER_OFF,  /* no refreshes on this leg */
	STIMER_US,   /* we refresh */
	STIMER_PEER, /* the peer refreshes */
};

enum stimer_update {
	STIMER_UPDATE_TRY,     /* used where Allow lists it */
	STIMER_UPDATE_SUSPECT, /* one stayed silent: this leg uses re-INVITE from now on */
	STIMER_UPDATE_NEVER, /* refused, or silent while re-INVITE is answered: true of the peer */
};

enum stimer_request {
	STIMER_REQUEST_NONE,
	STIMER_REQUEST_UPDATE,
	STIMER_REQUEST_REINVITE,
};

/* What the last 2xx (or the lack of a timer) means for the leg; made by stimer_nego.h. */
struct stimer_terms {
	uint32_t interval; /* s */
	uint8_t role;      /* enum stimer_role */
	bool timer;        /* the peer supports `timer` (else the no-timer limit holds) */
};

/* State of one leg. To outlive the process it is enough to store confirmed_ms, interval, min_se,
 * role, timer, update, allow_update and own_call_id; the rest may be zero, and STIMER_RESUME then
 * starts what is due. */
struct stimer {
	uint64_t confirmed_ms; /* last 2xx: the interval counts from here */
	uint64_t attempt_ms;   /* start of the last attempt, 0 = none since confirmed_ms */
	uint64_t retry_ms;     /* attempt put off by 491, 500 or 503; 0 = none */
	uint32_t interval;     /* s, as negotiated */
	uint32_t min_se;       /* s, largest Min-SE seen on this dialog; 0 = none (ST-21) */
	uint16_t spread;       /* 0 .. 65535: share of 5 % of a segment to start early (EXP-12) */
	uint16_t served;       /* segment boundaries that are past (STIMER_PEER: own refreshes) */
	uint8_t role;          /* enum stimer_role */
	uint8_t update;   /* enum stimer_update; the owner may preset what it knows of the peer */
	uint8_t pending;  /* enum stimer_request: our own request that is open */
	uint8_t busy;     /* other INVITE or UPDATE transactions that are open on this leg */
	uint8_t raises;   /* 422 answers in a row */
	uint8_t glares;   /* 491 answers in a row */
	uint8_t refusals; /* 500 and 503 answers in a row */
	bool final_done;
	bool grace_done;
	bool timer;        /* the peer supports `timer` */
	bool allow_update; /* the peer's last Allow lists UPDATE; written by the owner (B2B-06) */
	bool own_call_id;  /* we sent the first INVITE (leg B): decides the 491 delay (RI-03) */
	bool unanswered;   /* the last attempt got no answer at all; input to the verdict */
	bool judged;       /* HANGUP was returned */
	bool ended;
};

enum stimer_event_kind {
	STIMER_CONFIRMED, /* a 2xx to any INVITE or UPDATE of this dialog but our own refresh, sent
			   * or received, the first one included: terms */
	STIMER_TICK,      /* next_ms has come; harmless at any other time */
	STIMER_RESULT, /* our refresh ended: code, and terms, min_se, retry_after, random. A request
			* that was retried with credentials counts as one */
	STIMER_BUSY,   /* another INVITE or UPDATE transaction started on this leg */
	STIMER_IDLE,   /* it ended (report the 2xx first, as CONFIRMED) */
	STIMER_PROBE,  /* the verdict wants the leg probed */
	STIMER_RESUME, /* restored after a restart: no transaction is open. Also after a HANGUP that
			* was taken back: one more attempt, judged when it has had its 32 s */
	STIMER_ENDED,  /* the call is over: nothing happens any more */
};

struct stimer_event {
	uint8_t kind;              /* enum stimer_event_kind */
	uint16_t code;             /* RESULT: final status, 0 = none came */
	uint32_t min_se;           /* RESULT 422: s, 0 = no or a bad Min-SE header */
	uint32_t retry_after;      /* RESULT 500, 503: s, 0 = no header */
	uint32_t random;           /* RESULT: any number, read for 491 */
	struct stimer_terms terms; /* CONFIRMED, RESULT 2xx */
};

enum stimer_action_kind {
	STIMER_NOTHING,
	STIMER_SEND_UPDATE,   /* without body; with se, min_se, refresher */
	STIMER_SEND_REINVITE, /* with the SDP in force; likewise */
	STIMER_SEND_OPTIONS,  /* a probe: its result is reported to the verdict only */
	STIMER_HANGUP,        /* both legs, with cause and code, if the verdict agrees */
};

enum stimer_refresher {
	STIMER_REFRESHER_NONE,
	STIMER_REFRESHER_UAC,
	STIMER_REFRESHER_UAS,
};

struct stimer_action {
	uint8_t kind;      /* enum stimer_action_kind */
	uint8_t refresher; /* enum stimer_refresher, relative to the request (ST-23) */
	uint16_t code;     /* HANGUP: the SIP code that showed it, 0 = none */
	uint32_t se;       /* s: Session-Expires of the request */
	uint32_t min_se;   /* s: Min-SE of the request, 0 = no header */
	enum cause cause;  /* HANGUP */
	uint64_t next_ms;  /* when to tick next, STIMER_NEVER = no need to */
};

/* One step. A HANGUP is returned once. If it is not carried out (brake, shadow mode) the timer goes
 * on trying at each segment, and a CONFIRMED or a 2xx puts everything right again. */
void stimer_step(struct stimer *st, const struct stimer_params *par, const struct stimer_event *ev,
	uint64_t now, struct stimer_action *act);

/* When the leg will be judged if no 2xx comes: what Redis holds as the leg's expiry. STIMER_NEVER
 * for STIMER_OFF. */
uint64_t stimer_expiry(const struct stimer *st, const struct stimer_params *par);

/* A Min-SE seen in a 422 or a refresh request on this dialog; the largest stays (ST-21). One above
 * what we accept is not kept. */
void stimer_learn_min_se(struct stimer *st, const struct stimer_params *par, uint32_t min_se);

/* Largest interval we let others impose on us, s: the larger of ttl and STIMER_MIN_SE_MAX. */
uint32_t stimer_cap(const struct stimer_params *par);

/* What a final status says about the dialog in which the request was sent (EXP-02, EXP-04). */
enum stimer_meaning {
	STIMER_MEANS_NO_ANSWER, /* none, or 408 */
	STIMER_MEANS_ALIVE,     /* 2xx */
	STIMER_MEANS_ANSWERED,  /* this transaction failed, the dialog stands */
	STIMER_MEANS_GONE,      /* 481 and its kin */
};

/* request: what was sent, STIMER_REQUEST_NONE for an OPTIONS probe (there only 481 means gone). */
enum stimer_meaning stimer_meaning(unsigned int code, enum stimer_request request);

#endif
