/* SPDX-License-Identifier: BSD-3-Clause */
/* Server transactions on virtual time: TX-04..07, TX-09, TX-10, TX-16. */
#include "tests/unit/sip_server_world.h"

static void test_tx04_trying(void **state)
{
	static const int64_t times[] = {150, -1};

	open_plain();
	ask("INVITE", "1");
	world_pass(149);
	assert_int_equal(world_sent_count, 0);
	world_pass(1000);
	world_assert_times("SIP/2.0 100 ", times);
	assert_null(strstr(world_text(0), "To: <sip:us@h>;tag"));
	/* A repeat gets it again, the TU hears nothing. */
	ask("INVITE", "1");
	assert_int_equal(world_count("SIP/2.0 100 "), 2);
	assert_int_equal(seen.requests, 1);
	world_close();
	/* Not where there is an answer by then. */
	open_plain();
	ask("INVITE", "1");
	reply_to(seen.server, 180);
	world_pass(1000);
	assert_int_equal(world_count("SIP/2.0 100 "), 0);
	world_close();
	/* Nor for anything but INVITE. */
	open_plain();
	ask("OPTIONS", "1");
	world_pass(40000);
	assert_int_equal(world_sent_count, 0);
	world_close();
}

static void test_tx04_refusal_until_ack(void **state)
{
	static const int64_t times[] = {
		0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500, -1};

	open_plain();
	ask("INVITE", "1");
	reply_to(seen.server, 486);
	world_pass(60000);
	world_assert_times("SIP/2.0 486 ", times);
	assert_int_equal(open_servers(), 0);
	assert_int_equal(seen.ack_timeouts, 0);
	world_close();

	open_plain();
	ask("INVITE", "1");
	reply_to(seen.server, 486);
	world_pass(600);
	ask("INVITE", "1");
	assert_int_equal(world_count("SIP/2.0 486 "), 3);
	ask("ACK", "1");
	world_pass(1000);
	ask("ACK", "1"); /* timer I absorbs it */
	ask("INVITE", "1");
	assert_int_equal(world_count("SIP/2.0 486 "), 3);
	assert_int_equal(seen.acks + seen.stray_acks, 0);
	assert_int_equal(open_servers(), 1);
	world_until(600 + 5000);
	assert_int_equal(open_servers(), 0);
	assert_int_equal(seen.requests, 1);
	world_close();
}

static void test_tx05_stored_answer(void **state)
{
	open_plain();
	seen.auto_code = 200;
	for (int i = 0; i < 5; i++) {
		ask("REGISTER", "1");
		world_pass(1000);
	}
	assert_int_equal(seen.requests, 1);
	assert_int_equal(world_sent_count, 5);
	for (int i = 1; i < 5; i++)
		assert_string_equal(world_text(0), world_text(i));
	world_until(31999);
	ask("REGISTER", "1");
	assert_int_equal(seen.requests, 1);
	world_pass(1);
	ask("REGISTER", "1");
	assert_int_equal(seen.requests, 2);
	world_close();
}

static void test_tx05_repeat_before_the_answer(void **state)
{
	open_plain();
	ask("OPTIONS", "1");
	ask("OPTIONS", "1");
	assert_int_equal(seen.requests, 1);
	assert_int_equal(world_sent_count, 0);
	reply_to(seen.server, 200);
	assert_int_equal(world_sent_count, 1);
	world_close();
}

static void test_tx06_2xx_until_ack(void **state)
{
	static const int64_t times[] = {0, 500, 1500, 3500, 7500, -1};

	open_plain();
	ask("INVITE", "1");
	sip_server_set_user(seen.server, &seen);
	reply_to(seen.server, 200);
	world_until(1000);
	ask("INVITE", "1"); /* absorbed, and not answered out of turn */
	world_until(5000);
	ask("INVITE", "1");
	world_until(8000);
	ask("ACK", "ack1");
	assert_int_equal(seen.acks, 1);
	ask("ACK", "ack1");
	ask("ACK", "ack2");
	assert_int_equal(seen.acks, 1);
	assert_int_equal(seen.stray_acks, 0);
	world_until(20000);
	ask("INVITE", "1");
	world_until(31999);
	ask("INVITE", "1");
	world_assert_times("SIP/2.0 200 ", times);
	assert_int_equal(seen.requests, 1);
	assert_int_equal(open_servers(), 1);
	world_pass(1);
	assert_int_equal(open_servers(), 0);
	assert_int_equal(seen.ack_timeouts, 0);
	world_close();
}

static void test_tx06_ack_must_name_our_tag(void **state)
{
	open_plain();
	ask("INVITE", "1");
	sip_server_set_user(seen.server, &seen);
	reply_to(seen.server, 200);
	ask_via("ACK", "10.0.0.9;branch=z9hG4bKa", "forged", 7);
	ask_via("ACK", "10.0.0.9;branch=z9hG4bKb", "", 7);
	ask_via("ACK", "10.0.0.9;branch=z9hG4bKc", "ours", 8);
	assert_int_equal(seen.acks, 0);
	assert_int_equal(seen.stray_acks, 3);
	world_pass(600);
	assert_int_equal(world_count("SIP/2.0 200 "), 2);
	/* A phone that ACKs a 2xx with the INVITE's own branch is understood. */
	ask("ACK", "1");
	assert_int_equal(seen.acks, 1);
	world_close();
}

static void test_tx07_no_ack(void **state)
{
	open_plain();
	ask("INVITE", "1");
	sip_server_set_user(seen.server, &seen);
	reply_to(seen.server, 200);
	world_until(31999);
	assert_int_equal(seen.ack_timeouts, 0);
	assert_int_equal(world_count("SIP/2.0 200 "), 11);
	world_pass(1);
	assert_int_equal(seen.ack_timeouts, 1);
	assert_int_equal(open_servers(), 0);
	world_close();
}

static void test_tx09_matching(void **state)
{
	static const struct {
		const char *via;
		unsigned int cseq;
		bool fresh;
	} cases[] = {
		{"10.0.0.9:5060;branch=z9hG4bKx", 7, true},
		{"10.0.0.9:5060;branch=z9hG4bKx", 7, false},
		{"10.0.0.9;branch=z9hG4bKx;y=z", 7, false}, /* 5060 is the default */
		{"10.0.0.8;branch=z9hG4bKx", 7, true},      /* another sent-by */
		{"10.0.0.9:5061;branch=z9hG4bKx", 7, true},
		{"10.0.0.9;branch=z9hG4bKx", 8, true}, /* another CSeq */
		{"HOST.example;branch=z9hG4bKx", 7, true},
		{"host.EXAMPLE;branch=z9hG4bKx", 7, false},
		{"10.0.0.9;branch=1", 7, true}, /* RFC 2543 */
		{"10.0.0.9;branch=1", 7, false},
		{"10.0.0.9;branch=2", 7, true},
		{"10.0.0.9;branch=1", 8, true},
		{"10.0.0.9", 7, true},
		{"10.0.0.9", 7, false},
		{"10.0.0.9;branch=z9hG4bK", 7, true}, /* the cookie alone */
		{"10.0.0.9;branch=z9hG4bK", 7, false},
	};
	unsigned int requests = 0;

	open_plain();
	seen.auto_code = 404;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask_via("OPTIONS", cases[i].via, "", cases[i].cseq);
		requests += cases[i].fresh;
		if (requests != seen.requests)
			print_error("case %zu\n", i);
		assert_int_equal(seen.requests, requests);
	}
	/* The cookie alone says nothing: RFC 2543 looks at the Request-URI too. */
	world_receive("OPTIONS sip:other@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;"
		      "branch=z9hG4bK\r\nFrom: <sip:a@h>;tag=peer\r\nTo: <sip:us@h>\r\n"
		      "Call-ID: c1\r\nCSeq: 7 OPTIONS\r\n\r\n");
	assert_int_equal(seen.requests, ++requests);
	/* Another method with the same branch. */
	ask_via("INVITE", "10.0.0.9:5060;branch=z9hG4bKx", "", 7);
	assert_int_equal(seen.requests, requests + 1);
	world_close();
}

/* An RFC 2543 client's ACK and CANCEL find their INVITE. */
static void test_tx09_old_clients(void **state)
{
	open_plain();
	ask_via("INVITE", "10.0.0.9;branch=1", "", 7);
	ask_via("CANCEL", "10.0.0.9;branch=1", "", 7);
	assert_int_equal(seen.cancels, 1);
	reply_to(seen.server, 487);
	ask_via("ACK", "10.0.0.9;branch=1", "ours", 7);
	world_pass(6000);
	assert_int_equal(world_count("SIP/2.0 487 "), 1);
	assert_int_equal(seen.stray_acks, 0);
	assert_int_equal(open_servers(), 0);
	world_close();
}

static void test_tx10_forbidden_answers(void **state)
{
	osip_message_t *req;

	open_plain();
	ask("OPTIONS", "1");
	req = sip_server_request(seen.server);
	assert_int_equal(
		sip_server_reply(seen.server, sip_msg_response(req, 180, NULL, "x")), -EINVAL);
	assert_int_equal(
		sip_server_reply(seen.server, sip_msg_response(req, 408, NULL, "x")), -EINVAL);
	assert_int_equal(sip_server_reply(seen.server, NULL), -ENOMEM);
	assert_int_equal(world_sent_count, 0);
	assert_int_equal(sip_server_reply(seen.server, sip_msg_response(req, 100, NULL, "x")), 0);
	assert_int_equal(sip_server_reply(seen.server, sip_msg_response(req, 200, NULL, "x")), 0);
	assert_int_equal(
		sip_server_reply(seen.server, sip_msg_response(req, 500, NULL, "x")), -EALREADY);
	assert_int_equal(world_sent_count, 2);
	assert_null(sip_server_request(seen.server));
	world_close();
}

static void test_tx16_long_ringing(void **state)
{
	static const int64_t times[] = {0, 60000, 120000, -1};

	open_plain();
	ask("INVITE", "1");
	reply_to(seen.server, 180);
	world_until(150000);
	world_assert_times("SIP/2.0 180 ", times);
	reply_to(seen.server, 183);
	ask("INVITE", "1");
	assert_int_equal(world_count("SIP/2.0 183 "), 2);
	world_until(210000);
	assert_int_equal(world_count("SIP/2.0 183 "), 3);
	sip_server_set_user(seen.server, &seen);
	reply_to(seen.server, 200);
	world_pass(70000);
	assert_int_equal(world_count("SIP/2.0 183 "), 3);
	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tx04_trying),
		cmocka_unit_test(test_tx04_refusal_until_ack),
		cmocka_unit_test(test_tx05_stored_answer),
		cmocka_unit_test(test_tx05_repeat_before_the_answer),
		cmocka_unit_test(test_tx06_2xx_until_ack),
		cmocka_unit_test(test_tx06_ack_must_name_our_tag),
		cmocka_unit_test(test_tx07_no_ack),
		cmocka_unit_test(test_tx09_matching),
		cmocka_unit_test(test_tx09_old_clients),
		cmocka_unit_test(test_tx10_forbidden_answers),
		cmocka_unit_test(test_tx16_long_ringing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
