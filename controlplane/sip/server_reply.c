/* SPDX-License-Identifier: BSD-3-Clause */
/* The answering half of server transactions: what the TU calls. */
#include "controlplane/sip/msg.h"
#include "controlplane/sip/stack_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct sip_flow back_flow(const struct sip_server *server)
{
	struct sip_flow flow = server->flow;

	flow.remote.port = server->back_port;
	return flow;
}

/* msg NULL: the stored final answer again. A failed send is not told: the peer asks again. */
int server_send(struct sip_server *server, osip_message_t *msg)
{
	struct sip_flow flow = back_flow(server);

	if (!msg)
		return stack_output(server->stack, &flow, server->final, server->final_len);
	if (msg->status_code < 200)
		return stack_send(server->stack, &flow, msg, NULL, NULL);
	return stack_send(server->stack, &flow, msg, &server->final, &server->final_len);
}

osip_message_t *sip_server_request(const struct sip_server *server)
{
	return server->tr ? server->tr->orig_request : NULL;
}

void sip_server_set_user(struct sip_server *server, void *user)
{
	server->user = user;
}

void *sip_server_user(const struct sip_server *server)
{
	return server->user;
}

/* The ACK of this 2xx must find this server, not a merged twin that was refused. */
static void calls_take(struct sip_server *server)
{
	struct sip_stack *stack = server->stack;
	struct sip_server *twin;

	if (server->in_calls)
		return;
	HASH_FIND(hh_call, stack->calls, &server->call_key, sizeof(server->call_key), twin);
	if (twin) {
		HASH_DELETE(hh_call, stack->calls, twin);
		twin->in_calls = false;
	}
	HASH_ADD(hh_call, stack->calls, call_key, sizeof(server->call_key), server);
	server->in_calls = true;
}

static void final_sent(struct sip_server *server, int code)
{
	struct sip_stack *stack = server->stack;
	uint64_t now = stack_now(stack);
	bool repeat = server->invite;

	server->state = SERVER_COMPLETED;
	server->refused_auth = code == 401 || code == 407;
	if (server->invite && code < 300) {
		server->state = SERVER_ACCEPTED;
		calls_take(server);
	} else if (sip_flow_reliable(&server->flow)) {
		repeat = false;
	}
	fsm_retire(stack, server->tr);
	server->tr = NULL;
	/* Timers G and H, J, L. */
	server->interval_ms = stack->t1;
	server->end_ms = now + 64 * (uint64_t)stack->t1;
	wheel_arm(stack->config.wheel, &server->timer, repeat ? now + stack->t1 : server->end_ms);
}

static int reply_check(const struct sip_server *server, const osip_message_t *resp)
{
	int code = resp->status_code;

	if (server->state >= SERVER_COMPLETED)
		return -EALREADY;
	if (code < 100 || code > 699)
		return -EINVAL;
	if (!server->invite && ((code > 100 && code < 200) || code == 408))
		return -EINVAL;
	return 0;
}

int sip_server_reply(struct sip_server *server, osip_message_t *resp)
{
	struct sip_stack *stack = server->stack;
	int err = resp ? reply_check(server, resp) : -ENOMEM;
	int code;

	if (err) {
		osip_message_free(resp);
		return err;
	}
	code = resp->status_code;
	if (server->invite && code >= 200 && code < 300) {
		const char *tag = sip_msg_to_tag(resp);

		server->to_tag = tag ? siphash(&stack->key, tag, strlen(tag)) : 0;
	}
	if (code < 200)
		err = fsm_event(server->tr, SND_STATUS_1XX, resp);
	else
		err = fsm_event(server->tr, code < 300 ? SND_STATUS_2XX : SND_STATUS_3456XX, resp);
	if (err)
		return err;
	if (code >= 200) {
		final_sent(server, code);
		return server->final ? 0 : -EINVAL;
	}
	server->state = SERVER_PROCEEDING;
	if (server->invite && code > 100)
		server_ring(server);
	else
		wheel_cancel(stack->config.wheel, &server->timer);
	return 0;
}

int sip_server_refuse(struct sip_server *server, osip_message_t *resp)
{
	int err = resp ? reply_check(server, resp) : -ENOMEM;
	struct sip_flow flow = back_flow(server);

	if (!err && resp->status_code < 300)
		err = -EINVAL;
	if (!err)
		err = stack_send(server->stack, &flow, resp, NULL, NULL);
	osip_message_free(resp);
	server_free(server);
	return err;
}

void sip_server_ignore(struct sip_server *server)
{
	server_free(server);
}

void sip_server_detach(struct sip_server *server)
{
	server->detached = true;
	server->user = NULL;
	if (server->state < SERVER_COMPLETED)
		sip_server_reply(
			server, sip_msg_response(server->tr->orig_request, 500, NULL, "detached"));
}
