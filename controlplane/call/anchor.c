/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/anchor.h"

#include "controlplane/call/calls.h"
#include "controlplane/call/monitor.h"
#include "controlplane/call/watch.h"
#include "controlplane/media/sdp.h"
#include "shared/proto_value.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* A flow that nobody prolongs dies after so long, so that a dead control plane cannot make the data
 * plane relay for ever. */
#define FLOW_LIFE_MS 7200000

static_assert(CONF_DSCP_KEEP == PROTO_DSCP_KEEP, "handed on as it is");

static struct leg **leg_of_port(struct calls *calls, struct dpclient_port at)
{
	return &calls->port_leg[at.media][(at.port - calls->conf->node.media_port_min) / 2];
}

/* The media address of the family in which the leg talks to us; the first one if there is none. */
static uint16_t media_index(const struct leg *leg)
{
	const struct conf_addrs *media = &leg->call->calls->conf->node.media;

	for (uint16_t i = 0; i < media->count; i++) {
		if (media->item[i].family == leg->dialog.flow.remote.family)
			return i;
	}
	return 0;
}

/* By relay or monitor. */
static bool is_watched(const struct leg *leg)
{
	return leg->media.at.port != 0 || leg->media.monitor != 0;
}

static int take_port(struct leg *leg)
{
	struct calls *calls = leg->call->calls;
	uint16_t media = media_index(leg);
	uint16_t port;
	int rc = ports_take(calls->ports[media], calls_now(calls), &port, &leg->media.gen);

	if (rc < 0)
		return rc;
	leg->media.at = (struct dpclient_port){.media = media, .port = port};
	*leg_of_port(calls, leg->media.at) = leg;
	return 0;
}

static void give_back(struct leg *leg)
{
	struct calls *calls = leg->call->calls;

	monitor_close(leg);
	if (leg->media.at.port == 0)
		return;
	dpclient_flow_del(calls->dp, leg->media.at, leg->media.gen);
	*leg_of_port(calls, leg->media.at) = NULL;
	ports_release(calls->ports[leg->media.at.media], leg->media.at.port, calls_now(calls));
	leg->media.at.port = 0;
}

int anchor_open(struct call *call)
{
	int (*take)(struct leg * leg) = call->media == CONF_MEDIA_RELAY ? take_port : monitor_open;
	int rc;

	if (call->media == CONF_MEDIA_NONE)
		return 0;
	rc = take(&call->leg[0]);
	if (rc == 0)
		rc = take(&call->leg[1]);
	if (rc < 0)
		give_back(&call->leg[0]);
	return rc;
}

int anchor_claim(struct leg *leg)
{
	struct calls *calls = leg->call->calls;
	int rc;

	if (leg->call->media == CONF_MEDIA_MONITOR)
		return monitor_open(leg);
	if (leg->media.at.port == 0)
		return 0;
	if (leg->media.at.media >= calls->conf->node.media.count || !calls->dp)
		rc = -EINVAL;
	else
		rc = ports_claim(
			calls->ports[leg->media.at.media], leg->media.at.port, leg->media.gen);
	if (rc < 0)
		leg->media.at.port = 0;
	else
		*leg_of_port(calls, leg->media.at) = leg;
	return rc;
}

void anchor_close(struct call *call)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (is_watched(&call->leg[i]))
			watch_read_facts(&call->leg[i]);
	}
	give_back(&call->leg[0]);
	give_back(&call->leg[1]);
}

int anchor_accept(struct leg *leg, const char *text, size_t len)
{
	struct leg_media *media = &leg->media;
	const struct sdp_line *line;
	const char *why;
	struct sdp sdp;
	int rc = sdp_describe(&sdp, text, len, &why);

	if (rc < 0)
		return rc == -EINVAL ? 400 : rc == -ENOTSUP ? 488 : 500;
	line = sdp_audio(&sdp);
	if (text_set(&leg->remote_sdp, text, len) < 0)
		return 500;
	media->off = !line || line->port == 0;
	memset(&media->rtp, 0, sizeof(media->rtp));
	memset(&media->rtcp, 0, sizeof(media->rtcp));
	memset(media->payload_types, 0, sizeof(media->payload_types));
	if (media->off)
		return 0;
	if (!line->zero) {
		media->rtp = line->rtp_addr;
		/* One that cannot be sent to is as good as none: the stream itself can. */
		if (proto_addr_is_endpoint(&line->rtcp_addr))
			media->rtcp = line->rtcp_addr;
	}
	media->dtx = line->dtx;
	media->secure = line->secure;
	media->clock_rate = line->clock_rate;
	memcpy(media->payload_types, line->payload_types, sizeof(media->payload_types));
	return 0;
}

int anchor_check_answer(const struct leg *leg, const char *text, size_t len)
{
	struct sdp offer, answer;
	const char *why;

	if (!leg->local_sdp || sdp_describe(&answer, text, len, &why) < 0 ||
		sdp_describe(&offer, leg->local_sdp, strlen(leg->local_sdp), &why) < 0)
		return -EINVAL;
	return sdp_check_answer(&offer, &answer);
}

int anchor_check_offer(const struct leg *leg, const char *text, size_t len)
{
	struct sdp before, offer;
	const char *why;

	if (sdp_describe(&offer, text, len, &why) < 0)
		return -EINVAL;
	if (!leg->remote_sdp ||
		sdp_describe(&before, leg->remote_sdp, strlen(leg->remote_sdp), &why) < 0)
		return 0;
	return sdp_check_reoffer(&before, &offer);
}

int anchor_write(struct leg *leg, const char *text, bool answer)
{
	struct calls *calls = leg->call->calls;
	const struct sdp_line *line, *mine = NULL;
	struct sdp sdp, offer;
	const char *why;
	struct sdp_rewrite how = {
		.session_id = leg->random >> 2,
		.origin = calls->conf->node.service,
		.anchor = leg->media.at.port != 0,
		.line = -1,
	};
	int rc;

	if (sdp_describe(&sdp, text, strlen(text), &why) < 0)
		return -EINVAL;
	line = sdp_audio(&sdp);
	if (answer && leg->remote_sdp &&
		sdp_describe(&offer, leg->remote_sdp, strlen(leg->remote_sdp), &why) == 0) {
		mine = sdp_audio(&offer);
		how.line = offer.audio;
	}
	if (how.anchor) {
		how.local = calls->conf->node.media.item[leg->media.at.media];
		how.local.port = leg->media.at.port;
		how.origin = how.local;
		how.mux = line && line->mux && (!answer || (mine && mine->mux));
	}
	rc = sdp_next(calls->sdp, sizeof(calls->sdp), text, strlen(text), &how, leg->local_sdp,
		leg->local_sdp ? strlen(leg->local_sdp) : 0, &leg->sdp_version);
	if (rc < 0)
		return rc;
	return text_set(&leg->local_sdp, calls->sdp, (size_t)rc);
}

/* What both descriptions of a leg come to. */
static void agree(struct leg *leg)
{
	struct leg_media *media = &leg->media;
	const struct sdp_line *theirs, *ours;
	struct sdp remote, local;
	const char *why;

	media->sends = false;
	media->both = false;
	media->mux = false;
	if (media->off || !leg->remote_sdp || !leg->local_sdp ||
		sdp_describe(&remote, leg->remote_sdp, strlen(leg->remote_sdp), &why) < 0 ||
		sdp_describe(&local, leg->local_sdp, strlen(leg->local_sdp), &why) < 0)
		return;
	theirs = sdp_audio(&remote);
	ours = sdp_audio(&local);
	if (!theirs || !ours)
		return;
	media->mux = theirs->mux && ours->mux;
	media->sends = sdp_sends(theirs) && sdp_receives(ours);
	media->both = media->sends && sdp_receives(theirs) && sdp_sends(ours);
	media->two_way |= media->both;
}

static struct verdict_clock clock_of(const struct leg *leg)
{
	struct verdict_params par = call_verdict_params(leg->call);
	struct verdict_media media = {
		.sends = leg->media.sends,
		.held = leg->media.two_way && !leg->media.both,
		.off = leg->media.off,
		.dtx = leg->media.dtx,
		.rtcp_seen = leg->media.rtcp_seen,
	};

	if (leg->call->answered_ms == 0 || leg->state != LEG_UP)
		return (struct verdict_clock){0};
	return verdict_clock(&par, &media);
}

bool anchor_behind_nat(const struct leg *leg)
{
	return !addr_same_ip(&leg->media.rtp, &leg->dialog.flow.remote);
}

/* By our port of one family nobody of the other is reached: he has to be learnt, if he can be. */
static struct addr of_family(const struct addr *addr, uint8_t family)
{
	return addr->family == family ? *addr : (struct addr){0};
}

static void push_relay(struct leg *leg, const struct verdict_clock *clock)
{
	struct calls *calls = leg->call->calls;
	uint8_t family = calls->conf->node.media.item[leg->media.at.media].family;
	const struct proto_flow *before = dpclient_flow_get(calls->dp, leg->media.at);
	struct proto_flow flow = {
		.gen = leg->media.gen,
		.peer_gen = leg_other(leg)->media.gen,
		.remote = of_family(&leg->media.rtp, family),
		.remote_rtcp = of_family(&leg->media.rtcp, family),
		.signal = of_family(&leg->dialog.flow.remote, family),
		.start_ms = clock->start_ms,
		.silence_ms = clock->silence_ms,
		.flags = PROTO_FLOW_RTCP_LIFE,
		.clock_rate = leg->media.clock_rate,
		.dscp = (uint8_t)leg_media_conf(leg)->dscp,
		.keepalive_s = leg->media.off ? 0 : (uint8_t)leg_media_conf(leg)->keepalive_s,
		.expires_ms = leg->call->flow_expires_ms,
	};
	bool same = before && before->gen == flow.gen;
	uint32_t flags_before = same ? before->flags : 0;
	uint64_t clock_before = same ? before->clock_ms : 0;

	memcpy(flow.payload_types, leg->media.payload_types, sizeof(flow.payload_types));
	if (leg->media.mux)
		flow.flags |= PROTO_FLOW_MUX;
	if (leg->media.secure)
		flow.flags |= PROTO_FLOW_SECURE;
	if (anchor_behind_nat(leg) && flow.signal.family != ADDR_NONE)
		flow.flags |= PROTO_FLOW_SIGNAL;
	if (!before && leg->media.latched.family != ADDR_NONE) {
		flow.flags |= PROTO_FLOW_LATCHED;
		flow.latched = leg->media.latched;
		flow.latched_rtcp = leg->media.latched_rtcp;
		flow.ssrc = leg->media.ssrc;
	}
	if (same && before->remote.family != ADDR_NONE && flow.remote.family != ADDR_NONE &&
		!addr_equal(&before->remote, &flow.remote))
		flow.flags |= PROTO_FLOW_RELEARN;
	if (clock->start_ms || clock->silence_ms) {
		flow.flags |= PROTO_FLOW_CLOCK;
		/* A clock that goes on keeps its start; one that begins anew, begins now (LV-02).
		 */
		if (same && flags_before & PROTO_FLOW_CLOCK && !(flow.flags & PROTO_FLOW_RELEARN))
			flow.clock_ms = clock_before;
		else
			flow.clock_ms = calls_now(calls);
	}
	dpclient_flow_set(calls->dp, leg->media.at, leg_other(leg)->media.at, &flow);
	if (same && anchor_clock_is_new(flags_before, clock_before, flow.flags, flow.clock_ms))
		watch_media_reset(leg);
}

int anchor_facts(const struct leg *leg, struct dpclient_flow_facts *facts)
{
	const struct calls *calls = leg->call->calls;

	if (leg->media.monitor)
		return dpclient_monitor_facts(
			calls->dp, leg->media.monitor - 1, calls_now(calls), facts);
	if (leg->media.at.port == 0)
		return -ENOENT;
	return dpclient_flow_facts(calls->dp, leg->media.at, calls_now(calls), facts);
}

bool anchor_clock(const struct leg *leg, struct anchor_clock *clock)
{
	const struct calls *calls = leg->call->calls;
	const struct proto_monitor *monitor;
	const struct proto_flow *flow;

	if (leg->media.monitor) {
		monitor = dpclient_monitor_get(calls->dp, leg->media.monitor - 1);
		if (monitor)
			*clock = (struct anchor_clock){
				monitor->clock_ms, monitor->start_ms, monitor->silence_ms};
		return monitor && monitor->flags & PROTO_FLOW_CLOCK;
	}
	flow = leg->media.at.port ? dpclient_flow_get(calls->dp, leg->media.at) : NULL;
	if (flow)
		*clock = (struct anchor_clock){flow->clock_ms, flow->start_ms, flow->silence_ms};
	return flow && flow->flags & PROTO_FLOW_CLOCK;
}

static void push(struct leg *leg)
{
	struct verdict_clock clock = clock_of(leg);

	if (leg->media.monitor)
		monitor_push(leg, &clock);
	else
		push_relay(leg, &clock);
}

void anchor_push(struct call *call)
{
	agree(&call->leg[0]);
	agree(&call->leg[1]);
	if (!is_watched(&call->leg[0]) || !is_watched(&call->leg[1]))
		return;
	if (call->flow_expires_ms == 0)
		call->flow_expires_ms = calls_now(call->calls) + FLOW_LIFE_MS;
	push(&call->leg[0]);
	push(&call->leg[1]);
}

void anchor_prolong(struct call *call)
{
	uint64_t now = calls_now(call->calls);

	if (call->flow_expires_ms > now + FLOW_LIFE_MS / 2)
		return;
	call->flow_expires_ms = now + FLOW_LIFE_MS;
	anchor_push(call);
}
