/* SPDX-License-Identifier: BSD-3-Clause */
/* Client transactions: requests of ours, their timers, the responses. */
#include "controlplane/sip/client_impl.h"
#include "controlplane/sip/msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sip_key client_key(
	struct sip_stack *stack, const char *branch, size_t len, const char *method)
{
	struct siphash s;
	struct sip_key key = {{0}};

	siphash_init(&s, &stack->key, 1);
	siphash_add(&s, branch, len);
	siphash_add(&s, "", 1);
	siphash_add_text(&s, method);
	siphash_end_wide(&s, key.h);
	return key;
}

struct sip_client *client_find(struct sip_stack *stack, const struct sip_key *key)
{
	struct sip_client *client;

	HASH_FIND(hh, stack->clients, key, sizeof(*key), client);
	return client;
}

static void client_unlink(struct sip_client *client)
{
	wheel_cancel(client->stack->config.wheel, &client->timer);
	HASH_DELETE(hh, client->stack->clients, client);
	client->stack->counters.clients_open--;
}

static void client_release(struct sip_client *client)
{
	fsm_retire(client->stack, client->tr);
	osip_free(client->ack);
	free(client->reason);
	free(client);
}

void client_free(struct sip_client *client)
{
	client_unlink(client);
	client_release(client);
}

/* The last word to the TU. Unlinked first: whatever fn does finds no trace of it. */
static void client_finish(
	struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	sip_client_fn *fn = client->fn;

	client_unlink(client);
	client->finished = true;
	if (fn)
		fn(client->arg, client, event, resp);
	client_release(client);
}

/* Called by the state machine: the request, again the request, or the ACK of a refusal. */
int client_send(struct sip_client *client, osip_message_t *msg)
{
	struct sip_stack *stack = client->stack;
	int err;

	if (sip_msg_is(msg, "ACK")) {
		/* libosip2 leaves out what every request must have. */
		sip_msg_set_number(msg, "Max-Forwards", 70);
		err = stack_send(stack, &client->flow, msg, &client->ack, &client->ack_len);
	} else {
		err = stack_send(stack, &client->flow, msg, NULL, NULL);
	}
	if (err && !client->error)
		client->error = err;
	return err;
}

void client_arm(struct sip_client *client, uint64_t at)
{
	wheel_arm(client->stack->config.wheel, &client->timer,
		at < client->end_ms ? at : client->end_ms);
}

/* Timers A and E: A doubles for ever, E up to T2, and is T2 once a provisional was seen. */
static void retransmit(struct sip_client *client)
{
	struct sip_stack *stack = client->stack;

	stack->counters.retransmitted++;
	fsm_event(client->tr, client->invite ? TIMEOUT_A : TIMEOUT_E, NULL);
	client->interval_ms *= 2;
	if (!client->invite && client->interval_ms > stack->t2)
		client->interval_ms = stack->t2;
	client->next_ms += client->interval_ms;
	client_arm(client, client->next_ms);
}

void client_on_timer(struct wheel_timer *timer)
{
	struct sip_client *client = WHEEL_OWNER(timer, struct sip_client, timer);
	struct sip_stack *stack = client->stack;
	bool over = stack_now(stack) >= client->end_ms;

	switch (client->state) {
	case CLIENT_COMPLETED:
		client_free(client);
		return;
	case CLIENT_ACCEPTED:
		client_finish(client, SIP_ENDED, NULL);
		return;
	default:
		break;
	}
	if (client->error) {
		stack->counters.transport_errors++;
		client_finish(client, SIP_TRANSPORT_ERROR, NULL);
	} else if (over) {
		stack->counters.timeouts++;
		client_finish(client, SIP_TIMEOUT, NULL);
	} else {
		retransmit(client);
		if (client->error)
			wheel_arm(stack->config.wheel, timer, stack_now(stack));
	}
}

static void tell(struct sip_client *client, osip_message_t *msg, const struct sip_flow *flow)
{
	struct sip_stack *stack = client->stack;

	if (client->fn) {
		client->fn(client->arg, client, SIP_RESPONSE, msg);
	} else if (client->state == CLIENT_ACCEPTED && stack->handlers.orphan) {
		struct sip_rx rx = {.msg = msg, .flow = *flow, .now_ms = stack_now(stack)};

		stack->handlers.orphan(stack->handlers.arg, &rx);
	}
}

static void on_provisional(
	struct sip_client *client, osip_message_t *msg, const struct sip_flow *flow)
{
	struct sip_stack *stack = client->stack;

	if (fsm_event(client->tr, RCV_STATUS_1XX, msg))
		return;
	client->error = 0;
	if (client->state == CLIENT_CALLING) {
		client->state = CLIENT_PROCEEDING;
		client->interval_ms = stack->t2;
		if (client->invite) {
			wheel_cancel(stack->config.wheel, &client->timer);
		} else {
			client->next_ms = stack_now(stack) + stack->t2;
			client_arm(client, client->next_ms);
		}
	}
	if (client->cancel_wanted)
		client_cancel_now(client);
	tell(client, msg, flow);
}

static void on_final(struct sip_client *client, osip_message_t *msg, const struct sip_flow *flow)
{
	struct sip_stack *stack = client->stack;
	bool ok = msg->status_code < 300;

	if (fsm_event(client->tr, ok ? RCV_STATUS_2XX : RCV_STATUS_3456XX, msg))
		return;
	if (!client->invite) {
		/* Without timer K: a late copy is dropped as a stray all the same. */
		client_finish(client, SIP_RESPONSE, msg);
		return;
	}
	client->state = ok ? CLIENT_ACCEPTED : CLIENT_COMPLETED;
	client->end_ms = stack_now(stack) + 64 * (uint64_t)stack->t1;
	wheel_arm(stack->config.wheel, &client->timer,
		!ok && sip_flow_reliable(&client->flow) ? stack_now(stack) : client->end_ms);
	fsm_retire(stack, client->tr);
	client->tr = NULL;
	tell(client, msg, flow);
	if (!ok)
		client->fn = NULL;
}

/* Answers by our Via to what a former process asked; of these only a 2xx to INVITE wants an ACK. */
static void stray(struct sip_stack *stack, osip_message_t *msg, const struct sip_flow *flow)
{
	struct sip_rx rx = {.msg = msg, .flow = *flow, .now_ms = stack_now(stack), .stray = true};

	if (MSG_IS_STATUS_2XX(msg) && strcmp(sip_msg_method(msg), "INVITE") == 0 &&
		stack->handlers.orphan)
		stack->handlers.orphan(stack->handlers.arg, &rx);
}

/* Takes msg. What has come by another's Via is dropped (TX-17). */
void client_response(struct sip_stack *stack, osip_message_t *msg, const struct sip_flow *flow)
{
	const char *branch = sip_msg_branch(msg);
	bool ours = branch && osip_list_size(&msg->vias) == 1 && client_via_ours(stack, msg);
	struct sip_client *client = NULL;
	int code = msg->status_code;

	if (ours) {
		struct sip_key key = client_key(stack, branch, strlen(branch), sip_msg_method(msg));

		client = client_find(stack, &key);
	}
	if (!client) {
		stack->counters.stray_responses++;
		if (ours)
			stray(stack, msg, flow);
		osip_message_free(msg);
		return;
	}
	if (client->tr) {
		if (code < 200)
			on_provisional(client, msg, flow);
		else
			on_final(client, msg, flow);
		return;
	}
	if (client->state == CLIENT_ACCEPTED && code >= 200 && code < 300) {
		tell(client, msg, flow);
	} else if (client->state == CLIENT_COMPLETED && code >= 300 && client->ack) {
		stack->counters.retransmitted++;
		stack_output(stack, &client->flow, client->ack, client->ack_len);
	}
	osip_message_free(msg);
}
