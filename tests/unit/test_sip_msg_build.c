/* SPDX-License-Identifier: BSD-3-Clause */
/* What is written into a SIP message, and its bodies. */
#include "tests/unit/sip_text.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builds_a_request),
		cmocka_unit_test(test_builds_nothing_injected),
		cmocka_unit_test(test_builds_a_response),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_multipart_bomb),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
