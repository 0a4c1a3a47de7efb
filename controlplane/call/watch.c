/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/watch.h"

#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/hangup.h"
#include "controlplane/call/refresh.h"

#define WATCH_SLACK_MS 1000 /* by which our clock may lag behind, and more */

static void judge_arm(struct call *call, uint64_t next_ms)
{
	struct calls *calls = call->calls;

	if (next_ms == VERDICT_NEVER)
		wheel_cancel(calls->wheel, &call->judge);
	else
		wheel_arm(calls->wheel, &call->judge, next_ms);
}

/* When the leg is silent if nothing more is heard, by the data plane's own rule (silence.c). False:
 * it has no clock. */
static bool silent_from(
	const struct leg *leg, const struct dpclient_flow_facts *facts, uint64_t *at)
{
	uint64_t heard = facts->rtp_ms > facts->rtcp_ms ? facts->rtp_ms : facts->rtcp_ms;
	struct anchor_clock clock;
	uint32_t limit;

	if (!anchor_clock(leg, &clock))
		return false;
	limit = heard ? clock.silence_ms : clock.start_ms;
	*at = limit ? (heard > clock.clock_ms ? heard : clock.clock_ms) + limit : UINT64_MAX;
	return true;
}

/* The leg was heard so lately that it cannot be silent, whatever was told of it. */
static bool is_heard(const struct leg *leg, uint64_t now)
{
	struct dpclient_flow_facts facts;
	uint64_t at;

	return anchor_facts(leg, &facts) == 0 && silent_from(leg, &facts, &at) &&
		at > now + WATCH_SLACK_MS;
}

/* The end of a silence may be told late or get lost: nobody is judged by what is over. */
static void hear_again(struct call *call)
{
	for (uint8_t i = 0; i < 2; i++) {
		struct verdict_event heard = {.kind = VERDICT_HEARD, .leg = i};

		if (call->verdict.leg[i].silent && is_heard(&call->leg[i], calls_now(call->calls)))
			watch_step(call, &heard);
	}
}

void watch_step(struct call *call, const struct verdict_event *event)
{
	struct calls *calls = call->calls;
	struct verdict_params par = call_verdict_params(call);
	struct verdict_action act;

	if (call->state == CALL_ENDING)
		return;
	if (event->kind != VERDICT_HEARD && event->kind != VERDICT_RESET)
		hear_again(call);
	if (call->state == CALL_ENDING)
		return;
	verdict_step(&call->verdict, &par, event, calls_now(calls), &act);
	judge_arm(call, act.next_ms);
	for (unsigned int i = 0; i < 2; i++) {
		if (act.alarm & 1u << i) {
			calls->counters.alarms++;
			log_notice("call %s: leg %c does not answer refreshes, its media is alive",
				call->store.id, call->leg[i].name);
		}
		if (act.silent & 1u << i) {
			calls->counters.silent++;
			log_info("call %s: media of leg %c is silent", call->store.id,
				call->leg[i].name);
		}
	}
	if (act.end != CAUSE_NONE) {
		call->media_live = act.media_live;
		if (act.shadow) {
			log_notice("call %s: would end (%s), shadow mode", call->store.id,
				cause_text(act.end));
			return;
		}
		hangup_decide(call, act.end, act.code, act.end_leg);
		return;
	}
	for (unsigned int i = 0; i < 2 && call->state == CALL_ACTIVE; i++) {
		struct stimer_event probe = {.kind = STIMER_PROBE};

		if (!(act.probe & 1u << i))
			continue;
		calls->counters.probes++;
		refresh_step(&call->leg[i], &probe);
	}
}

void watch_timer(struct leg *leg)
{
	struct verdict_event event = {
		.kind = VERDICT_TIMER,
		.leg = (uint8_t)leg_index(leg),
		.on = leg->stimer.timer,
		.probing = leg->stimer.timer || leg_session(leg)->no_timer_probe != CONF_PROBE_OFF,
	};

	if (leg->call->answered_ms)
		watch_step(leg->call, &event);
}

void watch_start(struct call *call, uint64_t answered_ms)
{
	struct verdict_event event = {.kind = VERDICT_ANSWERED, .at_ms = answered_ms};
	struct calls *calls = call->calls;

	/* First who has session timers: a call that was restored may be older than the limit of
	 * those without. */
	for (unsigned int i = 0; i < 2; i++)
		watch_timer(&call->leg[i]);
	watch_step(call, &event);
	if (call->media != CONF_MEDIA_NONE)
		wheel_arm(calls->wheel, &call->proof,
			calls_now(calls) + calls->conf->redis.proof_interval_s * 1000ull);
}

void watch_media_reset(struct leg *leg)
{
	struct verdict_event event = {.kind = VERDICT_RESET, .leg = (uint8_t)leg_index(leg)};

	watch_step(leg->call, &event);
}

void watch_probe_result(struct leg *leg, unsigned int code)
{
	struct verdict_event event = {
		.kind = VERDICT_PROBE_RESULT,
		.leg = (uint8_t)leg_index(leg),
		.on = code >= 200 && code != 408,
		.code = (uint16_t)code,
	};

	if (leg->call->verdict.leg[event.leg].probe == VERDICT_PROBE_SENT)
		watch_step(leg->call, &event);
}

/* Another process of the data plane counts from zero, and so does a flow that had expired. */
static void counters_of(struct leg_media *media, uint64_t boot_id, uint32_t packets)
{
	if (media->boot_id && (media->boot_id != boot_id || packets < media->packets)) {
		media->packets_past += media->packets;
		media->packets = 0;
		media->lost_past += media->lost;
		media->lost = 0;
	}
	media->boot_id = boot_id;
}

bool watch_read_facts(struct leg *leg)
{
	struct leg_media *media = &leg->media;
	struct dpclient_flow_facts facts;
	uint64_t heard;

	if (anchor_facts(leg, &facts) < 0)
		return false;
	counters_of(media, facts.boot_id, facts.packets);
	heard = facts.rtp_ms > facts.rtcp_ms ? facts.rtp_ms : facts.rtcp_ms;
	if (facts.rtcp_ms != 0 && !media->rtcp_seen) {
		media->rtcp_seen = true;
		/* RTCP makes silence of a leg that may pause judgeable (LV-04). */
		if (media->dtx && leg->call->state == CALL_ACTIVE)
			anchor_push(leg->call);
	}
	if (facts.packets == media->packets && heard <= media->rtp_ms)
		return false;
	media->packets = facts.packets;
	media->lost = facts.lost;
	media->jitter_ms = facts.jitter_ms;
	if (heard > media->rtp_ms)
		media->rtp_ms = heard;
	return true;
}

void watch_wake(struct wheel_timer *timer)
{
	struct verdict_event event = {.kind = VERDICT_TICK};

	watch_step(WHEEL_OWNER(timer, struct call, judge), &event);
}

void watch_proof(struct wheel_timer *timer)
{
	struct call *call = WHEEL_OWNER(timer, struct call, proof);
	struct calls *calls = call->calls;
	bool changed;

	if (call->state != CALL_ACTIVE)
		return;
	changed = watch_read_facts(&call->leg[0]);
	changed = watch_read_facts(&call->leg[1]) || changed;
	if (changed)
		call_commit(call, PART_MEDIA);
	anchor_prolong(call);
	wheel_arm(calls->wheel, &call->proof,
		calls_now(calls) + calls->conf->redis.proof_interval_s * 1000ull);
}

static struct leg *leg_at(struct calls *calls, struct dpclient_port at)
{
	return calls->port_leg[at.media][(at.port - calls->conf->node.media_port_min) / 2];
}

/* One that was told late may be over; the data plane tells of the next one. */
static void on_silent(struct leg *leg, const struct proto_flow_event *event)
{
	uint64_t now = calls_now(leg->call->calls);
	struct anchor_clock clock;
	uint64_t heard = event->last_rtp_ms > event->last_rtcp_ms ? event->last_rtp_ms
								  : event->last_rtcp_ms;
	struct verdict_event silent = {
		.kind = VERDICT_SILENT,
		.leg = (uint8_t)leg_index(leg),
	};

	if (!anchor_clock(leg, &clock) || is_heard(leg, now > event->at_ms ? now : event->at_ms))
		return;
	silent.timeout_ms = heard ? clock.silence_ms : clock.start_ms;
	silent.at_ms = heard > clock.clock_ms ? heard : clock.clock_ms;
	watch_step(leg->call, &silent);
}

static void on_flow(struct leg *leg, const struct proto_flow_event *event)
{
	struct verdict_event heard = {.kind = VERDICT_HEARD};

	if (!leg)
		return;
	switch (event->kind) {
	case PROTO_FLOW_LEARNT:
	case PROTO_FLOW_LEARNT_RTCP:
		call_commit(leg->call, PART_MEDIA);
		break;
	case PROTO_FLOW_SILENT:
		watch_read_facts(leg);
		on_silent(leg, event);
		break;
	case PROTO_FLOW_HEARD:
		heard.leg = (uint8_t)leg_index(leg);
		watch_step(leg->call, &heard);
		break;
	case PROTO_FLOW_EXPIRED:
		/* Live calls prolong their flows in time; one that was late comes back. */
		leg->call->flow_expires_ms = 0;
		anchor_push(leg->call);
		break;
	}
}

void watch_dp_flow(void *arg, struct dpclient_port at, const struct proto_flow_event *event)
{
	on_flow(leg_at(arg, at), event);
}

void watch_dp_monitor(void *arg, uint32_t number, const struct proto_flow_event *event)
{
	struct calls *calls = arg;

	on_flow(calls->monitor_leg[number], event);
}

static void reset_all(struct calls *calls)
{
	struct call *call, *next;

	HASH_ITER(hh, calls->table, call, next)
		for (unsigned int i = 0; i < 2 && call->state != CALL_ENDING; i++)
			watch_media_reset(&call->leg[i]);
}

/* The clocks began anew with the resync, those that had run out too. */
void watch_dp_up(void *arg)
{
	reset_all(arg);
}

/* Who is heard again now, nobody will tell. */
void watch_dp_down(void *arg)
{
	reset_all(arg);
}

/* Silences are told again; their ends, nobody tells twice. */
void watch_dp_lost(void *arg, uint64_t events)
{
	struct calls *calls = arg;
	struct call *call, *next;

	HASH_ITER(hh, calls->table, call, next)
		if (call->state == CALL_ACTIVE)
			hear_again(call);
}
