/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NODE "node:\n  service_address: 192.0.2.10\n"

static struct conf *load(const char *text)
{
	struct conf *conf = NULL;
	char err[512] = "";
	int rc = conf_load_text(&conf, "f.yaml", text, strlen(text), err, sizeof(err));

	if (rc)
		fail_msg("refused: %s", err);
	return conf;
}

/* The text is refused with exactly this line. */
static void refused(const char *text, const char *expected)
{
	struct conf *conf = NULL;
	char err[512] = "";
	int rc = conf_load_text(&conf, "f.yaml", text, strlen(text), err, sizeof(err));

	assert_int_equal(rc, -EINVAL);
	assert_null(conf);
	assert_string_equal(err, expected);
	assert_null(strchr(err, '\n'));
}

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
	assert_int_equal(conf->node.media_port_min, 20000);
	assert_int_equal(conf->node.media_port_max, 29999);
	assert_int_equal(conf->dataplane.idle_sleep_us, 1000);
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

/* One line of a section at each end of its range, and just beyond it. */
static void edge(const char *section, const char *name, long low, long high, const char *range)
{
	const long good[] = {low, high}, bad[] = {low - 1, high + 1};
	char text[256], expected[256];

	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), NODE "%s:\n  %s: %ld\n", section, name, good[i]);
		conf_free(load(text));
	}
	for (int i = 0; i < 2; i++) {
		if (bad[i] == 0 && strncmp(range, "0 (off)", 7) == 0)
			continue;
		snprintf(text, sizeof(text), NODE "%s:\n  %s: %ld\n", section, name, bad[i]);
		snprintf(expected, sizeof(expected), "f.yaml:4: %s.%s: %ld is out of range: %s",
			section, name, bad[i], range);
		refused(text, expected);
	}
}

static void ranges_are_those_of_the_product(void **state)
{
	edge("session", "SS_SIP_SESSION_TTL", 90, 86400, "90 to 86400 s");
	edge("session", "SS_SIP_SESSION_UPDATE_SEGMENT", 2, 10, "2 to 10");
	edge("session", "SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", 0, 300, "0 to 300 s");
	edge("session", "SS_SIP_NO_TIMER_REINVITE_INTERVAL", 60, 604800,
		"0 (off) or 60 to 604800 s");
	edge("session", "max_call_duration", 60, 604800, "0 (off) or 60 to 604800 s");
	refused(NODE "session: {min_se: 89}\n",
		"f.yaml:3: session.min_se: 89 is out of range: 90 to 7200 s");
	conf_free(load(NODE "session: {min_se: 7200, SS_SIP_SESSION_TTL: 7200}\n"));
	refused(NODE "session: {min_se: 7201}\n",
		"f.yaml:3: session.min_se: 7201 is out of range: 90 to 7200 s");
	edge("keepalive", "SS_SIP_NAT_KEEP_ALIVE_PERIOD", 10, 86400, "10 to 86400 s");
	edge("keepalive", "SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL", 10, 10000, "10 to 10000 ms");
	edge("keepalive", "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME", 1, 1000000,
		"auto or 1 to 1000000 messages");
	edge("media", "media_timeout", 20, 300, "0 (off) or 20 to 300 s");
	edge("media", "probe_timeout", 2, 32, "2 to 32 s");
}

static void zero_turns_off_only_where_it_may(void **state)
{
	struct conf *conf = load(
		NODE "session: {SS_SIP_NO_TIMER_REINVITE_INTERVAL: 0, max_call_duration: 0}\n"
		     "media: {media_timeout: 0, media_hold_timeout: 0}\n");

	assert_int_equal(conf->session.no_timer_limit_s, 0);
	assert_int_equal(conf->session.max_call_duration_s, 0);
	assert_int_equal(conf->media.timeout_s, 0);
	assert_int_equal(conf->media.hold_timeout_s, 0);
	conf_free(conf);
	refused(NODE "session: {SS_SIP_SESSION_TTL: 0}\n",
		"f.yaml:3: session.SS_SIP_SESSION_TTL: 0 is out of range: 90 to 86400 s");
}

static void numbers_are_plain_and_whole(void **state)
{
	static const char *const bad[] = {"10s", "0x10", "1.5", "+90", "9 0", "ninety", "-"};
	char text[256], expected[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), NODE "session:\n  SS_SIP_SESSION_TTL: '%s'\n", bad[i]);
		snprintf(expected, sizeof(expected),
			"f.yaml:4: session.SS_SIP_SESSION_TTL: %s is not a whole number: "
			"90 to 86400 s",
			bad[i]);
		refused(text, expected);
	}
	refused(NODE "session: {SS_SIP_SESSION_TTL: -600}\n",
		"f.yaml:3: session.SS_SIP_SESSION_TTL: -600 is out of range: 90 to 86400 s");
	refused(NODE "session: {SS_SIP_SESSION_TTL: 18446744073709552216}\n",
		"f.yaml:3: session.SS_SIP_SESSION_TTL: 18446744073709552216 is out of range: "
		"90 to 86400 s");
	refused(NODE "session:\n  SS_SIP_SESSION_TTL:\n",
		"f.yaml:4: session.SS_SIP_SESSION_TTL: an empty value is not a whole number: "
		"90 to 86400 s");
	refused(NODE "session: {SS_SIP_SESSION_TTL: [600]}\n",
		"f.yaml:3: session.SS_SIP_SESSION_TTL: not a single value: 90 to 86400 s");
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

static void unknown_keys_teach(void **state)
{
	refused(NODE "session: {SS_SIP_SESION_TTL: 600}\n",
		"f.yaml:3: session.SS_SIP_SESION_TTL: unknown parameter, did you mean "
		"SS_SIP_SESSION_TTL?");
	refused(NODE "session: {ss_sip_session_ttl: 600}\n",
		"f.yaml:3: session.ss_sip_session_ttl: unknown parameter, did you mean "
		"SS_SIP_SESSION_TTL?");
	refused(NODE "session: {SS_SIP_NAT_KEEP_ALIVE_PERIOD: 30}\n",
		"f.yaml:3: session.SS_SIP_NAT_KEEP_ALIVE_PERIOD: unknown parameter, it belongs to "
		"section keepalive");
	refused(NODE "SS_SIP_SESSION_TTL: 600\n",
		"f.yaml:3: SS_SIP_SESSION_TTL: unknown parameter, it belongs to section session");
	refused(NODE "sesion: {}\n", "f.yaml:3: sesion: unknown parameter, did you mean session?");
	refused(NODE "zzzzzzzz: 1\n", "f.yaml:3: zzzzzzzz: unknown parameter");
	refused(NODE "\"a\\nb\": 1\n", "f.yaml:3: a\\x0ab: unknown parameter");
	refused(NODE "trunks: [{name: a, address: 1.2.3.4, sessions: {}}]\n",
		"f.yaml:3: trunks.sessions: unknown parameter, did you mean session?");
}

static void shapes_are_checked(void **state)
{
	refused("", "f.yaml: is empty: node.service_address at least is needed");
	refused("- a\n", "f.yaml:1: the file: a mapping of parameters is expected");
	refused("node: [a]\n", "f.yaml:1: node: a mapping of parameters is expected");
	refused(NODE "trunks: {a: b}\n", "f.yaml:3: trunks: a list is expected");
	refused(NODE "trunks: [a]\n", "f.yaml:3: trunks: each entry is a mapping of parameters");
	refused(NODE "? [a]\n: b\n", "f.yaml:3: the file: a key is a name");
	refused(NODE "session:\n  min_se: 90\n  min_se: 91\n",
		"f.yaml:5: session.min_se: given twice, first at line 4");
	refused(NODE "session: {}\nsession: {}\n",
		"f.yaml:4: session: given twice, first at line 3");
	refused("a: [1\n", "f.yaml:2: not valid YAML: did not find expected ',' or ']'");
	refused(NODE "---\nnode: {}\n",
		"f.yaml:3: a second document: the configuration is one document");
	refused(NODE "---\na: [1\n", "f.yaml:5: not valid YAML: did not find expected ',' or ']'");
	conf_free(load(NODE "session:\nmedia: {}\nusers:\ntrunks: []\nbindings:\n"));
}

static void required_values(void **state)
{
	refused("sip: {}\n", "f.yaml: node.service_address: missing: a numeric IP address");
	refused(NODE "users: [{name: bob}]\n",
		"f.yaml:3: users.password: missing: 1 to 63 printable bytes");
	refused(NODE "trunks:\n  - name: a\n",
		"f.yaml:4: trunks.address: missing: a numeric IP:PORT or [IPv6]:PORT");
}

static void texts_and_addresses(void **state)
{
	refused("node: {service_address: sip.example.net}\n",
		"f.yaml:1: node.service_address: sip.example.net is not an address: a numeric IP "
		"address");
	refused("node: {service_address: 0.0.0.0}\n",
		"f.yaml:1: node.service_address: stands in Contact and Via: a numeric IP address "
		"that others can reach");
	refused(NODE "  media_addresses: [192.0.2.11, \"::\"]\n",
		"f.yaml:3: node.media_addresses: stand in SDP: numeric IP addresses that others "
		"can reach");
	refused("node: {service_address: \"192.0.2.1\\0\"}\n",
		"f.yaml:1: node.service_address: 192.0.2.1\\x00 is not an address: a numeric IP "
		"address");
	refused(NODE "  control_socket: ''\n",
		"f.yaml:3: node.control_socket: an empty value has a wrong length: 1 to 95 "
		"printable bytes");
	refused(NODE "dataplane: {host_interface: lw01234567890123}\n",
		"f.yaml:3: dataplane.host_interface: lw01234567890123 has a wrong length: 1 to 15 "
		"printable bytes");
	refused(NODE "sip: {realm: 'a b'}\n",
		"f.yaml:3: sip.realm: a b is not a name: 0 to 63 letters, digits, '-', '_' and "
		"'.'");
	refused(NODE "  name: n-1\n",
		"f.yaml:3: node.name: n-1 is not a node name: 1 to 15 letters and digits");
	refused(NODE "  media_ports: 20001-29999\n",
		"f.yaml:3: node.media_ports: 20001-29999 must begin even and end odd: EVEN-ODD "
		"within 1024 to 65535, such as 20000-29999");
	refused(NODE "  media_ports: 29998-20001\n",
		"f.yaml:3: node.media_ports: 29998-20001 is out of range: EVEN-ODD within 1024 to "
		"65535, such as 20000-29999");
	refused(NODE "  media_ports: 20000\n",
		"f.yaml:3: node.media_ports: 20000 is not a range of ports: EVEN-ODD within 1024 "
		"to 65535, such as 20000-29999");
	refused(NODE "  log_level: loud\n",
		"f.yaml:3: node.log_level: loud is not known: error, warning, notice, info or "
		"debug");
	refused(NODE "dataplane: {hugepages: maybe}\n",
		"f.yaml:3: dataplane.hugepages: maybe is not known: true or false");
	refused(NODE "redis: {address: \"127.0.0.1:0\"}\n",
		"f.yaml:3: redis.address: 127.0.0.1:0 has port 0: a numeric IP:PORT or "
		"[IPv6]:PORT");
	refused(NODE "users: [{name: \"b\\x01b\", password: x}]\n",
		"f.yaml:3: users.name: b\\x01b has a control character: 1 to 63 printable bytes");
	refused(NODE "users: [{name: b, password: \"\\x01\"}]\n",
		"f.yaml:3: users.password: the value has a control character: 1 to 63 printable "
		"bytes");
	refused(NODE "sip: {domains: ['a\"b']}\n",
		"f.yaml:3: sip.domains: a\"b is not a domain: letters, digits, '-' and '.'");
}

static void values_that_depend_on_each_other(void **state)
{
	refused(NODE "session:\n  min_se: 601\n",
		"f.yaml:4: session.min_se: 601 is above SS_SIP_SESSION_TTL: at most 600 s");
	refused(NODE "media:\n  media_timeout: 200\n  media_hard_timeout: 199\n",
		"f.yaml:5: media.media_hard_timeout: 199 is below media_timeout: at least 200 s");
	refused(NODE "sip: {register_expires_min: 700}\n",
		"f.yaml:3: sip.register_expires_min: 700 is above register_expires_default: at "
		"most 600 s");
	refused(NODE "sip:\n  register_expires_default: 3601\n",
		"f.yaml:4: sip.register_expires_default: 3601 is above register_expires_max: at "
		"most 3600 s");
	refused(NODE "dataplane: {flows: 4999}\n",
		"f.yaml:3: dataplane.flows: 4999 is below what node.media_ports takes: at least "
		"5000");
	conf_free(load(NODE "dataplane: {flows: 4999}\nmedia: {mode: none}\n"));
	refused(NODE "sip: {open_registrar: true}\nusers: [{name: a, password: b}]\n",
		"f.yaml:3: sip.open_registrar: true beside a list of users: false, or no users");
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
				      "trunks:\n"
				      "  - name: carrier\n"
				      "    address: 198.51.100.5:5080\n"
				      "    prefixes: ['+', '00', '']\n"
				      "    media: monitor\n"
				      "    session: {preset: call-center, min_se: 120}\n"
				      "    media_clocks: {media_timeout: 30}\n"
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
	assert_int_equal(trunk->media.probe_timeout_s, 8);
	assert_int_equal(conf->session.ttl_s, 700);
	assert_int_equal(conf->session.min_se_s, 90);
	assert_int_equal(conf->trunks[1].session.ttl_s, 700);
	assert_int_equal(conf->trunks[1].media.mode, CONF_MEDIA_NONE);
	assert_int_equal(conf->trunks[1].media.timeout_s, 50);
	assert_int_equal(conf->trunks[1].address.port, 5060);
	assert_true(conf_uses_dataplane(conf));
	conf_free(conf);

	conf = load(NODE "media: {mode: none}\ntrunks: [{name: a, address: 1.2.3.4}]\n");
	assert_false(conf_uses_dataplane(conf));
	conf_free(conf);
}

static void trunk_errors(void **state)
{
	refused(NODE "trunks:\n  - name: a\n    address: 198.51.100.5\n"
		     "    session: {SS_SIP_SESSION_TTL: 60}\n",
		"f.yaml:6: trunks.session.SS_SIP_SESSION_TTL: 60 is out of range: 90 to 86400 s");
	refused(NODE "session: {min_se: 300}\ntrunks:\n  - name: a\n    address: 198.51.100.5\n"
		     "    session: {SS_SIP_SESSION_TTL: 200}\n",
		"f.yaml:3: trunks.session.min_se: 300 is above SS_SIP_SESSION_TTL: at most 200 s");
	refused(NODE "trunks:\n  - name: a\n    address: 198.51.100.5\n"
		     "    media_clocks: {mode: none}\n",
		"f.yaml:6: trunks.media_clocks.mode: cannot be set for one trunk");
	refused(NODE "trunks:\n  - {name: a, address: 1.2.3.4}\n  - {name: a, address: 1.2.3.5}\n",
		"f.yaml:5: trunks.name: \"a\" is given twice, first at line 4: each only once");
	refused(NODE "trunks:\n  - {name: a, address: 1.2.3.4}\n"
		     "  - {name: b, address: \"1.2.3.4:5070\"}\n",
		"f.yaml:5: trunks.address: 1.2.3.4 is also that of trunk a: one trunk for each IP "
		"address");
	refused(NODE "trunks:\n  - {name: a, address: 1.2.3.4, prefixes: ['00']}\n"
		     "  - {name: b, address: 1.2.3.5, prefixes: ['49', '00']}\n",
		"f.yaml:5: trunks.prefixes: \"00\" is given twice, first at line 4: each only "
		"once");
	refused(NODE "trunks:\n  - {name: a, address: 192.0.2.10}\n",
		"f.yaml:4: trunks.address: 192.0.2.10 is this node's own: the address of the other "
		"side");
	refused(NODE "users:\n  - {name: a, password: x}\n  - {name: a, password: y}\n",
		"f.yaml:5: users.name: \"a\" is given twice, first at line 4: each only once");
}

/* What the log said while the text was loaded. */
static size_t logged(const char *text, char *buf, size_t size)
{
	int saved = dup(STDERR_FILENO), fds[2];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	conf_free(load(text));
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	n = read(fds[0], buf, size - 1);
	close(fds[0]);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void long_grace_draws_a_warning(void **state)
{
	char text[1024];

	logged(NODE "session: {SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP: 31}\n", text, sizeof(text));
	assert_non_null(strstr(
		text, "f.yaml:3: session.SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP: 31 is above 30 s"));
	assert_int_equal(logged(NODE "session: {SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP: 30}\n", text,
				 sizeof(text)),
		0);
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
		cmocka_unit_test(ranges_are_those_of_the_product),
		cmocka_unit_test(zero_turns_off_only_where_it_may),
		cmocka_unit_test(numbers_are_plain_and_whole),
		cmocka_unit_test(batch_is_auto_or_a_number),
		cmocka_unit_test(message_takes_escapes),
		cmocka_unit_test(unknown_keys_teach),
		cmocka_unit_test(shapes_are_checked),
		cmocka_unit_test(required_values),
		cmocka_unit_test(texts_and_addresses),
		cmocka_unit_test(values_that_depend_on_each_other),
		cmocka_unit_test(preset_stands_between_built_in_and_file),
		cmocka_unit_test(wholesale_needs_media_liveness),
		cmocka_unit_test(trunk_overrides),
		cmocka_unit_test(trunk_errors),
		cmocka_unit_test(long_grace_draws_a_warning),
		cmocka_unit_test(each_value_tells_where_it_comes_from),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
