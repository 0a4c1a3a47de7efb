/* SPDX-License-Identifier: BSD-3-Clause */
/* Which requests reach the user of a server transaction, and where answers go: CN-03, KA-06, UA-02,
 * UA-07, SE-14. */
#include "tests/unit/sip_server_world.h"

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
