/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a call ended: one table for the CDR, Redis, the log and the Reason header (RFC 3326). */
#ifndef CONTROLPLANE_CALL_CAUSE_H
#define CONTROLPLANE_CALL_CAUSE_H

#include <stddef.h>
#include <stdint.h>

/* X(name, CDR name, who ended it, Reason protocol and cause, text for people)
 * A CDR name that ends in '-' is completed by the SIP code that was seen ("refresh-481"). */
#define CAUSES(X)                                                                                 \
	X(NONE, "", "", "", "not ended")                                                          \
	X(CALLER, "normal", "caller", "Q.850;cause=16", "Caller hung up")                         \
	X(CALLEE, "normal", "callee", "Q.850;cause=16", "Callee hung up")                         \
	X(CANCEL, "cancel", "caller", "SIP;cause=487", "Caller gave up")                          \
	X(BUSY, "busy", "callee", "SIP;cause=486", "Busy")                                        \
	X(NO_ANSWER, "no-answer", "linewatch", "SIP;cause=480", "No answer")                      \
	X(REJECTED, "rejected-", "callee", "SIP;cause=603", "Callee refused")                     \
	X(NO_ROUTE, "no-route", "linewatch", "SIP;cause=404", "No route")                         \
	X(UNREACHABLE, "unreachable", "linewatch", "SIP;cause=408", "Next hop mute")              \
	X(NO_RESOURCE, "no-resource", "linewatch", "SIP;cause=503", "No resources")               \
	X(BAD_OFFER, "bad-offer", "linewatch", "SIP;cause=488", "SDP not acceptable")             \
	X(NO_ACK, "no-ack", "linewatch", "SIP;cause=408", "ACK missing")                          \
	X(SESSION_TIMEOUT, "session-timeout", "linewatch", "SIP;cause=408", "Session timeout")    \
	X(REFRESH_GONE, "refresh-", "linewatch", "SIP;cause=481", "Dialog gone")                  \
	X(PROBE_GONE, "probe-", "linewatch", "SIP;cause=481", "Dialog gone at probe")             \
	X(MEDIA_DEAD_A, "media-dead-a", "linewatch", "SIP;cause=408", "Media of the caller dead") \
	X(MEDIA_DEAD_B, "media-dead-b", "linewatch", "SIP;cause=408", "Media of the callee dead") \
	X(MEDIA_DEAD_BOTH, "media-dead-both", "linewatch", "SIP;cause=408",                       \
		"Media of both parties dead")                                                     \
	X(MEDIA_HARD_A, "media-hard-a", "linewatch", "SIP;cause=408",                             \
		"Media of the caller silent too long")                                            \
	X(MEDIA_HARD_B, "media-hard-b", "linewatch", "SIP;cause=408",                             \
		"Media of the callee silent too long")                                            \
	X(MEDIA_HARD_BOTH, "media-hard-both", "linewatch", "SIP;cause=408",                       \
		"Media of both parties silent too long")                                          \
	X(NO_TIMER_LIMIT, "no-timer-limit", "linewatch", "SIP;cause=408",                         \
		"Limit for calls without session timer")                                          \
	X(MAX_DURATION, "max-duration", "linewatch", "SIP;cause=408",                             \
		"Longest call duration reached")                                                  \
	X(OPERATOR, "operator", "operator", "Q.850;cause=31", "Ended by the operator")            \
	X(SHUTDOWN, "shutdown", "operator", "Q.850;cause=41", "Node stopped")                     \
	X(NODE_FAILURE, "node-failure", "linewatch", "Q.850;cause=41", "Node failure")            \
	X(WITHOUT_REDIS, "hangup-without-redis", "linewatch", "SIP;cause=408",                    \
		"Session timeout while Redis was away")

enum cause {
#define X(name, cdr, by, reason, text) CAUSE_##name,
	CAUSES(X)
#undef X
		CAUSE_MAX
};

#define CAUSE_STRLEN  32
#define REASON_STRLEN 96

/* Name for CDR and Redis; code completes it where the table says so. Returns buf. */
char *cause_format(enum cause cause, unsigned int code, char buf[static CAUSE_STRLEN]);

/* The cause of a stored name, *code filled where it carries one. CAUSE_NONE if there is none such;
 * "normal" is told apart by `by` (may be NULL: CAUSE_CALLER). */
enum cause cause_parse(const char *name, const char *by, unsigned int *code);

/* "caller", "callee", "linewatch", "operator", "" for none; and a sentence for people. */
const char *cause_by(enum cause cause);
const char *cause_text(enum cause cause);

/* Value of the Reason header, e.g. SIP;cause=408;text="Session timeout". A code given and allowed
 * by the table replaces the number. Returns buf. */
char *cause_reason(enum cause cause, unsigned int code, char buf[static REASON_STRLEN]);

#endif
