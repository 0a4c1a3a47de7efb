/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/callview.h"

#include "controlplane/call/anchor.h"
#include "controlplane/call/watch.h"
#include "controlplane/ops/json.h"
#include "shared/clock.h"

/* What the data plane has seen of a leg, in this process's life. */
static json_t *quality_json(const struct leg *leg, uint64_t now)
{
	struct dpclient_flow_facts f;

	if (anchor_facts(leg, &f) < 0)
		return json_null();
	return json_pack("{so, so, so, so, so, so, so, so, so}", "last_rtp_s",
		json_seconds_since(f.rtp_ms, now), "last_rtcp_s",
		json_seconds_since(f.rtcp_ms, now), "bytes", json_number(f.bytes), "rtcp",
		json_number(f.rtcp), "jitter_ms", json_number(f.jitter_ms), "ssrc_changes",
		json_number(f.ssrc_changes), "off_source", json_number(f.off_source), "malformed",
		json_number(f.malformed), "payload_type", json_number(f.payload_type));
}

static json_t *leg_json(struct leg *leg, uint64_t now)
{
	static const char *const roles[] = {"off", "us", "peer"};
	uint64_t expiry;
	struct stimer_params par = leg_stimer_params(leg);

	watch_read_facts(leg);
	expiry = stimer_expiry(&leg->stimer, &par);
	return json_pack("{ss, so, so, ss, sb, so, so, so, so, so, so}", "state",
		leg_state_name(leg->state), "peer", json_address(&leg->dialog.flow.remote), "se_s",
		json_number(leg->stimer.interval), "refresher", roles[leg->stimer.role], "timer",
		leg->stimer.timer, "expires_s",
		expiry == STIMER_NEVER || expiry < now ? json_null()
						       : json_number((expiry - now) / 1000),
		"sip_s", json_seconds_since(leg->sip_ms, now), "rtp_s",
		json_seconds_since(leg->media.rtp_ms, now), "packets",
		json_number(leg->media.packets + leg->media.packets_past), "lost",
		json_number(leg->media.lost + leg->media.lost_past), "media",
		quality_json(leg, now));
}

json_t *callview_json(struct call *call, uint64_t now)
{
	char cause[CAUSE_STRLEN];
	uint64_t wall = clock_wall_ms();
	json_t *out = json_pack("{ss, ss, ss, ss, so, so, so}", "id", call->store.id, "state",
		call_state_name(call->state), "from", call->from ? call->from : "", "to",
		call->to ? call->to : "", "age_s", json_number((wall - call->setup_wall) / 1000),
		"a", leg_json(&call->leg[0], now), "b", leg_json(&call->leg[1], now));

	if (call->state == CALL_ENDING)
		json_object_set_new(
			out, "why", json_string(cause_format(call->cause, call->code, cause)));
	return out;
}
