/* SPDX-License-Identifier: BSD-3-Clause */
/* What a configuration comes to. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/conf_text.h"

static void defaults_are_those_of_the_product(void **state)
{
	struct conf *conf = load(NODE);

	assert_int_equal(conf->session.ttl_s, 600);
	assert_int_equal(conf->session.segment, 2);
	assert_int_equal(conf->session.early_hangup_s, 0);
	assert_int_equal(conf->session.no_timer_limit_s, 7200);
	assert_int_equal(conf->session.max_call_duration_s, 0);
	assert_int_equal(conf->session.min_se_s, 90);
	assert_int_equal(conf->session.no_timer_probe, CONF_PROBE_OPTIONS);
	assert_int_equal(conf->keepalive.message.len, 5);
	assert_memory_equal(conf->keepalive.message.data, "HELLO", 5);
	assert_int_equal(conf->keepalive.period_s, 30);
	assert_int_equal(conf->keepalive.send_interval_ms, 500);
	assert_int_equal(conf->keepalive.send_one_time, CONF_BATCH_AUTO);
	assert_int_equal(CONF_BATCH_LEAST, 3000);
	assert_int_equal(conf->media.mode, CONF_MEDIA_RELAY);
	assert_int_equal(conf->media.timeout_s, 60);
	assert_int_equal(conf->media.start_timeout_s, 60);
	assert_int_equal(conf->media.hold_timeout_s, 1800);
	assert_int_equal(conf->media.dtx_timeout_s, 300);
	assert_int_equal(conf->media.hard_timeout_s, 300);
	assert_int_equal(conf->media.probe_timeout_s, 8);
	assert_int_equal(conf->media.dscp, CONF_DSCP_KEEP);
	assert_int_equal(conf->node.media_port_min, 20000);
	assert_int_equal(conf->node.media_port_max, 29999);
	assert_int_equal(conf->dataplane.idle_sleep_us, 900);
	assert_int_equal(conf->redis.address.port, 6379);
	assert_int_equal(conf->node.log_level, LOG_INFO);
	assert_true(conf_uses_dataplane(conf));
	conf_free(conf);
}

static void addresses_follow_from_the_service_address(void **state)
{
	struct conf *conf = load("node:\n  service_address: 192.0.2.10\n  sip_port: 5070\n");
	char text[ADDR_STRLEN];

	assert_string_equal(addr_format(&conf->node.service, text), "192.0.2.10:5070");
	assert_string_equal(addr_format(&conf->node.address, text), "192.0.2.10:5070");
	assert_int_equal(conf->node.media.count, 1);
	assert_string_equal(addr_format(&conf->node.media.item[0], text), "192.0.2.10:0");
	assert_string_equal(conf->sip.realm, "192.0.2.10");
	conf_free(conf);

	conf = load("node:\n  service_address: 2001:db8::1\n  node_address: 10.0.0.1\n"
		    "  media_addresses: [10.0.0.2, \"2001:db8::2\"]\n"
		    "sip: {domains: [a.example, b.example]}\n");
	assert_string_equal(addr_format(&conf->node.address, text), "10.0.0.1:5060");
	assert_int_equal(conf->node.media.count, 2);
	assert_string_equal(addr_format_ip(&conf->node.media.item[1], text), "2001:db8::2");
	assert_string_equal(conf->sip.realm, "a.example");
	conf_free(conf);
}

static void batch_is_auto_or_a_number(void **state)
{
	struct conf *conf = load(NODE "keepalive: {SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME: auto}\n");

	assert_int_equal(conf->keepalive.send_one_time, CONF_BATCH_AUTO);
	conf_free(conf);
	conf = load(NODE "keepalive: {SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME: 3000}\n");
	assert_int_equal(conf->keepalive.send_one_time, 3000);
	conf_free(conf);
	refused(NODE "keepalive: {SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME: 0}\n",
		"f.yaml:3: keepalive.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME: 0 is out of range: "
		"auto or 1 to 1000000 messages");
}

static void message_takes_escapes(void **state)
{
	static const char zeros[] = NODE "keepalive: {SS_SIP_NAT_KEEP_ALIVE_MESSAGE: "
					 "'a\\r\\n\\t\\0\\\\\\x7e\\xFF'}\n";
	struct conf *conf = load(zeros);
	char text[2048];

	assert_int_equal(conf->keepalive.message.len, 8);
	assert_memory_equal(conf->keepalive.message.data, "a\r\n\t\0\\~\xff", 8);
	conf_free(conf);
	conf = load(NODE "keepalive: {SS_SIP_NAT_KEEP_ALIVE_MESSAGE: ''}\n");
	assert_int_equal(conf->keepalive.message.len, 0);
	conf_free(conf);
	/* YAML's own escapes in double quotes come through as well, zeros included. */
	conf = load(NODE "keepalive: {SS_SIP_NAT_KEEP_ALIVE_MESSAGE: \"x\\0y\\r\\n\"}\n");
	assert_int_equal(conf->keepalive.message.len, 5);
	assert_memory_equal(conf->keepalive.message.data, "x\0y\r\n", 5);
	conf_free(conf);
	refused(NODE "keepalive: {SS_SIP_NAT_KEEP_ALIVE_MESSAGE: 'a\\q'}\n",
		"f.yaml:3: keepalive.SS_SIP_NAT_KEEP_ALIVE_MESSAGE: a\\x5cq has an unknown escape: "
		"up to 1200 bytes, escapes \\r \\n \\t \\0 \\\\ \\xNN");
	refused(NODE "keepalive: {SS_SIP_NAT_KEEP_ALIVE_MESSAGE: '\\x4'}\n",
		"f.yaml:3: keepalive.SS_SIP_NAT_KEEP_ALIVE_MESSAGE: \\x5cx4 has an unknown escape: "
		"up to 1200 bytes, escapes \\r \\n \\t \\0 \\\\ \\xNN");

	snprintf(text, sizeof(text), NODE "keepalive: {SS_SIP_NAT_KEEP_ALIVE_MESSAGE: %01200d}\n",
		0);
	conf = load(text);
	assert_int_equal(conf->keepalive.message.len, 1200);
	conf_free(conf);
	snprintf(text, sizeof(text), NODE "keepalive: {SS_SIP_NAT_KEEP_ALIVE_MESSAGE: %01201d}\n",
		0);
	refused(text,
		"f.yaml:3: keepalive.SS_SIP_NAT_KEEP_ALIVE_MESSAGE: "
		"00000000000000000000000000000000000000000000000... is too long: up to 1200 bytes, "
		"escapes \\r \\n \\t \\0 \\\\ \\xNN");
}

static void preset_stands_between_built_in_and_file(void **state)
{
	struct conf *conf = load(NODE "session: {preset: mobile-unstable}\n");

	assert_int_equal(conf->session.ttl_s, 300);
	assert_int_equal(conf->session.no_timer_limit_s, 3600);
	assert_int_equal(conf->keepalive.period_s, 15);
	conf_free(conf);
	conf = load(NODE "keepalive: {SS_SIP_NAT_KEEP_ALIVE_PERIOD: 25}\n"
			 "session:\n  SS_SIP_SESSION_TTL: 1200\n  preset: call-center\n");
	assert_int_equal(conf->session.ttl_s, 1200);
	assert_int_equal(conf->session.no_timer_limit_s, 14400);
	assert_int_equal(conf->keepalive.period_s, 25);
	conf_free(conf);
	refused(NODE "session: {preset: premium}\n",
		"f.yaml:3: session.preset: premium is not known: standard, call-center, wholesale "
		"or mobile-unstable");
}

static void wholesale_needs_media_liveness(void **state)
{
	struct conf *conf = load(NODE "session: {preset: wholesale}\n"
				      "trunks:\n"
				      "  - {name: a, address: 198.51.100.1, media: none}\n"
				      "  - {name: b, address: 198.51.100.2}\n"
				      "  - name: c\n"
				      "    address: 198.51.100.3\n"
				      "    media_clocks: {media_timeout: 0}\n"
				      "  - name: d\n"
				      "    address: 198.51.100.4\n"
				      "    media: none\n"
				      "    session: {SS_SIP_NO_TIMER_REINVITE_INTERVAL: 0}\n");

	assert_int_equal(conf->session.no_timer_limit_s, 0);
	assert_int_equal(conf->trunks[0].session.no_timer_limit_s, 3600);
	assert_int_equal(conf->trunks[1].session.no_timer_limit_s, 0);
	assert_int_equal(conf->trunks[2].session.no_timer_limit_s, 3600);
	/* Said by hand, it is meant. */
	assert_int_equal(conf->trunks[3].session.no_timer_limit_s, 0);
	conf_free(conf);
	conf = load(NODE "session: {preset: wholesale}\nmedia: {mode: none}\n"
			 "trunks: [{name: a, address: 198.51.100.1, media: relay}]\n");
	assert_int_equal(conf->session.no_timer_limit_s, 3600);
	assert_int_equal(conf->trunks[0].session.no_timer_limit_s, 0);
	conf_free(conf);
}

static void trunk_overrides(void **state)
{
	struct conf *conf = load(NODE "session: {SS_SIP_SESSION_TTL: 700}\n"
				      "media: {mode: none, media_timeout: 50}\n"
				      "dataplane: {monitor: mirror, monitors: 2000,\n"
				      "            monitor_ports: ['af_packet:span0']}\n"
				      "trunks:\n"
				      "  - name: carrier\n"
				      "    address: 198.51.100.5:5080\n"
				      "    prefixes: ['+', '00', '']\n"
				      "    media: monitor\n"
				      "    session: {preset: call-center, min_se: 120}\n"
				      "    media_clocks: {media_timeout: 30, dscp: 46}\n"
				      "  - {name: plain, address: 198.51.100.6}\n");
	const struct conf_trunk *trunk = &conf->trunks[0];

	assert_int_equal(conf->trunk_count, 2);
	assert_string_equal(trunk->name, "carrier");
	assert_int_equal(trunk->address.port, 5080);
	assert_int_equal(trunk->prefixes.count, 3);
	assert_string_equal(trunk->prefixes.item[1], "00");
	assert_string_equal(trunk->prefixes.item[2], "");
	assert_int_equal(trunk->media.mode, CONF_MEDIA_MONITOR);
	assert_int_equal(trunk->session.ttl_s, 900);
	assert_int_equal(trunk->session.min_se_s, 120);
	assert_int_equal(trunk->media.timeout_s, 30);
	assert_int_equal(trunk->media.dscp, 46);
	assert_int_equal(conf->trunks[1].media.dscp, CONF_DSCP_KEEP);
	assert_int_equal(trunk->media.probe_timeout_s, 8);
	assert_int_equal(conf->session.ttl_s, 700);
	assert_int_equal(conf->session.min_se_s, 90);
	assert_int_equal(conf->trunks[1].session.ttl_s, 700);
	assert_int_equal(conf->trunks[1].media.mode, CONF_MEDIA_NONE);
	assert_int_equal(conf->trunks[1].media.timeout_s, 50);
	assert_int_equal(conf->trunks[1].address.port, 5060);
	assert_true(conf_uses_dataplane(conf));
	assert_int_equal(conf->dataplane.monitor, CONF_MONITOR_MIRROR);
	assert_int_equal(conf->dataplane.monitors, 2000);
	assert_string_equal(conf->dataplane.monitor_ports.item[0], "af_packet:span0");
	conf_free(conf);

	conf = load(NODE "media: {mode: none}\ntrunks: [{name: a, address: 1.2.3.4}]\n");
	assert_false(conf_uses_dataplane(conf));
	conf_free(conf);
}

static void users_are_found_by_name(void **state)
{
	struct conf *conf = load(NODE "users:\n"
				      "  - {name: zoe, password: z}\n"
				      "  - {name: bob, password: b}\n"
				      "  - {name: mia, password: m}\n");

	assert_string_equal(conf_user_find(conf, "bob")->password, "b");
	assert_string_equal(conf_user_find(conf, "mia")->password, "m");
	assert_string_equal(conf_user_find(conf, "zoe")->password, "z");
	assert_null(conf_user_find(conf, "Bob"));
	assert_null(conf_user_find(conf, ""));
	conf_free(conf);
	conf = load(NODE);
	assert_null(conf_user_find(conf, "bob"));
	conf_free(conf);
}

struct seen {
	const char *name;
	char value[256];
	char unit[16];
	char origin[64];
	int count;
};

static int look(void *arg, const struct conf_value *value)
{
	struct seen *seen = arg;

	seen->count++;
	if (strcmp(value->name, seen->name) != 0)
		return 0;
	snprintf(seen->value, sizeof(seen->value), "%s", value->value);
	snprintf(seen->unit, sizeof(seen->unit), "%s", value->unit);
	snprintf(seen->origin, sizeof(seen->origin), "%s", value->origin);
	return 0;
}

static void classes_inherit_from_keepalive(void **state)
{
	struct conf *conf = load(NODE
		"keepalive_classes:\n"
		"  - {name: grand, user_agents: [Grandstream, 'Yealink SIP'], payload: options}\n"
		"  - {name: old, user_agents: [Sipura], message: '\\0', missed: 10}\n"
		"keepalive: {payload: zero, missed: 0, escalate: 4}\n");

	assert_int_equal(conf->keepalive.payload, CONF_PAYLOAD_ZERO);
	assert_int_equal(conf->keepalive.missed, 0);
	assert_int_equal(conf->keepalive.escalate, 4);
	assert_int_equal(conf->class_count, 2);
	assert_string_equal(conf->classes[0].user_agents.item[1], "Yealink SIP");
	assert_int_equal(conf->classes[0].payload, CONF_PAYLOAD_OPTIONS);
	assert_int_equal(conf->classes[0].missed, 0);
	assert_int_equal(conf->classes[0].message.len, 5);
	assert_int_equal(conf->classes[1].payload, CONF_PAYLOAD_ZERO);
	assert_int_equal(conf->classes[1].missed, 10);
	assert_int_equal(conf->classes[1].message.len, 1);
	conf_free(conf);
	conf = load(NODE);
	assert_int_equal(conf->keepalive.payload, CONF_PAYLOAD_TEXT);
	assert_int_equal(conf->keepalive.missed, 3);
	assert_int_equal(conf->keepalive.escalate, 0);
	conf_free(conf);
}

static void shows(const struct conf *conf, const char *name, const char *value, const char *origin)
{
	struct seen seen = {.name = name};

	assert_int_equal(conf_each(conf, look, &seen), 0);
	assert_string_equal(seen.value, value);
	assert_string_equal(seen.origin, origin);
}

static int stop(void *arg, const struct conf_value *value)
{
	return ++*(int *)arg == 3 ? 42 : 0;
}

static void each_value_tells_where_it_comes_from(void **state)
{
	struct conf *conf = load(NODE "redis: {password: geheim}\n"
				      "session: {preset: call-center, min_se: 120}\n"
				      "keepalive: {SS_SIP_NAT_KEEP_ALIVE_MESSAGE: 'a\\0\\xff'}\n"
				      "dataplane: {ports: ['af_packet:eth1', 'tap:x']}\n"
				      "users: [{name: bob, password: secret}]\n"
				      "trunks:\n"
				      "  - name: t\n"
				      "    address: 198.51.100.5\n"
				      "    prefixes: ['+', '']\n"
				      "    media: none\n"
				      "    session: {preset: wholesale}\n"
				      "bindings: ['203.0.113.9:5060', 203.0.113.10]\n");
	int calls = 0;

	shows(conf, "session.SS_SIP_SESSION_TTL", "900", "preset call-center");
	shows(conf, "session.min_se", "120", "f.yaml:4");
	shows(conf, "session.SS_SIP_SESSION_UPDATE_SEGMENT", "2", "built-in");
	shows(conf, "keepalive.SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "a\\0\\xff", "f.yaml:5");
	shows(conf, "keepalive.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME", "auto", "built-in");
	shows(conf, "dataplane.ports", "[af_packet:eth1, tap:x]", "f.yaml:6");
	shows(conf, "redis.password", "***", "f.yaml:3");
	shows(conf, "redis.user", "", "built-in");
	shows(conf, "node.media_ports", "20000-29999", "built-in");
	shows(conf, "node.media_addresses", "[192.0.2.10]", "built-in");
	shows(conf, "users", "1", "f.yaml:7");
	shows(conf, "trunks.t.prefixes", "[+, \"\"]", "f.yaml:11");
	shows(conf, "trunks.t.media", "none", "f.yaml:12");
	shows(conf, "trunks.t.session.SS_SIP_NO_TIMER_REINVITE_INTERVAL", "3600",
		"preset wholesale");
	shows(conf, "bindings", "[203.0.113.9:5060, 203.0.113.10:5060]", "f.yaml:14");
	assert_int_equal(conf_each(conf, stop, &calls), 42);
	assert_int_equal(calls, 3);
	conf_free(conf);
}

static void files(void **state)
{
	struct conf *conf = NULL;
	const char *source = getenv("LW_SOURCE");
	char err[512], path[512];

	assert_non_null(source);
	snprintf(path, sizeof(path), "%s/scripts/linewatch.yaml.example", source);
	assert_int_equal(conf_load(&conf, path, err, sizeof(err)), 0);
	assert_string_equal(conf->trunks[0].name, "carrier");
	assert_int_equal(conf->user_count, 1);
	assert_int_equal(conf->bindings.count, 1);
	conf_free(conf);
	assert_int_equal(conf_load(&conf, "/nonexistent/x.yaml", err, sizeof(err)), -ENOENT);
	assert_string_equal(err, "/nonexistent/x.yaml: cannot be read: No such file or directory");
	assert_int_equal(conf_load(&conf, "/", err, sizeof(err)), -EIO);
	/* A short buffer is filled, not overrun. */
	assert_int_equal(conf_load(&conf, "/nonexistent/x.yaml", err, 8), -ENOENT);
	assert_string_equal(err, "/nonexi");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_product),
		cmocka_unit_test(addresses_follow_from_the_service_address),
		cmocka_unit_test(batch_is_auto_or_a_number),
		cmocka_unit_test(message_takes_escapes),
		cmocka_unit_test(preset_stands_between_built_in_and_file),
		cmocka_unit_test(wholesale_needs_media_liveness),
		cmocka_unit_test(trunk_overrides),
		cmocka_unit_test(users_are_found_by_name),
		cmocka_unit_test(classes_inherit_from_keepalive),
		cmocka_unit_test(each_value_tells_where_it_comes_from),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
