/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/call.h"

#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/challenge.h"
#include "controlplane/call/fork.h"
#include "controlplane/call/hangup.h"
#include "controlplane/call/offer.h"
#include "controlplane/call/refresh.h"
#include "controlplane/call/setup.h"
#include "controlplane/call/walk.h"
#include "controlplane/call/watch.h"
#include "controlplane/sip/msg.h"
#include "shared/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* So few reserved CSeq numbers may be left before more are reserved (cluster.md 3.4). */
#define CSEQ_LEAST 4

static void leg_init(struct leg *leg, struct call *call, char name)
{
	leg->call = call;
	leg->name = name;
	leg->sdp_version = 1;
	leg->stimer.own_call_id = name == 'b';
	wheel_timer_init(&leg->wake, refresh_wake);
	for (unsigned int i = 0; i < ASK_MAX; i++)
		leg->ask[i].leg = leg;
}

struct call *call_create(struct calls *calls, const struct ids_call *ids)
{
	struct call *call = calloc(1, sizeof(*call));
	uint64_t random[2];

	if (!call)
		return NULL;
	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		free(call);
		return NULL;
	}
	call->calls = calls;
	call->ids = *ids;
	call->end_leg = 2;
	ids_call_format(ids, call->store.id);
	for (unsigned int i = 0; i < 2; i++) {
		leg_init(&call->leg[i], call, "ab"[i]);
		call->leg[i].random = random[i];
		call->leg[i].stimer.spread = (uint16_t)(random[i] >> 48);
	}
	wheel_timer_init(&call->judge, watch_wake);
	wheel_timer_init(&call->ring, setup_ring_timeout);
	wheel_timer_init(&call->proof, watch_proof);
	wheel_timer_init(&call->offer.timer, offer_timeout);
	HASH_ADD_STR(calls->table, store.id, call);
	calls->count++;
	return call;
}

static void leg_clear(struct leg *leg)
{
	struct wheel *wheel = leg->call->calls->wheel;

	wheel_cancel(wheel, &leg->wake);
	for (unsigned int i = 0; i < ASK_MAX; i++)
		leg_ask_drop(leg, i);
	fork_drop(leg, NULL);
	if (leg->server)
		sip_server_detach(leg->server);
	if (leg->info)
		sip_server_detach(leg->info);
	sip_dialog_clear(&leg->dialog);
	free(leg->remote_sdp);
	free(leg->local_sdp);
}

void call_free(struct call *call)
{
	struct calls *calls = call->calls;

	anchor_close(call);
	offer_drop(call);
	for (unsigned int i = 0; i < 2; i++)
		leg_clear(&call->leg[i]);
	wheel_cancel(calls->wheel, &call->judge);
	wheel_cancel(calls->wheel, &call->ring);
	wheel_cancel(calls->wheel, &call->proof);
	if (call->store.known)
		store_call_forget(calls->store, &call->store);
	walk_leave(calls, call);
	HASH_DEL(calls->table, call);
	calls->count--;
	free(call->from);
	free(call->to);
	free(call);
}

char *leg_tag(const struct leg *leg, char buf[static IDS_TAG_STRLEN])
{
	struct ids_tag tag = {.call = leg->call->ids, .leg = leg->name, .random = leg->random};

	return ids_tag_format(&tag, buf);
}

int leg_contact(const struct leg *leg, char *buf, size_t size)
{
	char tag[IDS_TAG_STRLEN];

	return sip_uri_make(buf, size, leg_tag(leg, tag), sip_stack_service(leg->call->calls->sip));
}

static void leg_reserve(struct leg *leg)
{
	if (leg->dialog.local_cseq + CSEQ_LEAST > leg->cseq_high)
		call_commit(leg->call, leg_part(leg));
}

osip_message_t *leg_request(struct leg *leg, const char *method)
{
	osip_message_t *req = sip_dialog_request(&leg->dialog, method);

	leg_reserve(leg);
	return req;
}

osip_message_t *leg_request_again(struct leg *leg, const osip_message_t *req)
{
	osip_message_t *again = sip_dialog_again(&leg->dialog, req);

	leg_reserve(leg);
	return again;
}

int leg_ask(struct leg *leg, enum leg_ask kind, osip_message_t *req, sip_client_fn *fn)
{
	struct leg_ask_slot *slot = &leg->ask[kind];

	if (!req)
		return -ENOMEM;
	if (slot->client)
		leg_ask_drop(leg, kind);
	slot->fn = fn;
	return challenge_start(slot, req);
}

void leg_ask_drop(struct leg *leg, enum leg_ask kind)
{
	if (leg->ask[kind].client)
		sip_client_detach(leg->ask[kind].client);
	leg->ask[kind].client = NULL;
	challenge_clear(&leg->ask[kind]);
}

void leg_ack(struct leg *leg, uint32_t cseq, const char *sdp)
{
	osip_message_t *ack = sip_dialog_ack(&leg->dialog, cseq);

	if (!ack)
		return;
	if (sdp)
		sip_msg_set_sdp(ack, sdp, strlen(sdp));
	sip_send_ack(leg->call->calls->sip, ack, &leg->dialog.flow);
}

void leg_reply(struct leg *leg, struct sip_server *server, int code, const char *sdp)
{
	osip_message_t *resp = sip_dialog_response(
		&leg->dialog, sip_server_request(server), code, NULL);

	if (!resp)
		return;
	if (sdp)
		sip_msg_set_sdp(resp, sdp, strlen(sdp));
	sip_server_reply(server, resp);
}

int leg_told(int code)
{
	switch (code) {
	case 401:
	case 407:
	case 422:
		return 500;
	case 408:
		return 504;
	default:
		return code >= 300 && code < 400 ? 488 : code;
	}
}

const char *call_state_name(uint8_t state)
{
	static const char *const names[] = {"setup", "early", "active", "ending"};

	return names[state];
}

const char *leg_state_name(uint8_t state)
{
	static const char *const names[] = {"idle", "invited", "answered", "up", "bye", "gone"};

	return names[state];
}

const struct conf_session *leg_session(const struct leg *leg)
{
	return leg->trunk ? &leg->trunk->session : &leg->call->calls->conf->session;
}

const struct conf_media *leg_media_conf(const struct leg *leg)
{
	return leg->trunk ? &leg->trunk->media : &leg->call->calls->conf->media;
}

struct stimer_params call_stimer_params(const struct conf_session *session)
{
	return (struct stimer_params){
		.ttl = session->ttl_s,
		.segment = session->segment,
		.early_hangup = session->early_hangup_s,
		.min_se = session->min_se_s,
		.no_timer = (uint8_t)session->no_timer_probe,
		.policy = STIMER_POLICY_AUTO,
	};
}

struct stimer_params leg_stimer_params(const struct leg *leg)
{
	return call_stimer_params(leg_session(leg));
}

/* The smaller of two limits of which 0 means none. */
static uint32_t least(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a | b;
	return a < b ? a : b;
}

/* A call between a trunk and a device follows the trunk's media clocks; between two of a kind,
 * leg B's. The limits are the smaller of both legs'. */
struct verdict_params call_verdict_params(const struct call *call)
{
	const struct leg *leg = call->leg[1].trunk || !call->leg[0].trunk ? &call->leg[1]
									  : &call->leg[0];
	const struct conf_media *media = leg_media_conf(leg);
	const struct conf_session *a = leg_session(&call->leg[0]);
	const struct conf_session *b = leg_session(&call->leg[1]);

	return (struct verdict_params){
		.media_timeout = media->timeout_s,
		.media_start_timeout = media->start_timeout_s,
		.media_hold_timeout = media->hold_timeout_s,
		.media_dtx_timeout = media->dtx_timeout_s,
		.media_hard_timeout = media->hard_timeout_s,
		.probe_timeout = media->probe_timeout_s,
		.no_timer_limit = least(a->no_timer_limit_s, b->no_timer_limit_s),
		.max_duration = least(a->max_call_duration_s, b->max_call_duration_s),
	};
}

void call_commit(struct call *call, uint32_t parts)
{
	if (call->store.known)
		store_call_commit(call->calls->store, &call->store, parts, NULL, NULL);
}

int text_set(char **text, const char *value, size_t len)
{
	char *copy = NULL;

	if (value && len > 0) {
		copy = strndup(value, len);
		if (!copy)
			return -ENOMEM;
	}
	free(*text);
	*text = copy;
	return 0;
}
