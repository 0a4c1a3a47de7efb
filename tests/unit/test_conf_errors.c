/* SPDX-License-Identifier: BSD-3-Clause */
/* What a configuration must not say, and the line that tells so. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/conf_text.h"

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
	edge("media", "dscp", 0, 63, "keep or 0 to 63");
	edge("media", "rtp_keepalive", 15, 255, "0 (off) or 15 to 255 s");
}

/* A call that was to be watched must not go unwatched. */
static void monitors_have_ports(void **state)
{
	refused(NODE "media: {mode: monitor}\n",
		"f.yaml:3: media.mode: monitor while dataplane.monitor is off: relay, none, or "
		"inline or mirror there");
	refused(NODE "trunks: [{name: a, address: 1.2.3.4, media: monitor}]\n",
		"f.yaml:3: trunks.media: monitor while dataplane.monitor is off: relay, none, or "
		"inline or mirror there");
	refused(NODE "dataplane: {monitor: inline, monitor_ports: ['tap:a']}\n",
		"f.yaml:3: dataplane.monitor: inline with 1 monitor_ports: exactly 2");
	refused(NODE "dataplane: {monitor: mirror}\n",
		"f.yaml:3: dataplane.monitor: mirror without monitor_ports: at least 1");
	refused(NODE "dataplane: {monitor: mirror, ports: ['tap:b'], monitor_ports: ['tap:a', "
		     "'tap:b']}\n",
		"f.yaml:3: dataplane.monitor_ports: tap:b is one of dataplane.ports as well: each "
		"port in one of them");
	refused(NODE "dataplane: {monitor: mirror, monitor_ports: ['bond:802.3ad:tap:a+tap:b']}\n",
		"f.yaml:3: dataplane.monitor_ports: bond:802.3ad:tap:a+tap:b: a watched port "
		"cannot "
		"speak LACP: its members as ports of their own, or bond:active-backup");
	refused(NODE "dataplane: {monitor: mirror, monitor_ports: ['tap:a'], monitors: 2,\n"
		     "            clients: 3}\n",
		"f.yaml:3: dataplane.monitors: 2 for 3 clients, which share them: at least 3");
	conf_free(load(NODE "media: {mode: monitor}\n"
			    "dataplane: {monitor: inline, monitor_ports: ['tap:a', 'tap:b']}\n"));
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
	refused(NODE "keepalive_classes: [{name: a}]\n",
		"f.yaml:3: keepalive_classes.user_agents: missing: a list of texts of 1 to 128 "
		"printable bytes");
	refused(NODE "keepalive_classes:\n - {name: a, user_agents: [x]}\n"
		     " - {name: a, user_agents: [y]}\n",
		"f.yaml:5: keepalive_classes.name: \"a\" is given twice, first at line 4: each "
		"only once");
	refused(NODE "keepalive_classes:\n - {name: a, user_agents: [x]}\n"
		     " - {name: b, user_agents: [x]}\n - {name: c, user_agents: [x]}\n"
		     " - {name: d, user_agents: [x]}\n - {name: e, user_agents: [x]}\n"
		     " - {name: f, user_agents: [x]}\n - {name: g, user_agents: [x]}\n",
		"f.yaml:10: keepalive_classes: 7 are given: at most 6");
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

static void trunk_errors(void **state)
{
	refused(NODE "trunks:\n  - {name: a, address: 198.51.100.5, user: u, password: p}\n",
		"f.yaml:4: trunks.realm: missing: user, password and realm are given together or "
		"not at all");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_those_of_the_product),
		cmocka_unit_test(monitors_have_ports),
		cmocka_unit_test(zero_turns_off_only_where_it_may),
		cmocka_unit_test(numbers_are_plain_and_whole),
		cmocka_unit_test(unknown_keys_teach),
		cmocka_unit_test(shapes_are_checked),
		cmocka_unit_test(required_values),
		cmocka_unit_test(texts_and_addresses),
		cmocka_unit_test(values_that_depend_on_each_other),
		cmocka_unit_test(trunk_errors),
		cmocka_unit_test(long_grace_draws_a_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
