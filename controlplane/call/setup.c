/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/setup.h"

#include "controlplane/call/admit.h"
#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/fork.h"
#include "controlplane/call/hangup.h"
#include "controlplane/call/invite.h"
#include "controlplane/call/refresh.h"
#include "controlplane/call/watch.h"
#include "controlplane/sip/msg.h"
#include "shared/clock.h"

#include <stdio.h>
#include <string.h>

/* The caller's trunk or, without one, the callee's says how media is handled; a trunk that wants
 * the relay gets it. */
static enum conf_media_mode media_mode(const struct call *call)
{
	const struct conf_trunk *a = call->leg[0].trunk, *b = call->leg[1].trunk;

	if (!a && !b)
		return call->calls->conf->media.mode;
	if (!a || !b)
		return (a ? a : b)->media.mode;
	return a->media.mode < b->media.mode ? a->media.mode : b->media.mode;
}

static int open_caller(struct call *call, struct sip_server *server, const struct sip_rx *rx,
	const struct admission *admission)
{
	struct leg *leg = &call->leg[0];
	char tag[IDS_TAG_STRLEN], contact[SIP_URI_MAX];

	leg->trunk = admission->trunk;
	leg->server = server;
	leg->state = LEG_INVITED;
	if (leg_contact(leg, contact, sizeof(contact)) < 0)
		return 500;
	if (sip_dialog_accept(&leg->dialog, rx->msg, leg_tag(leg, tag), contact, &rx->flow) < 0)
		return 400;
	refresh_learn(leg, rx->msg);
	sip_server_set_user(server, leg);
	return 0;
}

/* From of leg B: the caller's user at our address; nothing else of the caller's headers crosses
 * (SE-05, SE-24). */
static int open_callee(
	struct call *call, const struct sip_rx *rx, const struct admission *admission)
{
	struct calls *calls = call->calls;
	struct leg *leg = &call->leg[1];
	char tag[IDS_TAG_STRLEN], contact[SIP_URI_MAX], from[SIP_URI_MAX];
	char user[256], display[256], call_id[IDS_TAG_STRLEN];
	struct sip_dialog_start start = {
		.call_id = call_id,
		.local_tag = leg_tag(leg, tag),
		.local_uri = from,
		.remote_uri = admission->route.to,
		.target = admission->route.uri,
		.contact = contact,
		.flow = admission->route.flow,
	};

	leg->trunk = admission->route.trunk;
	if (sip_uri_parts(admission->from, user, sizeof(user), NULL, 0, NULL) < 0)
		user[0] = '\0';
	if (sip_msg_from_display(rx->msg, display, sizeof(display)) == 0 && display[0])
		start.local_display = display;
	snprintf(call_id, sizeof(call_id), "%s-%016llx", call->store.id,
		(unsigned long long)(call->leg[0].random ^ leg->random));
	if (leg_contact(leg, contact, sizeof(contact)) < 0 ||
		sip_uri_make(from, sizeof(from), user[0] ? user : NULL,
			sip_stack_service(calls->sip)) < 0)
		return 500;
	return sip_dialog_start(&leg->dialog, &start) < 0 ? 500 : 0;
}

/* TX-15. */
static uint64_t ring_until(struct call *call, const struct sip_rx *rx)
{
	uint32_t seconds = call->calls->conf->sip.ring_timeout_s, expires;

	if (sip_msg_number(rx->msg, "Expires", &expires) == 0 && expires > 0 && expires < seconds) {
		call->expires = true;
		seconds = expires;
	}
	return rx->now_ms + seconds * 1000ull;
}

static int open_media(struct call *call, const struct admission *admission)
{
	int code;

	call->media = (uint8_t)media_mode(call);
	if (anchor_open(call) < 0)
		return 503;
	if (!admission->sdp) {
		call->late_offer = true;
		return 0;
	}
	code = anchor_accept(&call->leg[0], admission->sdp, admission->sdp_len);
	if (code == 0 && anchor_write(&call->leg[1], call->leg[0].remote_sdp, false) < 0)
		code = 488;
	return code;
}

void setup_invite(struct calls *calls, struct sip_server *server, const struct sip_rx *rx)
{
	struct admission admission;
	struct ids_call ids;
	struct call *call;
	int code;

	if (!admit_invite(calls, server, rx, &admission))
		return;
	if (store_next_id(calls->store, &ids) < 0 || !(call = call_create(calls, &ids))) {
		admit_refuse(server, 503, NULL, "Retry-After", "5");
		return;
	}
	call->setup_wall = clock_wall_ms();
	code = open_caller(call, server, rx, &admission);
	if (code == 0)
		code = open_callee(call, rx, &admission);
	if (code == 0 && fork_add(&call->leg[1], &admission.route) < 0)
		code = 500;
	if (code == 0)
		code = open_media(call, &admission);
	if (code == 0 &&
		(text_set(&call->from, admission.from, strlen(admission.from)) < 0 ||
			text_set(&call->to, admission.to, strlen(admission.to)) < 0))
		code = 500;
	if (code != 0) {
		call->leg[0].server = NULL;
		sip_server_set_user(server, NULL);
		admit_refuse(server, code, code == 503 ? "No Media Ports" : NULL,
			code == 503 ? "Retry-After" : NULL, "5");
		calls->counters.refused++;
		call_free(call);
		return;
	}
	calls->counters.started++;
	store_call_new(calls->store, &call->store, &ids, NULL, NULL);
	anchor_push(call);
	wheel_arm(calls->wheel, &call->ring, ring_until(call, rx));
	invite_send(&call->leg[1], sip_msg_max_forwards(rx->msg) - 1);
}

void setup_cancel(struct call *call)
{
	hangup_fact(call, CAUSE_CANCEL, 487, 0);
}

/* The answer to a delayed offer comes in the ACK; without one the call cannot be (OA-04). */
static bool late_answer(struct call *call, const struct sip_rx *rx)
{
	struct leg *a = &call->leg[0], *b = &call->leg[1];
	const char *sdp;
	size_t len;

	if (sip_msg_sdp(rx->msg, &sdp, &len) < 0 || anchor_check_answer(a, sdp, len) < 0 ||
		anchor_accept(a, sdp, len) != 0 || anchor_write(b, a->remote_sdp, true) < 0)
		return false;
	leg_ack(b, b->answer_cseq, b->local_sdp);
	b->ack_sdp = b->answer_cseq;
	b->state = LEG_UP;
	return true;
}

void setup_ack(struct leg *leg, const struct sip_rx *rx)
{
	struct call *call = leg->call;
	struct leg *b = &call->leg[1];

	if (leg->state != LEG_ANSWERED)
		return;
	leg->state = LEG_UP;
	leg->sip_ms = rx->now_ms;
	if (call->state == CALL_ENDING) {
		hangup_continue(call);
		return;
	}
	if (b->state == LEG_ANSWERED && !late_answer(call, rx)) {
		hangup_fact(call, CAUSE_BAD_OFFER, 488, 0);
		return;
	}
	call->answered_ms = rx->now_ms;
	anchor_push(call);
	watch_start(call, call->answered_ms);
	call_commit(call, STORE_ALL);
}

void setup_ack_timeout(struct leg *leg)
{
	struct call *call = leg->call;

	if (leg->state != LEG_ANSWERED)
		return;
	leg->state = LEG_UP; /* the BYE may go out now (TX-07) */
	if (call->state == CALL_ENDING)
		hangup_continue(call);
	else
		hangup_decide(call, CAUSE_NO_ACK, 0, 0);
}

void setup_ring_timeout(struct wheel_timer *timer)
{
	struct call *call = WHEEL_OWNER(timer, struct call, ring);

	if (call->state == CALL_ENDING)
		hangup_timer(call);
	else if (call->state != CALL_ACTIVE)
		hangup_fact(call, CAUSE_NO_ANSWER, call->expires ? 487 : 0, 2);
}
