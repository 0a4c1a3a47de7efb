/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/commands.h"

#include "controlplane/call/anchor.h"
#include "controlplane/call/hangup.h"
#include "controlplane/call/watch.h"
#include "controlplane/loop.h"
#include "controlplane/ops/capture.h"
#include "controlplane/ops/cdrtail.h"
#include "controlplane/ops/confjson.h"
#include "controlplane/ops/ctlserver.h"
#include "controlplane/ops/dpstatus.h"
#include "shared/clock.h"

#include <string.h>

#define CDR_LAST 20 /* records that are shown if nobody says how many */

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *address(const struct addr *a)
{
	char text[ADDR_STRLEN];

	return json_string(addr_format(a, text));
}

/* Whole seconds since a moment; null: never. */
static json_t *seconds_since(uint64_t then_ms, uint64_t now_ms)
{
	return then_ms ? number(now_ms > then_ms ? (now_ms - then_ms) / 1000 : 0) : json_null();
}

static json_t *node_status(const struct loop *loop)
{
	return json_pack("{ss, ss, so, so}", "name", loop->conf->node.name, "version", LW_VERSION,
		"address", address(&loop->conf->node.service), "uptime_s",
		seconds_since(loop->started_ms, clock_boot_ms()));
}

static json_t *call_status(const struct calls *calls)
{
	const struct calls_counters *n = &calls->counters;

	return json_pack("{so, so, so, so, so, so, so, so, so, so, so}", "now",
		number(calls->count), "started", number(n->started), "answered",
		number(n->answered), "ended", number(n->ended), "restored", number(n->restored),
		"refused", number(n->refused), "refreshes", number(n->refreshes), "confirmed",
		number(n->confirmed), "silent", number(n->silent), "probes", number(n->probes),
		"alarms", number(n->alarms));
}

static json_t *store_status(struct store *store)
{
	struct store_stats s;

	store_stats_read(store, &s);
	return json_pack("{sb, sb, sb, so, so, so, so, so, so, ss}", "up", s.up, "ready", s.ready,
		"accepts_new", store_accepts_new(store), "partitions", number(s.partitions),
		"journal", number(s.journal), "journal_max", number(s.journal_max), "writes",
		number(s.writes), "cdrs", number(s.cdrs), "cdrs_waiting", number(s.cdr_waiting),
		"error", s.error);
}

static json_t *sip_status(const struct calls *calls)
{
	const struct sip_counters *n = sip_stack_counters(calls->sip);

	return json_pack("{so, so, so, so, so, so, so}", "received", number(n->received), "sent",
		number(n->sent), "retransmitted", number(n->retransmitted), "rate_limited",
		number(n->rate_limited), "timeouts", number(n->timeouts), "servers_open",
		number(n->servers_open), "clients_open", number(n->clients_open));
}

static json_t *port_status(struct calls *calls)
{
	uint32_t total = 0, used = 0;

	for (unsigned int i = 0; i < DPCLIENT_MEDIA_MAX && calls->ports[i]; i++) {
		total += ports_total(calls->ports[i]);
		used += ports_used(calls->ports[i]);
	}
	return json_pack("{so, so}", "total", number(total), "used", number(used));
}

static void on_status(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;
	struct calls *calls = &loop->calls;
	struct registrar_status reg;
	json_t *out = json_object();

	registrar_status(calls->registrar, &reg);
	json_object_set_new(out, "node", node_status(loop));
	json_object_set_new(out, "calls", call_status(calls));
	json_object_set_new(out, "registrar",
		json_pack("{so, so, so, so, so, so}", "aors", number(reg.aors), "bindings",
			number(reg.bindings), "statics", number(reg.statics), "accepted",
			number(reg.accepted), "refused", number(reg.refused), "expired",
			number(reg.expired)));
	json_object_set_new(out, "redis", store_status(calls->store));
	json_object_set_new(out, "dataplane",
		dpstatus_json(loop->dpstatus, json_is_true(json_object_get(args, "full"))));
	json_object_set_new(out, "media_ports", port_status(calls));
	json_object_set_new(out, "drops", dpstatus_drops(loop->dpstatus));
	json_object_set_new(out, "sip", sip_status(calls));
	ctlserver_reply(request, out);
}

/* What the data plane has seen of a leg, in this process's life. */
static json_t *quality_json(const struct leg *leg, uint64_t now)
{
	struct dpclient_flow_facts f;

	if (anchor_facts(leg, &f) < 0)
		return json_null();
	return json_pack("{so, so, so, so, so, so, so, so, so}", "last_rtp_s",
		seconds_since(f.rtp_ms, now), "last_rtcp_s", seconds_since(f.rtcp_ms, now), "bytes",
		number(f.bytes), "rtcp", number(f.rtcp), "jitter_ms", number(f.jitter_ms),
		"ssrc_changes", number(f.ssrc_changes), "off_source", number(f.off_source),
		"malformed", number(f.malformed), "payload_type", number(f.payload_type));
}

static json_t *leg_json(struct leg *leg, uint64_t now)
{
	static const char *const roles[] = {"off", "us", "peer"};
	uint64_t expiry;
	struct stimer_params par = leg_stimer_params(leg);

	watch_read_facts(leg);
	expiry = stimer_expiry(&leg->stimer, &par);
	return json_pack("{ss, so, so, ss, sb, so, so, so, so, so, so}", "state",
		leg_state_name(leg->state), "peer", address(&leg->dialog.flow.remote), "se_s",
		number(leg->stimer.interval), "refresher", roles[leg->stimer.role], "timer",
		leg->stimer.timer, "expires_s",
		expiry == STIMER_NEVER || expiry < now ? json_null()
						       : number((expiry - now) / 1000),
		"sip_s", seconds_since(leg->sip_ms, now), "rtp_s",
		seconds_since(leg->media.rtp_ms, now), "packets",
		number(leg->media.packets + leg->media.packets_past), "lost",
		number(leg->media.lost + leg->media.lost_past), "media", quality_json(leg, now));
}

static json_t *call_json(struct call *call, uint64_t now)
{
	char cause[CAUSE_STRLEN];
	uint64_t wall = clock_wall_ms();
	json_t *out = json_pack("{ss, ss, ss, ss, so, so, so}", "id", call->store.id, "state",
		call_state_name(call->state), "from", call->from ? call->from : "", "to",
		call->to ? call->to : "", "age_s", number((wall - call->setup_wall) / 1000), "a",
		leg_json(&call->leg[0], now), "b", leg_json(&call->leg[1], now));

	if (call->state == CALL_ENDING)
		json_object_set_new(
			out, "why", json_string(cause_format(call->cause, call->code, cause)));
	return out;
}

static uint64_t arg_number(const json_t *args, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(args, name));

	return value > 0 ? (uint64_t)value : 0;
}

/* Silent for at least so long on either leg that is expected to send. */
static bool is_silent(const struct call *call, uint64_t now, uint64_t seconds)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct leg_media *media = &call->leg[i].media;
		uint64_t since = media->rtp_ms ? media->rtp_ms : call->answered_ms;

		if (media->sends && since && now - since >= seconds * 1000)
			return true;
	}
	return false;
}

static void on_calls(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;
	uint64_t now = calls_now(&loop->calls), wall = clock_wall_ms();
	uint64_t longer = arg_number(args, "longer_s"), silent = arg_number(args, "silent_s");
	json_t *list = json_array();
	struct call *call, *next;

	HASH_ITER(hh, loop->calls.table, call, next) {
		json_t *row = call_json(call, now);

		if ((longer && wall - call->setup_wall < longer * 1000) ||
			(silent && !is_silent(call, now, silent)))
			json_decref(row);
		else
			json_array_append_new(list, row);
	}
	ctlserver_reply(request, json_pack("{so}", "calls", list));
}

static struct call *call_of(
	struct loop *loop, struct ctlserver_request *request, const json_t *args)
{
	const char *id = json_string_value(json_object_get(args, "id"));
	struct call *call = id ? calls_by_id(&loop->calls, id) : NULL;

	if (!call)
		ctlserver_fail(request,
			"no live call has the id %s (linewatchctl calls lists them)",
			id ? id : "\"\"");
	return call;
}

static void on_call(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;
	struct call *call = call_of(loop, request, args);

	if (call)
		ctlserver_reply(request, call_json(call, calls_now(&loop->calls)));
}

static void on_end(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;
	struct call *call = call_of(loop, request, args);

	if (!call)
		return;
	if (call->state == CALL_ENDING) {
		ctlserver_fail(request, "call %s is ending already", call->store.id);
		return;
	}
	ctlserver_reply(request, json_pack("{ss}", "ended", call->store.id));
	if (call->state == CALL_ACTIVE)
		hangup_decide(call, CAUSE_OPERATOR, 0, 2);
	else
		hangup_fact(call, CAUSE_OPERATOR, 0, 2);
}

static void on_bindings(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;
	struct registrar *registrar = loop->calls.registrar;
	uint64_t now = calls_now(&loop->calls);
	json_t *list = json_array();
	const struct binding *b;
	uint32_t cursor = 0;

	while ((b = registrar_next(registrar, &cursor))) {
		json_array_append_new(list,
			json_pack("{ss, ss, so, so, so, ss, sb}", "aor", registrar_aor_of(b),
				"contact", b->contact ? b->contact : "", "received",
				address(&b->source), "expires_s",
				b->aor && b->expires_ms > now ? number((b->expires_ms - now) / 1000)
							      : json_null(),
				"heard_s", seconds_since(registrar_heard(registrar, b, now), now),
				"id", b->bid, "reachable", !b->unreachable));
	}
	ctlserver_reply(request, json_pack("{so}", "bindings", list));
}

static void on_cdr(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;
	uint64_t last = arg_number(args, "last");

	cdrtail_answer(request, &loop->uv, loop->conf->node.cdr_file, last ? last : CDR_LAST,
		arg_number(args, "unproven_s"));
}

static void on_config(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;

	ctlserver_reply(request, confjson_list(loop->conf));
}

static void on_stop(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;
	bool end_calls = json_is_true(json_object_get(args, "end_calls"));

	log_notice("stopping by the operator%s", end_calls ? ", ending all calls" : "");
	ctlserver_reply(request, json_pack("{sb}", "stopping", 1));
	loop_stop(loop, end_calls);
}

int commands_open(struct loop *loop)
{
	const struct ctlserver_command commands[] = {
		{"status", on_status, loop},
		{"calls", on_calls, loop},
		{"call", on_call, loop},
		{"end", on_end, loop},
		{"bindings", on_bindings, loop},
		{"cdr", on_cdr, loop},
		{"config", on_config, loop},
		{"capture", capture_command, loop},
		{"stop", on_stop, loop},
	};
	int rc = ctlserver_open(&loop->ctl, &loop->uv, loop->conf->node.control_socket);

	if (rc < 0)
		return rc;
	rc = ctlserver_add(loop->ctl, commands, sizeof(commands) / sizeof(commands[0]));
	if (!rc)
		rc = dpstatus_open(&loop->dpstatus, &loop->uv, loop->calls.dp);
	if (rc < 0)
		ctlserver_close(loop->ctl);
	return rc;
}

void commands_close(struct loop *loop)
{
	dpstatus_close(loop->dpstatus);
	ctlserver_close(loop->ctl);
}
