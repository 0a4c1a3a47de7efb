/* SPDX-License-Identifier: BSD-3-Clause */
/* What the gate lets in, with a case for each fault of a message. */
#include "tests/unit/sip_gate_world.h"

static void assert_slice(struct gate_slice slice, const char *text)
{
	assert_int_equal(slice.len, strlen(text));
	assert_memory_equal(slice.ptr, text, slice.len);
}

#define WITH(start, cseq, more) start VIA FROM TO CALL_ID cseq more "\r\n"

static char *repeat(char *to, const char *text, size_t times)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < times; i++, to += len)
		memcpy(to, text, len);
	*to = 0;
	return to;
}

static void test_accepts_a_good_request(void **state)
{
	assert_int_equal(check(GOOD), GATE_ACCEPT);
	assert_int_equal(result.len, strlen(GOOD));
	assert_int_equal(result.head_len, strlen(GOOD) - 4);
	assert_true(result.request);
	assert_int_equal(result.cseq, 7);
	assert_slice(result.method, "INVITE");
	assert_slice(result.call_id, "c1@198.51.100.7");
	assert_slice(result.from_tag, "f1");
	assert_slice(result.to_tag, "");
	assert_slice(result.via, "SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKabc;rport");
}

static void test_accepts_a_good_response(void **state)
{
	assert_int_equal(check("SIP/2.0 180 Ringing\r\n" VIA FROM "To: <sip:b@c>;tag=t2\r\n" CALL_ID
			       "CSeq: 7 INVITE\r\n\r\n"),
		GATE_ACCEPT);
	assert_false(result.request);
	assert_int_equal(result.status, 180);
	assert_slice(result.method, "INVITE");
	assert_slice(result.to_tag, "t2");
	assert_int_equal(check("SIP/2.0 200 \r\n" VIA FROM TO CALL_ID CSEQ "\r\n"), GATE_ACCEPT);
}

/* TX-18, TT-08: compact, any case, space before the colon, folds, comma lists, bare LF. */
static void test_spellings(void **state)
{
	static const char *const spellings[] = {
		REQUEST_LINE "v: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=f1\r\n"
			     "t: <sip:b@c>\r\ni: c1\r\ncseq: 7 INVITE\r\nl: 4\r\n\r\nbody",
		REQUEST_LINE "VIA:SIP/2.0/UDP h;branch=z9hG4bK1\r\nfrom:<sip:a@b>;TAG=f1\r\n"
			     "tO:<sip:b@c>\r\ncall-id:c1\r\nCSEQ:7 INVITE\r\nCONTENT-LENGTH:4\r\n"
			     "\r\nbody",
		REQUEST_LINE "Via \t: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom :\r\n <sip:a@b>\r\n"
			     "\t; tag =\r\n f1\r\nTo  : <sip:b@c>\r\nCall-ID:\r\n c1\r\n"
			     "CSeq: 0007\r\n   INVITE\r\nContent-Length :\r\n 4\r\n\r\nbody",
		"INVITE sip:bob@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\n"
		"From: <sip:a@b>;tag=f1\nTo: <sip:b@c>\nCall-ID: c1\nCSeq: 7 INVITE\n"
		"Content-Length: 4\n\nbody",
		"\r\n\r\n" REQUEST_LINE "V: SIP/2.0/UDP h;branch=z9hG4bK1, SIP/2.0/UDP g\r\n"
		"F: <sip:a@b>;tag=f1\r\nT: <sip:b@c>\r\nI: c1\r\nCSeq: 7\tINVITE\r\nL: 4\r\n\r\n"
		"bodyINVITE sip:second@message SIP/2.0\r\n",
	};

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		assert_int_equal(check(spellings[i]), GATE_ACCEPT);
		assert_slice(result.call_id, "c1");
		assert_slice(result.from_tag, "f1");
		assert_int_equal(result.cseq, 7);
		assert_memory_equal(result.msg + result.len - 4, "body", 4);
		assert_memory_equal(result.msg, "INVITE", 6);
	}
}

/* TT-01: each header left out. */
static void test_missing_headers(void **state)
{
	static const struct {
		const char *text;
		enum gate_why why;
		bool answer;
	} cases[] = {
		{REQUEST_LINE FROM TO CALL_ID CSEQ "\r\n", GATE_WHY_MISSING_VIA, false},
		{REQUEST_LINE VIA TO CALL_ID CSEQ "\r\n", GATE_WHY_MISSING_FROM, true},
		{REQUEST_LINE VIA FROM CALL_ID CSEQ "\r\n", GATE_WHY_MISSING_TO, true},
		{REQUEST_LINE VIA FROM TO CSEQ "\r\n", GATE_WHY_MISSING_CALL_ID, true},
		{REQUEST_LINE VIA FROM TO CALL_ID "\r\n", GATE_WHY_MISSING_CSEQ, true},
		{REQUEST_LINE VIA FROM TO "Call-ID: \r\n" CSEQ "\r\n", GATE_WHY_MISSING_CALL_ID,
			true},
	};
	struct addr dest;
	char out[4096];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n;

		assert_int_equal(check(cases[i].text), GATE_REPLY);
		assert_int_equal(result.why, cases[i].why);
		assert_int_equal(result.code, 400);
		n = gate_reply(cases[i].text, strlen(cases[i].text), &source, result.code,
			result.reason, NULL, out, sizeof(out), &dest);
		assert_int_equal(n > 0, cases[i].answer);
	}
}

/* TT-02 to TT-05 and their kin: one fault each. */
static void test_malformed(void **state)
{
	static const struct {
		const char *text;
		enum gate_action action;
		enum gate_why why;
		int code;
	} cases[] = {
		/* CSeq */
		{WITH(REQUEST_LINE, "CSeq: -1 INVITE\r\n", ""), GATE_REPLY, GATE_WHY_CSEQ_NUMBER,
			400},
		{WITH(REQUEST_LINE, "CSeq: abc INVITE\r\n", ""), GATE_REPLY, GATE_WHY_CSEQ_NUMBER,
			400},
		{WITH(REQUEST_LINE, "CSeq: INVITE\r\n", ""), GATE_REPLY, GATE_WHY_CSEQ_NUMBER, 400},
		{WITH(REQUEST_LINE, "CSeq: 2147483648 INVITE\r\n", ""), GATE_REPLY,
			GATE_WHY_CSEQ_NUMBER, 400},
		{WITH(REQUEST_LINE, "CSeq: 36893488147419103232 INVITE\r\n", ""), GATE_REPLY,
			GATE_WHY_CSEQ_NUMBER, 400},
		{WITH(REQUEST_LINE, "CSeq: 1 OPTIONS\r\n", ""), GATE_REPLY, GATE_WHY_CSEQ_METHOD,
			400},
		{WITH(REQUEST_LINE, "CSeq: 1 invite\r\n", ""), GATE_REPLY, GATE_WHY_CSEQ_METHOD,
			400},
		{WITH(REQUEST_LINE, "CSeq: 1\r\n", ""), GATE_REPLY, GATE_WHY_CSEQ_METHOD, 400},
		{WITH(REQUEST_LINE, "CSeq: 1INVITE\r\n", ""), GATE_REPLY, GATE_WHY_CSEQ_NUMBER,
			400},
		{WITH(REQUEST_LINE, "CSeq: 1 INVITE x\r\n", ""), GATE_REPLY, GATE_WHY_CSEQ_METHOD,
			400},
		/* Max-Forwards */
		{WITH(REQUEST_LINE, CSEQ, "Max-Forwards: 300\r\n"), GATE_REPLY,
			GATE_WHY_MAX_FORWARDS, 400},
		{WITH(REQUEST_LINE, CSEQ, "Max-Forwards: abc\r\n"), GATE_REPLY,
			GATE_WHY_MAX_FORWARDS, 400},
		{WITH(REQUEST_LINE, CSEQ, "Max-Forwards: 4294967297\r\n"), GATE_REPLY,
			GATE_WHY_MAX_FORWARDS, 400},
		{WITH(REQUEST_LINE, CSEQ, "Max-Forwards: -1\r\n"), GATE_REPLY,
			GATE_WHY_MAX_FORWARDS, 400},
		/* Content-Length */
		{WITH(REQUEST_LINE, CSEQ, "Content-Length: -999\r\n"), GATE_REPLY,
			GATE_WHY_CONTENT_LENGTH, 400},
		{WITH(REQUEST_LINE, CSEQ, "Content-Length: 4x\r\n"), GATE_REPLY,
			GATE_WHY_CONTENT_LENGTH, 400},
		{WITH(REQUEST_LINE, CSEQ, "Content-Length: \r\n"), GATE_REPLY,
			GATE_WHY_CONTENT_LENGTH, 400},
		{WITH(REQUEST_LINE, CSEQ, "Content-Length: 4294967300\r\n"), GATE_REPLY,
			GATE_WHY_BODY_SHORT, 400},
		{WITH(REQUEST_LINE, CSEQ, "Content-Length: 18446744073709551616\r\n"), GATE_REPLY,
			GATE_WHY_CONTENT_LENGTH, 400},
		{WITH(REQUEST_LINE, CSEQ, "Content-Length: 1\r\n"), GATE_REPLY, GATE_WHY_BODY_SHORT,
			400},
		/* twice */
		{WITH(REQUEST_LINE, CSEQ, "l: 0\r\nContent-Length: 0\r\n"), GATE_REPLY,
			GATE_WHY_TWICE, 400},
		{WITH(REQUEST_LINE, CSEQ, "i: other\r\n"), GATE_REPLY, GATE_WHY_TWICE, 400},
		{WITH(REQUEST_LINE, CSEQ, "From : <sip:x@y>;tag=2\r\n"), GATE_REPLY, GATE_WHY_TWICE,
			400},
		{WITH(REQUEST_LINE, CSEQ, "x: 90\r\nSession-Expires: 90\r\n"), GATE_REPLY,
			GATE_WHY_TWICE, 400},
		{WITH(REQUEST_LINE, CSEQ, "Max-Forwards: 1\r\nmax-forwards: 2\r\n"), GATE_REPLY,
			GATE_WHY_TWICE, 400},
		/* start line */
		{WITH("INVITE sip:bob@192.0.2.1 SIP/7.0\r\n", CSEQ, ""), GATE_REPLY,
			GATE_WHY_VERSION, 505},
		{WITH("INVITE sip:bob@192.0.2.1 SIP/2.00\r\n", CSEQ, ""), GATE_REPLY,
			GATE_WHY_VERSION, 505},
		{WITH("INVITE  sip:bob@192.0.2.1 SIP/2.0\r\n", CSEQ, ""), GATE_REPLY,
			GATE_WHY_BAD_START_LINE, 400},
		{WITH("INVITE <sip:bob@192.0.2.1> SIP/2.0\r\n", CSEQ, ""), GATE_REPLY,
			GATE_WHY_BAD_START_LINE, 400},
		{WITH("INVITE sip:bob@192.0.2.1; lr SIP/2.0\r\n", CSEQ, ""), GATE_REPLY,
			GATE_WHY_BAD_START_LINE, 400},
		{WITH("INVITE  SIP/2.0\r\n", CSEQ, ""), GATE_REPLY, GATE_WHY_BAD_START_LINE, 400},
		{WITH("INVITE SIP/2.0\r\n", CSEQ, ""), GATE_REPLY, GATE_WHY_BAD_START_LINE, 400},
		{WITH("INV\"ITE sip:bob@192.0.2.1 SIP/2.0\r\n", CSEQ, ""), GATE_REPLY,
			GATE_WHY_BAD_START_LINE, 400},
		{WITH("INVITE sip:bob@192.0.2.1 SIP/2.0 \r\n", CSEQ, ""), GATE_DROP,
			GATE_WHY_NOT_SIP, 0},
		{WITH("GET / HTTP/1.1\r\n", CSEQ, ""), GATE_DROP, GATE_WHY_NOT_SIP, 0},
		{"HELLO", GATE_DROP, GATE_WHY_NOT_SIP, 0},
		{"INVITE sip:bob@192.0.2.1 SIP/2.0", GATE_DROP, GATE_WHY_NOT_SIP, 0},
		/* header lines */
		{WITH(REQUEST_LINE " X: y\r\n", CSEQ, ""), GATE_REPLY, GATE_WHY_BAD_HEADER, 400},
		{WITH(REQUEST_LINE, CSEQ, "no colon here\r\n"), GATE_REPLY, GATE_WHY_BAD_HEADER,
			400},
		{WITH(REQUEST_LINE, CSEQ, ": empty name\r\n"), GATE_REPLY, GATE_WHY_BAD_HEADER,
			400},
		{WITH(REQUEST_LINE, CSEQ, "X Y: z\r\n"), GATE_REPLY, GATE_WHY_BAD_HEADER, 400},
		{WITH(REQUEST_LINE, CSEQ, "X: a\rContact: b\r\n"), GATE_REPLY, GATE_WHY_BAD_HEADER,
			400},
		{HEAD, GATE_REPLY, GATE_WHY_NO_BLANK_LINE, 400},
		{HEAD "X: no line end", GATE_REPLY, GATE_WHY_NO_BLANK_LINE, 400},
		/* responses are never answered */
		{WITH("SIP/2.0 99 Low\r\n", CSEQ, ""), GATE_DROP, GATE_WHY_STATUS, -1},
		{WITH("SIP/2.0 099 Low\r\n", CSEQ, ""), GATE_DROP, GATE_WHY_STATUS, -1},
		{WITH("SIP/2.0 700 High\r\n", CSEQ, ""), GATE_DROP, GATE_WHY_STATUS, -1},
		{WITH("SIP/2.0 4294967301 better not\r\n", CSEQ, ""), GATE_DROP, GATE_WHY_STATUS,
			-1},
		{WITH("SIP/2.0 2000 OK\r\n", CSEQ, ""), GATE_DROP, GATE_WHY_STATUS, -1},
		{WITH("SIP/3.0 200 OK\r\n", CSEQ, ""), GATE_DROP, GATE_WHY_VERSION, -1},
		{WITH("sip/2.0 200 OK\r\n", CSEQ, ""), GATE_DROP, GATE_WHY_VERSION, -1},
		{WITH("SIP/2.0 200 O\rK\r\n", CSEQ, ""), GATE_DROP, GATE_WHY_BAD_START_LINE, -1},
		{"SIP/2.0 200 OK\r\n" FROM TO CALL_ID CSEQ "\r\n", GATE_DROP, GATE_WHY_MISSING_VIA,
			-1},
		{WITH("SIP/2.0 200 OK\r\n", CSEQ, "Content-Length: 9\r\n"), GATE_DROP,
			GATE_WHY_BODY_SHORT, -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check(cases[i].text);
		if (result.action != cases[i].action || result.why != cases[i].why)
			print_error(
				"case %zu: %s\n%s", i, gate_why_text(result.why), cases[i].text);
		assert_int_equal(result.action, cases[i].action);
		assert_int_equal(result.why, cases[i].why);
		if (cases[i].code >= 0)
			assert_int_equal(result.code, cases[i].code);
	}
}

static void test_edges_that_pass(void **state)
{
	static const char *const good[] = {
		WITH(REQUEST_LINE, "CSeq: 2147483647 INVITE\r\n", ""),
		WITH(REQUEST_LINE, "CSeq: 0 INVITE\r\n", ""),
		WITH(REQUEST_LINE, CSEQ, "Max-Forwards: 255\r\n"),
		WITH(REQUEST_LINE, CSEQ, "Max-Forwards: 0\r\n"),
		WITH(REQUEST_LINE, CSEQ, "Content-Length: 00000000000000000000000\r\n"),
		WITH(REQUEST_LINE, CSEQ, "X:\r\n"),
		WITH(REQUEST_LINE, CSEQ, "v: SIP/2.0/UDP other\r\nVia: SIP/2.0/TCP third\r\n"),
		WITH("INVITE sip:b%00b@192.0.2.1 SIP/2.0\r\n", CSEQ, ""),
		"!i.n_v+~`'*% sip:b@c SIP/2.0\r\n" VIA FROM TO CALL_ID
		"CSeq: 1 !i.n_v+~`'*%\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(check(good[i]), GATE_ACCEPT);
}

/* TX-12: octets behind Content-Length are nobody's; without one, the rest is the body. */
static void test_effective_length(void **state)
{
	assert_int_equal(check(HEAD "Content-Length: 4\r\n\r\nbody and more"), GATE_ACCEPT);
	assert_int_equal(result.len, result.head_len + 4);
	assert_int_equal(check(HEAD "\r\nbody and more"), GATE_ACCEPT);
	assert_int_equal(result.len, result.head_len + 13);
}

static void test_nul(void **state)
{
	static const char text[] = WITH(REQUEST_LINE, CSEQ, "X: a\0b\r\n");
	static const char body[] = HEAD "Content-Length: 3\r\n\r\na\0b";

	assert_int_equal(check_bytes(text, sizeof(text) - 1), GATE_REPLY);
	assert_int_equal(result.why, GATE_WHY_NUL);
	assert_int_equal(check_bytes(body, sizeof(body) - 1), GATE_ACCEPT);
}

static void test_keepalives(void **state)
{
	static const char stun[20] = {0, 1, 0, 0, 0x21, 0x12, (char)0xa4, 0x42, 1, 2, 3};
	static const char nul[5];

	assert_int_equal(check("\r\n"), GATE_KEEPALIVE);
	assert_int_equal(check("\r\n\r\n"), GATE_KEEPALIVE);
	assert_int_equal(check("\n"), GATE_KEEPALIVE);
	assert_int_equal(check("jaK"), GATE_KEEPALIVE);
	assert_int_equal(check("jaK\r\n"), GATE_KEEPALIVE);
	for (size_t n = 1; n <= 4; n++)
		assert_int_equal(check_bytes(nul, n), GATE_KEEPALIVE);
	assert_int_equal(check_bytes(nul, 5), GATE_DROP);
	assert_int_equal(check_bytes(stun, 20), GATE_KEEPALIVE);
	assert_int_equal(result.why, GATE_WHY_STUN);
	assert_int_equal(check_bytes(stun, 19), GATE_DROP);
	assert_int_equal(check_bytes("", 0), GATE_DROP);
	assert_int_equal(result.why, GATE_WHY_EMPTY);
}

/* SE-08: each limit, at it and one over it. */
static void test_limits(void **state)
{
	static char text[100000];
	char *p;

	for (int over = 0; over <= 1; over++) {
		const enum gate_action want = over ? GATE_REPLY : GATE_ACCEPT;

		p = repeat(text, HEAD "X: ", 1);
		p = repeat(p, ";a=b", limits.params_max + (size_t)over);
		repeat(p, "\r\n\r\n", 1);
		assert_int_equal(check(text), want);
		assert_int_equal(result.why, over ? GATE_WHY_TOO_MANY_PARAMS : GATE_WHY_OK);

		p = repeat(text, HEAD "X: ", 1);
		p = repeat(p, "y", limits.line_max - 3 + (size_t)over);
		repeat(p, "\r\n\r\n", 1);
		assert_int_equal(check(text), want);
		assert_int_equal(result.why, over ? GATE_WHY_LINE_TOO_LONG : GATE_WHY_OK);

		p = repeat(text, HEAD, 1);
		p = repeat(p, "AcCept: x/y\r\naccept: x/y\r\n", limits.headers_max / 2);
		p = repeat(p, "ACCEPT : x/y\r\n", (size_t)over);
		repeat(p, "\r\n", 1);
		assert_int_equal(check(text), want);
		assert_int_equal(result.why, over ? GATE_WHY_TOO_MANY_HEADERS : GATE_WHY_OK);

		p = repeat(text, HEAD, 1);
		for (size_t i = 7; i < limits.lines_max + (size_t)over; i++)
			p += sprintf(p, "X%zu: y\r\n", i);
		repeat(p, "\r\n", 1);
		assert_int_equal(check(text), want);
		assert_int_equal(result.why, over ? GATE_WHY_TOO_MANY_LINES : GATE_WHY_OK);

		p = repeat(text, HEAD "\r\n", 1);
		repeat(p, "b", limits.message_max - (size_t)(p - text) + (size_t)over);
		assert_int_equal(check(text), want);
		assert_int_equal(result.why, over ? GATE_WHY_TOO_LONG : GATE_WHY_OK);
	}
	/* The whole line with its folds counts, not each piece. */
	p = repeat(text, HEAD "X: ", 1);
	p = repeat(p, "yyyyyyyyyyyyyyy\r\n ", limits.line_max / 16 + 1);
	repeat(p, "\r\n\r\n", 1);
	assert_int_equal(check(text), GATE_REPLY);
	assert_int_equal(result.code, 513);
	/* Oversized junk draws nothing. */
	repeat(text, "x", 60000);
	assert_int_equal(check(text), GATE_DROP);
	p = repeat(text, "SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID CSEQ "\r\n", 1);
	repeat(p, "x", 9000);
	assert_int_equal(check(text), GATE_DROP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts_a_good_request),
		cmocka_unit_test(test_accepts_a_good_response),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_missing_headers),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_edges_that_pass),
		cmocka_unit_test(test_effective_length),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_keepalives),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
