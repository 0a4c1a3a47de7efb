/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/sip/dialog.h"
#include "controlplane/sip/msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

static struct sip_dialog dialog;
static osip_message_t *message;

static osip_message_t *parse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static osip_message_t *parse(const char *fmt, ...)
{
	char text[4000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	osip_message_free(message);
	assert_int_equal(sip_msg_parse(&message, text, strlen(text)), 0);
	return message;
}

/* The peer's request; tags as we name them. */
static osip_message_t *peer_request(
	const char *method, const char *to_tag, unsigned int cseq, const char *headers)
{
	return parse(
		"%s sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		"From: \"B\" <sip:bob@example.com>;tag=peer\r\nTo: <sip:us@example.com>%s%s\r\n"
		"Call-ID: c1@h\r\nCSeq: %u %s\r\n%s\r\n",
		method, to_tag ? ";tag=" : "", to_tag ? to_tag : "", cseq, method, headers);
}

static osip_message_t *peer_response(
	int code, const char *method, const char *tag, const char *headers)
{
	return parse("SIP/2.0 %d X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		     "From: <sip:us@example.com>;tag=ours\r\nTo: <sip:bob@example.com>%s%s\r\n"
		     "Call-ID: c1@h\r\nCSeq: 1 %s\r\n%s\r\n",
		code, tag ? ";tag=" : "", tag ? tag : "", method, headers);
}

static const char *print(osip_message_t *msg)
{
	static char *text;
	size_t len;

	osip_free(text);
	text = NULL;
	assert_non_null(msg);
	assert_int_equal(sip_msg_print(msg, &text, &len), 0);
	osip_message_free(msg);
	return text;
}

static void assert_has(const char *text, const char *what)
{
	if (!strstr(text, what))
		print_error("not there: %s\n%s", what, text);
	assert_non_null(strstr(text, what));
}

static void start(void)
{
	struct addr remote;

	addr_parse(&remote, "203.0.113.5:5070", 0);
	assert_int_equal(sip_dialog_start(&dialog,
				 &(struct sip_dialog_start){
					 .call_id = "c1@h",
					 .local_tag = "ours",
					 .local_uri = "sip:us@example.com",
					 .local_display = "Us, \"Inc\"",
					 .remote_uri = "sip:bob@example.com",
					 .target = "sip:bob@198.51.100.4",
					 .contact = "sip:ours@192.0.2.1:5060",
					 .flow = sip_flow_to(&remote),
				 }),
		0);
}

#define AT_BOB "Contact: <sip:bob@10.0.0.5:5080>\r\n"

static void test_first_invite_and_its_repeats(void **state)
{
	const char *text;

	start();
	text = print(sip_dialog_request(&dialog, "INVITE"));
	assert_has(text, "INVITE sip:bob@198.51.100.4 SIP/2.0\r\n");
	assert_has(text, "\r\nFrom: \"Us, \\\"Inc\\\"\" <sip:us@example.com>;tag=ours\r\n");
	assert_has(text, "\r\nTo: <sip:bob@example.com>\r\n");
	assert_has(text, "\r\nCSeq: 1 INVITE\r\n");
	assert_has(text, "\r\nContact: <sip:ours@192.0.2.1:5060>\r\n");
	assert_has(print(sip_dialog_request(&dialog, "INVITE")), "\r\nCSeq: 2 INVITE\r\n");
}

/* DL-02: caller reverses, and a loose route leaves the Request-URI alone (DL-03). */
static void test_caller_route_set(void **state)
{
	const char *text;

	start();
	osip_message_free(sip_dialog_request(&dialog, "INVITE"));
	assert_int_equal(
		sip_dialog_answer(&dialog,
			peer_response(200, "INVITE", "peer",
				AT_BOB "Record-Route: <sip:p2;lr>, <sip:p1;lr;x=\"a,b\">\r\n"
				       "Record-Route: <sip:p0;lr>\r\n")),
		0);
	assert_true(dialog.confirmed);
	text = print(sip_dialog_request(&dialog, "BYE"));
	assert_has(text, "BYE sip:bob@10.0.0.5:5080 SIP/2.0\r\n");
	assert_has(text, "Route: <sip:p0;lr>\r\nRoute: <sip:p1;lr;");
	assert_has(text, "\r\nRoute: <sip:p2;lr>\r\n");
	assert_true(strstr(text, "<sip:p1") < strstr(text, "<sip:p2"));
	assert_has(text, "\r\nTo: <sip:bob@example.com>;tag=peer\r\n");
	assert_null(strstr(text, "Contact"));
	text = print(sip_dialog_ack(&dialog, 1));
	assert_has(text, "ACK sip:bob@10.0.0.5:5080 SIP/2.0\r\n");
	assert_has(text, "\r\nCSeq: 1 ACK\r\n");
	assert_has(text, "Route: <sip:p0;lr>\r\n");
	assert_null(strstr(text, "Supported"));
	assert_int_equal(dialog.local_cseq, 2);
}

static void test_callee_route_set(void **state)
{
	struct sip_flow flow = {0};
	const char *text;

	assert_int_equal(sip_dialog_accept(&dialog,
				 peer_request("INVITE", NULL, 7,
					 AT_BOB "Record-Route: <sip:p1;lr>,<sip:p2;lr>\r\n"),
				 "ours", "sip:ours@192.0.2.1", &flow),
		0);
	text = print(sip_dialog_request(&dialog, "BYE"));
	assert_true(strstr(text, "<sip:p1;lr>") < strstr(text, "<sip:p2;lr>"));
	assert_has(text, "\r\nFrom: <sip:us@example.com>;tag=ours\r\n");
	assert_has(text, "\r\nTo: <sip:bob@example.com>;tag=peer\r\n");
	assert_has(text, "\r\nCSeq: 1 BYE\r\n");
	assert_int_equal(dialog.remote_cseq, 7);
	text = print(sip_dialog_response(&dialog, message, 183, NULL));
	assert_has(text, "\r\nContact: <sip:ours@192.0.2.1>\r\n");
	assert_has(text, "\r\nRecord-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n");
	assert_has(text, ";tag=ours\r\n");
	assert_null(strstr(print(sip_dialog_response(&dialog, message, 486, NULL)), "Contact"));
}

/* DL-03: no lr, and lrx is not lr. */
static void test_strict_routing(void **state)
{
	static const char *const strict[] = {"<sip:p1>", "<sip:p1;lrx=1>"};

	for (int i = 0; i < 2; i++) {
		char rr[200];
		const char *text;

		start();
		snprintf(rr, sizeof(rr), AT_BOB "Record-Route: <sip:p2;lr>, %s\r\n", strict[i]);
		assert_int_equal(
			sip_dialog_answer(&dialog, peer_response(200, "INVITE", "peer", rr)), 0);
		text = print(sip_dialog_request(&dialog, "BYE"));
		assert_has(text, i ? "BYE sip:p1;lrx=1 SIP/2.0\r\n" : "BYE sip:p1 SIP/2.0\r\n");
		assert_has(text, "\r\nRoute: <sip:p2;lr>\r\nRoute: <sip:bob@10.0.0.5:5080>\r\n");
	}
}

/* DL-04, DL-12: early dialogs may change, a confirmed one is frozen. */
static void test_forks_and_freezing(void **state)
{
	start();
	assert_int_equal(
		sip_dialog_answer(&dialog,
			peer_response(183, "INVITE", "t1", AT_BOB "Record-Route: <sip:a;lr>\r\n")),
		0);
	assert_string_equal(dialog.remote_tag, "t1");
	assert_string_equal(dialog.route, "<sip:a;lr>");
	assert_false(dialog.confirmed);
	assert_int_equal(sip_dialog_answer(&dialog, peer_response(180, "INVITE", NULL, "")), 0);
	assert_string_equal(dialog.remote_tag, "t1");
	assert_int_equal(sip_dialog_answer(&dialog, peer_response(200, "INVITE", "t2", AT_BOB)), 0);
	assert_string_equal(dialog.remote_tag, "t2");
	assert_null(dialog.route);
	assert_int_equal(
		sip_dialog_answer(&dialog, peer_response(200, "INVITE", "t3", AT_BOB)), -ESTALE);
	assert_int_equal(sip_dialog_answer(&dialog,
				 peer_response(200, "INVITE", "t2",
					 AT_BOB "Record-Route: <sip:evil;lr>\r\n")),
		0);
	assert_null(dialog.route);
	assert_string_equal(dialog.remote_tag, "t2");
}

static void test_unusable_answers(void **state)
{
	start();
	assert_int_equal(
		sip_dialog_answer(&dialog, peer_response(200, "INVITE", NULL, AT_BOB)), -EINVAL);
	assert_int_equal(
		sip_dialog_answer(&dialog, peer_response(486, "INVITE", "t", "")), -EINVAL);
	assert_null(dialog.remote_tag);
	assert_string_equal(dialog.remote_target, "sip:bob@198.51.100.4");
	/* A provisional without Contact still names the fork. */
	assert_int_equal(sip_dialog_answer(&dialog, peer_response(180, "INVITE", "t", "")), 0);
	assert_string_equal(dialog.remote_tag, "t");
	assert_string_equal(dialog.remote_target, "sip:bob@198.51.100.4");
	/* A 2xx without one: it must be ended, and by its own tag (DL-13). */
	assert_int_equal(
		sip_dialog_answer(&dialog, peer_response(200, "INVITE", "u", "Contact: *\r\n")),
		-EINVAL);
	assert_string_equal(dialog.remote_tag, "u");
	assert_int_equal(
		sip_dialog_answer(&dialog, peer_response(200, "INVITE", "v", "")), -EINVAL);
	assert_string_equal(dialog.remote_tag, "v");
	assert_string_equal(dialog.remote_target, "sip:bob@198.51.100.4");
	assert_false(dialog.confirmed);
}

/* DL-13. */
static void test_unusable_invites(void **state)
{
	struct sip_flow flow = {0};
	struct sip_dialog d = {0};

	assert_int_equal(
		sip_dialog_accept(&d, peer_request("INVITE", NULL, 1, ""), "o", "sip:o@h", &flow),
		-EBADMSG);
	assert_int_equal(
		sip_dialog_accept(&d,
			peer_request("INVITE", NULL, 1, "Contact: <sip:a@h>, <sip:b@h>\r\n"), "o",
			"sip:o@h", &flow),
		-EBADMSG);
	assert_int_equal(sip_dialog_accept(&d,
				 parse("INVITE sip:us@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"
				       "From: <sip:a@h>\r\nTo: <sip:us@h>\r\nCall-ID: c\r\n"
				       "CSeq: 1 INVITE\r\n" AT_BOB "\r\n"),
				 "o", "sip:o@h", &flow),
		-EBADMSG);
	assert_null(d.call_id);
}

/* DL-07: Call-ID and both tags. */
static void test_match(void **state)
{
	start();
	sip_dialog_answer(&dialog, peer_response(200, "INVITE", "peer", AT_BOB));
	assert_true(sip_dialog_match(&dialog, message));
	assert_true(sip_dialog_match(&dialog, peer_request("BYE", "ours", 1, "")));
	assert_false(sip_dialog_match(&dialog, peer_request("BYE", "OURS", 1, "")));
	assert_false(sip_dialog_match(&dialog, peer_request("BYE", NULL, 1, "")));
	assert_false(sip_dialog_match(&dialog, peer_response(200, "BYE", "other", "")));
	assert_false(sip_dialog_match(&dialog, peer_response(200, "BYE", NULL, "")));
	free(dialog.call_id);
	dialog.call_id = strdup("c1@H");
	assert_false(sip_dialog_match(&dialog, peer_request("BYE", "ours", 1, "")));
}

/* DL-06: 1, 50, 10. */
static void test_cseq(void **state)
{
	start();
	assert_int_equal(sip_dialog_check_cseq(&dialog, peer_request("INFO", "ours", 1, "")), 0);
	assert_int_equal(sip_dialog_check_cseq(&dialog, peer_request("INFO", "ours", 50, "")), 0);
	assert_int_equal(
		sip_dialog_check_cseq(&dialog, peer_request("INFO", "ours", 10, "")), -ERANGE);
	assert_int_equal(sip_dialog_check_cseq(&dialog, peer_request("INFO", "ours", 51, "")), 0);
	dialog.local_cseq = INT32_MAX - 1;
	assert_has(print(sip_dialog_request(&dialog, "BYE")), "CSeq: 2147483647 BYE");
	assert_null(sip_dialog_request(&dialog, "BYE"));
}

/* DL-05. */
static void test_target_refresh(void **state)
{
	static const char moved[] = "Contact: <sip:bob@10.0.0.6>\r\n";

	start();
	assert_int_equal(
		sip_dialog_refresh_target(&dialog, peer_request("INFO", "ours", 2, moved)), 0);
	assert_int_equal(
		sip_dialog_refresh_target(&dialog, peer_response(200, "BYE", "p", moved)), 0);
	assert_int_equal(
		sip_dialog_refresh_target(&dialog, peer_response(488, "INVITE", "p", moved)), 0);
	assert_string_equal(dialog.remote_target, "sip:bob@198.51.100.4");
	assert_int_equal(
		sip_dialog_refresh_target(&dialog, peer_request("UPDATE", "ours", 2, moved)), 1);
	assert_string_equal(dialog.remote_target, "sip:bob@10.0.0.6");
	assert_int_equal(
		sip_dialog_refresh_target(&dialog, peer_request("INVITE", "ours", 3, moved)), 0);
	assert_int_equal(
		sip_dialog_refresh_target(&dialog, peer_request("INVITE", "ours", 4, "")), -EINVAL);
	assert_int_equal(
		sip_dialog_refresh_target(&dialog, peer_response(200, "UPDATE", "p", AT_BOB)), 1);
	assert_string_equal(dialog.remote_target, "sip:bob@10.0.0.5:5080");
}

/* CN-04: nothing but the 2xx is left of the call. */
static void test_orphan(void **state)
{
	struct sip_flow flow = {0};
	struct sip_dialog d = {0};
	const char *text;

	peer_response(200, "INVITE", "peer", AT_BOB "Record-Route: <sip:p;lr>\r\n");
	assert_int_equal(sip_dialog_orphan(&d, message, "sip:x@h", &flow), 0);
	text = print(sip_dialog_request(&d, "BYE"));
	assert_has(text, "BYE sip:bob@10.0.0.5:5080 SIP/2.0\r\n");
	assert_has(text, "\r\nRoute: <sip:p;lr>\r\n");
	assert_has(text, "\r\nFrom: <sip:us@example.com>;tag=ours\r\n");
	assert_has(text, "\r\nCSeq: 2 BYE\r\n");
	sip_dialog_clear(&d);
}

static void test_start_refuses_bad_text(void **state)
{
	struct sip_dialog d = {0};
	struct sip_dialog_start s = {.call_id = "c",
		.local_tag = "t",
		.local_uri = "sip:a@h",
		.remote_uri = "sip:b@h",
		.target = "sip:c@h",
		.contact = "sip:d@h"};

	assert_int_equal(sip_dialog_start(&d, &s), 0);
	s.call_id = "c\r\nX: y";
	assert_int_equal(sip_dialog_start(&d, &s), -EINVAL);
	s.call_id = "c";
	s.target = "sip:c@h\r\n";
	assert_int_equal(sip_dialog_start(&d, &s), -EINVAL);
	assert_string_equal(d.remote_target, "sip:c@h");
	sip_dialog_clear(&d);
}

static int setup(void **state)
{
	return sip_msg_setup();
}

static int teardown(void **state)
{
	osip_message_free(message);
	sip_dialog_clear(&dialog);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_invite_and_its_repeats),
		cmocka_unit_test(test_caller_route_set),
		cmocka_unit_test(test_callee_route_set),
		cmocka_unit_test(test_strict_routing),
		cmocka_unit_test(test_forks_and_freezing),
		cmocka_unit_test(test_unusable_answers),
		cmocka_unit_test(test_unusable_invites),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_cseq),
		cmocka_unit_test(test_target_refresh),
		cmocka_unit_test(test_orphan),
		cmocka_unit_test(test_start_refuses_bad_text),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
