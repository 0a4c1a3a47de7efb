/* SPDX-License-Identifier: BSD-3-Clause */
/* Client transactions that their user gave up: CN-01..07. */
#include "tests/unit/sip_client_world.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cn01_cancel_waits_for_a_provisional),
		cmocka_unit_test(test_cn02_cancel_copies),
		cmocka_unit_test(test_cn04_2xx_crosses_the_cancel),
		cmocka_unit_test(test_cn05_ack_though_the_tu_is_gone),
		cmocka_unit_test(test_cn06_silence_after_cancel),
		cmocka_unit_test(test_cn07_orphans),
		cmocka_unit_test(test_detach_inside_the_callback),
		cmocka_unit_test(test_detached_request_ends_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
