/* SPDX-License-Identifier: BSD-3-Clause */
/* What the gate answers by itself. */
#include "tests/unit/sip_gate_world.h"

static size_t reply_to(const char *text, char *out, size_t size, struct addr *dest)
{
	return gate_reply(text, strlen(text), &source, 400, "Bad", NULL, out, size, dest);
}

static void test_reply(void **state)
{
	char out[2048];
	struct addr dest;

	assert_true(reply_to(REQUEST_LINE
			    "v: SIP/2.0/UDP h:99;rport=5;received=6.6.6.6;branch=z9;"
			    "x=1, SIP/2.0/TCP g;rport\r\n"
			    "VIA: SIP/2.0/UDP third\r\nX: y\r\nf: <sip:a@b>\r\n ;tag=1\r\n"
			    "To: <sip:b@c>;tag=t\r\nFrom: second\r\n" CALL_ID CSEQ,
			    out, sizeof(out), &dest) > 0);
	assert_string_equal(out,
		"SIP/2.0 400 Bad\r\n"
		"Via: SIP/2.0/UDP h:99;branch=z9;x=1;received=203.0.113.9;rport=40000, SIP/2.0/TCP "
		"g;rport\r\n"
		"Via: SIP/2.0/UDP third\r\n"
		"From: <sip:a@b>   ;tag=1\r\n"
		"To: <sip:b@c>;tag=t\r\n"
		"Call-ID: c1@198.51.100.7\r\n"
		"CSeq: 7 INVITE\r\n"
		"Content-Length: 0\r\n\r\n");
	assert_true(addr_equal(&dest, &source));
}

static void test_reply_port(void **state)
{
	static const struct {
		const char *via;
		uint16_t port;
	} cases[] = {
		{"SIP/2.0/UDP h:99;branch=z9", 99},
		{"SIP / 2.0 / UDP h : 98 ;branch=z9", 98},
		{"SIP/2.0/UDP h;branch=z9:77", 5060},
		{"SIP/2.0/UDP [2001:db8::1]:97;branch=z9", 97},
		{"SIP/2.0/UDP [2001:db8::1];branch=z9", 5060},
		{"SIP/2.0/UDP h:0", 5060},
		{"SIP/2.0/UDP h:65536", 5060},
		{"SIP/2.0/UDP h:x", 5060},
		{"SIP/2.0", 5060},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		char out[2048];
		struct addr dest;

		snprintf(text, sizeof(text), REQUEST_LINE "Via: %s\r\n" FROM TO CALL_ID CSEQ "\r\n",
			cases[i].via);
		assert_true(reply_to(text, out, sizeof(out), &dest) > 0);
		assert_int_equal(dest.port, cases[i].port);
		assert_true(addr_same_ip(&dest, &source));
	}
}

static void test_no_reply(void **state)
{
	static const char *const silent[] = {"", "\r\n", "x",
		"ACK sip:b@c SIP/2.0\r\n" VIA FROM TO "\r\n",
		"ack sip:b@c SIP/2.0\r\n" VIA FROM TO "\r\n",
		"SIP/2.0 200 OK\r\n" VIA FROM TO "\r\n", REQUEST_LINE FROM TO CALL_ID CSEQ "\r\n",
		REQUEST_LINE, "GET / HTTP/1.1\r\n" VIA "\r\n"};
	char out[2048];
	struct addr dest;

	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		assert_int_equal(reply_to(silent[i], out, sizeof(out), &dest), 0);
	/* Too small a buffer: nothing, rather than a part. */
	for (size_t size = 1; size < 300; size++)
		assert_true(reply_to(HEAD "\r\n", out, size, &dest) < size);
}

/* A stranger's bytes end no line of ours, and the same request gets the same answer. */
static void test_reply_injection(void **state)
{
	static const char text[] = REQUEST_LINE VIA
		"From: <sip:a@b>;tag=1\rX-Evil: 1\r\nTo: <sip:b@c\0>\r\n x\r\n" CALL_ID CSEQ "\r\n";
	char out[2048], again[2048];
	struct addr dest;
	size_t n = gate_reply(
		text, sizeof(text) - 1, &source, 400, "Bad", NULL, out, sizeof(out), &dest);

	assert_true(n > 0);
	assert_int_equal(strlen(out), n);
	assert_null(strstr(out, "\rX-Evil"));
	assert_null(strstr(out, "\nX-Evil"));
	assert_non_null(strstr(out, "\r\nTo: <sip:b@c >   x;tag=g"));
	gate_reply(text, sizeof(text) - 1, &source, 400, "Bad", NULL, again, sizeof(again), &dest);
	assert_string_equal(out, again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_reply_port),
		cmocka_unit_test(test_no_reply),
		cmocka_unit_test(test_reply_injection),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
