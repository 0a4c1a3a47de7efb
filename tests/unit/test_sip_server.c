/* SPDX-License-Identifier: BSD-3-Clause */
/* Server transactions on virtual time: TX-04..07, TX-09, TX-10, TX-16, CN-03, UA-02, UA-07, SE-14.
 */
#include "tests/unit/sip_world.h"

static struct {
	unsigned int requests, cancels, acks, stray_acks, ack_timeouts;
	bool merged;
	struct sip_server *server;
	int auto_code; /* answer at once; 0: the test does */
	bool refuse, ignore;
	bool stranger;
} seen;

static void reply_to(struct sip_server *server, int code)
{
	assert_int_equal(sip_server_reply(server,
				 sip_msg_response(sip_server_request(server), code, NULL, "ours")),
		0);
}

static void on_request(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	seen.requests++;
	seen.server = server;
	seen.merged = rx->merged;
	assert_ptr_equal(rx->msg, sip_server_request(server));
	if (seen.ignore)
		sip_server_ignore(server);
	else if (seen.refuse)
		assert_int_equal(
			sip_server_refuse(server, sip_msg_response(rx->msg, 401, NULL, "ours")), 0);
	else if (seen.auto_code)
		reply_to(server, seen.auto_code);
	/* What was handed over stays readable to the end of the callback. */
	assert_non_null(sip_msg_method(rx->msg));
}

static void on_cancel(void *arg, struct sip_server *server)
{
	seen.cancels++;
	assert_ptr_equal(server, seen.server);
}

static void on_ack(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	if (!server) {
		seen.stray_acks++;
		return;
	}
	seen.acks++;
	assert_ptr_equal(sip_server_user(server), &seen);
}

static void on_ack_timeout(void *arg, struct sip_server *server)
{
	seen.ack_timeouts++;
	assert_ptr_equal(sip_server_user(server), &seen);
}

static bool on_known(void *arg, const struct sip_flow *flow, const struct gate_result *gate)
{
	return !seen.stranger ||
		(gate->to_tag.len == 4 && memcmp(gate->to_tag.ptr, "ours", 4) == 0);
}

static void open_with(struct sip_stack_config config)
{
	static const struct sip_handlers handlers = {.request = on_request,
		.cancel = on_cancel,
		.ack = on_ack,
		.ack_timeout = on_ack_timeout,
		.known = on_known};

	memset(&seen, 0, sizeof(seen));
	world_open(&handlers, config);
}

static void open_plain(void)
{
	open_with((struct sip_stack_config){0});
}

static void ask_via(const char *method, const char *via, const char *to_tag, unsigned int cseq)
{
	world_receive("%s sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s\r\n"
		      "From: <sip:a@h>;tag=peer\r\nTo: <sip:us@h>%s%s\r\nCall-ID: c1\r\n"
		      "CSeq: %u %s\r\nMax-Forwards: 70\r\n\r\n",
		method, via, *to_tag ? ";tag=" : "", to_tag, cseq, method);
}

static void ask(const char *method, const char *branch)
{
	char via[100];

	snprintf(via, sizeof(via), "10.0.0.9;rport;branch=z9hG4bK%s", branch);
	ask_via(method, via, strcmp(method, "ACK") == 0 ? "ours" : "", 7);
}

static uint64_t open_servers(void)
{
	return sip_stack_counters(world_stack)->servers_open;
}

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

static void test_cn03_cancel(void **state)
{
	open_plain();
	ask("CANCEL", "none");
	assert_true(world_starts(-1, "SIP/2.0 481 "));
	ask("INVITE", "1");
	ask("CANCEL", "1");
	assert_true(world_starts(-1, "SIP/2.0 200 "));
	assert_string_equal(world_line(world_text(-1), "CSeq"), "CSeq: 7 CANCEL");
	assert_non_null(strstr(world_line(world_text(-1), "To"), ";tag="));
	ask("CANCEL", "1");
	assert_string_equal(world_text(-1), world_text(-2));
	assert_int_equal(seen.cancels, 1);
	reply_to(seen.server, 487);
	ask("CANCEL", "1");
	assert_true(world_starts(-1, "SIP/2.0 200 "));
	assert_int_equal(seen.cancels, 1);
	world_close();
	/* After our 2xx: 200, and no effect. */
	open_plain();
	ask("INVITE", "1");
	reply_to(seen.server, 200);
	ask("CANCEL", "1");
	assert_int_equal(world_count("SIP/2.0 200 "), 2);
	assert_int_equal(seen.cancels, 0);
	world_close();
}

static void test_ua02_merged(void **state)
{
	open_plain();
	ask("INVITE", "1");
	assert_false(seen.merged);
	ask("INVITE", "2");
	assert_true(seen.merged);
	reply_to(seen.server, 482);
	ask_via("INVITE", "10.0.0.9;branch=z9hG4bK3", "ours", 7);
	assert_false(seen.merged);
	ask_via("INVITE", "10.0.0.9;branch=z9hG4bK4", "", 8);
	assert_false(seen.merged);
	world_close();
	/* The twin that is answered 2xx gets its ACK, whichever came first. */
	open_plain();
	seen.auto_code = 401;
	ask("INVITE", "1");
	seen.auto_code = 200;
	ask("INVITE", "2");
	assert_false(seen.merged);
	sip_server_set_user(seen.server, &seen);
	ask("ACK", "a");
	assert_int_equal(seen.acks, 1);
	world_close();
}

static void test_ua07_where_answers_go(void **state)
{
	open_plain();
	seen.auto_code = 200;
	ask_via("OPTIONS", "10.0.0.9:5090;branch=z9hG4bK1;rport", "", 1);
	assert_int_equal(world_sent[0].flow.remote.port, 40000);
	ask_via("OPTIONS", "10.0.0.9:5090;branch=z9hG4bK2", "", 1);
	assert_int_equal(world_sent[1].flow.remote.port, 5090);
	ask_via("OPTIONS", "10.0.0.9;branch=z9hG4bK3;maddr=6.6.6.6;received=6.6.6.6", "", 1);
	assert_int_equal(world_sent[2].flow.remote.port, 5060);
	for (int i = 0; i < 3; i++) {
		assert_true(addr_same_ip(&world_sent[i].flow.remote, &world_peer.remote));
		assert_memory_equal(
			&world_sent[i].flow.local, &world_peer.local, sizeof(struct addr));
	}
	world_close();
}

static void test_refuse_and_ignore(void **state)
{
	open_plain();
	seen.refuse = true;
	ask("INVITE", "1");
	assert_int_equal(world_count("SIP/2.0 401 "), 1);
	assert_int_equal(open_servers(), 0);
	world_pass(40000);
	assert_int_equal(world_sent_count, 1);
	ask("ACK", "1");
	assert_int_equal(seen.stray_acks, 1);
	ask("INVITE", "1");
	assert_int_equal(seen.requests, 2);
	seen.refuse = false;
	seen.ignore = true;
	ask("BYE", "2");
	ask("BYE", "2");
	assert_int_equal(seen.requests, 4);
	assert_int_equal(world_sent_count, 2);
	assert_int_equal(open_servers(), 0);
	world_close();
}

static void test_detach(void **state)
{
	open_plain();
	ask("INVITE", "1");
	sip_server_detach(seen.server);
	assert_int_equal(world_count("SIP/2.0 500 "), 1);
	ask("INVITE", "2");
	sip_server_set_user(seen.server, &seen);
	reply_to(seen.server, 200);
	sip_server_detach(seen.server);
	world_pass(1600);
	assert_int_equal(world_count("SIP/2.0 200 "), 3);
	ask("ACK", "a");
	world_pass(60000);
	assert_int_equal(world_count("SIP/2.0 200 "), 3);
	assert_int_equal(seen.acks + seen.ack_timeouts, 0);
	assert_int_equal(open_servers(), 0);
	world_close();
}

static void test_gate_refusals(void **state)
{
	open_plain();
	world_receive("INVITE sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;rport\r\n"
		      "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCSeq: 1 INVITE\r\n\r\n");
	assert_true(world_starts(0, "SIP/2.0 400 Call-ID is missing\r\n"));
	/* Refused by the parser: answered from the raw text. */
	world_receive("INVITE sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;rport\r\n"
		      "From: \"unbalanced <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n"
		      "CSeq: 1 INVITE\r\n\r\n");
	assert_true(world_starts(1, "SIP/2.0 400 "));
	assert_int_equal(world_sent[1].flow.remote.port, 40000);
	world_receive("ACK sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9\r\n\r\n");
	world_receive("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.9\r\n\r\n");
	world_receive("HELLO");
	world_receive("\r\n\r\n");
	assert_int_equal(world_sent_count, 2);
	assert_int_equal(seen.requests, 0);
	world_close();
}

/* KA-06: a STUN Binding is answered, a STUN answer is not. */
static void test_ka06_stun(void **state)
{
	char binding[20] = {0, 1, 0, 0, 0x21, 0x12, (char)0xa4, 0x42, 1};

	open_plain();
	sip_stack_receive(world_stack, binding, sizeof(binding), &world_peer);
	assert_int_equal(world_sent_count, 1);
	assert_int_equal(world_sent[0].flow.remote.port, 40000);
	binding[0] = 1;
	sip_stack_receive(world_stack, binding, sizeof(binding), &world_peer);
	assert_int_equal(world_sent_count, 1);
	world_close();
}

/* SE-14: a stranger gets his rate, then a few refusals, then silence; what belongs to a call of
 * ours is served all the same. */
static void test_se14_flood(void **state)
{
	const struct sip_counters *counters;

	open_with((struct sip_stack_config){
		.unknown_rate = 10, .unknown_burst = 20, .refusal_rate = 5});
	counters = sip_stack_counters(world_stack);
	seen.stranger = true;
	seen.auto_code = 404;
	for (unsigned int i = 0; i < 1000; i++) {
		char via[64];

		snprintf(via, sizeof(via), "10.0.0.9;rport;branch=z9hG4bKf%u", i);
		ask_via("OPTIONS", via, "", i);
	}
	assert_int_equal(seen.requests, 20);
	assert_int_equal(world_count("SIP/2.0 404 "), 20);
	assert_int_equal(world_count("SIP/2.0 503 "), 5);
	assert_string_equal(world_line(world_text(-1), "Retry-After"), "Retry-After: 10");
	assert_int_equal(counters->rate_limited, 980);
	assert_int_equal(counters->servers_open, 20);
	ask_via("BYE", "10.0.0.9;branch=z9hG4bKbye", "ours", 2000);
	assert_int_equal(seen.requests, 21);
	world_pass(1000);
	ask_via("OPTIONS", "10.0.0.9;branch=z9hG4bKlater", "", 3000);
	assert_int_equal(seen.requests, 22);
	world_pass(40000);
	assert_int_equal(counters->servers_open, 0);
	world_close();
}

static void test_se14_full(void **state)
{
	open_with((struct sip_stack_config){.transactions_max = 2});
	ask("INVITE", "1");
	ask_via("INVITE", "10.0.0.9;branch=z9hG4bK2", "", 8);
	ask_via("INVITE", "10.0.0.9;branch=z9hG4bK3", "", 9);
	assert_int_equal(seen.requests, 2);
	assert_int_equal(world_count("SIP/2.0 503 "), 1);
	/* What is open goes on. */
	ask_via("CANCEL", "10.0.0.9;branch=z9hG4bK2", "", 8);
	assert_int_equal(world_count("SIP/2.0 200 "), 1);
	assert_int_equal(sip_stack_counters(world_stack)->refused_full, 1);
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
		cmocka_unit_test(test_cn03_cancel),
		cmocka_unit_test(test_ua02_merged),
		cmocka_unit_test(test_ua07_where_answers_go),
		cmocka_unit_test(test_refuse_and_ignore),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_gate_refusals),
		cmocka_unit_test(test_ka06_stun),
		cmocka_unit_test(test_se14_flood),
		cmocka_unit_test(test_se14_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
