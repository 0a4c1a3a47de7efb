/* SPDX-License-Identifier: BSD-3-Clause */
/* A dialog of ours (RFC 3261 12) as stored strings: what a leg must know to send and to verify
 * requests. It also serves before the dialog exists: the first INVITE, and its repeats after 401 or
 * 422, are requests of a dialog without a remote tag. */
#ifndef CONTROLPLANE_SIP_DIALOG_H
#define CONTROLPLANE_SIP_DIALOG_H

#include "controlplane/sip/transport.h"

#include <osipparser2/osip_message.h>
#include <stdbool.h>
#include <stdint.h>

struct sip_dialog {
	char *call_id;
	char *local_tag;
	char *remote_tag;    /* NULL until known */
	char *local_uri;     /* From of our requests, without tag */
	char *remote_uri;    /* To of our requests */
	char *local_display; /* NULL: none */
	char *contact;       /* URI in our Contact */
	char *remote_target; /* Request-URI: the peer's Contact */
	char *route;         /* "<sip:p1;lr>,<sip:p2;lr>" in sending order, NULL: none */
	uint32_t local_cseq; /* last used; 0: none yet */
	uint32_t remote_cseq;
	bool remote_cseq_known;
	bool confirmed; /* the route set is frozen (DL-04) */
	struct sip_flow flow;
};

/* All return 0 or -errno (-ENOMEM, -EINVAL for unusable text) and leave the dialog as it was on
 * failure. A dialog is zeroed memory before its first use; sip_dialog_clear frees its strings and
 * zeroes it again. */
void sip_dialog_clear(struct sip_dialog *dialog);

struct sip_dialog_start {
	const char *call_id;
	const char *local_tag;
	const char *local_uri;
	const char *local_display; /* NULL: none */
	const char *remote_uri;
	const char *target;  /* Request-URI of the INVITE */
	const char *contact; /* our Contact URI */
	struct sip_flow flow;
};

/* As caller, before the INVITE is sent. */
int sip_dialog_start(struct sip_dialog *dialog, const struct sip_dialog_start *start);

/* As caller, on a 101-199 or 2xx with a To tag: takes remote tag, target and reversed Record-Route
 * (DL-02). A 2xx confirms: it recomputes the route set one last time. A To tag other than the one
 * known is -ESTALE (another fork) unless the dialog is not confirmed, and then it replaces it. A
 * 2xx without exactly one Contact is -EINVAL and confirms nothing; what it can be ended by is taken
 * (DL-13). */
int sip_dialog_answer(struct sip_dialog *dialog, const osip_message_t *resp);

/* As caller, a dialog made of nothing but a 2xx: to ACK and BYE an orphan (CN-04, CN-07). */
int sip_dialog_orphan(struct sip_dialog *dialog, const osip_message_t *resp, const char *contact,
	const struct sip_flow *flow);

/* As callee, from the INVITE: -EBADMSG if it lacks a From tag or a usable Contact (DL-13: 400). */
int sip_dialog_accept(struct sip_dialog *dialog, const osip_message_t *invite,
	const char *local_tag, const char *contact, const struct sip_flow *flow);
/* Our 2xx was sent: the dialog is confirmed. */
void sip_dialog_confirm(struct sip_dialog *dialog);

/* A request in the dialog, CSeq one higher; Via, Contact (in INVITE, UPDATE), Route and Request-URI
 * by loose or strict routing (DL-03). NULL: out of memory, or CSeq used up (2^31-1). Body and
 * further headers are the caller's. Not for ACK and CANCEL. */
osip_message_t *sip_dialog_request(struct sip_dialog *dialog, const char *method);
/* A copy of a request that this dialog made, before its Via, with CSeq one higher; the first
 * INVITE's dialog forgets who refused it. NULL: as above. */
osip_message_t *sip_dialog_again(struct sip_dialog *dialog, const osip_message_t *req);
/* The ACK for a 2xx to the INVITE of that CSeq number (TX-08). */
osip_message_t *sip_dialog_ack(const struct sip_dialog *dialog, uint32_t cseq);
/* A response of ours with this dialog's tag and, in 1xx (not 100) and 2xx to INVITE and UPDATE, our
 * Contact. */
osip_message_t *sip_dialog_response(
	const struct sip_dialog *dialog, const osip_message_t *req, int code, const char *reason);

/* Does the message carry this Call-ID and both tags? (request: To is ours; response: From is) */
bool sip_dialog_match(const struct sip_dialog *dialog, const osip_message_t *msg);

/* CSeq of a request received in the dialog (DL-06): 0 and noted, -ERANGE lower: 500. ACK
 * and CANCEL are not to be passed. */
int sip_dialog_check_cseq(struct sip_dialog *dialog, const osip_message_t *req);

/* Target refresh by an INVITE or UPDATE received, or a 2xx to one of ours (DL-05); anything else is
 * ignored. Returns 1 if the target changed, 0 if not, -EINVAL if Contact is unusable (400). */
int sip_dialog_refresh_target(struct sip_dialog *dialog, const osip_message_t *msg);

#endif
