/* SPDX-License-Identifier: BSD-3-Clause */
/* The gate in front of libosip2 (architecture, control plane 2). Pure: it reads one raw datagram
 * and says what to do with it. libosip2 accepts messages without mandatory headers, wraps numbers
 * and is quadratic on long parameter lists; nothing that this file refuses ever reaches it.
 * Checklist: SE-08, SE-12, TT-01..05, TT-08, TX-12, TX-18, KA-05. */
#ifndef CONTROLPLANE_SIP_GATE_H
#define CONTROLPLANE_SIP_GATE_H

#include "shared/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Configurable limits; gate_limits_default() fills them. */
struct gate_limits {
	uint32_t message_max; /* bytes of a datagram: 8192 */
	uint32_t lines_max;   /* header lines: 256 */
	uint32_t line_max;    /* bytes of one header line, folds included: 2048 */
	uint32_t headers_max; /* lines of one header name: 64 */
	uint32_t params_max;  /* ';', '&' and ',' in one line: 64 */
};

enum gate_action {
	GATE_ACCEPT,    /* parse msg[0 .. len) of the result */
	GATE_DROP,      /* forget it; why tells the counter */
	GATE_REPLY,     /* a request that gate_reply can answer with code and reason */
	GATE_KEEPALIVE, /* CRLF, NULs, "jaK", STUN: no SIP, and no fault */
};

/* Counted by reason; the text is for logs and metrics. */
#define GATE_WHYS(X)                                             \
	X(OK, "accepted")                                        \
	X(EMPTY, "empty datagram")                               \
	X(KEEPALIVE, "keep-alive")                               \
	X(STUN, "STUN")                                          \
	X(NOT_SIP, "not SIP")                                    \
	X(TOO_LONG, "message over the size limit")               \
	X(TOO_MANY_LINES, "too many header lines")               \
	X(LINE_TOO_LONG, "header line too long")                 \
	X(TOO_MANY_HEADERS, "too many headers of one kind")      \
	X(TOO_MANY_PARAMS, "too many parameters in one line")    \
	X(NO_BLANK_LINE, "no empty line after the headers")      \
	X(NUL, "NUL byte in the headers")                        \
	X(BAD_START_LINE, "malformed start line")                \
	X(BAD_HEADER, "malformed header line")                   \
	X(VERSION, "SIP version is not 2.0")                     \
	X(STATUS, "status code is not 100 to 699")               \
	X(MISSING_VIA, "Via is missing")                         \
	X(MISSING_FROM, "From is missing")                       \
	X(MISSING_TO, "To is missing")                           \
	X(MISSING_CALL_ID, "Call-ID is missing")                 \
	X(MISSING_CSEQ, "CSeq is missing")                       \
	X(TWICE, "header that may stand only once stands twice") \
	X(CSEQ_NUMBER, "CSeq number is not 0 to 2^31-1")         \
	X(CSEQ_METHOD, "CSeq method is not the request's")       \
	X(MAX_FORWARDS, "Max-Forwards is not 0 to 255")          \
	X(CONTENT_LENGTH, "Content-Length is not a number")      \
	X(BODY_SHORT, "Content-Length is beyond the datagram")   \
	X(PARSER, "refused by the parser")

enum gate_why {
#define X(name, text) GATE_WHY_##name,
	GATE_WHYS(X)
#undef X
		GATE_WHY_MAX
};

/* A piece of the datagram; valid as long as it is. */
struct gate_slice {
	const char *ptr;
	size_t len;
};

struct gate_result {
	enum gate_action action;
	enum gate_why why;
	uint16_t code;      /* GATE_REPLY: 400, 413, 505 or 513 */
	const char *reason; /* its reason phrase */
	const char *msg;    /* start of the message, behind leading line ends */
	size_t len;         /* GATE_ACCEPT: bytes that belong to it (headers + body) */
	size_t head_len;    /* of them, the headers with the empty line */
	bool request;
	uint16_t status; /* response */
	uint32_t cseq;
	/* Values without the white space around them; folds inside are left as they are. */
	struct gate_slice method; /* request line's; CSeq's in a response */
	struct gate_slice via;    /* first Via line */
	struct gate_slice from;
	struct gate_slice to;
	struct gate_slice call_id;
	struct gate_slice from_tag; /* empty if none */
	struct gate_slice to_tag;
};

void gate_limits_default(struct gate_limits *limits);

/* Judges one datagram; *result is filled whatever the verdict. */
void gate_check(
	const struct gate_limits *limits, const char *buf, size_t len, struct gate_result *result);

/* The sentence of a reason. */
const char *gate_why_text(enum gate_why why);

/* Builds the stateless answer to a request by copying its Via lines, From, To, Call-ID and CSeq as
 * far as they are there, unfolded; extra is NULL or whole header lines of our own
 * ("Retry-After: 5\r\n"). received and rport are filled from source; *dest is where it goes (RFC
 * 3581, RFC 3261 18.2.2). Never much longer than what it copies. Returns the length; 0: there is no
 * answer (ACK, a response, no Via, not SIP, too long for out). */
size_t gate_reply(const char *buf, size_t len, const struct addr *source, uint16_t code,
	const char *reason, const char *extra, char *out, size_t size, struct addr *dest);

#endif
