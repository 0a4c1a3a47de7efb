/* SPDX-License-Identifier: BSD-3-Clause */
/* The SIP stack over real loopback sockets, against a peer that sends and reads raw datagrams.
 * Exact times are the unit tests' business; here it is counted, with a short T1. */
#include "controlplane/sip/msg.h"
#include "controlplane/sip/stack.h"
#include "controlplane/wheel_uv.h"
#include "shared/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define T1   20
#define LONG 20000 /* no test waits so long unless it fails */

static uv_loop_t loop;
static struct wheel wheel;
static struct wheel_uv driver;
static struct sip_stack *stack;
static int peer = -1;
static struct addr peer_addr;
static char got[65536];

static struct {
	unsigned int requests, cancels, acks, ack_timeouts;
	unsigned int responses, timeouts, errors, ended;
	int code;
	struct sip_server *server;
	int auto_code;
} seen;

static void on_request(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	seen.requests++;
	seen.server = server;
	if (seen.auto_code)
		sip_server_reply(server, sip_msg_response(rx->msg, seen.auto_code, NULL, "ours"));
}

static void on_cancel(void *arg, struct sip_server *server)
{
	seen.cancels++;
	sip_server_reply(server, sip_msg_response(sip_server_request(server), 487, NULL, "ours"));
}

static void on_ack(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	seen.acks += server != NULL;
}

static void on_ack_timeout(void *arg, struct sip_server *server)
{
	seen.ack_timeouts++;
}

static void on_event(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	seen.responses += event == SIP_RESPONSE;
	seen.timeouts += event == SIP_TIMEOUT;
	seen.errors += event == SIP_TRANSPORT_ERROR;
	seen.ended += event == SIP_ENDED;
	if (resp)
		seen.code = resp->status_code;
}

static int peer_open(const char *ip, struct addr *a)
{
	struct sockaddr_storage ss;
	struct addr any;
	socklen_t len;
	int fd;

	if (addr_from_ip(&any, ip, 0))
		return -1;
	len = addr_to_sockaddr(&any, &ss);
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len)) {
		close(fd);
		return -1;
	}
	len = sizeof(ss);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	addr_from_sockaddr(a, (struct sockaddr *)&ss);
	return fd;
}

static void open_on(const char *first, const char *second)
{
	static const struct sip_handlers handlers = {.request = on_request,
		.cancel = on_cancel,
		.ack = on_ack,
		.ack_timeout = on_ack_timeout};
	struct addr listen[2];
	struct sip_stack_config config = {.wheel = &wheel,
		.loop = &loop,
		.listen = listen,
		.listen_count = second ? 2 : 1,
		.node = "t1",
		.t1_ms = T1};

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(addr_from_ip(&listen[0], first, 0), 0);
	if (second)
		assert_int_equal(addr_from_ip(&listen[1], second, 0), 0);
	assert_int_equal(uv_loop_init(&loop), 0);
	wheel_init(&wheel, clock_boot_ms());
	assert_int_equal(wheel_uv_start(&driver, &loop, &wheel), 0);
	assert_int_equal(sip_stack_open(&stack, &config, &handlers), 0);
	assert_true(sip_stack_service(stack)->port != 0);
	peer = peer_open(first, &peer_addr);
	assert_true(peer >= 0);
}

static void close_all(void)
{
	sip_stack_close(stack);
	wheel_uv_stop(&driver);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	close(peer);
}

/* Lets the stack run for up to ms; true as soon as the counter reaches n. */
static bool run_until(const unsigned int *counter, unsigned int n, uint64_t ms)
{
	uint64_t end = clock_boot_ms() + ms;

	while (*counter < n && clock_boot_ms() < end) {
		uv_run(&loop, UV_RUN_NOWAIT);
		poll(NULL, 0, 1);
	}
	return *counter >= n;
}

/* Next datagram at a peer's socket, with the stack running meanwhile; 0: none came in time. */
static size_t read_at(int fd, uint64_t ms)
{
	uint64_t end = clock_boot_ms() + ms;

	do {
		ssize_t n;

		uv_run(&loop, UV_RUN_NOWAIT);
		n = recv(fd, got, sizeof(got) - 1, 0);
		if (n >= 0) {
			got[n] = 0;
			return (size_t)n;
		}
		poll(NULL, 0, 1);
	} while (clock_boot_ms() < end);
	got[0] = 0;
	return 0;
}

static bool read_start(const char *start)
{
	return read_at(peer, LONG) && strncmp(got, start, strlen(start)) == 0;
}

static void send_bytes(const struct addr *to, const char *buf, size_t len)
{
	struct sockaddr_storage ss;
	socklen_t sslen = addr_to_sockaddr(to, &ss);

	assert_int_equal(sendto(peer, buf, len, 0, (struct sockaddr *)&ss, sslen), (ssize_t)len);
}

static void ask_at(const struct addr *to, const char *method, const char *via, const char *branch,
	const char *to_tag)
{
	char text[1000];
	int n = snprintf(text, sizeof(text),
		"%s sip:us@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\n"
		"From: <sip:a@h>;tag=peer\r\nTo: <sip:us@h>%s%s\r\nCall-ID: c1\r\nCSeq: 7 "
		"%s\r\n\r\n",
		method, via, branch, *to_tag ? ";tag=" : "", to_tag, method);

	send_bytes(to, text, (size_t)n);
}

static void ask(const char *method, const char *branch)
{
	ask_at(sip_stack_service(stack), method, "10.9.9.9;rport", branch,
		strcmp(method, "ACK") == 0 ? "ours" : "");
}

static struct sip_client *start(const char *method, const struct addr *to)
{
	struct sip_flow flow = sip_flow_to(to);

	return sip_client_start(stack,
		sip_msg_request(&(struct sip_request){.method = method,
			.uri = "sip:b@127.0.0.1",
			.from_uri = "sip:us@h",
			.from_tag = "ours",
			.to_uri = "sip:b@h",
			.call_id = "c2",
			.cseq = 3,
			.max_forwards = -1}),
		&flow, on_event, NULL);
}

/* Answers the request that was read last. */
static void answer(int code)
{
	char request[4000];
	char text[4000];
	char *p = text;
	char *line;
	char *rest = request;

	snprintf(request, sizeof(request), "%.3999s", got);
	p += sprintf(p, "SIP/2.0 %d X\r\n", code);
	strsep(&rest, "\n");
	while ((line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, "\r")] = 0;
		if (strncmp(line, "Via:", 4) == 0 || strncmp(line, "From:", 5) == 0 ||
			strncmp(line, "Call-ID:", 8) == 0 || strncmp(line, "CSeq:", 5) == 0)
			p += sprintf(p, "%s\r\n", line);
		else if (strncmp(line, "To:", 3) == 0)
			p += sprintf(p, "%s;tag=peer\r\n", line);
	}
	p += sprintf(p, "Contact: <sip:b@127.0.0.1>\r\nContent-Length: 0\r\n\r\n");
	send_bytes(sip_stack_service(stack), text, (size_t)(p - text));
}

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
	assert_int_equal(copies, 7);
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
		cmocka_unit_test(test_tx01_mute_peer),
		cmocka_unit_test(test_tx02_refusal),
		cmocka_unit_test(test_tx03_trying),
		cmocka_unit_test(test_tx04_refusal_until_ack),
		cmocka_unit_test(test_tx05_one_effect),
		cmocka_unit_test(test_tx06_2xx_until_ack),
		cmocka_unit_test(test_tx07_no_ack),
		cmocka_unit_test(test_tx08_every_2xx),
		cmocka_unit_test(test_tx09_sent_by),
		cmocka_unit_test(test_tx14_icmp),
		cmocka_unit_test(test_cn01_cancel),
		cmocka_unit_test(test_cn03_cancelled),
		cmocka_unit_test(test_ua07_rport),
		cmocka_unit_test(test_two_sockets),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_open_fails_cleanly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
