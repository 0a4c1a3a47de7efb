/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/commands.h"

#include "controlplane/call/hangup.h"
#include "controlplane/loop.h"
#include "controlplane/ops/callview.h"
#include "controlplane/ops/capture.h"
#include "controlplane/ops/cdrtail.h"
#include "controlplane/ops/confjson.h"
#include "controlplane/ops/ctlserver.h"
#include "controlplane/ops/dpstatus.h"
#include "controlplane/ops/json.h"
#include "controlplane/ops/lists.h"
#include "controlplane/ops/portreset.h"
#include "shared/clock.h"

#include <string.h>

#define CDR_LAST 20 /* records that are shown if nobody says how many */

static json_t *node_status(const struct loop *loop)
{
	return json_pack("{ss, ss, so, so}", "name", loop->conf->node.name, "version", LW_VERSION,
		"address", json_address(&loop->conf->node.service), "uptime_s",
		json_seconds_since(loop->started_ms, clock_boot_ms()));
}

static json_t *call_status(const struct calls *calls)
{
	const struct calls_counters *n = &calls->counters;

	return json_pack("{so, so, so, so, so, so, so, so, so, so, so}", "now",
		json_number(calls->count), "started", json_number(n->started), "answered",
		json_number(n->answered), "ended", json_number(n->ended), "restored",
		json_number(n->restored), "refused", json_number(n->refused), "refreshes",
		json_number(n->refreshes), "confirmed", json_number(n->confirmed), "silent",
		json_number(n->silent), "probes", json_number(n->probes), "alarms",
		json_number(n->alarms));
}

static json_t *store_status(struct store *store)
{
	struct store_stats s;

	store_stats_read(store, &s);
	return json_pack("{sb, sb, sb, so, so, so, so, so, so, ss}", "up", s.up, "ready", s.ready,
		"accepts_new", store_accepts_new(store), "partitions", json_number(s.partitions),
		"journal", json_number(s.journal), "journal_max", json_number(s.journal_max),
		"writes", json_number(s.writes), "cdrs", json_number(s.cdrs), "cdrs_waiting",
		json_number(s.cdr_waiting), "error", s.error);
}

static json_t *sip_status(const struct calls *calls)
{
	const struct sip_counters *n = sip_stack_counters(calls->sip);

	return json_pack("{so, so, so, so, so, so, so}", "received", json_number(n->received),
		"sent", json_number(n->sent), "retransmitted", json_number(n->retransmitted),
		"rate_limited", json_number(n->rate_limited), "timeouts", json_number(n->timeouts),
		"servers_open", json_number(n->servers_open), "clients_open",
		json_number(n->clients_open));
}

static json_t *port_status(struct calls *calls)
{
	uint32_t total = 0, used = 0;

	for (unsigned int i = 0; i < DPCLIENT_MEDIA_MAX && calls->ports[i]; i++) {
		total += ports_total(calls->ports[i]);
		used += ports_used(calls->ports[i]);
	}
	return json_pack("{so, so}", "total", json_number(total), "used", json_number(used));
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
		json_pack("{so, so, so, so, so, so}", "aors", json_number(reg.aors), "bindings",
			json_number(reg.bindings), "statics", json_number(reg.statics), "accepted",
			json_number(reg.accepted), "refused", json_number(reg.refused), "expired",
			json_number(reg.expired)));
	json_object_set_new(out, "redis", store_status(calls->store));
	json_object_set_new(out, "dataplane",
		dpstatus_json(loop->dpstatus, json_is_true(json_object_get(args, "full"))));
	json_object_set_new(out, "media_ports", port_status(calls));
	json_object_set_new(out, "drops", dpstatus_drops(loop->dpstatus));
	json_object_set_new(out, "sip", sip_status(calls));
	ctlserver_reply(request, out);
}

static void on_calls(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;

	lists_calls(request, &loop->calls, args);
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
		ctlserver_reply(request, callview_json(call, calls_now(&loop->calls)));
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

	lists_bindings(request, &loop->calls);
}

static void on_cdr(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct loop *loop = arg;
	uint64_t last = json_arg_number(args, "last");

	cdrtail_answer(request, &loop->uv, loop->conf->node.cdr_file, last ? last : CDR_LAST,
		json_arg_number(args, "unproven_s"));
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
		{"port-reset", portreset_command, loop},
		{"stop", on_stop, loop},
	};
	int rc = ctlserver_open(&loop->ctl, &loop->uv, loop->conf->node.control_socket);

	if (rc < 0) {
		log_error("node.control_socket: %s: %s%s", loop->conf->node.control_socket,
			strerror(-rc), rc == -ENOENT ? " (its folder must exist)" : "");
		return rc;
	}
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
