/* SPDX-License-Identifier: BSD-3-Clause */
/* One client transaction on virtual time, and what its user hears. */
#ifndef TESTS_UNIT_SIP_CLIENT_WORLD_H
#define TESTS_UNIT_SIP_CLIENT_WORLD_H

#include "tests/unit/sip_world.h"

static struct {
	unsigned int responses, timeouts, errors, ended, orphans, strays;
	int last_code;
	uint64_t last_at;
	char last_to[64];
	bool detach;
} seen;

static inline void on_event(
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

static inline void on_request(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	sip_server_ignore(server);
}

static inline void on_cancel(void *arg, struct sip_server *server)
{
}

static inline void on_ack(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
}

static inline void on_ack_timeout(void *arg, struct sip_server *server)
{
}

static inline void on_orphan(void *arg, const struct sip_rx *rx)
{
	seen.orphans++;
	seen.strays += rx->stray;
	seen.last_code = rx->msg->status_code;
}

static struct sip_client *client;

static inline osip_message_t *make(const char *method)
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

static inline void start_with(const char *method, enum sip_proto proto, uint32_t max)
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

static inline void start(const char *method)
{
	start_with(method, SIP_UDP, 0);
}

/* The peer answers packet i, which is one of our requests. */
static inline void answer_from(int i, int code, const char *tag, const char *sent_by)
{
	const char *text = world_text(i);

	world_receive(
		"SIP/2.0 %d X\r\nVia: SIP/2.0/UDP %s;branch=%s\r\n%s\r\n%s;tag=%s\r\n%s\r\n%s\r\n"
		"Content-Length: 0\r\n\r\n",
		code, sent_by, world_branch(text), world_line(text, "From"), world_line(text, "To"),
		tag, world_line(text, "Call-ID"), world_line(text, "CSeq"));
}

static inline void answer(int code, const char *tag)
{
	answer_from(0, code, tag, "192.0.2.1:5060");
}

static inline uint64_t open_clients(void)
{
	return sip_stack_counters(world_stack)->clients_open;
}

#endif
