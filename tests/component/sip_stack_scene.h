/* SPDX-License-Identifier: BSD-3-Clause */
/* The SIP stack over real loopback sockets, against a peer that sends and reads raw datagrams.
 * Exact times are the unit tests' business; here it is counted, with a short T1. */
#ifndef TESTS_COMPONENT_SIP_STACK_SCENE_H
#define TESTS_COMPONENT_SIP_STACK_SCENE_H

#include "controlplane/sip/msg.h"
#include "controlplane/sip/stack.h"
#include "controlplane/wheel_uv.h"
#include "shared/clock.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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
	uint64_t turn_ms, stall_ms; /* of the loop: last turn, longest time between two */
} seen;

static inline void on_request(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	seen.requests++;
	seen.server = server;
	if (seen.auto_code)
		sip_server_reply(server, sip_msg_response(rx->msg, seen.auto_code, NULL, "ours"));
}

static inline void on_cancel(void *arg, struct sip_server *server)
{
	seen.cancels++;
	sip_server_reply(server, sip_msg_response(sip_server_request(server), 487, NULL, "ours"));
}

static inline void on_ack(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	seen.acks += server != NULL;
}

static inline void on_ack_timeout(void *arg, struct sip_server *server)
{
	seen.ack_timeouts++;
}

static inline void on_event(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	seen.responses += event == SIP_RESPONSE;
	seen.timeouts += event == SIP_TIMEOUT;
	seen.errors += event == SIP_TRANSPORT_ERROR;
	seen.ended += event == SIP_ENDED;
	if (resp)
		seen.code = resp->status_code;
}

static inline int peer_open(const char *ip, struct addr *a)
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

static inline void open_on(const char *first, const char *second)
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

static inline void close_all(void)
{
	sip_stack_close(stack);
	wheel_uv_stop(&driver);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	close(peer);
}

/* One turn of the loop. What lies between two turns counts: a machine that gives none for so long
 * makes timers late. */
static inline void turn(void)
{
	uint64_t now = clock_boot_ms();

	if (seen.turn_ms && now - seen.turn_ms > seen.stall_ms)
		seen.stall_ms = now - seen.turn_ms;
	seen.turn_ms = now;
	uv_run(&loop, UV_RUN_NOWAIT);
}

/* Lets the stack run for up to ms; true as soon as the counter reaches n. */
static inline bool run_until(const unsigned int *counter, unsigned int n, uint64_t ms)
{
	uint64_t end = clock_boot_ms() + ms;

	while (*counter < n && clock_boot_ms() < end) {
		turn();
		poll(NULL, 0, 1);
	}
	return *counter >= n;
}

/* Next datagram at a peer's socket, with the stack running meanwhile; 0: none came in time. */
static inline size_t read_at(int fd, uint64_t ms)
{
	uint64_t end = clock_boot_ms() + ms;

	do {
		ssize_t n;

		turn();
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

static inline bool read_start(const char *start)
{
	return read_at(peer, LONG) && strncmp(got, start, strlen(start)) == 0;
}

static inline void send_bytes(const struct addr *to, const char *buf, size_t len)
{
	struct sockaddr_storage ss;
	socklen_t sslen = addr_to_sockaddr(to, &ss);

	assert_int_equal(sendto(peer, buf, len, 0, (struct sockaddr *)&ss, sslen), (ssize_t)len);
}

static inline void ask_at(const struct addr *to, const char *method, const char *via,
	const char *branch, const char *to_tag)
{
	char text[1000];
	int n = snprintf(text, sizeof(text),
		"%s sip:us@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\n"
		"From: <sip:a@h>;tag=peer\r\nTo: <sip:us@h>%s%s\r\nCall-ID: c1\r\nCSeq: 7 "
		"%s\r\n\r\n",
		method, via, branch, *to_tag ? ";tag=" : "", to_tag, method);

	send_bytes(to, text, (size_t)n);
}

static inline void ask(const char *method, const char *branch)
{
	ask_at(sip_stack_service(stack), method, "10.9.9.9;rport", branch,
		strcmp(method, "ACK") == 0 ? "ours" : "");
}

static inline struct sip_client *start(const char *method, const struct addr *to)
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
static inline void answer(int code)
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

#endif
