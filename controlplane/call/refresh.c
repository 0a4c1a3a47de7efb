/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/refresh.h"

#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/watch.h"
#include "controlplane/sip/msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int refresh_headers(const osip_message_t *msg, struct stimer_headers *headers)
{
	struct sip_session_expires se;

	memset(headers, 0, sizeof(*headers));
	if (sip_msg_session_expires(msg, &se) < 0 || sip_msg_min_se(msg, &headers->min_se) < 0)
		return -EINVAL;
	headers->has_se = se.present;
	headers->se = se.delta;
	headers->refresher = (uint8_t)se.refresher;
	headers->require = sip_msg_requires(msg, "timer");
	headers->timer = headers->require || sip_msg_supports(msg, "timer");
	return 0;
}

void refresh_put_answer(osip_message_t *resp, const struct stimer_answer *answer)
{
	if (answer->se == 0)
		return;
	sip_msg_set_session_expires(resp, answer->se, (enum sip_refresher)answer->refresher);
	if (answer->require)
		sip_msg_add(resp, "Require", "timer");
}

void refresh_put_request(
	osip_message_t *req, uint32_t se, uint32_t min_se, enum stimer_refresher refresher)
{
	if (se)
		sip_msg_set_session_expires(req, se, (enum sip_refresher)refresher);
	if (min_se)
		sip_msg_set_min_se(req, min_se);
}

static enum stimer_refresher offer_refresher(const struct leg *leg)
{
	switch (leg->stimer.role) {
	case STIMER_US:
		return STIMER_REFRESHER_UAC;
	case STIMER_PEER:
		return STIMER_REFRESHER_UAS;
	default:
		return STIMER_REFRESHER_NONE;
	}
}

void refresh_put_offer(const struct leg *leg, osip_message_t *req)
{
	uint32_t se = leg->stimer.interval;

	if (leg->stimer.role == STIMER_OFF || !leg->stimer.timer)
		return;
	if (se < leg->stimer.min_se)
		se = leg->stimer.min_se;
	refresh_put_request(req, se, leg->stimer.min_se, offer_refresher(leg));
}

int refresh_terms(const struct leg *leg, const osip_message_t *resp, enum stimer_refresher sent,
	struct stimer_terms *terms)
{
	struct stimer_params par = leg_stimer_params(leg);
	struct stimer_headers headers;

	/* A 2xx with a malformed header still is a 2xx: as if it had none. */
	if (refresh_headers(resp, &headers) < 0)
		memset(&headers, 0, sizeof(headers));
	stimer_accept(&par, &headers, sent, leg->stimer.min_se, terms);
	return 0;
}

void refresh_learn(struct leg *leg, const osip_message_t *msg)
{
	int allows = sip_msg_allows(msg, "UPDATE");

	leg->sip_ms = calls_now(leg->call->calls);
	if (allows >= 0)
		leg->stimer.allow_update = allows;
}

/* What the verdict must know of the leg's refreshes. */
static void tell_verdict(struct leg *leg, bool was_unanswered)
{
	struct verdict_event event = {
		.kind = VERDICT_REFRESH,
		.leg = (uint8_t)leg_index(leg),
		.on = leg->stimer.unanswered,
	};

	if (leg->stimer.unanswered != was_unanswered)
		watch_step(leg->call, &event);
}

static void on_refresh(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp);

static void send_now(void *arg, enum store_result result)
{
	struct leg *leg = arg;
	struct call *call = leg->call;
	bool update = leg->refresh.kind == STIMER_SEND_UPDATE;
	struct stimer_event failed = {.kind = STIMER_RESULT, .code = 0};
	osip_message_t *req;

	if (call->state != CALL_ACTIVE || leg->state != LEG_UP || result == STORE_ENDED)
		return;
	if (!update && (leg->server || leg->ask[ASK_OFFER].client)) {
		/* Another re-INVITE has begun while this one was committed (RI-01). */
		failed.code = 491;
		failed.random = (uint32_t)random();
		refresh_step(leg, &failed);
		return;
	}
	req = leg_request(leg, update ? "UPDATE" : "INVITE");
	if (req) {
		refresh_put_request(
			req, leg->refresh.se, leg->refresh.min_se, leg->refresh.refresher);
		if (!update && leg->local_sdp)
			sip_msg_set_sdp(req, leg->local_sdp, strlen(leg->local_sdp));
	}
	call->calls->counters.refreshes++;
	if (leg_ask(leg, ASK_REFRESH, req, on_refresh) < 0)
		refresh_step(leg, &failed);
}

static void on_probe(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	struct leg_ask_slot *slot = arg;
	struct leg *leg = slot->leg;
	struct verdict_event gone = {
		.kind = VERDICT_GONE,
		.leg = (uint8_t)leg_index(leg),
		.cause = CAUSE_PROBE_GONE,
	};
	unsigned int code = event == SIP_RESPONSE ? (unsigned int)resp->status_code : 0;

	if (event == SIP_RESPONSE && code < 200)
		return;
	slot->client = NULL;
	switch (stimer_meaning(code, STIMER_REQUEST_NONE)) {
	case STIMER_MEANS_GONE:
		gone.code = (uint16_t)code;
		watch_step(leg->call, &gone);
		return;
	case STIMER_MEANS_NO_ANSWER:
		break;
	default:
		refresh_learn(leg, resp);
	}
	watch_probe_result(leg, code);
}

static void send_probe(struct leg *leg)
{
	if (leg->ask[ASK_PROBE].client)
		return;
	if (leg_ask(leg, ASK_PROBE, leg_request(leg, "OPTIONS"), on_probe) < 0)
		watch_probe_result(leg, 0);
}

static void hang_up(struct leg *leg, const struct stimer_action *act)
{
	struct verdict_event event = {
		.kind = act->cause == CAUSE_SESSION_TIMEOUT ? VERDICT_EXPIRED : VERDICT_GONE,
		.leg = (uint8_t)leg_index(leg),
		.cause = act->cause,
		.code = act->code,
	};

	watch_step(leg->call, &event);
}

void refresh_step(struct leg *leg, const struct stimer_event *event)
{
	struct calls *calls = leg->call->calls;
	struct stimer_params par = leg_stimer_params(leg);
	bool was_unanswered = leg->stimer.unanswered, had_timer = leg->stimer.timer;
	struct stimer_action act;

	stimer_step(&leg->stimer, &par, event, calls_now(calls), &act);
	if (act.next_ms == STIMER_NEVER)
		wheel_cancel(calls->wheel, &leg->wake);
	else
		wheel_arm(calls->wheel, &leg->wake, act.next_ms);
	if (leg->stimer.timer != had_timer)
		watch_timer(leg);
	switch (act.kind) {
	case STIMER_SEND_UPDATE:
	case STIMER_SEND_REINVITE:
		/* Commit first, then send (cluster.md 3.2). */
		leg->refresh = act;
		store_call_commit(
			calls->store, &leg->call->store, PART_CORE | leg_part(leg), send_now, leg);
		break;
	case STIMER_SEND_OPTIONS:
		send_probe(leg);
		break;
	case STIMER_HANGUP:
		hang_up(leg, &act);
		return;
	default:
		break;
	}
	tell_verdict(leg, was_unanswered);
}

void refresh_wake(struct wheel_timer *timer)
{
	struct leg *leg = WHEEL_OWNER(timer, struct leg, wake);
	struct stimer_event tick = {.kind = STIMER_TICK};

	if (leg->call->state == CALL_ACTIVE)
		refresh_step(leg, &tick);
}

void refresh_confirmed(struct leg *leg, const struct stimer_terms *terms)
{
	struct stimer_event event = {.kind = STIMER_CONFIRMED, .terms = *terms};
	struct verdict_event verdict = {
		.kind = VERDICT_CONFIRMED,
		.leg = (uint8_t)leg_index(leg),
	};

	refresh_step(leg, &event);
	watch_step(leg->call, &verdict);
	call_commit(leg->call, PART_CORE | leg_part(leg));
}

void refresh_busy(struct leg *leg, bool busy)
{
	struct stimer_event event = {.kind = busy ? STIMER_BUSY : STIMER_IDLE};

	refresh_step(leg, &event);
}

/* The answer to a re-INVITE refresh may name another address: it is followed (OA-06). */
static void follow_answer(struct leg *leg, const osip_message_t *resp)
{
	const char *sdp;
	size_t len;

	if (sip_msg_sdp(resp, &sdp, &len) < 0 || anchor_check_answer(leg, sdp, len) < 0)
		return;
	if (leg->remote_sdp && strlen(leg->remote_sdp) == len &&
		memcmp(leg->remote_sdp, sdp, len) == 0)
		return;
	if (anchor_accept(leg, sdp, len) == 0) {
		anchor_push(leg->call);
		call_commit(leg->call, PART_SDP);
	}
}

static void on_success(struct leg *leg, const osip_message_t *resp)
{
	struct calls *calls = leg->call->calls;
	struct stimer_event result = {
		.kind = STIMER_RESULT,
		.code = (uint16_t)resp->status_code,
	};
	struct verdict_event confirmed = {
		.kind = VERDICT_CONFIRMED,
		.leg = (uint8_t)leg_index(leg),
	};

	calls->counters.confirmed++;
	sip_dialog_refresh_target(&leg->dialog, resp);
	if (leg->refresh.kind == STIMER_SEND_REINVITE) {
		leg_ack(leg, sip_msg_cseq(resp), NULL);
		follow_answer(leg, resp);
	}
	refresh_terms(leg, resp, leg->refresh.refresher, &result.terms);
	refresh_step(leg, &result);
	watch_step(leg->call, &confirmed);
	call_commit(leg->call, PART_CORE | leg_part(leg));
}

static void on_refresh(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	struct leg_ask_slot *slot = arg;
	struct leg *leg = slot->leg;
	struct stimer_event result = {.kind = STIMER_RESULT};
	unsigned int code = event == SIP_RESPONSE ? (unsigned int)resp->status_code : 0;
	struct call *call = leg->call;

	if (event == SIP_RESPONSE && code < 200)
		return;
	/* Copies of a 2xx to a re-INVITE come back by the stack's orphan handler. */
	if (event == SIP_RESPONSE && code < 300)
		sip_client_detach(client);
	slot->client = NULL;
	if (call->state != CALL_ACTIVE)
		return;
	if (event == SIP_RESPONSE && code != 408 &&
		stimer_meaning(code, STIMER_REQUEST_UPDATE) != STIMER_MEANS_GONE)
		refresh_learn(leg, resp);
	if (code >= 200 && code < 300) {
		on_success(leg, resp);
	} else {
		result.code = (uint16_t)code;
		result.random = (uint32_t)random();
		if (resp) {
			sip_msg_min_se(resp, &result.min_se);
			sip_msg_number(resp, "Retry-After", &result.retry_after);
		}
		refresh_step(leg, &result);
	}
	if (call->state == CALL_ACTIVE)
		watch_probe_result(leg, code);
}
