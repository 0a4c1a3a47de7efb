/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/monitor.h"

#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/watch.h"

#include <errno.h>
#include <string.h>

int monitor_open(struct leg *leg)
{
	struct calls *calls = leg->call->calls;
	uint32_t number;
	int rc;

	if (!calls->monitors)
		return -EINVAL;
	rc = slots_take(calls->monitors, calls_now(calls), &number, &leg->media.gen);
	if (rc < 0)
		return rc;
	leg->media.monitor = number + 1;
	calls->monitor_leg[number] = leg;
	return 0;
}

void monitor_close(struct leg *leg)
{
	struct calls *calls = leg->call->calls;
	uint32_t number = leg->media.monitor - 1;

	if (leg->media.monitor == 0)
		return;
	dpclient_monitor_del(calls->dp, number, leg->media.gen);
	calls->monitor_leg[number] = NULL;
	slots_release(calls->monitors, number, calls_now(calls));
	leg->media.monitor = 0;
}

/* The stream goes another way than before. */
static bool moved(const struct proto_monitor *before, const struct proto_monitor *flow)
{
	return before->dst.family != ADDR_NONE && flow->dst.family != ADDR_NONE &&
		(!addr_equal(&before->dst, &flow->dst) ||
			!addr_same_ip(&before->source, &flow->source));
}

void monitor_push(struct leg *leg, const struct verdict_clock *clock)
{
	struct calls *calls = leg->call->calls;
	const struct leg_media *media = &leg->media, *other = &leg_other(leg)->media;
	uint32_t number = media->monitor - 1;
	const struct proto_monitor *before = dpclient_monitor_get(calls->dp, number);
	struct proto_monitor flow = {
		.gen = media->gen,
		.dst = other->rtp,
		.dst_rtcp = other->rtcp,
		.source = media->rtp,
		.flags = PROTO_FLOW_RTCP_LIFE,
		.start_ms = clock->start_ms,
		.silence_ms = clock->silence_ms,
		.clock_rate = media->clock_rate,
		.expires_ms = leg->call->flow_expires_ms,
	};
	bool same = before && before->gen == flow.gen;
	uint32_t flags_before = same ? before->flags : 0;
	uint64_t clock_before = same ? before->clock_ms : 0;

	/* A sender uses the numbers of either description, whatever it should. */
	for (size_t i = 0; i < sizeof(flow.payload_types); i++)
		flow.payload_types[i] = media->payload_types[i] | other->payload_types[i];
	if (media->mux || addr_equal(&flow.dst, &flow.dst_rtcp))
		flow.flags |= PROTO_FLOW_MUX;
	if (media->rtp.family != ADDR_NONE && anchor_behind_nat(leg)) {
		flow.signal = leg->dialog.flow.remote;
		flow.flags |= PROTO_FLOW_SIGNAL;
	}
	if (other->rtp.family != ADDR_NONE && anchor_behind_nat(leg_other(leg)))
		flow.behind = leg_other(leg)->dialog.flow.remote;
	if (clock->start_ms || clock->silence_ms) {
		flow.flags |= PROTO_FLOW_CLOCK;
		/* A clock that goes on keeps its start; one that begins anew, begins now (LV-02,
		 * LV-11). */
		flow.clock_ms = flags_before & PROTO_FLOW_CLOCK && !moved(before, &flow)
			? clock_before
			: calls_now(calls);
	}
	dpclient_monitor_set(calls->dp, number, &flow);
	if (same && anchor_clock_is_new(flags_before, clock_before, flow.flags, flow.clock_ms))
		watch_media_reset(leg);
}
