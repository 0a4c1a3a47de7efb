/* SPDX-License-Identifier: BSD-3-Clause */
/* The fused verdict on one call (product.md 4.1): SIP evidence and media evidence of both legs, and
 * the limits, go in; a probe, an alarm or one end come out. Pure: (state, event, now) -> (state,
 * action). Times are ms of CLOCK_BOOTTIME. */
#ifndef CONTROLPLANE_CALL_VERDICT_H
#define CONTROLPLANE_CALL_VERDICT_H

#include "controlplane/call/cause.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define VERDICT_NEVER UINT64_MAX

/* Parameters of the trunk, seconds; handed in at each step. */
struct verdict_params {
	uint32_t media_timeout;       /* 0 = off */
	uint32_t media_start_timeout; /* 0 = off */
	uint32_t media_hold_timeout;  /* 0 = off */
	uint32_t media_dtx_timeout;   /* 0 = off */
	uint32_t media_hard_timeout;  /* 0 = never end a party that answers probes */
	uint32_t probe_timeout;
	uint32_t no_timer_limit; /* SS_SIP_NO_TIMER_REINVITE_INTERVAL, 0 = off */
	uint32_t max_duration;   /* max_call_duration, 0 = off */
	bool shadow;             /* decide and record, but do not hang up */
};

/* What is known of the media that a leg sends us. */
struct verdict_media {
	bool sends;     /* its own SDP: sendrecv or sendonly, port not 0, c= not 0.0.0.0 */
	bool held;      /* the call was two-way on this leg before and is not now */
	bool off;       /* port 0, or no stream at all */
	bool dtx;       /* CN or DTX negotiated: it may pause (sdp.h) */
	bool rtcp_seen; /* RTCP was ever heard from it */
};

/* The clocks that the data plane shall run for a leg. All 0: no clock on that direction. RTCP
 * always counts as life for them. */
struct verdict_clock {
	uint32_t start_ms;   /* before the first packet */
	uint32_t silence_ms; /* after it */
};

/* To be asked again when a direction changes, and when RTCP is heard first from a DTX leg. */
struct verdict_clock verdict_clock(const struct verdict_params *par, const struct verdict_media *m);

enum verdict_probe {
	VERDICT_PROBE_NONE,     /* not asked */
	VERDICT_PROBE_SENT,     /* no answer so far */
	VERDICT_PROBE_ANSWERED, /* SIP is alive */
	VERDICT_PROBE_FAILED,   /* unanswered for probe_timeout */
};

struct verdict_leg {
	uint64_t hard_ms;  /* silent: end then at the latest, 0 = never */
	uint64_t probe_ms; /* probe sent: unanswered then */
	uint8_t probe;     /* enum verdict_probe */
	bool silent;       /* the leg's media clock ran out */
	bool unanswered;   /* a refresh got no answer so far */
	bool expired;      /* the interval ended unconfirmed */
	bool timer;        /* supports session timers */
	bool probing;      /* may be probed; false: leg without timer and no_timer_probe off */
	bool asked_again;  /* the probe was sent when the brake was released */
};

/* State of a call. After a restart: VERDICT_ANSWERED with the old time, then TIMER of each leg; the
 * media clocks restart by themselves in the data plane. */
struct verdict {
	uint64_t answered_ms; /* 0 = not yet */
	uint64_t shadowed;    /* causes that shadow mode recorded, bit by enum cause */
	struct verdict_leg leg[2];
	bool brake; /* mass failure: no hang-up by media or silence */
	bool ended;
};
static_assert(CAUSE_MAX <= 64, "shadowed is a bit set");

enum verdict_event_kind {
	VERDICT_ANSWERED, /* the call is up: limits count from at_ms (0 = now) */
	VERDICT_TIMER,    /* leg: on = supports timer; probing = may be probed */
	VERDICT_SILENT, /* leg: its media clock ran out; at_ms = silent since (last packet, or start
			 * of the clock); 0 = unknown, then the timeout_ms before now */
	VERDICT_HEARD,  /* leg: media again */
	VERDICT_RESET,  /* leg: its media was renegotiated, or its clock restarted */
	VERDICT_REFRESH,      /* leg: on = refresh unanswered so far (stimer.unanswered) */
	VERDICT_CONFIRMED,    /* leg: a 2xx restarted the interval */
	VERDICT_EXPIRED,      /* leg: the stimer says HANGUP with CAUSE_SESSION_TIMEOUT */
	VERDICT_GONE,         /* leg: 481 or its kin; cause (REFRESH_GONE, PROBE_GONE) and code */
	VERDICT_PROBE_RESULT, /* leg: on = some final answer but 408 came */
	VERDICT_BRAKE,        /* on, or released */
	VERDICT_TICK,         /* next_ms has come; harmless at any other time */
	VERDICT_OVER,         /* ended by somebody else: nothing happens any more */
	VERDICT_RESUMED, /* the end was taken back (Redis knows a later expiry): all is asked anew
			  */
};

struct verdict_event {
	uint8_t kind; /* enum verdict_event_kind */
	uint8_t leg;  /* 0 = a, 1 = b */
	bool on;
	bool probing;
	uint16_t code;
	uint32_t timeout_ms; /* SILENT: the clock that ran out */
	enum cause cause;
	uint64_t at_ms;
};

struct verdict_action {
	enum cause
		end;   /* CAUSE_NONE: go on. Else end both legs (unless shadow), first cause wins */
	uint16_t code; /* completes the cause */
	uint8_t end_leg; /* the leg that gave the evidence, 2 = both or neither */
	bool shadow;     /* record `end` only: it would have ended the call */
	bool media_live; /* with `end`: no leg's media was silent (CDR flag, where media is watched)
			  */
	uint8_t probe;   /* bit 0: probe leg a, bit 1: leg b (STIMER_PROBE event of that leg) */
	uint8_t alarm;   /* bits as above: refresh unanswered while RTP is alive */
	uint8_t silent;  /* bits as above: media silence began, for the event stream */
	uint64_t next_ms; /* when to tick next, VERDICT_NEVER = no need to */
};

void verdict_step(struct verdict *v, const struct verdict_params *par,
	const struct verdict_event *ev, uint64_t now, struct verdict_action *act);

#endif
