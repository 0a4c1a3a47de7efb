/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/calls.h"

#include "controlplane/call/admit.h"
#include "controlplane/call/hangup.h"
#include "controlplane/call/indialog.h"
#include "controlplane/call/invite.h"
#include "controlplane/call/setup.h"
#include "controlplane/call/watch.h"
#include "controlplane/sip/msg.h"
#include "shared/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Nothing may be read of a monitored flow that was the former one's. */
#define CALLS_MONITOR_REST_MS 1000

static int calls_open_monitors(struct calls *calls, uint32_t gen_first)
{
	uint32_t count = conf_monitors(calls->conf);
	int rc;

	if (!calls->dp || count == 0)
		return 0;
	rc = slots_open(&calls->monitors, count, CALLS_MONITOR_REST_MS, gen_first);
	if (rc < 0)
		return rc;
	calls->monitor_leg = calloc(count, sizeof(struct leg *));
	return calls->monitor_leg ? 0 : -ENOMEM;
}

int calls_open(struct calls *calls, uint32_t gen_first)
{
	const struct conf_node *node = &calls->conf->node;
	size_t slots = (size_t)(node->media_port_max - node->media_port_min + 1) / 2;
	int rc;

	for (size_t i = 0; i < node->media.count && calls->dp; i++) {
		rc = ports_open(
			&calls->ports[i], node->media_port_min, node->media_port_max, gen_first);
		if (rc < 0)
			return rc;
		calls->port_leg[i] = calloc(slots, sizeof(struct leg *));
		if (!calls->port_leg[i])
			return -ENOMEM;
	}
	return calls_open_monitors(calls, gen_first);
}

void calls_close(struct calls *calls)
{
	struct call *call, *next;

	HASH_ITER(hh, calls->table, call, next)
		call_free(call);
	for (unsigned int i = 0; i < DPCLIENT_MEDIA_MAX; i++) {
		if (calls->ports[i])
			ports_close(calls->ports[i]);
		free(calls->port_leg[i]);
	}
	slots_close(calls->monitors);
	free(calls->monitor_leg);
}

struct call *calls_by_id(struct calls *calls, const char *id)
{
	struct call *call;

	HASH_FIND(hh, calls->table, id, strlen(id), call);
	return call;
}

struct leg *calls_by_tag(struct calls *calls, const char *tag)
{
	char id[IDS_CALL_STRLEN];
	struct ids_tag parsed;
	struct call *call;
	struct leg *leg;

	if (ids_tag_parse(&parsed, tag, strlen(tag)) < 0)
		return NULL;
	call = calls_by_id(calls, ids_call_format(&parsed.call, id));
	if (!call)
		return NULL;
	leg = &call->leg[parsed.leg == 'b'];
	return leg->random == parsed.random ? leg : NULL;
}

static struct leg *leg_of(struct calls *calls, const osip_message_t *msg)
{
	const char *tag = sip_msg_to_tag(msg);
	struct leg *leg = tag ? calls_by_tag(calls, tag) : NULL;

	return leg && sip_dialog_match(&leg->dialog, msg) ? leg : NULL;
}

static void on_register(struct calls *calls, struct sip_server *server, const struct sip_rx *rx)
{
	struct registrar_reply *reply = &calls->registrar_reply;
	char user[DIGEST_USER_STRLEN] = "";
	enum digest_verdict verdict = DIGEST_OK;
	struct registrar_request request = {
		.message = rx->msg,
		.source = rx->flow.remote,
		.local = rx->flow.local,
		.now_ms = rx->now_ms,
		.wall_ms = clock_wall_ms(),
	};
	osip_message_t *resp;

	if (!store_ready(calls->store)) {
		admit_refuse(server, 503, "Loading", "Retry-After", "5");
		return;
	}
	if (calls->conf->user_count > 0) {
		verdict = digest_check(
			calls->digest, rx->msg, false, &rx->flow.remote, rx->now_ms, user);
		if (verdict == DIGEST_BAD) {
			admit_refuse(server, 400, "Bad Authorization", NULL, NULL);
			return;
		}
		request.user = verdict == DIGEST_OK ? user : NULL;
	}
	registrar_register(calls->registrar, &request, reply);
	if (reply->status == 401) {
		admit_challenge(calls, server, rx, verdict == DIGEST_STALE);
		return;
	}
	resp = sip_msg_response(sip_server_request(server), reply->status, reply->reason, "reg");
	if (!resp)
		return;
	for (unsigned int i = 0; i < reply->header_count; i++)
		sip_msg_add(resp, reply->headers[i].name, reply->headers[i].value);
	sip_server_reply(server, resp);
}

static void on_options(struct sip_server *server, const struct sip_rx *rx)
{
	osip_message_t *resp = sip_msg_response(sip_server_request(server), 200, NULL, "options");

	if (!resp)
		return;
	sip_msg_add(resp, "Accept", "application/sdp");
	sip_server_reply(server, resp);
}

/* Methods of RFCs that we know but do not serve: 405; others: 501 (NO-02, UA-01). */
static void on_unserved(struct sip_server *server, const struct sip_rx *rx)
{
	static const char *const known[] = {"INVITE", "BYE", "UPDATE", "PRACK", "INFO", "MESSAGE",
		"SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (sip_msg_is(rx->msg, known[i])) {
			admit_refuse(server, 405, NULL, NULL, NULL);
			return;
		}
	}
	admit_refuse(server, 501, NULL, "Allow", SIP_ALLOW);
}

static void on_request(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	struct calls *calls = arg;
	struct leg *leg;

	if (sip_msg_to_tag(rx->msg)) {
		leg = leg_of(calls, rx->msg);
		if (leg)
			indialog_request(leg, server, rx);
		else if (!store_ready(calls->store))
			/* It may be a call that is still being loaded: the peer asks again
			 * (EXP-09). */
			sip_server_ignore(server);
		else
			admit_refuse(server, 481, NULL, NULL, NULL);
	} else if (sip_msg_is(rx->msg, "INVITE")) {
		setup_invite(calls, server, rx);
	} else if (sip_msg_is(rx->msg, "REGISTER")) {
		on_register(calls, server, rx);
	} else if (sip_msg_is(rx->msg, "OPTIONS")) {
		on_options(server, rx);
	} else if (sip_msg_is(rx->msg, "BYE") || sip_msg_is(rx->msg, "UPDATE") ||
		sip_msg_is(rx->msg, "PRACK") || sip_msg_is(rx->msg, "INFO")) {
		admit_refuse(server, 481, NULL, NULL, NULL);
	} else {
		on_unserved(server, rx);
	}
}

static void on_cancel(void *arg, struct sip_server *server)
{
	struct leg *leg = sip_server_user(server);

	if (!leg)
		return;
	if (leg->state == LEG_INVITED)
		setup_cancel(leg->call);
	else
		indialog_cancel(leg, server);
}

static void on_ack(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	struct leg *leg = server ? sip_server_user(server) : NULL;

	if (!leg || leg->server != server)
		return;
	leg->server = NULL;
	sip_server_set_user(server, NULL);
	sip_server_detach(server);
	if (leg->state == LEG_ANSWERED)
		setup_ack(leg, rx);
	else
		indialog_ack(leg, rx);
}

static void on_ack_timeout(void *arg, struct sip_server *server)
{
	struct leg *leg = sip_server_user(server);

	if (!leg || leg->server != server)
		return;
	leg->server = NULL;
	if (leg->state == LEG_ANSWERED)
		setup_ack_timeout(leg);
	else
		indialog_ack_timeout(leg);
}

static void on_orphan(void *arg, const struct sip_rx *rx)
{
	invite_orphan(arg, rx);
}

/* Sources that are not rate limited: trunks, and whoever carries a tag of ours. */
static bool is_known(void *arg, const struct sip_flow *flow, const struct gate_result *gate)
{
	struct calls *calls = arg;
	char tag[IDS_TAG_STRLEN];

	if (route_trunk_of(calls->conf, &flow->remote))
		return true;
	if (gate->to_tag.len == 0 || gate->to_tag.len >= sizeof(tag))
		return false;
	memcpy(tag, gate->to_tag.ptr, gate->to_tag.len);
	tag[gate->to_tag.len] = '\0';
	return calls_by_tag(calls, tag) != NULL;
}

void calls_sip_handlers(struct calls *calls, struct sip_handlers *handlers)
{
	*handlers = (struct sip_handlers){
		.arg = calls,
		.request = on_request,
		.cancel = on_cancel,
		.ack = on_ack,
		.ack_timeout = on_ack_timeout,
		.orphan = on_orphan,
		.known = is_known,
	};
}

static void on_binding(void *arg, uint32_t index, const struct proto_binding_event *event)
{
	struct calls *calls = arg;

	registrar_binding_event(calls->registrar, index, event);
}

static void on_resync(void *arg)
{
	struct calls *calls = arg;

	registrar_resync(calls->registrar);
}

void calls_dp_events(struct calls *calls, struct dpclient_events *events)
{
	*events = (struct dpclient_events){
		.arg = calls,
		.up = watch_dp_up,
		.down = watch_dp_down,
		.flow = watch_dp_flow,
		.monitor = watch_dp_monitor,
		.binding = on_binding,
		.resync = on_resync,
		.lost = watch_dp_lost,
	};
}
