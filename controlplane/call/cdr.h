/* SPDX-License-Identifier: BSD-3-Clause */
/* The call detail record: a plain struct in, names and texts out (documented in shared/cdr.md).
 * They go to the Redis stream, and from there to the JSON lines. */
#ifndef CONTROLPLANE_CALL_CDR_H
#define CONTROLPLANE_CALL_CDR_H

#include "controlplane/call/cause.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Times are wall clock, ms since 1970; 0 = never. */
struct cdr_leg {
	const char *call_id; /* SIP Call-ID */
	const char *peer;    /* transport address of the party, "192.0.2.1:5060" */
	uint64_t sip_ms; /* last proof of life by SIP: a request or a final answer in the dialog but
			  * 408 and 481, the answer to our BYE included */
	uint64_t rtp_ms; /* last RTP or RTCP from the verified source */
	uint64_t packets; /* RTP packets from it */
	uint64_t lost;    /* that were missing in its sequence */
	uint64_t jitter_ms;
	bool timer; /* session timer supported */
};

struct cdr {
	const char *id;   /* call id */
	const char *node; /* node that ended it */
	const char *from;
	const char *to;
	const char *trunk; /* "" = none */
	uint64_t setup_ms;
	uint64_t answered_ms;
	uint64_t ended_ms; /* when the first party or linewatch decided, not when the BYE was
			      answered */
	enum cause cause;
	unsigned int code; /* SIP code that completes the cause, 0 = none */
	bool media;        /* the call's media went through or past us: RTP proofs exist */
	bool media_live;   /* RTP was alive on both legs when it was ended */
	struct cdr_leg leg[2];
};

/* Milliseconds from answer to end, and from answer to the last moment at which both parties were
 * proven alive: the smaller, over the legs, of the leg's latest proof; never before the answer nor
 * after the end. Both 0 if never answered. */
uint64_t cdr_connected_ms(const struct cdr *cdr);
uint64_t cdr_proven_ms(const struct cdr *cdr);

#define CDR_FIELDS_MAX 32

struct cdr_field {
	const char *name;
	const char *value;
};

/* Names and values of one record. Holds its own texts. */
struct cdr_text {
	unsigned int count;
	struct cdr_field field[CDR_FIELDS_MAX];
	char store[CDR_FIELDS_MAX][24];
	char cause[CAUSE_STRLEN];
};

/* Fills *out; its values point into itself and into *cdr's texts. */
void cdr_write(const struct cdr *cdr, struct cdr_text *out);

/* Whether a field's value is a number (JSON: without quotes). */
bool cdr_is_number(const char *name);

#endif
