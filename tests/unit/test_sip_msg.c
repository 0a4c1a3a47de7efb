/* SPDX-License-Identifier: BSD-3-Clause */
/* What is read from a SIP message. */
#include "tests/unit/sip_text.h"

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
}

static void test_uris(void **state)
{
	struct addr a = {.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 1}};
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
	assert_int_equal(sip_uri_make(buf, sizeof(buf), "a b@\r", &a), 0);
	assert_string_equal(buf, "sip:a%20b%40%0D@192.0.2.1:5060");
	assert_int_equal(sip_uri_make(buf, sizeof(buf), NULL, &a), 0);
	assert_string_equal(buf, "sip:192.0.2.1:5060");
	for (size_t size = 0; size < 20; size++)
		assert_int_equal(sip_uri_make(buf, size, "alice", &a), -E2BIG);
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
		cmocka_unit_test(test_uris),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
