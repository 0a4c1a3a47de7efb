/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/sip/gate.h"
#include "controlplane/sip/msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#define HEAD_OF(method)                                                         \
	method " sip:bob@192.0.2.1 SIP/2.0\r\n"                                 \
	       "Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKabc;rport\r\n" \
	       "Via: SIP/2.0/TCP proxy.example.com;branch=z9hG4bKdef\r\n"       \
	       "From: \"Al \\\"ice\" <sip:alice@example.com>;tag=f1\r\n"        \
	       "To: <sip:bob@example.com>\r\nCall-ID: c1@198.51.100.7\r\nCSeq: 7 " method "\r\n"
#define HEAD HEAD_OF("INVITE")

static osip_message_t *message;

/* Through the gate, as every message goes. */
static osip_message_t *parse(const char *text)
{
	struct gate_limits limits;
	struct gate_result gate;

	osip_message_free(message);
	message = NULL;
	gate_limits_default(&limits);
	gate_check(&limits, text, strlen(text), &gate);
	if (gate.action == GATE_ACCEPT)
		sip_msg_parse(&message, gate.msg, gate.len);
	return message;
}

static osip_message_t *with(const char *headers)
{
	char text[8000];

	snprintf(text, sizeof(text), HEAD "%s\r\n", headers);
	assert_non_null(parse(text));
	return message;
}

static char *print(osip_message_t *msg)
{
	static char *text;
	size_t len;

	osip_free(text);
	text = NULL;
	assert_non_null(msg);
	assert_int_equal(sip_msg_print(msg, &text, &len), 0);
	assert_int_equal(strlen(text), len);
	return text;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text++;
		n++;
	}
	return n;
}

static void test_reads_the_fixed_fields(void **state)
{
	char buf[256];

	with("m: <sip:alice@198.51.100.7:5062;transport=udp>;expires=60\r\n");
	assert_true(sip_msg_is(message, "INVITE"));
	assert_int_equal(sip_msg_cseq(message), 7);
	assert_string_equal(sip_msg_call_id(message, buf, sizeof(buf)), "c1@198.51.100.7");
	assert_string_equal(sip_msg_from_tag(message), "f1");
	assert_null(sip_msg_to_tag(message));
	assert_string_equal(sip_msg_branch(message), "z9hG4bKabc");
	assert_int_equal(sip_msg_from_uri(message, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "sip:alice@example.com");
	assert_int_equal(sip_msg_from_display(message, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "Al \"ice");
	assert_int_equal(sip_msg_contact(message, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "sip:alice@198.51.100.7:5062;transport=udp");
	assert_int_equal(sip_msg_max_forwards(message), 70);
}

/* RFC 4475 3.1.1.1, as far as it concerns what we read. */
static void test_wsinv(void **state)
{
	static const char wsinv[] =
		"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
		"TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
		"from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n"
		"  tag = 98asjd8\r\nMaX-fOrWaRdS: 0068\r\n"
		"Call-ID: wsinv.ndaksdj@192.0.2.1\r\nContent-Length   : 150\r\n"
		"cseq: 0009\r\n  INVITE\r\nVia  : SIP  /   2.0\r\n /UDP\r\n    "
		"192.0.2.2;branch=390skdjuw\r\n"
		"s :\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
		"UnknownHeaderWithUnusualValue: ;;,,;;,;\r\nContent-Type: application/sdp\r\n"
		"Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
		"v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  "
		",\r\n"
		" SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
		"m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n      "
		"newvalue ;\r\n"
		"  secondparam ; q = 0.33\r\n\r\n"
		"v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\n"
		"t=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 "
		"LPC\r\n";
	const char *sdp;
	size_t len;
	char buf[256];

	assert_non_null(parse(wsinv));
	assert_string_equal(sip_msg_from_tag(message), "98asjd8");
	assert_string_equal(sip_msg_to_tag(message), "1918181833n");
	assert_int_equal(sip_msg_max_forwards(message), 68);
	assert_int_equal(sip_msg_cseq(message), 9);
	assert_int_equal(osip_list_size(&message->vias), 3);
	assert_int_equal(sip_msg_contact(message, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "sip:jdrosen@example.com");
	assert_int_equal(sip_msg_sdp(message, &sdp, &len), 0);
	assert_int_equal(len, 150);
	assert_string_equal(sip_msg_branch(message), "390skdjuw");
}

/* RFC 4475 3.1.1.4, 3.1.1.5: what is escaped stays escaped, and %00 ends nothing. */
static void test_escapes(void **state)
{
	char buf[256];

	assert_non_null(
		parse("REGISTER sip:null-%00-null@example.com SIP/2.0\r\n"
		      "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a%0d%0aX:b@h>;tag=1\r\n"
		      "To: <sip:null-%00-null@example.com>\r\nCall-ID: c\r\n"
		      "CSeq: 1 REGISTER\r\n\r\n"));
	assert_int_equal(sip_msg_request_uri(message, buf, sizeof(buf)), 0);
	assert_null(strchr(buf, '\r'));
	assert_non_null(strstr(buf, "example.com"));
	assert_int_equal(sip_msg_from_uri(message, buf, sizeof(buf)), 0);
	assert_null(strchr(buf, '\r'));
	assert_null(strchr(buf, '\n'));
	assert_int_equal(
		sip_uri_parts("sip:a%0d%0aX:b@h", buf, sizeof(buf), NULL, 0, NULL), -EINVAL);
}

static void test_contact_rules(void **state)
{
	static const struct {
		const char *headers;
		int err;
	} cases[] = {
		{"", -ENOENT},
		{"Contact: *\r\n", -EINVAL},
		{"Contact: <sip:a@h>, <sip:b@h>\r\n", -EINVAL},
		{"Contact: <sip:a@h>\r\nm: <sip:b@h>\r\n", -EINVAL},
		{"Contact: <tel:+4912345>\r\n", -EINVAL},
		{"Contact: <sips:a@h>\r\n", -EINVAL},
		{"Contact: <sipx:a@h>\r\n", -EINVAL},
		{"Contact: <sip:a@h:99999>\r\n", -EINVAL},
		{"Contact: <sip:a@ho st>\r\n", -EINVAL},
		{"Contact: sip:a@h;q=1\r\n", 0},
		{"Contact: \"x, y\" <sip:a@[2001:db8::1]:5070>\r\n", 0},
	};
	char buf[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			sip_msg_contact(with(cases[i].headers), buf, sizeof(buf)), cases[i].err);
	assert_string_equal(buf, "sip:a@[2001:db8::1]:5070");
	assert_int_equal(sip_msg_contact(message, buf, 10), -E2BIG);
}

/* ST-01. */
static void test_session_expires(void **state)
{
	static const struct {
		const char *headers;
		int err;
		uint32_t delta;
		enum sip_refresher refresher;
	} cases[] = {
		{"", 0, 0, SIP_REFRESHER_NONE},
		{"Session-Expires: 1800\r\n", 0, 1800, SIP_REFRESHER_NONE},
		{"x: 90;refresher=uac\r\n", 0, 90, SIP_REFRESHER_UAC},
		{"X:90 ; REFRESHER = UAS\r\n", 0, 90, SIP_REFRESHER_UAS},
		{"session-expires:\r\n 90\r\n ;foo;bar=\"a;refresher=uac\";refresher=uas;baz=1\r\n",
			0, 90, SIP_REFRESHER_UAS},
		{"Session-Expires: 90;refresher=proxy\r\n", 0, 90, SIP_REFRESHER_NONE},
		{"Session-Expires: 90;refresher\r\n", 0, 90, SIP_REFRESHER_NONE},
		{"Session-Expires: 90;\r\n", 0, 90, SIP_REFRESHER_NONE},
		{"Session-Expires: 4294967295;refresher=uac\r\n", 0, INT32_MAX, SIP_REFRESHER_UAC},
		{"Session-Expires: 99999999999999999999999999\r\n", 0, INT32_MAX,
			SIP_REFRESHER_NONE},
		{"Session-Expires: 0090\r\n", 0, 90, SIP_REFRESHER_NONE},
		{"Session-Expires: -90\r\n", -EINVAL, 0, SIP_REFRESHER_NONE},
		{"Session-Expires: 90s\r\n", -EINVAL, 0, SIP_REFRESHER_NONE},
		{"Session-Expires: 9 0\r\n", -EINVAL, 0, SIP_REFRESHER_NONE},
		{"Session-Expires: ;refresher=uac\r\n", -EINVAL, 0, SIP_REFRESHER_NONE},
		{"Session-Expires: \r\n", -EINVAL, 0, SIP_REFRESHER_NONE},
		{"Session-Expires: 90, 91\r\n", -EINVAL, 0, SIP_REFRESHER_NONE},
	};
	struct sip_session_expires se;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = sip_msg_session_expires(with(cases[i].headers), &se);

		if (err != cases[i].err)
			print_error("%s", cases[i].headers);
		assert_int_equal(err, cases[i].err);
		if (err)
			continue;
		assert_int_equal(se.present, cases[i].headers[0] != 0);
		assert_int_equal(se.delta, cases[i].delta);
		assert_int_equal(se.refresher, cases[i].refresher);
	}
}

static void test_min_se(void **state)
{
	uint32_t delta = 1;

	assert_int_equal(sip_msg_min_se(with(""), &delta), 0);
	assert_int_equal(delta, 0);
	assert_int_equal(sip_msg_min_se(with("Min-SE: 120;x=y\r\n"), &delta), 0);
	assert_int_equal(delta, 120);
	assert_int_equal(sip_msg_min_se(with("min-se: 4294967295\r\n"), &delta), 0);
	assert_int_equal(delta, INT32_MAX);
	assert_int_equal(sip_msg_min_se(with("Min-SE: abc\r\n"), &delta), -EINVAL);
	assert_int_equal(sip_msg_min_se(with("Min-SE: 1,2\r\n"), &delta), -EINVAL);
}

static void test_option_tags(void **state)
{
	static const char *const known[] = {"timer", "100rel", NULL};
	char buf[64];

	with("k: 100rel ,TIMER\r\nSupported: path\r\nRequire: timer, foo\r\nrequire: b ar,"
	     "baz\r\nProxy-Require: qux\r\nAllow: INVITE,ACK\r\nallow: UPDATE\r\n");
	assert_true(sip_msg_supports(message, "timer"));
	assert_true(sip_msg_supports(message, "100rel"));
	assert_true(sip_msg_supports(message, "path"));
	assert_false(sip_msg_supports(message, "time"));
	assert_false(sip_msg_supports(message, "timers"));
	assert_true(sip_msg_requires(message, "timer"));
	assert_int_equal(sip_msg_allows(message, "UPDATE"), 1);
	assert_int_equal(sip_msg_allows(message, "INVITE"), 1);
	assert_int_equal(sip_msg_allows(message, "PRACK"), 0);
	/* "b ar" counts, but is not named back. */
	assert_int_equal(sip_msg_unsupported(message, known, buf, sizeof(buf)), 4);
	assert_string_equal(buf, "foo, baz, qux");
	assert_int_equal(sip_msg_unsupported(message, known, buf, 9), 4);
	assert_string_equal(buf, "foo, baz");
	assert_int_equal(sip_msg_allows(with(""), "UPDATE"), -1);
	assert_int_equal(sip_msg_unsupported(message, known, buf, sizeof(buf)), 0);
	assert_non_null(parse(HEAD_OF("ACK") "Require: foo\r\n\r\n"));
	assert_int_equal(sip_msg_unsupported(message, known, buf, sizeof(buf)), 0);
}

static void test_numbers(void **state)
{
	uint32_t v;
	uint32_t w;
	char method[32];

	assert_int_equal(sip_msg_number(with("Expires: 60\r\n"), "Expires", &v), 0);
	assert_int_equal(v, 60);
	assert_int_equal(sip_msg_number(with(""), "Expires", &v), -ENOENT);
	assert_int_equal(sip_msg_number(with("Expires: abc\r\n"), "Expires", &v), -EINVAL);
	assert_int_equal(sip_msg_number(with("Expires: 4294967296\r\n"), "Expires", &v), -EINVAL);
	assert_int_equal(sip_msg_number(with("Expires: -1\r\n"), "Expires", &v), -EINVAL);
	assert_int_equal(
		sip_msg_number(with("Retry-After: 120 (in a meeting)\r\n"), "Retry-After", &v), 0);
	assert_int_equal(v, 120);
	assert_int_equal(
		sip_msg_number(with("Retry-After: 18000;duration=3600\r\n"), "Retry-After", &v), 0);
	assert_int_equal(v, 18000);
	assert_int_equal(
		sip_msg_rack(with("RAck: 776656 1 INVITE\r\n"), &v, &w, method, sizeof(method)), 0);
	assert_int_equal(v, 776656);
	assert_int_equal(w, 1);
	assert_string_equal(method, "INVITE");
	assert_int_equal(
		sip_msg_rack(with("RAck: 1 INVITE\r\n"), &v, &w, method, sizeof(method)), -EINVAL);
	assert_int_equal(sip_msg_rack(with(""), &v, &w, method, sizeof(method)), -ENOENT);
}

static osip_message_t *request(const char *display, const char *uri)
{
	return sip_msg_request(&(struct sip_request){
		.method = "INVITE",
		.uri = "sip:bob@192.0.2.9:5070;transport=udp",
		.from_display = display,
		.from_uri = uri,
		.from_tag = "ft",
		.to_uri = "sip:bob@example.com",
		.call_id = "abc",
		.cseq = 3,
		.max_forwards = 69,
	});
}

static void test_builds_a_request(void **state)
{
	osip_message_t *msg = request("O\"Brien\\", "sip:alice@example.com");
	char *text;

	assert_int_equal(sip_msg_set_contact(msg, "sip:tag@192.0.2.1:5060"), 0);
	assert_int_equal(sip_msg_set_session_expires(msg, 600, SIP_REFRESHER_UAC), 0);
	assert_int_equal(sip_msg_set_session_expires(msg, 601, SIP_REFRESHER_UAS), 0);
	assert_int_equal(sip_msg_set_min_se(msg, 90), 0);
	assert_int_equal(sip_msg_set_reason(msg, NULL, 408, "session \"timer\""), 0);
	assert_int_equal(sip_msg_set_sdp(msg, "v=0\r\n", 5), 0);
	text = print(msg);
	assert_int_equal(
		strncmp(text, "INVITE sip:bob@192.0.2.9:5070;transport=udp SIP/2.0\r\n", 52), 0);
	assert_non_null(
		strstr(text, "\r\nFrom: \"O\\\"Brien\\\\\" <sip:alice@example.com>;tag=ft\r\n"));
	assert_non_null(strstr(text, "\r\nTo: <sip:bob@example.com>\r\n"));
	assert_non_null(strstr(text, "\r\nCall-ID: abc\r\nCSeq: 3 INVITE\r\n"));
	assert_non_null(strstr(text, "\r\nContact: <sip:tag@192.0.2.1:5060>\r\n"));
	assert_non_null(strstr(text, "\r\nMax-Forwards: 69\r\n"));
	assert_non_null(strstr(text, "\r\nSupported: timer\r\n"));
	assert_non_null(strstr(text, "\r\nAllow: INVITE, ACK,"));
	assert_non_null(strstr(text, "\r\nSession-Expires: 601;refresher=uas\r\n"));
	assert_int_equal(count(text, "Session-Expires"), 1);
	assert_non_null(strstr(text, "\r\nMin-SE: 90\r\n"));
	assert_non_null(
		strstr(text, "\r\nReason: SIP;cause=408;text=\"session \\\"timer\\\"\"\r\n"));
	assert_non_null(strstr(text, "\r\nContent-Type: application/sdp\r\n"));
	assert_int_equal(atoi(strstr(text, "\r\nContent-Length:") + 17), 5);
	assert_non_null(strstr(text, "\r\n\r\nv=0\r\n"));
	assert_int_equal(count(text, "Content-Length"), 1);
	osip_message_free(msg);
}

/* SE-05: text that would end its line or field is refused or made harmless. */
static void test_builds_nothing_injected(void **state)
{
	static const char *const bad_uris[] = {"sip:a@h\r\nX: y", "sip:a@h>;tag=x", "sip:a b@h",
		"sip", "", "sip:", "sip:a@h\"", "sip:a@\x7fh"};
	static const char *const bad_words[] = {"", "a b", "a\r\n", "a;b", "a,b", "a<b", "a\"b"};
	osip_message_t *msg;

	for (size_t i = 0; i < sizeof(bad_uris) / sizeof(bad_uris[0]); i++) {
		assert_null(request(NULL, bad_uris[i]));
		assert_false(sip_uri_usable(bad_uris[i]));
	}
	for (size_t i = 0; i < sizeof(bad_words) / sizeof(bad_words[0]); i++) {
		assert_null(sip_msg_request(&(struct sip_request){.method = "BYE",
			.uri = "sip:a@h",
			.from_uri = "sip:a@h",
			.from_tag = bad_words[i],
			.to_uri = "sip:a@h",
			.call_id = "x",
			.cseq = 1}));
		assert_null(sip_msg_request(&(struct sip_request){.method = "BYE",
			.uri = "sip:a@h",
			.from_uri = "sip:a@h",
			.from_tag = "x",
			.to_uri = "sip:a@h",
			.call_id = bad_words[i],
			.cseq = 1}));
	}
	msg = request("a\r\nX-Evil: 1\r\n", "sip:a@h");
	assert_int_equal(sip_msg_add(msg, "X", "a\r\nX-Evil: 1"), -EINVAL);
	assert_int_equal(sip_msg_add(msg, "X: y\r\nX-Evil", "1"), -EINVAL);
	assert_int_equal(sip_msg_set(msg, "X", "a\nb"), -EINVAL);
	assert_int_equal(sip_msg_set_reason(msg, NULL, 1, "a\r\nX-Evil: 1"), -EINVAL);
	assert_int_equal(sip_msg_set_contact(msg, "sip:a@h>\r\nX-Evil: 1"), -EINVAL);
	assert_int_equal(sip_msg_set_body(msg, "a/b\r\nX-Evil: 1", "x", 1), -EINVAL);
	assert_null(strstr(print(msg), "\nX-Evil"));
	osip_message_free(msg);
	assert_null(sip_msg_response(with(""), 200, "OK\r\nX-Evil: 1", "t"));
	assert_null(sip_msg_response(message, 200, NULL, "t\r\nX-Evil: 1"));
	assert_null(sip_msg_response(message, 99, NULL, "t"));
	assert_null(sip_msg_response(message, 700, NULL, "t"));
}

/* UA-08, DL-02. */
static void test_builds_a_response(void **state)
{
	struct addr from;
	struct addr dest;
	osip_message_t *resp;
	char *text;

	assert_int_equal(addr_parse(&from, "203.0.113.5:40001", 0), 0);
	with("Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\n");
	assert_int_equal(sip_msg_set_received(message, &from), 0);
	resp = sip_msg_response(message, 200, NULL, "ours");
	text = print(resp);
	assert_int_equal(strncmp(text, "SIP/2.0 200 OK\r\n", 16), 0);
	assert_non_null(strstr(text,
		"\r\nVia: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKabc;"
		"received=203.0.113.5;rport=40001\r\n"
		"Via: SIP/2.0/TCP proxy.example.com;branch=z9hG4bKdef\r\n"));
	assert_non_null(
		strstr(text, "\r\nRecord-Route: <sip:p2;lr>\r\nRecord-Route: <sip:p1;lr>\r\n"));
	assert_non_null(strstr(text, "\r\nTo: <sip:bob@example.com>;tag=ours\r\n"));
	assert_non_null(strstr(text, "\r\nCall-ID: c1@198.51.100.7\r\nCSeq: 7 INVITE\r\n"));
	assert_non_null(strstr(text, "\r\nAllow: "));
	assert_int_equal(sip_msg_response_dest(resp, &dest), 0);
	assert_true(addr_equal(&dest, &from));
	osip_message_free(resp);
	resp = sip_msg_response(message, 100, NULL, "ours");
	text = print(resp);
	assert_null(strstr(text, "ours"));
	assert_null(strstr(text, "Record-Route"));
	osip_message_free(resp);
	resp = sip_msg_response(message, 486, NULL, "ours");
	assert_null(strstr(print(resp), "Record-Route"));
	osip_message_free(resp);
	/* A code that nobody named still has a phrase. */
	resp = sip_msg_response(message, 699, NULL, "ours");
	assert_non_null(strstr(print(resp), "SIP/2.0 699 Unknown\r\n"));
	osip_message_free(resp);
}

/* UA-07: whatever the client wrote as received or rport is not believed. */
static void test_received(void **state)
{
	static const struct {
		const char *via;
		const char *want;
		const char *dest;
	} cases[] = {
		{"198.51.100.7:5062;rport", "198.51.100.7:5062;received=203.0.113.5;rport=40001",
			"203.0.113.5:40001"},
		{"203.0.113.5:40001;rport", "203.0.113.5:40001;received=203.0.113.5;rport=40001",
			"203.0.113.5:40001"},
		{"203.0.113.5:5062", "203.0.113.5:5062", "203.0.113.5:5062"},
		{"host.example.com", "host.example.com;received=203.0.113.5", "203.0.113.5:5060"},
		{"198.51.100.7:5062;received=6.6.6.6;RPORT=9;x=y",
			"198.51.100.7:5062;x=y;received=203.0.113.5;rport=40001",
			"203.0.113.5:40001"},
		{"198.51.100.7:5062;received=6.6.6.6;maddr=7.7.7.7",
			"198.51.100.7:5062;maddr=7.7.7.7;received=203.0.113.5", "203.0.113.5:5062"},
	};
	struct addr from;

	assert_int_equal(addr_parse(&from, "203.0.113.5:40001", 0), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		char want[200];
		char dest_text[ADDR_STRLEN];
		struct addr dest;

		snprintf(text, sizeof(text),
			"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP %s\r\nFrom: <sip:a@h>;tag=1\r\n"
			"To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n",
			cases[i].via);
		assert_non_null(parse(text));
		assert_int_equal(sip_msg_set_received(message, &from), 0);
		snprintf(want, sizeof(want), "\r\nVia: SIP/2.0/UDP %s\r\n", cases[i].want);
		assert_non_null(strstr(print(message), want));
		assert_int_equal(sip_msg_response_dest(message, &dest), 0);
		assert_string_equal(addr_format(&dest, dest_text), cases[i].dest);
	}
}

/* UA-04, SE-07. */
static void test_bodies(void **state)
{
#define PARTS                                            \
	"--b1\r\nContent-Type: text/plain\r\n\r\nhi\r\n" \
	"--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b1--\r\n"
	static const struct {
		const char *headers;
		const char *body;
		int err;
		const char *sdp;
	} cases[] = {
		{"", "", -ENOENT, NULL},
		{"Content-Type: application/sdp\r\n", "", -ENOENT, NULL},
		{"c: application/sdp\r\n", "v=0\r\n", 0, "v=0\r\n"},
		{"c: Application/SDP;charset=x\r\n", "v=0\r\n", 0, "v=0\r\n"},
		{"c: text/plain\r\n", "hi", -EMEDIUMTYPE, NULL},
		{"c: text/plain\r\nContent-Disposition: x;handling=optional\r\n", "hi", -ENOENT,
			NULL},
		{"c: application/sdp\r\nContent-Encoding: gzip\r\n", "xx", -EMEDIUMTYPE, NULL},
		{"", "hi", -EBADMSG, NULL},
		{"c: multipart/mixed;boundary=b1\r\n", PARTS, 0, "v=0\r\n"},
		{"c: multipart/mixed;boundary=b1\r\n", "preamble\n" PARTS "epilogue --b1", 0,
			"v=0\r\n"},
		{"c: multipart/mixed;boundary=b1\r\n",
			"--b1\r\nC :\r\n APPLICATION/sdp ;x=y\r\nX: y\r\n\r\nv=0\r\n\r\n--b1--", 0,
			"v=0\r\n"},
		/* Two Content-Type: libosip2 would leak. */
		{"c: multipart/mixed;boundary=b1\r\n",
			"--b1\r\nContent-Type: a/b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
			"\r\n--b1--",
			0, "v=0\r\n"},
		{"c: multipart/mixed;boundary=b1\r\n", "--b1\r\nc: a/b\r\n\r\nx\r\n--b1--",
			-EMEDIUMTYPE, NULL},
		{"c: multipart/mixed;boundary=b1\r\n",
			"--b1\r\nc: application/sdpx\r\n\r\nx\r\n--b1--", -EMEDIUMTYPE, NULL},
		{"c: multipart/mixed\r\n", PARTS, -EBADMSG, NULL},
		{"c: multipart/mixed;boundary=\r\n", PARTS, -EBADMSG, NULL},
		{"c: multipart/mixed;boundary=\"\"\r\n", PARTS, -EBADMSG, NULL},
		{"c: multipart/mixed;boundary=other\r\n", PARTS, -EBADMSG, NULL},
		{"c: multipart/mixed;boundary=b1\r\n", "--b1", -EBADMSG, NULL},
		{"c: multipart/mixed;boundary=b1\r\n",
			"--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n", -EBADMSG, NULL},
		{"c: multipart/alternative; boundary=\"b1\"\r\n", PARTS, 0, "v=0\r\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[2000];
		const char *sdp;
		size_t len;
		int err;

		snprintf(text, sizeof(text), HEAD "%sContent-Length: %zu\r\n\r\n%s",
			cases[i].headers, strlen(cases[i].body), cases[i].body);
		assert_non_null(parse(text));
		err = sip_msg_sdp(message, &sdp, &len);
		if (err != cases[i].err)
			print_error("case %zu: %d\n", i, err);
		assert_int_equal(err, cases[i].err);
		if (err)
			continue;
		assert_int_equal(len, strlen(cases[i].sdp));
		assert_memory_equal(sdp, cases[i].sdp, strlen(cases[i].sdp));
	}
}

/* A bomb of parts is refused, and costs no more than reading it once. */
static void test_multipart_bomb(void **state)
{
	static char text[8000];
	const char *sdp;
	size_t len;
	char *p = text;

	p += sprintf(p, HEAD "Content-Type: multipart/mixed;boundary=b\r\n\r\n");
	while (p < text + 7900)
		p += sprintf(p, "--b\r\n\r\n");
	assert_non_null(parse(text));
	assert_int_equal(sip_msg_sdp(message, &sdp, &len), -EBADMSG);
}

static void test_uris(void **state)
{
	struct addr a;
	char buf[64];
	char host[64];
	uint16_t port;

	assert_true(sip_uri_usable("sip:alice@example.com"));
	assert_true(sip_uri_usable("SIP:example.com:5070;transport=udp"));
	assert_false(sip_uri_usable("sips:a@h"));
	assert_false(sip_uri_usable("tel:+49123"));
	assert_false(sip_uri_usable("sip:a@h:0"));
	assert_false(sip_uri_usable("sip:a@h:70000"));
	assert_false(sip_uri_usable("sip:a@h%00b"));
	assert_int_equal(sip_uri_parts("sip:%61lice@h.example:99", buf, sizeof(buf), host,
				 sizeof(host), &port),
		0);
	assert_string_equal(buf, "alice");
	assert_string_equal(host, "h.example");
	assert_int_equal(port, 99);
	assert_int_equal(sip_uri_parts("sip:alice@h", buf, 3, NULL, 0, NULL), -E2BIG);
	assert_int_equal(sip_uri_addr("sip:a@[2001:db8::1]:5070;maddr=1.2.3.4", &a), 0);
	assert_int_equal(a.family, ADDR_IPV6);
	assert_int_equal(a.port, 5070);
	assert_int_equal(sip_uri_addr("sip:a@192.0.2.1", &a), 0);
	assert_int_equal(a.port, 5060);
	assert_int_equal(sip_uri_addr("sip:a@example.com", &a), -EINVAL);
	assert_int_equal(sip_uri_make(buf, sizeof(buf), "a b@\r", &a), 0);
	assert_string_equal(buf, "sip:a%20b%40%0D@192.0.2.1:5060");
	assert_int_equal(sip_uri_make(buf, sizeof(buf), NULL, &a), 0);
	assert_string_equal(buf, "sip:192.0.2.1:5060");
	for (size_t size = 0; size < 20; size++)
		assert_int_equal(sip_uri_make(buf, size, "alice", &a), -E2BIG);
}

static int setup(void **state)
{
	return sip_msg_setup();
}

static int teardown(void **state)
{
	osip_message_free(message);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_the_fixed_fields),
		cmocka_unit_test(test_wsinv),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_contact_rules),
		cmocka_unit_test(test_session_expires),
		cmocka_unit_test(test_min_se),
		cmocka_unit_test(test_option_tags),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_builds_a_request),
		cmocka_unit_test(test_builds_nothing_injected),
		cmocka_unit_test(test_builds_a_response),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_multipart_bomb),
		cmocka_unit_test(test_uris),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
