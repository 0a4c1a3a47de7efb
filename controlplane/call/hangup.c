/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/hangup.h"

#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/cdr.h"
#include "controlplane/call/invite.h"
#include "controlplane/call/offer.h"
#include "controlplane/call/refresh.h"
#include "controlplane/call/watch.h"
#include "controlplane/sip/msg.h"
#include "shared/clock.h"

#include <string.h>

/* Redis's clock may run a little behind ours when it checks that a session has really expired. */
#define EXPIRY_MARGIN_MS 2000

void hangup_leg_gone(struct leg *leg)
{
	struct calls *calls = leg->call->calls;

	leg->state = LEG_GONE;
	if (leg_other(leg)->state == LEG_GONE)
		wheel_arm(calls->wheel, &leg->call->ring, calls_now(calls));
}

static void on_bye(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	struct leg_ask_slot *slot = arg;
	struct leg *leg = slot->leg;

	if (event == SIP_RESPONSE && resp->status_code < 200)
		return;
	slot->client = NULL;
	if (event == SIP_RESPONSE && resp->status_code != 481 && resp->status_code != 408)
		leg->sip_ms = calls_now(leg->call->calls);
	hangup_leg_gone(leg);
}

static void send_bye(struct leg *leg)
{
	struct calls *calls = leg->call->calls;
	char reason[REASON_STRLEN];
	osip_message_t *bye = leg_request(leg, "BYE");

	if (bye)
		sip_msg_add(bye, "Reason", cause_reason(leg->call->cause, leg->call->code, reason));
	leg->state = LEG_BYE;
	if (leg_ask(leg, ASK_BYE, bye, on_bye) < 0)
		hangup_leg_gone(leg);
	else
		wheel_arm(calls->wheel, &leg->call->ring, calls_now(calls) + HANGUP_BYE_MS);
}

/* The final answer of a caller whose INVITE is still open. */
static int refusal(const struct call *call)
{
	switch (call->cause) {
	case CAUSE_CANCEL:
		return 487;
	case CAUSE_BUSY:
		return 486;
	case CAUSE_NO_ANSWER:
		return call->code == 487 ? 487 : 480;
	case CAUSE_REJECTED:
		return call->code ? call->code : 603;
	case CAUSE_UNREACHABLE:
		return call->code ? call->code : 408;
	case CAUSE_BAD_OFFER:
		return 488;
	case CAUSE_NO_RESOURCE:
		return 503;
	default:
		return call->code >= 300 ? call->code : 480;
	}
}

static void tell_caller(struct leg *leg)
{
	struct sip_server *server = leg->server;

	switch (leg->state) {
	case LEG_INVITED:
		leg->server = NULL;
		if (server)
			leg_reply(leg, server, refusal(leg->call), NULL);
		hangup_leg_gone(leg);
		break;
	case LEG_ANSWERED:
		leg->bye_due = true; /* no BYE before the ACK (DL-08) */
		break;
	case LEG_UP:
		send_bye(leg);
		break;
	case LEG_IDLE:
		hangup_leg_gone(leg);
		break;
	default:
		break;
	}
}

static void tell_callee(struct leg *leg)
{
	struct calls *calls = leg->call->calls;
	char reason[REASON_STRLEN];

	switch (leg->state) {
	case LEG_INVITED:
		if (!invite_cancel(leg, cause_reason(leg->call->cause, leg->call->code, reason)))
			/* Invited by a former process: it may still answer. */
			wheel_arm(calls->wheel, &leg->call->ring,
				calls_now(calls) + calls->conf->sip.ring_timeout_s * 1000ull);
		break;
	case LEG_ANSWERED:
		leg_ack(leg, leg->answer_cseq, NULL);
		send_bye(leg);
		break;
	case LEG_UP:
		send_bye(leg);
		break;
	case LEG_IDLE:
		hangup_leg_gone(leg);
		break;
	default:
		break;
	}
}

/* Everybody who is not gone is told, and nobody waits for the other (EXP-08, DL-10). */
static void tell(struct call *call)
{
	call->committed = true;
	anchor_close(call);
	tell_caller(&call->leg[0]);
	tell_callee(&call->leg[1]);
}

static void begin(struct call *call, enum cause cause, unsigned int code, uint8_t end_leg)
{
	struct calls *calls = call->calls;
	struct verdict_event over = {.kind = VERDICT_OVER};
	struct verdict_params par = call_verdict_params(call);
	struct verdict_action act;

	call->state = CALL_ENDING;
	call->cause = (uint8_t)cause;
	call->code = (uint16_t)code;
	call->end_leg = end_leg;
	call->end_wall = clock_wall_ms();
	verdict_step(&call->verdict, &par, &over, calls_now(calls), &act);
	wheel_cancel(calls->wheel, &call->judge);
	wheel_cancel(calls->wheel, &call->ring);
	wheel_cancel(calls->wheel, &call->proof);
	for (unsigned int i = 0; i < 2; i++)
		wheel_cancel(calls->wheel, &call->leg[i].wake);
	offer_drop(call);
}

static void resume_watch(struct call *call)
{
	struct stimer_event resume = {.kind = STIMER_RESUME};
	struct verdict_event again = {.kind = VERDICT_RESUMED};

	log_notice("call %s: Redis knows a later expiry, not ended", call->store.id);
	call->state = CALL_ACTIVE;
	call->cause = CAUSE_NONE;
	call->end_wall = 0;
	watch_step(call, &again);
	watch_start(call, call->answered_ms);
	for (unsigned int i = 0; i < 2; i++)
		refresh_step(&call->leg[i], &resume);
}

static void on_committed(void *arg, enum store_result result)
{
	struct call *call = arg;

	if (call->state != CALL_ENDING || call->committed)
		return;
	/* A party that has hung up meanwhile makes it a fact. */
	if (result == STORE_NOT_DUE && call->leg[0].state != LEG_GONE &&
		call->leg[1].state != LEG_GONE)
		resume_watch(call);
	else
		tell(call);
}

void hangup_decide(struct call *call, enum cause cause, unsigned int code, uint8_t end_leg)
{
	int64_t margin = cause == CAUSE_SESSION_TIMEOUT ? EXPIRY_MARGIN_MS : STORE_NO_EXPIRY;
	char name[CAUSE_STRLEN];

	if (call->state == CALL_ENDING)
		return;
	log_info("call %s: ending, %s", call->store.id, cause_format(cause, code, name));
	begin(call, cause, code, end_leg);
	/* One node without peers needs no fence: if Redis is slow or away, the decision is
	 * journalled and carried out (cluster.md 3.2). */
	store_call_end(
		call->calls->store, &call->store, PART_CORE, margin, false, on_committed, call);
}

void hangup_fact(struct call *call, enum cause cause, unsigned int code, uint8_t end_leg)
{
	if (call->state == CALL_ENDING)
		return;
	begin(call, cause, code, end_leg);
	store_call_end(
		call->calls->store, &call->store, PART_CORE, STORE_NO_EXPIRY, false, NULL, NULL);
	tell(call);
}

void hangup_continue(struct call *call)
{
	if (call->state != CALL_ENDING || !call->committed)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		struct leg *leg = &call->leg[i];

		if (leg->bye_due && leg->state == LEG_UP) {
			leg->bye_due = false;
			send_bye(leg);
		}
	}
}

void hangup_resume(struct call *call)
{
	call->state = CALL_ENDING;
	if (call->end_wall == 0)
		call->end_wall = clock_wall_ms();
	tell(call);
}

static void cdr_leg_fill(struct cdr_leg *out, const struct leg *leg, char peer[ADDR_STRLEN])
{
	out->call_id = leg->dialog.call_id ? leg->dialog.call_id : "";
	out->peer = addr_format(&leg->dialog.flow.remote, peer);
	out->sip_ms = clock_wall_of(leg->sip_ms);
	out->rtp_ms = clock_wall_of(leg->media.rtp_ms);
	out->packets = leg->media.packets + leg->media.packets_past;
	out->lost = leg->media.lost + leg->media.lost_past;
	out->jitter_ms = leg->media.jitter_ms;
	out->timer = leg->stimer.timer;
}

static const char *trunk_name(const struct call *call)
{
	for (unsigned int i = 2; i-- > 0;) {
		if (call->leg[i].trunk)
			return call->leg[i].trunk->name;
	}
	return "";
}

static void finish(struct call *call)
{
	struct calls *calls = call->calls;
	struct cdr cdr = {
		.id = call->store.id,
		.node = calls->conf->node.name,
		.from = call->from,
		.to = call->to,
		.trunk = trunk_name(call),
		.setup_ms = call->setup_wall,
		.answered_ms = call->answer_wall,
		.ended_ms = call->end_wall,
		.cause = call->cause,
		.code = call->code,
		.media = call->media != CONF_MEDIA_NONE,
		.media_live = call->media_live,
	};
	char peer[2][ADDR_STRLEN];
	struct record *rec = store_scratch(calls->store);
	struct cdr_text text;

	for (unsigned int i = 0; i < 2; i++)
		cdr_leg_fill(&cdr.leg[i], &call->leg[i], peer[i]);
	cdr_write(&cdr, &text);
	for (unsigned int i = 0; i < text.count; i++)
		record_put(rec, text.field[i].name, text.field[i].value);
	calls->counters.ended++;
	store_call_done(calls->store, &call->store, rec);
	call_free(call);
}

void hangup_timer(struct call *call)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct leg *leg = &call->leg[i];

		if (leg->state == LEG_BYE ||
			(leg->state == LEG_INVITED && leg->name == 'b' && !invite_is_open(leg)))
			leg->state = LEG_GONE;
		if (leg->state != LEG_GONE)
			return; /* its own end arms the timer again */
	}
	finish(call);
}
