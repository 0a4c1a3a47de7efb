/* SPDX-License-Identifier: BSD-3-Clause */
/* Server transactions on virtual time, and what their user hears. */
#ifndef TESTS_UNIT_SIP_SERVER_WORLD_H
#define TESTS_UNIT_SIP_SERVER_WORLD_H

#include "tests/unit/sip_world.h"

static struct {
	unsigned int requests, cancels, acks, stray_acks, ack_timeouts;
	bool merged;
	struct sip_server *server;
	int auto_code; /* answer at once; 0: the test does */
	bool refuse, ignore;
	bool stranger;
} seen;

static inline void reply_to(struct sip_server *server, int code)
{
	assert_int_equal(sip_server_reply(server,
				 sip_msg_response(sip_server_request(server), code, NULL, "ours")),
		0);
}

static inline void on_request(void *arg, struct sip_server *server, const struct sip_rx *rx)
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

static inline void on_cancel(void *arg, struct sip_server *server)
{
	seen.cancels++;
	assert_ptr_equal(server, seen.server);
}

static inline void on_ack(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	if (!server) {
		seen.stray_acks++;
		return;
	}
	seen.acks++;
	assert_ptr_equal(sip_server_user(server), &seen);
}

static inline void on_ack_timeout(void *arg, struct sip_server *server)
{
	seen.ack_timeouts++;
	assert_ptr_equal(sip_server_user(server), &seen);
}

static inline bool on_known(void *arg, const struct sip_flow *flow, const struct gate_result *gate)
{
	return !seen.stranger ||
		(gate->to_tag.len == 4 && memcmp(gate->to_tag.ptr, "ours", 4) == 0);
}

static inline void open_with(struct sip_stack_config config)
{
	static const struct sip_handlers handlers = {.request = on_request,
		.cancel = on_cancel,
		.ack = on_ack,
		.ack_timeout = on_ack_timeout,
		.known = on_known};

	memset(&seen, 0, sizeof(seen));
	world_open(&handlers, config);
}

static inline void open_plain(void)
{
	open_with((struct sip_stack_config){0});
}

static inline void ask_via(
	const char *method, const char *via, const char *to_tag, unsigned int cseq)
{
	world_receive("%s sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s\r\n"
		      "From: <sip:a@h>;tag=peer\r\nTo: <sip:us@h>%s%s\r\nCall-ID: c1\r\n"
		      "CSeq: %u %s\r\nMax-Forwards: 70\r\n\r\n",
		method, via, *to_tag ? ";tag=" : "", to_tag, cseq, method);
}

static inline void ask(const char *method, const char *branch)
{
	char via[100];

	snprintf(via, sizeof(via), "10.0.0.9;rport;branch=z9hG4bK%s", branch);
	ask_via(method, via, strcmp(method, "ACK") == 0 ? "ours" : "", 7);
}

static inline uint64_t open_servers(void)
{
	return sip_stack_counters(world_stack)->servers_open;
}

#endif
