/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives on media ports (RFC 6263): a leg to which nothing was relayed for its keepalive_s,
 * such as one on hold, gets a packet of our own, so that its NAT keeps the mapping.
 *
 * It leaves by the leg's own local port for where the leg's media goes, in the form that the RFC
 * prefers among those that a relay can make:
 *   RTCP with RTP on one port (4.3)   an empty receiver report of the source that was relayed last
 *   else RTP (4.6)                    a header alone, of a payload type that neither leg negotiated
 *   SRTP, or nothing relayed yet      a STUN Binding indication (4.4): we can authenticate nothing,
 *                                     and a source made up by us would be learnt by the phone
 * RTP has the source's SSRC, the time stamp that its packet would have now, and its last sequence
 * number again: the number after it is the source's to use, and whoever takes it first makes the
 * phone drop the other as a repetition. RTCP on a port of its own needs nothing from us: the
 * parties send it all the time, also on hold (section 8). */
#ifndef DATAPLANE_MEDIA_HOLD_H
#define DATAPLANE_MEDIA_HOLD_H

#include "dataplane/media/context.h"

enum hold_form {
	HOLD_STUN,
	HOLD_RTP,
	HOLD_RTCP,
};

/* Main to a worker, in a mail's arguments: one keep-alive to where packets of flow `id` go. */
struct hold_order {
	uint32_t id, gen;
	uint8_t form; /* enum hold_form */
	uint8_t type; /* payload type of HOLD_RTP */
	uint8_t v6;   /* to an IPv6 leg */
	uint8_t zero;
};
static_assert(sizeof(struct hold_order) <= sizeof(((struct mail *)NULL)->arg), "fits in a mail");

/* Main: a flow was set. */
void hold_watch(struct media *media, uint32_t id, uint32_t now_tick);

/* Main: one portion of the scan for legs that want a keep-alive; orders them from the workers. */
void hold_scan(struct media *media, uint32_t now_tick);

/* Worker: the mail's function; see struct hold_order. */
void hold_send(struct worker *w, const struct mail *mail);

#endif
