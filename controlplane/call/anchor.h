/* SPDX-License-Identifier: BSD-3-Clause */
/* A call's audio in the data plane: ports, rewritten descriptions, flows. With media `monitor` or
 * `none` descriptions pass with our o= line only; with `none` there are no flows. */
#ifndef CONTROLPLANE_CALL_ANCHOR_H
#define CONTROLPLANE_CALL_ANCHOR_H

#include "controlplane/call/call.h"

#include <stddef.h>

/* Takes a port or a monitored flow for each leg. Returns 0, or -errno (-ENOSPC): answer 503. */
int anchor_open(struct call *call);

/* Takes back the port of a restored leg (leg->media.at and gen are set), or another monitored flow.
 * 0 or -errno. */
int anchor_claim(struct leg *leg);

/* Removes the flows and gives the ports back. What was heard stays readable in leg->media. */
void anchor_close(struct call *call);

/* Takes in a description that the leg's party sent: it becomes leg->remote_sdp. Returns 0, or the
 * SIP code that refuses it (400, 488, 500) and changes nothing. offer: its own earlier one, or as
 * an answer the offer it belongs to (NULL: none), must match in its lines. */
int anchor_accept(struct leg *leg, const char *text, size_t len);

/* Does `text` answer what we sent on this leg? 0 or -EINVAL. */
int anchor_check_answer(const struct leg *leg, const char *text, size_t len);

/* May `text` be a new offer after what this leg's party said before? 0 or -EINVAL. */
int anchor_check_offer(const struct leg *leg, const char *text, size_t len);

/* Writes leg->local_sdp from the other party's description. answer: it answers leg->remote_sdp.
 * Returns 0 or -errno. */
int anchor_write(struct leg *leg, const char *text, bool answer);

/* Brings the data plane up to date with both descriptions and the call's state: after each
 * offer/answer, when the call becomes active, and when a media clock changes. */
void anchor_push(struct call *call);

/* What the data plane has seen of the leg. 0 or -ENOENT. */
int anchor_facts(const struct leg *leg, struct dpclient_flow_facts *facts);

/* The leg's media clock as the data plane has it. */
struct anchor_clock {
	uint64_t clock_ms; /* when it started */
	uint32_t start_ms, silence_ms;
};
/* False: it is stopped. */
bool anchor_clock(const struct leg *leg, struct anchor_clock *clock);

/* The clock was started or stopped, or began anew: that it had run out before means nothing then,
 * and the data plane has forgotten it too. */
static inline bool anchor_clock_is_new(
	uint32_t flags_before, uint64_t before_ms, uint32_t flags, uint64_t clock_ms)
{
	return (flags_before ^ flags) & PROTO_FLOW_CLOCK ||
		(flags & PROTO_FLOW_CLOCK && before_ms != clock_ms);
}

/* NAT is evident where the party's SDP names another address than its packets come from. */
bool anchor_behind_nat(const struct leg *leg);

/* Prolongs the flows' life. */
void anchor_prolong(struct call *call);

#endif
