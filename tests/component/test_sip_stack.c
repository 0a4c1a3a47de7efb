/* SPDX-License-Identifier: BSD-3-Clause */
/* Transactions over real sockets: TX-01..09, CN-01, CN-03. */
#include "tests/component/sip_stack_scene.h"

static void test_tx01_mute_peer(void **state)
{
	unsigned int copies = 0;

	open_on("127.0.0.1", NULL);
	assert_non_null(start("INVITE", &peer_addr));
	while (!seen.timeouts && read_at(peer, 64 * T1))
		copies++;
	assert_true(run_until(&seen.timeouts, 1, LONG));
	while (read_at(peer, 5))
		copies++;
	/* A stall at the end lets the timeout overtake the last copy. */
	if (seen.stall_ms < T1)
		assert_int_equal(copies, 7);
	else
		assert_in_range(copies, 4, 7);
	close_all();
}

static void test_tx02_refusal(void **state)
{
	char branch[128];

	open_on("127.0.0.1", NULL);
	start("INVITE", &peer_addr);
	assert_true(read_start("INVITE "));
	snprintf(branch, sizeof(branch), "%.40s", strstr(got, "branch="));
	answer(486);
	do
		assert_true(read_at(peer, LONG) > 0);
	while (strncmp(got, "INVITE ", 7) == 0);
	assert_int_equal(strncmp(got, "ACK sip:b@127.0.0.1 SIP/2.0\r\n", 29), 0);
	assert_non_null(strstr(got, branch));
	assert_int_equal(seen.code, 486);
	close_all();
}

static void test_tx03_trying(void **state)
{
	unsigned int copies = 1;

	open_on("127.0.0.1", NULL);
	start("BYE", &peer_addr);
	assert_true(read_start("BYE "));
	answer(100);
	while (!seen.timeouts && read_at(peer, 64 * T1))
		copies++;
	assert_true(run_until(&seen.timeouts, 1, LONG));
	assert_true(copies >= 3); /* a 100 slows it down, no more */
	close_all();
}

static void test_tx04_refusal_until_ack(void **state)
{
	open_on("127.0.0.1", NULL);
	seen.auto_code = 486;
	ask("INVITE", "1");
	for (int i = 0; i < 3; i++)
		assert_true(read_start("SIP/2.0 486 "));
	ask("ACK", "1");
	/* One may have been under way. */
	read_at(peer, T1);
	while (read_at(peer, T1))
		;
	assert_int_equal(read_at(peer, 20 * T1), 0);
	assert_int_equal(seen.requests, 1);
	close_all();
}

static void test_tx05_one_effect(void **state)
{
	char first[2000];

	open_on("127.0.0.1", NULL);
	seen.auto_code = 200;
	for (int i = 0; i < 5; i++) {
		ask("REGISTER", "1");
		assert_true(read_start("SIP/2.0 200 "));
		if (i)
			assert_string_equal(got, first);
		snprintf(first, sizeof(first), "%.1999s", got);
	}
	assert_int_equal(seen.requests, 1);
	close_all();
}

static void test_tx06_2xx_until_ack(void **state)
{
	open_on("127.0.0.1", NULL);
	seen.auto_code = 200;
	ask("INVITE", "1");
	for (int i = 0; i < 3; i++)
		assert_true(read_start("SIP/2.0 200 "));
	ask("INVITE", "1");
	ask("ACK", "other");
	assert_true(run_until(&seen.acks, 1, LONG));
	while (read_at(peer, T1))
		;
	ask("INVITE", "1");
	assert_int_equal(read_at(peer, 20 * T1), 0);
	assert_int_equal(seen.requests, 1);
	assert_int_equal(seen.ack_timeouts, 0);
	close_all();
}

static void test_tx07_no_ack(void **state)
{
	open_on("127.0.0.1", NULL);
	seen.auto_code = 200;
	ask("INVITE", "1");
	assert_true(run_until(&seen.ack_timeouts, 1, LONG));
	close_all();
}

static void test_tx08_every_2xx(void **state)
{
	open_on("127.0.0.1", NULL);
	start("INVITE", &peer_addr);
	assert_true(read_start("INVITE "));
	for (int i = 0; i < 4; i++)
		answer(200);
	assert_true(run_until(&seen.responses, 4, LONG));
	assert_true(run_until(&seen.ended, 1, LONG));
	close_all();
}

static void test_tx09_sent_by(void **state)
{
	const struct addr *us;

	open_on("127.0.0.1", NULL);
	us = sip_stack_service(stack);
	seen.auto_code = 404;
	ask_at(us, "OPTIONS", "10.9.9.9;rport", "x", "");
	ask_at(us, "OPTIONS", "10.9.9.8;rport", "x", "");
	ask_at(us, "OPTIONS", "10.9.9.9;rport", "x", "");
	for (int i = 0; i < 3; i++)
		assert_true(read_start("SIP/2.0 404 "));
	assert_int_equal(seen.requests, 2);
	close_all();
}

static void test_cn01_cancel(void **state)
{
	struct sip_client *client;

	open_on("127.0.0.1", NULL);
	client = start("INVITE", &peer_addr);
	sip_client_cancel(client, NULL);
	for (int i = 0; i < 3; i++)
		assert_true(read_start("INVITE "));
	answer(180);
	do
		assert_true(read_at(peer, LONG) > 0);
	while (strncmp(got, "INVITE ", 7) == 0);
	assert_int_equal(strncmp(got, "CANCEL sip:b@127.0.0.1 SIP/2.0\r\n", 32), 0);
	answer(200);
	close_all();
}

static void test_cn03_cancelled(void **state)
{
	open_on("127.0.0.1", NULL);
	ask("INVITE", "1");
	assert_true(read_start("SIP/2.0 100 "));
	ask("CANCEL", "1");
	assert_true(read_start("SIP/2.0 200 "));
	assert_non_null(strstr(got, "CSeq: 7 CANCEL"));
	assert_true(read_start("SIP/2.0 487 "));
	ask("ACK", "1");
	assert_int_equal(seen.cancels, 1);
	ask("CANCEL", "2");
	do
		assert_true(read_at(peer, LONG) > 0);
	while (strncmp(got, "SIP/2.0 487 ", 12) == 0);
	assert_int_equal(strncmp(got, "SIP/2.0 481 ", 12), 0);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tx01_mute_peer),
		cmocka_unit_test(test_tx02_refusal),
		cmocka_unit_test(test_tx03_trying),
		cmocka_unit_test(test_tx04_refusal_until_ack),
		cmocka_unit_test(test_tx05_one_effect),
		cmocka_unit_test(test_tx06_2xx_until_ack),
		cmocka_unit_test(test_tx07_no_ack),
		cmocka_unit_test(test_tx08_every_2xx),
		cmocka_unit_test(test_tx09_sent_by),
		cmocka_unit_test(test_cn01_cancel),
		cmocka_unit_test(test_cn03_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
