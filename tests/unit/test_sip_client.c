/* SPDX-License-Identifier: BSD-3-Clause */
/* Client transactions on virtual time: TX-01..03, TX-08, TX-14, TX-17, CN-01..07. */
#include "tests/unit/sip_world.h"

static struct {
	unsigned int responses, timeouts, errors, ended, orphans, strays;
	int last_code;
	uint64_t last_at;
	char last_to[64];
	bool detach;
} seen;

static void on_event(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	seen.last_at = world_now();
	switch (event) {
	case SIP_RESPONSE:
		seen.responses++;
		seen.last_code = resp->status_code;
		snprintf(seen.last_to, sizeof(seen.last_to), "%s",
			sip_msg_to_tag(resp) ? sip_msg_to_tag(resp) : "");
		if (seen.detach && resp->status_code >= 200)
			sip_client_detach(client);
		break;
	case SIP_TIMEOUT:
		seen.timeouts++;
		break;
	case SIP_TRANSPORT_ERROR:
		seen.errors++;
		break;
	case SIP_ENDED:
		seen.ended++;
		break;
	}
}

static void on_request(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	sip_server_ignore(server);
}

static void on_cancel(void *arg, struct sip_server *server)
{
}

static void on_ack(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
}

static void on_ack_timeout(void *arg, struct sip_server *server)
{
}

static void on_orphan(void *arg, const struct sip_rx *rx)
{
	seen.orphans++;
	seen.strays += rx->stray;
	seen.last_code = rx->msg->status_code;
}

static struct sip_client *client;

static osip_message_t *make(const char *method)
{
	osip_message_t *msg = sip_msg_request(&(struct sip_request){
		.method = method,
		.uri = "sip:bob@203.0.113.7;x=1",
		.from_uri = "sip:us@192.0.2.1",
		.from_tag = "ours",
		.to_uri = "sip:bob@example.com",
		.call_id = "call1",
		.cseq = 17,
		.max_forwards = -1,
	});

	assert_non_null(msg);
	assert_int_equal(osip_message_set_route(msg, "<sip:proxy;lr>"), 0);
	assert_int_equal(sip_msg_add(msg, "Require", "timer"), 0);
	return msg;
}

static void start_with(const char *method, enum sip_proto proto, uint32_t max)
{
	static const struct sip_handlers handlers = {.request = on_request,
		.cancel = on_cancel,
		.ack = on_ack,
		.ack_timeout = on_ack_timeout,
		.orphan = on_orphan};
	struct sip_flow flow = world_peer;

	memset(&seen, 0, sizeof(seen));
	world_open(&handlers, (struct sip_stack_config){.transactions_max = max});
	flow.proto = (uint8_t)proto;
	client = sip_client_start(world_stack, make(method), &flow, on_event, NULL);
	assert_non_null(client);
	assert_int_equal(world_sent_count, 1);
}

static void start(const char *method)
{
	start_with(method, SIP_UDP, 0);
}

/* The peer answers packet i, which is one of our requests. */
static void answer_from(int i, int code, const char *tag, const char *sent_by)
{
	const char *text = world_text(i);

	world_receive(
		"SIP/2.0 %d X\r\nVia: SIP/2.0/UDP %s;branch=%s\r\n%s\r\n%s;tag=%s\r\n%s\r\n%s\r\n"
		"Content-Length: 0\r\n\r\n",
		code, sent_by, world_branch(text), world_line(text, "From"), world_line(text, "To"),
		tag, world_line(text, "Call-ID"), world_line(text, "CSeq"));
}

static void answer(int code, const char *tag)
{
	answer_from(0, code, tag, "192.0.2.1:5060");
}

static uint64_t open_clients(void)
{
	return sip_stack_counters(world_stack)->clients_open;
}

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

static void test_cn01_cancel_waits_for_a_provisional(void **state)
{
	start("INVITE");
	sip_client_cancel(client, NULL);
	sip_client_cancel(client, NULL);
	world_pass(3000);
	assert_int_equal(world_count("CANCEL"), 0);
	answer(100, "");
	assert_int_equal(world_count("CANCEL"), 1);
	answer(180, "b");
	world_close();
}

static void test_cn02_cancel_copies(void **state)
{
	const char *invite;
	const char *cancel;

	start("INVITE");
	answer(180, "b");
	sip_client_cancel(client, "SIP;cause=200;text=\"Call completed elsewhere\"");
	sip_client_cancel(client, "SIP;cause=1");
	assert_int_equal(world_count("CANCEL"), 1);
	invite = world_text(0);
	cancel = world_text(1);
	assert_int_equal(strncmp(cancel, "CANCEL sip:bob@203.0.113.7;x=1 SIP/2.0\r\n", 40), 0);
	assert_string_equal(world_line(cancel, "Via"), world_line(invite, "Via"));
	assert_string_equal(world_line(cancel, "From"), world_line(invite, "From"));
	assert_string_equal(world_line(cancel, "To"), world_line(invite, "To"));
	assert_string_equal(world_line(cancel, "Call-ID"), world_line(invite, "Call-ID"));
	assert_string_equal(world_line(cancel, "Route"), world_line(invite, "Route"));
	assert_string_equal(world_line(cancel, "CSeq"), "CSeq: 17 CANCEL");
	assert_string_equal(world_line(cancel, "Require"), "");
	assert_string_equal(world_line(cancel, "Reason"),
		"Reason: SIP;cause=200;text=\"Call completed elsewhere\"");
	/* It is a transaction of its own: repeated until its 200 comes. */
	world_pass(600);
	assert_int_equal(world_count("CANCEL"), 2);
	answer_from(1, 200, "b", "192.0.2.1:5060");
	world_pass(10000);
	assert_int_equal(world_count("CANCEL"), 2);
	/* CN-05: the 487 is told and ACKed, however often it comes. */
	for (int i = 0; i < 3; i++)
		answer(487, "b");
	assert_int_equal(seen.last_code, 487);
	assert_int_equal(world_count("ACK "), 3);
	world_close();
}

static void test_cn04_2xx_crosses_the_cancel(void **state)
{
	start("INVITE");
	answer(180, "b");
	sip_client_cancel(client, NULL);
	answer(200, "b");
	assert_int_equal(seen.last_code, 200);
	assert_int_equal(seen.responses, 2);
	world_close();
}

static void test_cn05_ack_though_the_tu_is_gone(void **state)
{
	start("INVITE");
	answer(180, "b");
	sip_client_detach(client);
	assert_int_equal(world_count("CANCEL"), 1);
	answer(487, "b");
	answer(487, "b");
	assert_int_equal(world_count("ACK "), 2);
	assert_int_equal(seen.responses, 1);
	assert_int_equal(seen.orphans, 0);
	world_close();
}

static void test_cn06_silence_after_cancel(void **state)
{
	start("INVITE");
	answer(180, "b");
	world_pass(5000);
	sip_client_cancel(client, NULL);
	world_until(5000 + 31999);
	assert_int_equal(seen.timeouts, 0);
	world_pass(1);
	assert_int_equal(seen.timeouts, 1);
	assert_int_equal(open_clients(), 0);
	world_close();
}

static void test_cn07_orphans(void **state)
{
	start("INVITE");
	answer(180, "b");
	sip_client_detach(client);
	answer(200, "b");
	answer(200, "fork");
	assert_int_equal(seen.orphans, 2);
	assert_int_equal(seen.strays, 0);
	assert_int_equal(seen.responses, 1);
	world_pass(40000);
	assert_int_equal(seen.ended, 0);
	assert_int_equal(open_clients(), 0);
	world_close();
}

static void test_detach_inside_the_callback(void **state)
{
	start("INVITE");
	seen.detach = true;
	answer(200, "b");
	answer(200, "b");
	assert_int_equal(seen.responses, 1);
	assert_int_equal(seen.orphans, 1);
	world_close();
	start("BYE");
	seen.detach = true;
	answer(200, "b");
	assert_int_equal(open_clients(), 0);
	world_close();
	start("INVITE");
	seen.detach = true;
	answer(404, "b");
	assert_int_equal(world_count("CANCEL"), 0);
	world_close();
}

static void test_detached_request_ends_by_itself(void **state)
{
	start("BYE");
	sip_client_detach(client);
	world_pass(40000);
	assert_int_equal(world_count("BYE"), 11);
	assert_int_equal(seen.timeouts, 0);
	assert_int_equal(open_clients(), 0);
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
		cmocka_unit_test(test_cn01_cancel_waits_for_a_provisional),
		cmocka_unit_test(test_cn02_cancel_copies),
		cmocka_unit_test(test_cn04_2xx_crosses_the_cancel),
		cmocka_unit_test(test_cn05_ack_though_the_tu_is_gone),
		cmocka_unit_test(test_cn06_silence_after_cancel),
		cmocka_unit_test(test_cn07_orphans),
		cmocka_unit_test(test_detach_inside_the_callback),
		cmocka_unit_test(test_detached_request_ends_by_itself),
		cmocka_unit_test(test_no_more_than_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
