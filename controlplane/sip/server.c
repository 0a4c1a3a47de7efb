/* SPDX-License-Identifier: BSD-3-Clause */
/* Server transactions: requests coming in, their timers, their end. server_reply.c answers. */
#include "controlplane/sip/msg.h"
#include "controlplane/sip/stack_impl.h"

#include <stdlib.h>
#include <string.h>

/* Provisionals of a long ringing are repeated each minute, so that no proxy's timer C runs out
 * (TX-16); in units of T1 so that a test need not wait. */
#define RINGING_T1 120

static void add_lower(struct siphash *s, const char *text)
{
	for (; *text; text++) {
		char c = *text >= 'A' && *text <= 'Z' ? (char)(*text | 0x20) : *text;

		siphash_add(s, &c, 1);
	}
	siphash_add(s, "", 1);
}

/* RFC 3261 17.2.3: branch, sent-by, method; the CSeq number and Call-ID too, so that a phone which
 * uses one branch for ever is understood. Without the magic cookie, or with it alone: RFC 2543. ACK
 * and CANCEL are looked up under the method of their INVITE. */
static struct sip_key server_key(struct sip_stack *stack, const osip_message_t *msg,
	const struct gate_result *gate, const char *method)
{
	const osip_via_t *via = osip_list_get(&msg->vias, 0);
	const char *branch = sip_msg_branch(msg);
	struct siphash s;
	struct sip_key key = {{0}};
	char text[SIP_URI_MAX];

	siphash_init(&s, &stack->key, 1);
	siphash_add_text(&s, method);
	siphash_add_text(&s, sip_msg_call_id(msg, text, sizeof(text)));
	siphash_add(&s, &gate->cseq, sizeof(gate->cseq));
	if (branch && strncasecmp(branch, "z9hG4bK", 7) == 0 && branch[7]) {
		siphash_add_text(&s, branch);
		add_lower(&s, via->host);
		siphash_add_text(&s, via->port ? via->port : "5060");
	} else {
		if (sip_msg_request_uri(msg, text, sizeof(text)))
			text[0] = 0;
		siphash_add_text(&s, text);
		siphash_add(&s, gate->from_tag.ptr, gate->from_tag.len);
		siphash_add(&s, "", 1);
		siphash_add(&s, gate->via.ptr, gate->via.len);
	}
	siphash_end_wide(&s, key.h);
	return key;
}

/* From tag, Call-ID and CSeq: the same request by whatever way it came. */
struct sip_key server_call_key(struct sip_stack *stack, const osip_message_t *msg)
{
	const char *method = sip_msg_is(msg, "ACK") ? "INVITE" : sip_msg_method(msg);
	const char *tag = sip_msg_from_tag(msg);
	uint32_t cseq = sip_msg_cseq(msg);
	struct siphash s;
	struct sip_key key = {{0}};
	char text[SIP_URI_MAX];

	siphash_init(&s, &stack->key, 1);
	siphash_add_text(&s, sip_msg_call_id(msg, text, sizeof(text)));
	siphash_add_text(&s, tag ? tag : "");
	siphash_add_text(&s, method);
	siphash_add(&s, &cseq, sizeof(cseq));
	siphash_end_wide(&s, key.h);
	return key;
}

static struct sip_server *server_find(struct sip_stack *stack, const struct sip_key *key)
{
	struct sip_server *server;

	HASH_FIND(hh, stack->servers, key, sizeof(*key), server);
	return server;
}

void server_free(struct sip_server *server)
{
	struct sip_stack *stack = server->stack;

	wheel_cancel(stack->config.wheel, &server->timer);
	HASH_DELETE(hh, stack->servers, server);
	if (server->in_calls)
		HASH_DELETE(hh_call, stack->calls, server);
	stack->counters.servers_open--;
	fsm_retire(stack, server->tr);
	osip_free(server->final);
	free(server);
}

static void send_trying(struct sip_server *server)
{
	osip_message_t *trying = sip_msg_response(server->tr->orig_request, 100, NULL, NULL);

	if (trying)
		fsm_event(server->tr, SND_STATUS_1XX, trying);
}

static void send_final_again(struct sip_server *server)
{
	if (!server->final)
		return;
	server->stack->counters.retransmitted++;
	server_send(server, NULL);
}

void server_ring(struct sip_server *server)
{
	wheel_arm(server->stack->config.wheel, &server->timer,
		stack_now(server->stack) + RINGING_T1 * (uint64_t)server->stack->t1);
}

static void on_timer(struct wheel_timer *timer)
{
	struct sip_server *server = WHEEL_OWNER(timer, struct sip_server, timer);
	struct sip_stack *stack = server->stack;
	uint64_t now = stack_now(stack);
	uint64_t next;

	switch (server->state) {
	case SERVER_TRYING:
		send_trying(server);
		return;
	case SERVER_PROCEEDING:
		stack->counters.retransmitted++;
		server_send(server, server->tr->last_response);
		server_ring(server);
		return;
	default:
		break;
	}
	if (now >= server->end_ms) {
		if (server->state == SERVER_ACCEPTED && !server->acked && !server->detached) {
			stack->counters.timeouts++;
			stack->handlers.ack_timeout(stack->handlers.arg, server);
		}
		server_free(server);
		return;
	}
	send_final_again(server);
	server->interval_ms *= 2;
	if (server->interval_ms > stack->t2)
		server->interval_ms = stack->t2;
	next = now + server->interval_ms;
	wheel_arm(stack->config.wheel, timer, next < server->end_ms ? next : server->end_ms);
}

static uint16_t back_port(const osip_message_t *msg, const struct sip_flow *flow)
{
	struct addr dest;

	return sip_msg_response_dest(msg, &dest) == 0 ? dest.port : flow->remote.port;
}

/* Takes msg, also when it fails. */
static struct sip_server *server_create(struct sip_stack *stack, osip_message_t *msg,
	const struct sip_key *key, const struct sip_flow *flow)
{
	struct sip_server *server = calloc(1, sizeof(*server));
	bool invite = sip_msg_is(msg, "INVITE");

	if (!server || fsm_start(stack, &server->tr, invite ? IST : NIST, msg, server)) {
		osip_message_free(msg);
		free(server);
		return NULL;
	}
	server->stack = stack;
	server->key = *key;
	server->call_key = server_call_key(stack, msg);
	server->flow = *flow;
	server->back_port = back_port(msg, flow);
	server->invite = invite;
	wheel_timer_init(&server->timer, on_timer);
	if (fsm_event(server->tr, invite ? RCV_REQINVITE : RCV_REQUEST, msg)) {
		fsm_retire(stack, server->tr);
		free(server);
		return NULL;
	}
	HASH_ADD(hh, stack->servers, key, sizeof(server->key), server);
	stack->counters.servers_open++;
	if (invite)
		wheel_arm(
			stack->config.wheel, &server->timer, stack_now(stack) + stack->t1 * 3 / 10);
	return server;
}

/* A repeat: it gets the last answer again. 2xx to INVITE is repeated by its timer only. */
static void server_again(struct sip_server *server, osip_message_t *msg)
{
	server->stack->counters.absorbed++;
	if (server->tr) {
		fsm_event(server->tr, server->invite ? RCV_REQINVITE : RCV_REQUEST, msg);
		return;
	}
	osip_message_free(msg);
	if (server->state == SERVER_COMPLETED)
		send_final_again(server);
}

static void new_request(struct sip_stack *stack, osip_message_t *msg, const struct sip_key *key,
	const struct sip_flow *flow)
{
	struct sip_rx rx = {.msg = msg, .flow = *flow, .now_ms = stack_now(stack)};
	struct sip_server *server = server_create(stack, msg, key, flow);
	struct sip_server *twin;

	if (!server)
		return;
	HASH_FIND(hh_call, stack->calls, &server->call_key, sizeof(server->call_key), twin);
	if (twin) {
		rx.merged = !sip_msg_to_tag(msg) && !twin->refused_auth;
	} else {
		HASH_ADD(hh_call, stack->calls, call_key, sizeof(server->call_key), server);
		server->in_calls = true;
	}
	stack->handlers.request(stack->handlers.arg, server, &rx);
}

void server_request(struct sip_stack *stack, osip_message_t *msg, const struct gate_result *gate,
	const struct sip_flow *flow, const char *buf, size_t len)
{
	struct sip_rx rx = {.msg = msg, .flow = *flow, .now_ms = stack_now(stack)};
	bool ack = sip_msg_is(msg, "ACK");
	bool cancel = sip_msg_is(msg, "CANCEL");
	struct sip_key key = server_key(
		stack, msg, gate, ack || cancel ? "INVITE" : sip_msg_method(msg));
	struct sip_server *server = server_find(stack, &key);

	if (sip_msg_set_received(msg, &flow->remote)) {
		osip_message_free(msg);
		return;
	}
	if (ack) {
		server_ack(stack, server, &rx);
		osip_message_free(msg);
	} else if (cancel) {
		server_cancel(stack, server, &rx);
		osip_message_free(msg);
	} else if (server) {
		server_again(server, msg);
	} else if (stack_full(stack)) {
		stack->counters.refused_full++;
		stack_refuse(
			stack, flow, buf, len, 503, "Service Unavailable", "Retry-After: 10\r\n");
		osip_message_free(msg);
	} else {
		new_request(stack, msg, &key, flow);
	}
}
