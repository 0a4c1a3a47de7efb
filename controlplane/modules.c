/* SPDX-License-Identifier: BSD-3-Clause */
/* The modules of a loop, each opened from the configuration. */
#include "controlplane/call/cdr.h"
#include "controlplane/loop.h"
#include "controlplane/ops/commands.h"
#include "controlplane/storage.h"
#include "shared/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Longest time for the last writes to Redis at the end. */
#define STORE_CLOSE_MS 3000

static int wheel_open(struct loop *loop)
{
	wheel_init(&loop->wheel, clock_boot_ms());
	return wheel_uv_start(&loop->wheel_uv, &loop->uv, &loop->wheel);
}

static void wheel_close(struct loop *loop)
{
	wheel_uv_stop(&loop->wheel_uv);
}

static int store_module_open(struct loop *loop)
{
	const struct conf *conf = loop->conf;
	char address[ADDR_STRLEN], sip[ADDR_STRLEN];
	struct store_conf store = {
		.address = addr_format(&conf->redis.address, address),
		.user = conf->redis.user[0] ? conf->redis.user : NULL,
		.password = conf->redis.password[0] ? conf->redis.password : NULL,
		.node = conf->node.name,
		.sip_address = addr_format(&conf->node.service, sip),
		.journal = conf->redis.journal,
		.cdr_file = conf->node.cdr_file,
		.cdr_is_number = cdr_is_number,
	};
	return store_open(&loop->calls.store, &loop->uv, &store, &storage_events, loop);
}

static void store_module_close(struct loop *loop)
{
	store_close(loop->calls.store, STORE_CLOSE_MS, NULL, NULL);
}

static const char *password_of(void *arg, const char *user)
{
	const struct conf_user *found = conf_user_find(arg, user);

	return found ? found->password : NULL;
}

static int digest_module_open(struct loop *loop)
{
	struct digest_conf digest = {
		.realm = loop->conf->sip.realm,
		.md5_only = loop->conf->sip.md5_only,
		.nonce_ttl_ms = loop->conf->sip.nonce_lifetime_s * 1000,
		.password = password_of,
		.arg = (void *)(uintptr_t)loop->conf,
	};

	return digest_open(&loop->calls.digest, &digest);
}

static void digest_module_close(struct loop *loop)
{
	digest_close(loop->calls.digest);
}

static void keepalive_payload(struct proto_conf *out, enum conf_payload payload,
	const struct conf_bytes *message, uint32_t missed)
{
	static const uint8_t kinds[] = {
		[CONF_PAYLOAD_TEXT] = PROTO_PAYLOAD_TEXT,
		[CONF_PAYLOAD_ZERO] = PROTO_PAYLOAD_ZERO,
		[CONF_PAYLOAD_STUN] = PROTO_PAYLOAD_STUN,
		[CONF_PAYLOAD_OPTIONS] = PROTO_PAYLOAD_OPTIONS,
	};

	out->payload_kind = kinds[payload];
	out->missed_max = (uint8_t)missed;
	if (payload != CONF_PAYLOAD_TEXT)
		return;
	out->payload_len = message->len;
	if (message->len == 0)
		out->payload_kind = PROTO_PAYLOAD_OFF;
	memcpy(out->payload, message->data, message->len);
}

/* Class 0 is what section keepalive says, those of keepalive_classes follow, and behind them the
 * one to which silent devices are moved. Returns their number. */
static uint32_t keepalive_classes(const struct conf *conf, struct proto_conf *out)
{
	const struct conf_keepalive *keepalive = &conf->keepalive;
	uint32_t count = 1 + (uint32_t)conf->class_count;
	const struct proto_conf base = {
		.period_ms = keepalive->period_s * 1000,
		.send_interval_ms = keepalive->send_interval_ms,
		.send_one_time = keepalive->send_one_time,
		.send_least = keepalive->send_one_time == CONF_BATCH_AUTO ? CONF_BATCH_LEAST : 0,
		.smooth = keepalive->mode == CONF_KEEPALIVE_SMOOTH,
		.skip_heard = keepalive->skip_heard,
		.per_address_cap = (uint16_t)keepalive->per_address_cap,
		.escalate = (uint8_t)keepalive->escalate,
		.escalate_class = keepalive->escalate ? (uint8_t)count : 0,
	};

	static_assert(CONF_CLASSES_MAX + 2 <= PROTO_CLASSES, "all have a place");
	for (uint32_t i = 0; i < count + !!keepalive->escalate; i++) {
		out[i] = base;
		out[i].class_id = (uint8_t)i;
	}
	keepalive_payload(&out[0], keepalive->payload, &keepalive->message, keepalive->missed);
	for (size_t i = 0; i < conf->class_count; i++)
		keepalive_payload(&out[i + 1], conf->classes[i].payload, &conf->classes[i].message,
			conf->classes[i].missed);
	if (!keepalive->escalate)
		return count;
	out[count].escalate = out[count].escalate_class = 0;
	keepalive_payload(&out[count], CONF_PAYLOAD_OPTIONS, NULL, keepalive->missed);
	return count + 1;
}

static int dp_module_open(struct loop *loop)
{
	const struct conf *conf = loop->conf;
	struct dpclient_conf dp = {
		.socket = conf->dataplane.socket,
		.incarnation = loop->stamp,
		.media_count = (uint32_t)conf->node.media.count,
		.port_min = conf->node.media_port_min,
		.port_max = conf->node.media_port_max,
		.bindings_max = conf->dataplane.bindings,
		.monitors_max = conf_monitors(conf),
	};

	if (!conf_uses_dataplane(conf))
		return 0;
	if (conf->node.media.count > DPCLIENT_MEDIA_MAX) {
		log_error("node.media_addresses: %zu are given, at most %d are possible",
			conf->node.media.count, DPCLIENT_MEDIA_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < conf->node.media.count; i++)
		dp.media[i] = conf->node.media.item[i];
	dp.class_count = keepalive_classes(conf, dp.classes);
	calls_dp_events(&loop->calls, &dp.events);
	return dpclient_open(&loop->calls.dp, &loop->uv, &dp);
}

static void dp_module_close(struct loop *loop)
{
	if (loop->calls.dp)
		dpclient_close(loop->calls.dp);
}

static int registrar_module_open(struct loop *loop)
{
	const struct conf *conf = loop->conf;
	const char *domains[65];
	char service[ADDR_STRLEN];
	struct registrar_conf reg = {
		.domains = domains,
		.node = conf->node.name,
		.incarnation = loop->stamp,
		.open = conf->user_count == 0 && conf->sip.open_registrar,
		.expires_min = conf->sip.register_expires_min_s,
		.expires_max = conf->sip.register_expires_max_s,
		.expires_default = conf->sip.register_expires_default_s,
		.bindings_per_aor = conf->sip.max_bindings_per_aor,
		.bindings_max = conf->dataplane.bindings,
		.now_ms = clock_boot_ms(),
		.register_rate = conf->sip.register_rate,
		.wheel = &loop->wheel,
		.dp = loop->calls.dp,
		.classes = loop->classes,
		.class_count = conf->class_count,
	};
	struct registrar *registrar;
	int rc;

	for (size_t i = 0; i < conf->sip.domains.count && reg.domain_count < 64; i++)
		domains[reg.domain_count++] = conf->sip.domains.item[i];
	domains[reg.domain_count++] = addr_format_ip(&conf->node.service, service);
	for (size_t i = 0; i < conf->class_count; i++)
		loop->classes[i] = (struct registrar_class){
			.name = conf->classes[i].name,
			.user_agents = (const char *const *)conf->classes[i].user_agents.item,
			.user_agent_count = conf->classes[i].user_agents.count,
		};
	storage_registrar(&loop->calls, &reg.store);
	rc = registrar_open(&registrar, &reg);
	if (rc < 0)
		return rc;
	loop->calls.registrar = registrar;
	for (size_t i = 0; i < conf->bindings.count && rc == 0; i++)
		rc = registrar_static_add(
			registrar, &conf->bindings.item[i], &conf->node.service, reg.now_ms);
	return rc;
}

static void registrar_module_close(struct loop *loop)
{
	registrar_close(loop->calls.registrar);
}

static int sip_module_open(struct loop *loop)
{
	const struct conf *conf = loop->conf;
	struct addr listen = conf->node.service;
	struct sip_stack_config sip = {
		.wheel = &loop->wheel,
		.loop = &loop->uv,
		.listen = &listen,
		.listen_count = 1,
		.node = conf->node.name,
		.service = conf->node.service,
		.unknown_rate = conf->sip.register_rate,
	};
	struct sip_handlers handlers;
	char text[ADDR_STRLEN];
	int rc;

	gate_limits_default(&sip.gate);
	sip.gate.message_max = conf->sip.max_message;
	sip.gate.line_max = conf->sip.max_line;
	sip.gate.lines_max = conf->sip.max_headers;
	sip.gate.params_max = conf->sip.max_params;
	calls_sip_handlers(&loop->calls, &handlers);
	rc = sip_stack_open(&loop->calls.sip, &sip, &handlers);
	if (rc < 0)
		log_error("cannot listen for SIP on %s: %s", addr_format(&conf->node.service, text),
			strerror(-rc));
	return rc;
}

static void sip_module_close(struct loop *loop)
{
	sip_stack_close(loop->calls.sip);
}

static int calls_module_open(struct loop *loop)
{
	return calls_open(&loop->calls, loop->stamp);
}

static void calls_module_close(struct loop *loop)
{
	calls_close(&loop->calls);
}

const struct loop_module loop_modules[] = {
	{"timers", wheel_open, wheel_close},
	{"store", store_module_open, store_module_close},
	{"digest", digest_module_open, digest_module_close},
	{"data-plane client", dp_module_open, dp_module_close},
	{"registrar", registrar_module_open, registrar_module_close},
	{"SIP", sip_module_open, sip_module_close},
	{"calls", calls_module_open, calls_module_close},
	{"control socket", commands_open, commands_close},
};
const size_t loop_module_count = sizeof(loop_modules) / sizeof(loop_modules[0]);
