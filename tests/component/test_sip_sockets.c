/* SPDX-License-Identifier: BSD-3-Clause */
/* The SIP stack's sockets: TX-14, UA-07, several of them, IPv6, and what nobody should send. */
#include "tests/component/sip_stack_scene.h"

/* A port that nobody listens on: told long before timer B, and nobody else is hurt. */
static void test_tx14_icmp(void **state)
{
	struct addr closed;
	int fd = peer_open("127.0.0.1", &closed);

	open_on("127.0.0.1", NULL);
	close(fd);
	seen.auto_code = 200;
	assert_non_null(start("INVITE", &closed));
	assert_true(run_until(&seen.errors, 1, 32 * T1));
	assert_int_equal(seen.timeouts, 0);
	assert_int_equal(sip_transport_counters(sip_stack_transport(stack))->unreachable, 1);
	/* The error of one peer must not be taken for another's. */
	assert_non_null(start("OPTIONS", &closed));
	assert_non_null(start("OPTIONS", &peer_addr));
	assert_true(read_start("OPTIONS "));
	answer(200);
	assert_true(run_until(&seen.responses, 1, LONG));
	assert_true(run_until(&seen.errors, 2, 32 * T1));
	assert_int_equal(seen.errors, 2);
	ask("OPTIONS", "1");
	do
		assert_true(read_at(peer, LONG) > 0);
	while (strncmp(got, "SIP/2.0 200 ", 12) != 0);
	close_all();
}

static void test_ua07_rport(void **state)
{
	char want[200];
	struct addr other;
	int fd;

	open_on("127.0.0.1", NULL);
	seen.auto_code = 200;
	ask("OPTIONS", "1");
	assert_true(read_start("SIP/2.0 200 "));
	snprintf(want, sizeof(want), ";received=127.0.0.1;rport=%u\r\n", peer_addr.port);
	assert_non_null(strstr(got, want));
	/* Without rport it goes to the port in sent-by, at the source's address. */
	fd = peer_open("127.0.0.1", &other);
	assert_true(fd >= 0);
	snprintf(want, sizeof(want), "10.9.9.9:%u", other.port);
	ask_at(sip_stack_service(stack), "OPTIONS", want, "2", "");
	assert_true(read_at(fd, LONG) > 0);
	close(fd);
	close_all();
}

/* The answer leaves from the socket that the request came to. */
static void test_two_sockets(void **state)
{
	const struct addr *second;
	struct sockaddr_storage ss;
	struct addr from;
	socklen_t len = sizeof(ss);
	uint64_t end = clock_boot_ms() + LONG;

	open_on("127.0.0.1", "127.0.0.2");
	seen.auto_code = 200;
	second = sip_transport_local(sip_stack_transport(stack), 1);
	assert_non_null(second);
	assert_null(sip_transport_local(sip_stack_transport(stack), 2));
	ask_at(second, "OPTIONS", "10.9.9.9;rport", "1", "");
	while (recvfrom(peer, got, sizeof(got), 0, (struct sockaddr *)&ss, &len) < 0) {
		assert_true(clock_boot_ms() < end);
		uv_run(&loop, UV_RUN_NOWAIT);
		poll(NULL, 0, 1);
	}
	assert_int_equal(addr_from_sockaddr(&from, (struct sockaddr *)&ss), 0);
	assert_true(addr_equal(&from, second));
	close_all();
}

static void test_ipv6(void **state)
{
	struct addr probe;
	int fd = peer_open("::1", &probe);

	if (fd < 0)
		skip();
	close(fd);
	open_on("::1", NULL);
	seen.auto_code = 200;
	ask_at(sip_stack_service(stack), "OPTIONS", "[2001:db8::9];rport", "1", "");
	assert_true(read_start("SIP/2.0 200 "));
	assert_non_null(strstr(got, "received=::1"));
	assert_non_null(start("OPTIONS", &peer_addr));
	assert_true(read_start("OPTIONS "));
	assert_non_null(strstr(got, "\r\nVia: SIP/2.0/UDP [::1]:"));
	answer(200);
	assert_true(run_until(&seen.responses, 1, LONG));
	close_all();
}

/* SE-12, KA-05: odd sizes and junk; a datagram is never cut and then read. */
static void test_junk(void **state)
{
	static char big[60000];
	const struct addr *us;
	int n;

	open_on("127.0.0.1", NULL);
	us = sip_stack_service(stack);
	seen.auto_code = 200;
	send_bytes(us, "", 0);
	send_bytes(us, "x", 1);
	send_bytes(us, "\r\n\r\n", 4);
	send_bytes(us, "\0\0\0", 3);
	memset(big, 'x', sizeof(big));
	send_bytes(us, big, sizeof(big));
	n = snprintf(big, sizeof(big),
		"OPTIONS sip:us@h SIP/2.0\r\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bKb\r\n"
		"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n");
	big[n] = 'x';
	send_bytes(us, big, sizeof(big));
	assert_true(read_start("SIP/2.0 513 "));
	ask("OPTIONS", "1");
	assert_true(read_start("SIP/2.0 200 "));
	assert_int_equal(seen.requests, 1);
	close_all();
}

static void test_burst(void **state)
{
	char branch[16];

	open_on("127.0.0.1", NULL);
	seen.auto_code = 200;
	for (int i = 0; i < 60; i++) {
		snprintf(branch, sizeof(branch), "b%d", i);
		ask("OPTIONS", branch);
	}
	for (int i = 0; i < 60; i++)
		assert_true(read_start("SIP/2.0 200 "));
	assert_int_equal(seen.requests, 60);
	close_all();
}

static void test_open_fails_cleanly(void **state)
{
	struct addr taken;
	int fd = peer_open("127.0.0.1", &taken);
	struct addr listen[2] = {{ADDR_IPV4, 0, 0, {127, 0, 0, 1}}};
	struct sip_stack_config config = {
		.wheel = &wheel, .loop = &loop, .listen = listen, .listen_count = 2, .node = "t1"};
	struct sip_handlers handlers = {0};
	struct sip_stack *none = NULL;

	listen[1] = taken;
	assert_int_equal(uv_loop_init(&loop), 0);
	wheel_init(&wheel, clock_boot_ms());
	assert_int_equal(sip_stack_open(&none, &config, &handlers), -EADDRINUSE);
	assert_null(none);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tx14_icmp),
		cmocka_unit_test(test_ua07_rport),
		cmocka_unit_test(test_two_sockets),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_open_fails_cleanly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
