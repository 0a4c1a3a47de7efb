/* SPDX-License-Identifier: BSD-3-Clause */
/* Client transactions on virtual time: TX-01..03, TX-08, TX-14, TX-17. */
#include "tests/unit/sip_client_world.h"

static void test_via(void **state)
{
	start("OPTIONS");
	assert_non_null(strstr(
		world_text(0), "\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKn01"));
	assert_true(strlen(world_branch(world_text(0))) >= 7 + 3 + 24);
	sip_client_start(world_stack, make("OPTIONS"), &world_peer, NULL, NULL);
	assert_string_not_equal(world_branch(world_text(0)), world_branch(world_text(1)));
	world_close();
}

static void test_tx01_invite_retransmits(void **state)
{
	static const int64_t times[] = {0, 500, 1500, 3500, 7500, 15500, 31500, -1};

	start("INVITE");
	world_pass(31999);
	assert_int_equal(seen.timeouts, 0);
	world_pass(1);
	assert_int_equal(seen.timeouts, 1);
	world_assert_times("INVITE", times);
	assert_int_equal(open_clients(), 0);
	world_close();
}

static void test_tx01_provisional_stops_it(void **state)
{
	static const int64_t times[] = {0, 500, -1};

	start("INVITE");
	world_pass(600);
	answer(180, "b");
	assert_int_equal(seen.responses, 1);
	world_pass(200000);
	world_assert_times("INVITE", times);
	assert_int_equal(seen.timeouts, 0);
	answer(183, "b");
	answer(200, "b");
	assert_int_equal(seen.responses, 3);
	world_close();
}

static void test_tx01_reliable_sends_once(void **state)
{
	static const int64_t times[] = {0, -1};

	start_with("INVITE", SIP_TCP, 0);
	assert_non_null(strstr(world_text(0), "\r\nVia: SIP/2.0/TCP 192.0.2.1:5060;"));
	world_pass(31999);
	assert_int_equal(seen.timeouts, 0);
	world_pass(1);
	assert_int_equal(seen.timeouts, 1);
	world_assert_times("INVITE", times);
	world_close();
}

static void test_tx02_ack_of_refusal(void **state)
{
	const char *invite;
	const char *ack;

	start("INVITE");
	world_pass(100);
	for (int i = 0; i < 5; i++) {
		answer(486, "busy");
		world_pass(1000);
	}
	assert_int_equal(seen.responses, 1);
	assert_int_equal(world_count("ACK "), 5);
	invite = world_text(0);
	ack = world_text(1);
	assert_int_equal(strncmp(ack, "ACK sip:bob@203.0.113.7;x=1 SIP/2.0\r\n", 37), 0);
	assert_string_equal(world_branch(ack), world_branch(invite));
	assert_string_equal(world_line(ack, "Route"), "Route: <sip:proxy;lr>");
	assert_string_equal(world_line(ack, "CSeq"), "CSeq: 17 ACK");
	assert_string_equal(world_line(ack, "From"), world_line(invite, "From"));
	assert_string_equal(world_line(ack, "To"), "To: <sip:bob@example.com>;tag=busy");
	assert_string_equal(world_line(ack, "Max-Forwards"), "Max-Forwards: 70");
	assert_string_equal(world_line(ack, "Require"), "");
	/* Timer D: 32 s from the first refusal. */
	world_until(100 + 31999);
	answer(486, "busy");
	assert_int_equal(world_count("ACK "), 6);
	world_pass(1);
	answer(486, "busy");
	assert_int_equal(world_count("ACK "), 6);
	assert_int_equal(open_clients(), 0);
	assert_int_equal(seen.responses, 1);
	world_close();
}

static void test_tx03_other_retransmits(void **state)
{
	static const int64_t times[] = {
		0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500, -1};

	start("BYE");
	world_pass(40000);
	world_assert_times("BYE", times);
	assert_int_equal(seen.timeouts, 1);
	assert_int_equal(seen.last_at, 32000);
	world_close();
}

static void test_tx03_trying_slows_but_does_not_stop(void **state)
{
	static const int64_t times[] = {0, 500, 4600, 8600, 12600, 16600, 20600, 24600, 28600, -1};

	start("BYE");
	world_pass(600);
	answer(100, "b");
	world_pass(40000);
	world_assert_times("BYE", times);
	assert_int_equal(seen.timeouts, 1);
	assert_int_equal(seen.last_at, 32000);
	world_close();
}

static void test_tx03_final_ends_it(void **state)
{
	start("BYE");
	answer(481, "b");
	assert_int_equal(seen.responses, 1);
	assert_int_equal(seen.last_code, 481);
	assert_int_equal(open_clients(), 0);
	answer(481, "b");
	assert_int_equal(seen.responses, 1);
	assert_int_equal(sip_stack_counters(world_stack)->stray_responses, 1);
	world_pass(40000);
	assert_int_equal(world_sent_count, 1);
	world_close();
}

static void test_tx08_every_2xx_is_told(void **state)
{
	start("INVITE");
	answer(180, "b");
	for (int i = 0; i < 4; i++) {
		answer(200, "b");
		assert_string_equal(seen.last_to, "b");
		world_pass(1000);
	}
	answer(200, "fork");
	assert_string_equal(seen.last_to, "fork");
	assert_int_equal(seen.responses, 6);
	assert_int_equal(world_sent_count, 1);
	answer(486, "b"); /* too late */
	assert_int_equal(seen.responses, 6);
	world_until(31999);
	assert_int_equal(seen.ended, 0);
	world_pass(1);
	assert_int_equal(seen.ended, 1);
	answer(200, "b");
	assert_int_equal(seen.responses, 6);
	world_close();
}

static void test_tx08_ack_has_its_own_branch(void **state)
{
	start("INVITE");
	answer(200, "b");
	assert_int_equal(sip_send_ack(world_stack, make("ACK"), &world_peer), 0);
	assert_true(world_starts(1, "ACK sip:bob@203.0.113.7;x=1 SIP/2.0\r\nVia: SIP/2.0/UDP"));
	assert_string_not_equal(world_branch(world_text(0)), world_branch(world_text(1)));
	assert_int_equal(sip_send_ack(world_stack, NULL, &world_peer), -ENOMEM);
	world_close();
}

static void test_tx14_send_error(void **state)
{
	start("BYE");
	/* Found out while retransmitting. */
	world_send_error = -EHOSTUNREACH;
	world_until(499);
	assert_int_equal(seen.errors, 0);
	world_pass(10);
	assert_int_equal(seen.errors, 1);
	assert_int_equal(open_clients(), 0);
	/* At once: told from the loop, not from inside the call. */
	assert_non_null(sip_client_start(world_stack, make("INVITE"), &world_peer, on_event, NULL));
	assert_int_equal(seen.errors, 1);
	world_pass(1);
	assert_int_equal(seen.errors, 2);
	assert_int_equal(open_clients(), 0);
	world_close();
}

static void test_tx17_strays(void **state)
{
	const struct sip_counters *counters;

	start("INVITE");
	counters = sip_stack_counters(world_stack);
	answer_from(0, 200, "b", "192.0.2.1:5061");
	answer_from(0, 200, "b", "192.0.2.2:5060");
	answer_from(0, 200, "b", "example.com:5060");
	world_receive("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=%s\r\n"
		      "Via: SIP/2.0/UDP 203.0.113.7\r\nFrom: <sip:us@192.0.2.1>;tag=ours\r\n"
		      "To: <sip:b@h>;tag=b\r\nCall-ID: call1\r\nCSeq: 17 INVITE\r\n\r\n",
		world_branch(world_text(0)));
	world_receive(
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKguess\r\n"
		"From: <sip:us@192.0.2.1>;tag=ours\r\nTo: <sip:b@h>;tag=b\r\nCall-ID: call1\r\n"
		"CSeq: 17 INVITE\r\n\r\n");
	world_receive(
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=%s\r\n"
		"From: <sip:us@192.0.2.1>;tag=ours\r\nTo: <sip:b@h>;tag=b\r\nCall-ID: call1\r\n"
		"CSeq: 17 BYE\r\n\r\n",
		world_branch(world_text(0)));
	assert_int_equal(seen.responses, 0);
	assert_int_equal(counters->stray_responses, 6);
	assert_int_equal(world_sent_count, 1);
	/* By our Via, and a 2xx to INVITE: it may be the answer to a former process. */
	assert_int_equal(seen.orphans, 1);
	assert_int_equal(seen.strays, 1);
	answer(200, "b");
	assert_int_equal(seen.responses, 1);
	world_close();
}

static void test_no_more_than_allowed(void **state)
{
	start_with("BYE", SIP_UDP, 2);
	assert_non_null(sip_client_start(world_stack, make("BYE"), &world_peer, NULL, NULL));
	assert_null(sip_client_start(world_stack, make("BYE"), &world_peer, NULL, NULL));
	assert_null(sip_client_start(world_stack, NULL, &world_peer, NULL, NULL));
	answer(200, "b");
	assert_non_null(sip_client_start(world_stack, make("BYE"), &world_peer, NULL, NULL));
	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_via),
		cmocka_unit_test(test_tx01_invite_retransmits),
		cmocka_unit_test(test_tx01_provisional_stops_it),
		cmocka_unit_test(test_tx01_reliable_sends_once),
		cmocka_unit_test(test_tx02_ack_of_refusal),
		cmocka_unit_test(test_tx03_other_retransmits),
		cmocka_unit_test(test_tx03_trying_slows_but_does_not_stop),
		cmocka_unit_test(test_tx03_final_ends_it),
		cmocka_unit_test(test_tx08_every_2xx_is_told),
		cmocka_unit_test(test_tx08_ack_has_its_own_branch),
		cmocka_unit_test(test_tx14_send_error),
		cmocka_unit_test(test_tx17_strays),
		cmocka_unit_test(test_no_more_than_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
