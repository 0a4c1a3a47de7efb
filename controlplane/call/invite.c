/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/invite.h"

#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/fork.h"
#include "controlplane/call/hangup.h"
#include "controlplane/call/refresh.h"
#include "controlplane/sip/msg.h"
#include "shared/clock.h"

#include <stdlib.h>
#include <string.h>

#define ELSEWHERE "SIP;cause=200;text=\"Call completed elsewhere\""

static void on_invite(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp);
static void on_fork(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp);

static osip_message_t *invite_make(struct leg *leg, struct leg_invite *invited)
{
	struct stimer_params par = leg_stimer_params(leg);
	struct stimer_headers headers;
	osip_message_t *req = sip_dialog_request(&leg->dialog, "INVITE");

	stimer_invite(&par, leg->min_se, &headers);
	invited->tries++;
	invited->se = headers.se;
	if (req) {
		sip_msg_set_number(req, "Max-Forwards", leg->max_forwards);
		refresh_put_request(req, headers.se, headers.min_se, headers.refresher);
		if (leg->local_sdp)
			sip_msg_set_sdp(req, leg->local_sdp, strlen(leg->local_sdp));
	}
	leg->refresh.refresher = headers.refresher;
	return req;
}

/* One request for all: to a phone that is registered twice it is one call. */
void invite_send(struct leg *leg, uint32_t max_forwards)
{
	osip_message_t *req, *copy = NULL;

	leg->state = LEG_INVITED;
	leg->max_forwards = max_forwards;
	req = invite_make(leg, &leg->invited);
	if (req && leg->forks)
		osip_message_clone(req, &copy);
	if (leg_ask(leg, ASK_INVITE, req, on_invite) < 0) {
		osip_message_free(copy);
		leg->state = LEG_GONE;
		hangup_fact(leg->call, CAUSE_NO_RESOURCE, 503, 2);
		return;
	}
	fork_start(leg, copy, &leg->invited, on_fork);
}

bool invite_is_open(const struct leg *leg)
{
	return leg->ask[ASK_INVITE].client || fork_is_open(leg);
}

bool invite_cancel(struct leg *leg, const char *reason)
{
	bool open = invite_is_open(leg);

	if (leg->ask[ASK_INVITE].client)
		sip_client_cancel(leg->ask[ASK_INVITE].client, reason);
	fork_cancel(leg, reason);
	return open;
}

/* Ringing goes to the caller, with the callee's description as a preview if there is one. */
static void on_provisional(struct leg *leg, const osip_message_t *resp)
{
	struct call *call = leg->call;
	struct leg *a = &call->leg[0];
	const char *sdp;
	size_t len;
	bool preview = false;

	if (resp->status_code == 100 || call->state == CALL_ENDING)
		return;
	/* Who of several will answer is not known yet. */
	if (!leg->forks && sip_msg_to_tag(resp))
		sip_dialog_answer(&leg->dialog, resp);
	if (!leg->forks)
		refresh_learn(leg, resp);
	if (!leg->forks && !call->late_offer && sip_msg_sdp(resp, &sdp, &len) == 0 &&
		anchor_check_answer(leg, sdp, len) == 0 && anchor_accept(leg, sdp, len) == 0) {
		preview = anchor_write(a, leg->remote_sdp, true) == 0;
		anchor_push(call);
	}
	if (call->state == CALL_SETUP) {
		call->state = CALL_EARLY;
		call_commit(call, STORE_ALL);
	}
	if (a->server)
		leg_reply(a, a->server, resp->status_code, preview ? a->local_sdp : NULL);
}

/* The callee's 2xx crossed our CANCEL (CN-04), or is of no use (DL-13): it is ended properly. */
static void refuse_answer(struct leg *leg, const osip_message_t *resp)
{
	struct call *call = leg->call;

	leg_ack(leg, sip_msg_cseq(resp), NULL);
	leg->state = LEG_UP;
	leg->bye_due = call->state == CALL_ENDING;
	hangup_fact(call, CAUSE_BAD_OFFER, 488, 1);
	hangup_continue(call);
}

/* The 2xx to the caller: the callee's description rewritten, and the timer of leg A. */
static void answer_caller(struct call *call)
{
	struct leg *a = &call->leg[0];
	struct stimer_params par = leg_stimer_params(a);
	struct stimer_headers headers;
	struct stimer_answer answer;
	osip_message_t *invite = sip_server_request(a->server);
	osip_message_t *resp = sip_dialog_response(&a->dialog, invite, 200, NULL);

	refresh_headers(invite, &headers);
	stimer_answer(&par, NULL, &headers, &answer);
	if (headers.min_se)
		stimer_learn_min_se(&a->stimer, &par, headers.min_se);
	if (resp) {
		refresh_put_answer(resp, &answer);
		if (a->local_sdp)
			sip_msg_set_sdp(resp, a->local_sdp, strlen(a->local_sdp));
		sip_server_reply(a->server, resp);
	}
	sip_dialog_confirm(&a->dialog);
	a->state = LEG_ANSWERED;
	refresh_confirmed(a, &answer.terms);
}

static bool take_description(struct leg *leg, const osip_message_t *resp)
{
	struct call *call = leg->call;
	const char *sdp;
	size_t len;

	if (sip_msg_sdp(resp, &sdp, &len) < 0)
		/* The description of a 18x was the answer already. */
		return leg->remote_sdp != NULL && !call->late_offer;
	if (!call->late_offer && anchor_check_answer(leg, sdp, len) < 0)
		return false;
	return anchor_accept(leg, sdp, len) == 0 &&
		anchor_write(&call->leg[0], leg->remote_sdp, !call->late_offer) == 0;
}

static void on_answer(struct leg *leg, const osip_message_t *resp)
{
	struct call *call = leg->call;
	struct stimer_terms terms;

	leg->answer_cseq = sip_msg_cseq(resp);
	refresh_learn(leg, resp);
	if (sip_dialog_answer(&leg->dialog, resp) < 0 || call->state == CALL_ENDING ||
		!take_description(leg, resp)) {
		refuse_answer(leg, resp);
		return;
	}
	wheel_cancel(call->calls->wheel, &call->ring);
	call->state = CALL_ACTIVE;
	call->answer_wall = clock_wall_ms();
	call->calls->counters.answered++;
	if (call->late_offer) {
		leg->state = LEG_ANSWERED;
	} else {
		leg_ack(leg, sip_msg_cseq(resp), NULL);
		leg->state = LEG_UP;
	}
	refresh_terms(leg, resp, leg->refresh.refresher, &terms);
	refresh_confirmed(leg, &terms);
	anchor_push(call);
	answer_caller(call);
	call_commit(call, STORE_ALL);
}

/* A 422 is answered by another INVITE to that contact (NULL: the first), within bounds (ST-19,
 * ST-20). True: it is under way. */
static bool ask_again(struct leg *leg, struct fork *fork, const osip_message_t *resp)
{
	struct stimer_params par = leg_stimer_params(leg);
	struct leg_invite *invited = fork ? &fork->invited : &leg->invited;
	uint32_t wanted = 0;
	osip_message_t *req;

	if (resp->status_code != 422 || leg->call->state == CALL_ENDING)
		return false;
	sip_msg_min_se(resp, &wanted);
	if (!stimer_raise(&par, invited->se, wanted, invited->tries, &leg->min_se))
		return false;
	free(leg->dialog.remote_tag);
	leg->dialog.remote_tag = NULL;
	req = invite_make(leg, invited);
	if (fork)
		return fork_ask(fork, req, on_fork) == 0;
	leg->ask[ASK_INVITE].client = NULL;
	return leg_ask(leg, ASK_INVITE, req, on_invite) == 0;
}

/* What the caller is told, and what the CDR says, when the callee refuses (UA-10). */
static void on_refusal(struct leg *leg, int code)
{
	struct call *call = leg->call;

	hangup_leg_gone(leg);
	if (call->state == CALL_ENDING)
		return;
	switch (code) {
	case 486:
	case 600:
		hangup_fact(call, CAUSE_BUSY, (unsigned int)code, 1);
		return;
	case 408:
	case 480:
		hangup_fact(call, CAUSE_NO_ANSWER, (unsigned int)code, 1);
		return;
	case 401: /* no challenge is passed on */
	case 407:
	case 422:
		hangup_fact(call, CAUSE_REJECTED, 500, 1);
		return;
	case 503:
		hangup_fact(call, CAUSE_REJECTED, 500, 1);
		return;
	default:
		/* No recursion on 3xx (SE-04). */
		hangup_fact(call, CAUSE_REJECTED, code < 400 ? 480 : (unsigned int)code, 1);
	}
}

static void on_silence(struct leg *leg, enum sip_event event)
{
	struct call *call = leg->call;

	hangup_leg_gone(leg);
	if (call->state == CALL_ENDING)
		return;
	hangup_fact(call, CAUSE_UNREACHABLE, event == SIP_TIMEOUT ? 408 : 503, 1);
}

/* One contact is out of it, with a code or in silence. The next ones are asked when no other is
 * left, unless the callee himself refused. */
static void on_end(struct leg *leg, int code, enum sip_event event)
{
	leg->refusal = (uint16_t)fork_better(leg->refusal, code);
	if (leg->refusal >= 600) {
		leg_ask_drop(leg, ASK_INVITE);
		fork_drop(leg, NULL);
	}
	if (invite_is_open(leg))
		return;
	while (leg->call->state != CALL_ENDING && fork_next(leg)) {
		struct leg_invite invited = {0};

		fork_start(leg, invite_make(leg, &invited), &invited, on_fork);
		if (invite_is_open(leg))
			return;
	}
	if (leg->refusal)
		on_refusal(leg, leg->refusal);
	else
		on_silence(leg, event);
}

/* The others are let go; what they answer all the same comes as orphans (CN-07). */
static void take(struct leg *leg, const struct fork *fork)
{
	if (fork)
		leg->dialog.flow = fork->flow;
	if (leg->ask[ASK_INVITE].client)
		sip_client_cancel(leg->ask[ASK_INVITE].client, ELSEWHERE);
	leg_ask_drop(leg, ASK_INVITE);
	fork_drop(leg, ELSEWHERE);
}

static void on_event(struct leg *leg, struct fork *fork, struct sip_client *client,
	enum sip_event event, const osip_message_t *resp)
{
	struct sip_client **open = fork ? &fork->client : &leg->ask[ASK_INVITE].client;

	if (event != SIP_RESPONSE) {
		*open = NULL;
		if (event != SIP_ENDED)
			on_end(leg, 0, event);
		return;
	}
	if (resp->status_code < 200) {
		on_provisional(leg, resp);
		return;
	}
	if (resp->status_code < 300) {
		/* From here on copies and forks come as orphans. */
		*open = NULL;
		sip_client_detach(client);
		take(leg, fork);
		on_answer(leg, resp);
		return;
	}
	if (ask_again(leg, fork, resp))
		return;
	*open = NULL;
	on_end(leg, resp->status_code, event);
}

static void on_invite(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	struct leg_ask_slot *slot = arg;

	on_event(slot->leg, NULL, client, event, resp);
}

static void on_fork(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	struct fork *fork = arg;

	on_event(fork->leg, fork, client, event, resp);
}

void invite_orphan(struct calls *calls, const struct sip_rx *rx)
{
	const char *tag = sip_msg_from_tag(rx->msg);
	uint32_t cseq = sip_msg_cseq(rx->msg);
	struct leg *leg = tag ? calls_by_tag(calls, tag) : NULL;
	struct sip_dialog dialog = {0};
	char contact[SIP_URI_MAX];
	osip_message_t *msg;

	if (leg && leg->state == LEG_INVITED && !invite_is_open(leg)) {
		/* Invited before a restart, answered after it, maybe by another contact than the
		 * first. */
		if (!leg->trunk)
			leg->dialog.flow = rx->flow;
		on_answer(leg, rx->msg);
		return;
	}
	if (leg && sip_dialog_match(&leg->dialog, rx->msg)) {
		/* A copy: the ACK was lost. One that still waits for the caller's answer stays. */
		if (leg->state != LEG_ANSWERED)
			leg_ack(leg, cseq, cseq == leg->ack_sdp ? leg->local_sdp : NULL);
		return;
	}
	if (rx->stray)
		return;
	if (sip_uri_make(contact, sizeof(contact), tag, sip_stack_service(calls->sip)) < 0 ||
		sip_dialog_orphan(&dialog, rx->msg, contact, &rx->flow) < 0)
		return;
	msg = sip_dialog_ack(&dialog, cseq);
	if (msg)
		sip_send_ack(calls->sip, msg, &dialog.flow);
	msg = sip_dialog_request(&dialog, "BYE");
	if (msg)
		sip_client_start(calls->sip, msg, &dialog.flow, NULL, NULL);
	sip_dialog_clear(&dialog);
}
