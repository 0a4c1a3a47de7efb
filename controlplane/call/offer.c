/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/offer.h"

#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/refresh.h"
#include "controlplane/call/watch.h"
#include "controlplane/sip/msg.h"

#include <stdlib.h>
#include <string.h>

/* Well before the asking party's timer F of 32 s (UP-04). */
#define OFFER_ANSWER_MS 20000

static void finish(struct call *call)
{
	struct call_offer *offer = &call->offer;

	wheel_cancel(call->calls->wheel, &offer->timer);
	free(offer->sdp);
	offer->sdp = NULL;
	offer->from = NULL;
	offer->server = NULL;
}

/* The asking party gets a final answer other than 2xx. */
static void refuse(struct call *call, int code)
{
	struct call_offer *offer = &call->offer;
	struct leg *from = offer->from;
	struct sip_server *server = offer->server;

	finish(call);
	leg_reply(from, server, code, NULL);
	if (from->server == server) {
		from->server = NULL;
		refresh_busy(from, false);
	}
}

void offer_drop(struct call *call)
{
	struct leg *from = call->offer.from;

	if (!from)
		return;
	leg_ask_drop(leg_other(from), ASK_OFFER);
	if (from->server == call->offer.server)
		from->server = NULL;
	leg_reply(from, call->offer.server, 487, NULL);
	finish(call);
}

void offer_cancel(struct call *call)
{
	struct leg *to = leg_other(call->offer.from);

	if (to->ask[ASK_OFFER].client)
		sip_client_cancel(to->ask[ASK_OFFER].client, NULL);
	refuse(call, 487);
}

void offer_accept(struct leg *leg, struct sip_server *server, const char *sdp)
{
	struct stimer_params par = leg_stimer_params(leg);
	osip_message_t *req = sip_server_request(server);
	osip_message_t *resp = sip_dialog_response(&leg->dialog, req, 200, NULL);
	struct stimer_headers headers;
	struct stimer_answer answer;

	refresh_headers(req, &headers);
	stimer_answer(&par, &leg->stimer, &headers, &answer);
	if (resp) {
		refresh_put_answer(resp, &answer);
		if (sdp)
			sip_msg_set_sdp(resp, sdp, strlen(sdp));
		sip_server_reply(server, resp);
	}
	refresh_confirmed(leg, &answer.terms);
}

/* The refused offer was the last thing said on the leg: what is in force gets a version of its own
 * again (OA-02). */
static void say_again(struct leg *to)
{
	const struct leg *from = leg_other(to);

	if (from->remote_sdp)
		anchor_write(to, from->remote_sdp, false);
}

static void on_accept(struct leg *to, const osip_message_t *resp)
{
	struct call *call = to->call;
	struct call_offer *offer = &call->offer;
	struct leg *from = offer->from;
	struct sip_server *server = offer->server;
	struct stimer_terms terms;
	const char *sdp;
	size_t len;

	sip_dialog_refresh_target(&to->dialog, resp);
	if (strcmp(sip_msg_method(resp), "INVITE") == 0)
		leg_ack(to, sip_msg_cseq(resp), NULL);
	refresh_terms(to, resp,
		to->stimer.role == STIMER_PEER ? STIMER_REFRESHER_UAS : STIMER_REFRESHER_UAC,
		&terms);
	refresh_confirmed(to, &terms);
	/* One of the call's limits may have ended it in this very turn, and the offer with it. */
	if (!offer->from)
		return;
	if (sip_msg_sdp(resp, &sdp, &len) < 0 || anchor_check_answer(to, sdp, len) < 0 ||
		anchor_accept(to, sdp, len) != 0) {
		say_again(to);
		refuse(call, 488);
		return;
	}
	if (anchor_accept(from, offer->sdp, strlen(offer->sdp)) != 0 ||
		anchor_write(from, to->remote_sdp, true) < 0) {
		refuse(call, 500);
		return;
	}
	finish(call);
	offer_accept(from, server, from->local_sdp);
	anchor_push(call);
	call_commit(call, STORE_ALL);
}

/* What is in force on our side of the leg goes out, by UPDATE or as re-INVITE. */
static int send_local(struct leg *to, bool update, sip_client_fn *fn)
{
	osip_message_t *req = leg_request(to, update ? "UPDATE" : "INVITE");

	if (req) {
		refresh_put_offer(to, req);
		sip_msg_set_sdp(req, to->local_sdp, strlen(to->local_sdp));
	}
	return leg_ask(to, ASK_OFFER, req, fn);
}

static void on_repaired(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	struct leg_ask_slot *slot = arg;
	struct leg *leg = slot->leg;

	if (event == SIP_RESPONSE && resp->status_code < 200)
		return;
	if (event == SIP_RESPONSE && resp->status_code < 300) {
		sip_client_detach(client);
		leg_ack(leg, sip_msg_cseq(resp), NULL);
	}
	slot->client = NULL;
	if (leg->call->state == CALL_ACTIVE)
		refresh_busy(leg, false);
}

/* The party accepted an offer that the asking one no longer waits for (it was told 504, or gave
 * up): what is in force for both is offered again. */
static void repair(struct leg *to, const osip_message_t *resp)
{
	if (strcmp(sip_msg_method(resp), "INVITE") == 0)
		leg_ack(to, sip_msg_cseq(resp), NULL);
	say_again(to);
	if (send_local(to, false, on_repaired) == 0)
		refresh_busy(to, true);
}

/* A party that lists UPDATE and cannot do it is asked by re-INVITE from now on (ST-25). */
static bool ask_by_invite(
	struct leg *to, unsigned int code, enum stimer_request request, sip_client_fn *fn)
{
	if (request != STIMER_REQUEST_UPDATE || (code != 405 && code != 501))
		return false;
	to->stimer.update = STIMER_UPDATE_NEVER;
	return to->call->offer.from && send_local(to, false, fn) == 0;
}

static void on_offer(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	struct leg_ask_slot *slot = arg;
	struct leg *to = slot->leg;
	struct call *call = to->call;
	unsigned int code = event == SIP_RESPONSE ? (unsigned int)resp->status_code : 408;
	enum stimer_request request = resp && strcmp(sip_msg_method(resp), "UPDATE") == 0
		? STIMER_REQUEST_UPDATE
		: STIMER_REQUEST_REINVITE;
	enum stimer_meaning meaning = stimer_meaning(code, request);
	struct verdict_event gone = {
		.kind = VERDICT_GONE,
		.leg = (uint8_t)leg_index(to),
		.cause = CAUSE_REFRESH_GONE,
		.code = (uint16_t)code,
	};

	if (code < 200)
		return;
	if (code < 300)
		sip_client_detach(client);
	slot->client = NULL;
	if (call->state != CALL_ACTIVE)
		return;
	if (meaning == STIMER_MEANS_ALIVE || meaning == STIMER_MEANS_ANSWERED)
		refresh_learn(to, resp);
	if (ask_by_invite(to, code, request, on_offer))
		return;
	if (code < 300) {
		if (call->offer.from)
			on_accept(to, resp);
		else
			repair(to, resp);
	} else {
		say_again(to);
		if (call->offer.from)
			refuse(call, leg_told((int)code));
	}
	refresh_busy(to, false);
	if (meaning == STIMER_MEANS_GONE)
		watch_step(call, &gone);
}

int offer_start(struct leg *from, struct sip_server *server, const char *sdp, size_t len)
{
	struct call *call = from->call;
	struct call_offer *offer = &call->offer;
	struct leg *to = leg_other(from);
	bool update = sip_msg_is(sip_server_request(server), "UPDATE") && to->stimer.allow_update &&
		to->stimer.update == STIMER_UPDATE_TRY;

	if (offer->from || to->state != LEG_UP || to->server || to->ask[ASK_OFFER].client ||
		to->ask[ASK_REFRESH].client)
		return 491;
	if (anchor_check_offer(from, sdp, len) < 0)
		return 488;
	if (text_set(&offer->sdp, sdp, len) < 0)
		return 500;
	if (anchor_write(to, offer->sdp, false) < 0) {
		text_set(&offer->sdp, NULL, 0);
		return 488;
	}
	offer->from = from;
	offer->server = server;
	if (send_local(to, update, on_offer) < 0) {
		say_again(to);
		finish(call);
		return 500;
	}
	refresh_busy(to, true);
	wheel_arm(call->calls->wheel, &offer->timer, calls_now(call->calls) + OFFER_ANSWER_MS);
	return 0;
}

void offer_timeout(struct wheel_timer *timer)
{
	struct call *call = WHEEL_OWNER(timer, struct call, offer.timer);

	if (call->offer.from)
		refuse(call, 504);
}
