/* SPDX-License-Identifier: BSD-3-Clause */
/* ACK and CANCEL: requests about another request. */
#include "controlplane/sip/msg.h"
#include "controlplane/sip/stack_impl.h"

#include <stdio.h>
#include <string.h>

/* The 2xx that this ACK is for: by Call-ID, From tag and CSeq number, and the tag that we gave. */
static struct sip_server *accepted_find(struct sip_stack *stack, const osip_message_t *ack)
{
	struct sip_key key = server_call_key(stack, ack);
	const char *tag = sip_msg_to_tag(ack);
	struct sip_server *server;

	HASH_FIND(hh_call, stack->calls, &key, sizeof(key), server);
	if (!server || server->state != SERVER_ACCEPTED || !tag)
		return NULL;
	return server->to_tag == siphash(&stack->key, tag, strlen(tag)) ? server : NULL;
}

void server_ack(struct sip_stack *stack, struct sip_server *server, const struct sip_rx *rx)
{
	if (server && server->state == SERVER_COMPLETED) {
		server->state = SERVER_CONFIRMED;
		server->end_ms = rx->now_ms +
			(sip_flow_reliable(&server->flow) ? 0 : (uint64_t)stack->t4);
		wheel_arm(stack->config.wheel, &server->timer, server->end_ms);
		return;
	}
	if (server && server->state == SERVER_CONFIRMED)
		return;
	/* By its own branch, or (wrongly) by the INVITE's: the ACK of a 2xx. */
	server = accepted_find(stack, rx->msg);
	if (!server) {
		stack->counters.stray_acks++;
		stack->handlers.ack(stack->handlers.arg, NULL, rx);
		return;
	}
	if (server->acked)
		return;
	server->acked = true;
	wheel_arm(stack->config.wheel, &server->timer, server->end_ms);
	if (!server->detached)
		stack->handlers.ack(stack->handlers.arg, server, rx);
}

/* Answered without a transaction: the same CANCEL gets the same answer as long as its INVITE is
 * known, and it changes nothing the second time (CN-03). */
void server_cancel(struct sip_stack *stack, struct sip_server *server, const struct sip_rx *rx)
{
	struct sip_key key = server_call_key(stack, rx->msg);
	struct sip_flow flow = rx->flow;
	osip_message_t *resp;
	struct addr dest;
	char tag[20];

	snprintf(tag, sizeof(tag), "c%016llx", (unsigned long long)key.h[0]);
	resp = sip_msg_response(rx->msg, server ? 200 : 481, NULL, tag);
	if (resp && sip_msg_response_dest(resp, &dest) == 0) {
		flow.remote.port = dest.port;
		stack_send(stack, &flow, resp, NULL, NULL);
	}
	osip_message_free(resp);
	if (!server || server->cancelled || server->detached || server->state > SERVER_PROCEEDING)
		return;
	server->cancelled = true;
	stack->handlers.cancel(stack->handlers.arg, server);
}
