/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/indialog.h"

#include "controlplane/call/admit.h"
#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/hangup.h"
#include "controlplane/call/offer.h"
#include "controlplane/call/refresh.h"
#include "controlplane/call/watch.h"
#include "controlplane/sip/msg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Answers with one further header. */
static void reply_with(
	struct leg *leg, struct sip_server *server, int code, const char *name, const char *value)
{
	osip_message_t *resp = sip_dialog_response(
		&leg->dialog, sip_server_request(server), code, NULL);

	if (!resp)
		return;
	sip_msg_add(resp, name, value);
	sip_server_reply(server, resp);
}

static void reply_busy(struct leg *leg, struct sip_server *server)
{
	char value[4];

	snprintf(value, sizeof(value), "%ld", random() % 11);
	reply_with(leg, server, 500, "Retry-After", value);
}

/* Full dialog ids are not enough: the request must come from the party's host, its trunk, or where
 * its user is registered now (SE-17). A new port of the same host is a new NAT mapping. */
static bool from_party(struct leg *leg, const struct sip_rx *rx)
{
	struct calls *calls = leg->call->calls;

	if (addr_same_ip(&leg->dialog.flow.remote, &rx->flow.remote))
		return true;
	if (leg->trunk)
		return route_trunk_of(calls->conf, &rx->flow.remote) == leg->trunk;
	return registrar_is_from(
		calls->registrar, rx->msg->from->url, &rx->flow.remote, rx->now_ms);
}

static void on_bye(struct leg *leg, struct sip_server *server)
{
	struct call *call = leg->call;
	struct sip_server *open = leg->server;
	enum cause cause = leg->name == 'b'  ? CAUSE_CALLEE
		: call->state == CALL_ACTIVE ? CAUSE_CALLER
					     : CAUSE_CANCEL;

	leg_reply(leg, server, 200, NULL);
	/* An INVITE of its own that is still open gets 487 (DL-11); a 2xx of ours goes on waiting
	 * for its ACK. */
	if (open && call->offer.server != open && sip_server_request(open)) {
		leg->server = NULL;
		leg_reply(leg, open, 487, NULL);
	}
	offer_drop(call);
	if (leg->state == LEG_GONE)
		return;
	leg_ask_drop(leg, ASK_BYE);
	hangup_leg_gone(leg);
	if (call->state != CALL_ENDING)
		hangup_fact(call, cause, 0, (uint8_t)leg_index(leg));
}

/* Checks the timer headers of a re-INVITE or UPDATE before anything is done. */
static bool timer_fits(struct leg *leg, struct sip_server *server, const struct sip_rx *rx)
{
	struct stimer_params par = leg_stimer_params(leg);
	struct stimer st = leg->stimer;
	struct stimer_headers headers;
	struct stimer_answer answer;
	char value[16];

	if (refresh_headers(rx->msg, &headers) < 0) {
		leg_reply(leg, server, 400, NULL);
		return false;
	}
	stimer_answer(&par, &st, &headers, &answer);
	if (answer.code == 0)
		return true;
	snprintf(value, sizeof(value), "%u", answer.min_se);
	reply_with(leg, server, answer.code, "Min-SE", value);
	return false;
}

/* A description that the leg's party sends: 0 none or nothing new, 1 changed, else -code. */
static int description(struct leg *leg, const struct sip_rx *rx, const char **sdp, size_t *len)
{
	struct sdp parsed;
	const char *why;
	int rc = sip_msg_sdp(rx->msg, sdp, len);

	if (rc == -ENOENT) {
		*sdp = NULL;
		return 0;
	}
	if (rc < 0)
		return rc == -EMEDIUMTYPE ? -415 : -400;
	rc = sdp_describe(&parsed, *sdp, *len, &why);
	if (rc < 0)
		return rc == -EINVAL ? -400 : -488;
	if (leg->remote_sdp && sdp_unchanged(leg->remote_sdp, strlen(leg->remote_sdp), *sdp, *len))
		return 0;
	return 1;
}

/* RI-02, UP-03: two at a time are refused, each kind in its own way. */
static bool is_free(struct leg *leg, struct sip_server *server, bool invite, bool offer)
{
	bool ours_invite = (leg->ask[ASK_REFRESH].client &&
				   leg->refresh.kind == STIMER_SEND_REINVITE) ||
		leg->ask[ASK_OFFER].client;

	if (leg->state == LEG_ANSWERED || leg->server || (offer && leg->call->offer.from == leg)) {
		if (invite || offer) {
			reply_busy(leg, server);
			return false;
		}
	}
	if ((invite || offer) && ours_invite) {
		leg_reply(leg, server, 491, NULL);
		return false;
	}
	return true;
}

static void on_reoffer(struct leg *leg, struct sip_server *server, const struct sip_rx *rx)
{
	bool invite = sip_msg_is(rx->msg, "INVITE");
	const char *sdp;
	size_t len;
	int rc, changed;

	changed = description(leg, rx, &sdp, &len);
	if (changed == -415) {
		reply_with(leg, server, 415, "Accept", "application/sdp");
		return;
	}
	if (changed < 0) {
		leg_reply(leg, server, -changed, NULL);
		return;
	}
	if (leg->state != LEG_UP && leg->state != LEG_ANSWERED && (invite || changed)) {
		leg_reply(leg, server, 491, NULL);
		return;
	}
	if (!is_free(leg, server, invite, changed == 1) || !timer_fits(leg, server, rx))
		return;
	if (sip_dialog_refresh_target(&leg->dialog, rx->msg) < 0) {
		leg_reply(leg, server, 400, NULL);
		return;
	}
	leg->dialog.flow = rx->flow;
	if (invite) {
		leg->server = server;
		sip_server_set_user(server, leg);
		refresh_busy(leg, true);
	}
	if (changed == 0) {
		/* Nothing new: answered here, with what is in force (B2B-02, B2B-05). */
		offer_accept(leg, server, invite || sdp ? leg->local_sdp : NULL);
		return;
	}
	rc = offer_start(leg, server, sdp, len);
	if (rc == 0)
		return;
	leg_reply(leg, server, rc, NULL);
	if (invite) {
		leg->server = NULL;
		refresh_busy(leg, false);
	}
}

static void on_info_answer(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	struct leg_ask_slot *slot = arg;
	struct leg *from = leg_other(slot->leg);
	struct sip_server *server = from->info;
	int code = event == SIP_RESPONSE ? resp->status_code : 408;
	struct verdict_event gone = {
		.kind = VERDICT_GONE,
		.leg = (uint8_t)leg_index(slot->leg),
		.cause = CAUSE_PROBE_GONE,
		.code = (uint16_t)code,
	};

	if (code < 200)
		return;
	slot->client = NULL;
	from->info = NULL;
	if (server)
		leg_reply(from, server, leg_told(code), NULL);
	if (stimer_meaning((unsigned int)code, STIMER_REQUEST_NONE) == STIMER_MEANS_GONE)
		watch_step(from->call, &gone);
}

/* INFO crosses with its body, in the other leg's own CSeq space (DL-14). */
static void on_info(struct leg *leg, struct sip_server *server, const struct sip_rx *rx)
{
	struct leg *to = leg_other(leg);
	osip_message_t *req;
	const char *body;
	char type[128];
	size_t len;

	if (leg->info || to->state != LEG_UP || to->ask[ASK_INFO].client) {
		reply_busy(leg, server);
		return;
	}
	req = leg_request(to, "INFO");
	if (req && sip_msg_body(rx->msg, type, sizeof(type), &body, &len) == 0)
		sip_msg_set_body(req, type, body, len);
	leg->info = server;
	if (leg_ask(to, ASK_INFO, req, on_info_answer) < 0) {
		leg->info = NULL;
		reply_busy(leg, server);
	}
}

void indialog_request(struct leg *leg, struct sip_server *server, const struct sip_rx *rx)
{
	char unsupported[256];

	if (!from_party(leg, rx)) {
		leg_reply(leg, server, 403, NULL);
		return;
	}
	if (sip_dialog_check_cseq(&leg->dialog, rx->msg) < 0) {
		leg_reply(leg, server, 500, NULL);
		return;
	}
	if (sip_msg_unsupported(rx->msg, admit_options, unsupported, sizeof(unsupported)) > 0) {
		reply_with(leg, server, 420, "Unsupported", unsupported);
		return;
	}
	refresh_learn(leg, rx->msg);
	if (sip_msg_is(rx->msg, "BYE")) {
		on_bye(leg, server);
		return;
	}
	if (leg->call->state == CALL_ENDING) {
		/* It does not come back to life (EXP-07). */
		leg_reply(leg, server, 481, NULL);
		return;
	}
	if (sip_msg_is(rx->msg, "INVITE") || sip_msg_is(rx->msg, "UPDATE"))
		on_reoffer(leg, server, rx);
	else if (sip_msg_is(rx->msg, "OPTIONS"))
		leg_reply(leg, server, 200, NULL);
	else if (sip_msg_is(rx->msg, "INFO"))
		on_info(leg, server, rx);
	else if (sip_msg_is(rx->msg, "PRACK"))
		leg_reply(leg, server, 481, NULL);
	else
		leg_reply(leg, server, 405, NULL);
}

void indialog_ack(struct leg *leg, const struct sip_rx *rx)
{
	const char *sdp;
	size_t len;

	leg->sip_ms = rx->now_ms;
	if (leg->call->state != CALL_ACTIVE)
		return;
	/* The answer to a description that we offered in the 200 (B2B-05). */
	if (sip_msg_sdp(rx->msg, &sdp, &len) == 0 && leg->remote_sdp &&
		!sdp_unchanged(leg->remote_sdp, strlen(leg->remote_sdp), sdp, len) &&
		anchor_check_answer(leg, sdp, len) == 0 && anchor_accept(leg, sdp, len) == 0) {
		anchor_push(leg->call);
		call_commit(leg->call, PART_SDP);
	}
	refresh_busy(leg, false);
}

void indialog_ack_timeout(struct leg *leg)
{
	if (leg->call->state != CALL_ACTIVE)
		return;
	refresh_busy(leg, false);
	hangup_decide(leg->call, CAUSE_NO_ACK, 0, (uint8_t)leg_index(leg));
}

void indialog_cancel(struct leg *leg, struct sip_server *server)
{
	struct call *call = leg->call;

	if (call->offer.server == server) {
		offer_cancel(call);
		return;
	}
	leg_reply(leg, server, 487, NULL);
	leg->server = NULL;
	if (call->state == CALL_ACTIVE)
		refresh_busy(leg, false);
}
