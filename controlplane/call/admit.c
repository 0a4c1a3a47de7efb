/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/admit.h"

#include "controlplane/call/refresh.h"
#include "controlplane/sip/msg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RETRY_SECONDS "5" /* s, in a 503 */

const char *const admit_options[] = {"timer", NULL};

void admit_refuse(struct sip_server *server, int code, const char *reason, const char *name,
	const char *value)
{
	char tag[17];
	osip_message_t *resp;

	/* One tag for all answers of a request, without state: made of the transaction. */
	snprintf(tag, sizeof(tag), "%016llx",
		(unsigned long long)(uintptr_t)server * 0x9e3779b97f4a7c15ull);
	resp = sip_msg_response(sip_server_request(server), code, reason, tag);
	if (!resp)
		return;
	if (name)
		sip_msg_add(resp, name, value);
	sip_server_reply(server, resp);
}

void admit_challenge(
	struct calls *calls, struct sip_server *server, const struct sip_rx *rx, bool stale)
{
	char value[DIGEST_HEADER_STRLEN];
	osip_message_t *resp = sip_msg_response(sip_server_request(server), 401, NULL, "challenge");

	if (!resp)
		return;
	for (unsigned int i = 0;
		digest_challenge(calls->digest, i, &rx->flow.remote, rx->now_ms, stale, value) > 0;
		i++)
		sip_msg_add(resp, "WWW-Authenticate", value);
	sip_server_refuse(server, resp);
}

static bool check_form(struct sip_server *server, const struct sip_rx *rx)
{
	char text[256], contact[SIP_URI_MAX];

	if (rx->merged)
		admit_refuse(server, 482, "Merged Request", NULL, NULL);
	else if (sip_msg_max_forwards(rx->msg) == 0)
		admit_refuse(server, 483, NULL, NULL, NULL);
	else if (sip_msg_unsupported(rx->msg, admit_options, text, sizeof(text)) > 0)
		admit_refuse(server, 420, NULL, "Unsupported", text);
	else if (sip_msg_contact(rx->msg, contact, sizeof(contact)) < 0)
		admit_refuse(server, 400, "Exactly One SIP Contact Needed", NULL, NULL);
	else
		return true;
	return false;
}

/* Trunks are known by their address, devices by the flow they registered on, others by password. */
static bool check_sender(struct calls *calls, struct sip_server *server, const struct sip_rx *rx,
	struct admission *out)
{
	char user[DIGEST_USER_STRLEN];
	enum digest_verdict verdict;

	out->trunk = route_trunk_of(calls->conf, &rx->flow.remote);
	if (out->trunk)
		return true;
	if (registrar_is_from(calls->registrar, rx->msg->from->url, &rx->flow.remote, rx->now_ms))
		return true;
	if (calls->conf->user_count == 0) {
		admit_refuse(server, 403, "Register First", NULL, NULL);
		return false;
	}
	verdict = digest_check(calls->digest, rx->msg, false, &rx->flow.remote, rx->now_ms, user);
	switch (verdict) {
	case DIGEST_OK:
		if (rx->msg->from->url && rx->msg->from->url->username &&
			strcmp(rx->msg->from->url->username, user) == 0)
			return true;
		admit_refuse(server, 403, "From Is Not The Account", NULL, NULL);
		return false;
	case DIGEST_BAD:
		admit_refuse(server, 400, "Bad Authorization", NULL, NULL);
		return false;
	default:
		admit_challenge(calls, server, rx, verdict == DIGEST_STALE);
		return false;
	}
}

static bool check_body(struct sip_server *server, const struct sip_rx *rx, struct admission *out)
{
	struct sdp sdp;
	const char *why = NULL;
	int rc = sip_msg_sdp(rx->msg, &out->sdp, &out->sdp_len);

	if (rc == -ENOENT) {
		out->sdp = NULL;
		return true;
	}
	if (rc == -EMEDIUMTYPE) {
		admit_refuse(server, 415, NULL, "Accept", "application/sdp");
		return false;
	}
	if (rc == 0)
		rc = sdp_describe(&sdp, out->sdp, out->sdp_len, &why);
	else
		rc = -EINVAL;
	if (rc == 0 && sdp.audio < 0) {
		rc = -ENOTSUP;
		why = "No RTP audio";
	}
	if (rc < 0)
		admit_refuse(server, rc == -ENOTSUP ? 488 : 400, NULL, "Warning",
			why ? "399 linewatch \"SDP not acceptable\""
			    : "399 linewatch \"Bad body\"");
	return rc == 0;
}

/* The session timer of leg A: a 422 must come before anything is started. */
static bool check_timer(struct calls *calls, struct sip_server *server, const struct sip_rx *rx,
	struct admission *out)
{
	struct stimer_params par = call_stimer_params(
		out->trunk ? &out->trunk->session : &calls->conf->session);
	struct stimer_headers headers;
	struct stimer_answer answer;
	char value[16];

	if (refresh_headers(rx->msg, &headers) < 0) {
		admit_refuse(server, 400, "Bad Session-Expires", NULL, NULL);
		return false;
	}
	stimer_answer(&par, NULL, &headers, &answer);
	if (answer.code == 0)
		return true;
	snprintf(value, sizeof(value), "%u", answer.min_se);
	admit_refuse(server, answer.code, NULL, "Min-SE", value);
	return false;
}

static bool check_means(struct calls *calls, struct sip_server *server, const struct admission *out)
{
	uint64_t now = calls_now(calls), dropped;
	const char *why = NULL;

	if (calls->closing)
		why = "Node Stops";
	else if (calls->count >= calls->conf->sip.max_calls)
		why = "Call Limit";
	else if (!store_accepts_new(calls->store))
		why = "No Call Store";
	else if (calls->dp && !dpclient_is_up(calls->dp))
		why = "No Data Plane";
	if (!why)
		return true;
	if (log_rate_pass(&calls->refused_log, now, 10000, &dropped))
		log_warning(
			"new calls are refused: %s (%llu more)", why, (unsigned long long)dropped);
	admit_refuse(server, 503, why, "Retry-After", RETRY_SECONDS);
	return false;
}

/* Would the call come back to us? */
static bool is_loop(const struct calls *calls, const struct route *route)
{
	const struct addr *own = sip_stack_service(calls->sip);

	for (unsigned int i = 0; i < route->other_count; i++) {
		if (addr_equal(&route->other[i].flow.remote, own))
			return true;
	}
	return addr_equal(&route->flow.remote, own);
}

static bool check_way(struct calls *calls, struct sip_server *server, const struct sip_rx *rx,
	struct admission *out)
{
	struct route *route = &out->route;

	route_find(calls->conf, calls->registrar, rx->msg->req_uri, out->trunk, rx->now_ms, route);
	if (route->status == 0 && is_loop(calls, route)) {
		route->status = 482;
		route->reason = "Loop Detected";
	}
	if (route->status == 0)
		return true;
	admit_refuse(server, route->status, route->reason, NULL, NULL);
	return false;
}

bool admit_invite(struct calls *calls, struct sip_server *server, const struct sip_rx *rx,
	struct admission *out)
{
	memset(out, 0, sizeof(*out));
	if (check_form(server, rx) && check_sender(calls, server, rx, out) &&
		check_body(server, rx, out) && check_timer(calls, server, rx, out) &&
		check_means(calls, server, out) && check_way(calls, server, rx, out)) {
		if (sip_msg_from_uri(rx->msg, out->from, sizeof(out->from)) == 0 &&
			sip_msg_to_uri(rx->msg, out->to, sizeof(out->to)) == 0)
			return true;
		admit_refuse(server, 400, "Bad From Or To", NULL, NULL);
	}
	calls->counters.refused++;
	return false;
}
