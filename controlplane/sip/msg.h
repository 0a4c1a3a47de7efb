/* SPDX-License-Identifier: BSD-3-Clause */
/* Building and reading SIP messages on osip_message_t. Whatever text goes into a message is checked
 * for bytes that could end its line or its field (SE-05); whatever is read is length-checked. */
#ifndef CONTROLPLANE_SIP_MSG_H
#define CONTROLPLANE_SIP_MSG_H

#include "shared/addr.h"

#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIP_ALLOW      "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO, REGISTER"
#define SIP_SUPPORTED  "timer"
#define SIP_USER_AGENT "linewatch/" LW_VERSION
#define SIP_URI_MAX    1024 /* longest URI that we keep, terminating zero included */

/* ---- whole messages ---- */

/* Sets libosip2's parser up and silences it (it would write a line for each malformed message).
 * Before any other use; harmless when repeated. sip_stack_open does it. Returns 0 or -ENOMEM. */
int sip_msg_setup(void);

/* Parses what the gate let through; the body is kept as it is. Returns 0, -EBADMSG or -ENOMEM. */
int sip_msg_parse(osip_message_t **msg, const char *buf, size_t len);

/* Serialises; *buf is freed by the caller with osip_free. Returns 0 or -errno. */
int sip_msg_print(osip_message_t *msg, char **buf, size_t *len);

struct sip_request {
	const char *method;
	const char *uri;          /* Request-URI */
	const char *from_display; /* NULL: none; quoted and escaped here */
	const char *from_uri;
	const char *from_tag;
	const char *to_display;
	const char *to_uri;
	const char *to_tag; /* NULL: none */
	const char *call_id;
	uint32_t cseq;
	int max_forwards; /* -1: 70 */
};

/* A request without Via (the stack adds it), Route and Contact, with Max-Forwards, User-Agent and,
 * except in ACK and CANCEL, Supported: timer; with Allow in INVITE, UPDATE and OPTIONS. NULL: a
 * field is malformed or memory is out. */
osip_message_t *sip_msg_request(const struct sip_request *request);

/* A response: all Vias in order, From, To with to_tag (where there is none yet and to_tag is not
 * NULL; never in 100), Call-ID, CSeq; Record-Route in 101-199 and 2xx; Allow in 2xx to INVITE,
 * UPDATE and OPTIONS and in 405; Supported in 2xx. reason NULL: the RFC's phrase. NULL: no memory.
 */
osip_message_t *sip_msg_response(
	const osip_message_t *req, int code, const char *reason, const char *to_tag);

/* Fills received and rport of the top Via from the packet's source, whatever the client wrote there
 * (RFC 3581, UA-07). 0 or -errno. */
int sip_msg_set_received(osip_message_t *req, const struct addr *source);

/* Where a response goes without a connection: received:rport, or received:sent-by port. Returns 0
 * or -EINVAL. */
int sip_msg_response_dest(const osip_message_t *resp, struct addr *dest);

/* ---- names and numbers ---- */

bool sip_msg_is(const osip_message_t *msg, const char *method); /* request, case-sensitive */
const char *sip_msg_method(const osip_message_t *msg); /* request's, or CSeq's of a response */
uint32_t sip_msg_cseq(const osip_message_t *msg);
const char *sip_msg_call_id(const osip_message_t *msg, char *buf, size_t size); /* with @host */
const char *sip_msg_from_tag(const osip_message_t *msg);                        /* NULL: none */
const char *sip_msg_to_tag(const osip_message_t *msg);                          /* NULL: none */
const char *sip_msg_branch(const osip_message_t *msg); /* of the top Via, NULL: none */

/* URIs as text, without display name and header parameters. Return 0, -ENOENT or -E2BIG. */
int sip_msg_from_uri(const osip_message_t *msg, char *buf, size_t size);
int sip_msg_to_uri(const osip_message_t *msg, char *buf, size_t size);
int sip_msg_request_uri(const osip_message_t *msg, char *buf, size_t size);
/* Display name of From without its quotes; an empty string if there is none. */
int sip_msg_from_display(const osip_message_t *msg, char *buf, size_t size);

/* The one usable Contact (DL-13): 0, -ENOENT none, -EINVAL "*", two, or not sip:, -E2BIG. */
int sip_msg_contact(const osip_message_t *msg, char *buf, size_t size);
int sip_msg_set_contact(osip_message_t *msg, const char *uri); /* replaces all; 0 or -errno */

/* ---- headers of any name ---- */

/* Adds or replaces one header line; -EINVAL for CR, LF or NUL in either text. */
int sip_msg_add(osip_message_t *msg, const char *name, const char *value);
int sip_msg_set(osip_message_t *msg, const char *name, const char *value);

/* The i-th value of a header that libosip2 has no field for (Supported, Require, Reason, ...), by
 * its full name; the compact form is found too. NULL past the last. */
const char *sip_msg_get(const osip_message_t *msg, const char *name, size_t i);

/* Does a comma list under this name (all its lines, compact too) hold the token? Any case. */
bool sip_msg_has_token(const osip_message_t *msg, const char *name, const char *token);
bool sip_msg_supports(const osip_message_t *msg, const char *option); /* Supported or k */
bool sip_msg_requires(const osip_message_t *msg, const char *option);
/* Allow: 1 listed, 0 not listed, -1 there is no Allow. */
int sip_msg_allows(const osip_message_t *msg, const char *method);

/* Writes the option tags of Require and Proxy-Require that are not in known[] (ends with NULL) as a
 * comma list for Unsupported. Returns their number; always 0 for ACK and CANCEL (UA-03). */
size_t sip_msg_unsupported(
	const osip_message_t *msg, const char *const known[], char *buf, size_t size);

/* Delta-seconds or other number of a header: 0, -ENOENT absent, -EINVAL malformed or above 2^32-1
 * (Retry-After: comment and parameters are skipped). */
int sip_msg_number(const osip_message_t *msg, const char *name, uint32_t *value);
int sip_msg_set_number(osip_message_t *msg, const char *name, uint32_t value);

/* Max-Forwards, 70 where absent (UA-05). */
uint32_t sip_msg_max_forwards(const osip_message_t *msg);

/* ---- session timer headers (RFC 4028) ---- */

enum sip_refresher {
	SIP_REFRESHER_NONE,
	SIP_REFRESHER_UAC,
	SIP_REFRESHER_UAS,
};

struct sip_session_expires {
	bool present;
	uint32_t delta; /* seconds, values above 2^31-1 are given as 2^31-1 */
	enum sip_refresher refresher;
};

/* Session-Expires or x (ST-01): 0 also when absent, -EINVAL malformed or twice: 400. */
int sip_msg_session_expires(const osip_message_t *msg, struct sip_session_expires *se);
/* Min-SE: *delta 0 when absent; 0 or -EINVAL. Capped like Session-Expires. */
int sip_msg_min_se(const osip_message_t *msg, uint32_t *delta);
int sip_msg_set_session_expires(osip_message_t *msg, uint32_t delta, enum sip_refresher refresher);
int sip_msg_set_min_se(osip_message_t *msg, uint32_t delta);

/* ---- bodies ---- */

/* The SDP of a message, also as a part of multipart/mixed or /alternative (UA-04). 0; -ENOENT no
 * body; -EMEDIUMTYPE a body of a type we do not know and must (415); -EBADMSG malformed multipart
 * (400). *sdp points into the message. */
int sip_msg_sdp(const osip_message_t *msg, const char **sdp, size_t *len);
int sip_msg_set_sdp(osip_message_t *msg, const char *sdp, size_t len);
/* Another body as it is (INFO): type "application/dtmf-relay". */
int sip_msg_set_body(osip_message_t *msg, const char *type, const char *body, size_t len);
/* The body as it came and its "type/subtype"; -ENOENT without one. */
int sip_msg_body(
	const osip_message_t *msg, char *type, size_t size, const char **body, size_t *len);

/* ---- URIs ---- */

/* A sip: URI of harmless bytes and sane length? ("sips:" and "tel:" are not.) */
bool sip_uri_usable(const char *uri);
/* User and host parts, unescaped user; 0, -EINVAL, -E2BIG. Either buffer may be NULL. */
int sip_uri_parts(const char *uri, char *user, size_t user_size, char *host, size_t host_size,
	uint16_t *port);
/* "sip:user@host:port"; the user is escaped as RFC 3261 wants. user may be NULL. 0 or -E2BIG. */
int sip_uri_make(char *buf, size_t size, const char *user, const struct addr *host);

#endif
