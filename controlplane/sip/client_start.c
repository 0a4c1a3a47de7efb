/* SPDX-License-Identifier: BSD-3-Clause */
/* How a client transaction begins, is wished away, and hears of ICMP errors. */
#include "controlplane/sip/client_impl.h"
#include "controlplane/sip/msg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Unique, and not to be guessed: who sees no request of ours can forge no answer. */
static int client_add_via(struct sip_stack *stack, osip_message_t *msg, const struct sip_flow *flow)
{
	static const char *const protos[] = {"UDP", "TCP", "TLS"};
	char host[ADDR_STRLEN];
	struct siphash s;
	uint64_t random[2];
	osip_via_t *via;
	char text[160];

	siphash_init(&s, &stack->branch_key, 1);
	stack->branch_seq++;
	siphash_add(&s, &stack->branch_seq, sizeof(stack->branch_seq));
	siphash_end_wide(&s, random);
	snprintf(text, sizeof(text), "SIP/2.0/%s %s;rport;branch=z9hG4bK%s%016llx%08x",
		protos[flow->proto % 3], addr_format(&stack->service, host), stack->config.node,
		(unsigned long long)random[0], (uint32_t)random[1]);
	if (osip_via_init(&via))
		return -ENOMEM;
	if (osip_via_parse(via, text) || osip_list_add(&msg->vias, via, 0) < 0) {
		osip_via_free(via);
		return -ENOMEM;
	}
	return 0;
}

bool client_via_ours(const struct sip_stack *stack, const osip_message_t *msg)
{
	const osip_via_t *via = osip_list_get(&msg->vias, 0);
	struct addr sent_by;
	const char *port = via->port ? via->port : "5060";

	if (strlen(port) > 5 || addr_from_ip(&sent_by, via->host, (uint16_t)atoi(port)))
		return false;
	return addr_equal(&sent_by, &stack->service);
}

/* Takes req, which has its Via. */
static struct sip_client *client_begin(struct sip_stack *stack, osip_message_t *req,
	const struct sip_flow *flow, sip_client_fn *fn, void *arg)
{
	struct sip_client *client = calloc(1, sizeof(*client));
	const char *branch = sip_msg_branch(req);
	bool invite = sip_msg_is(req, "INVITE");
	uint64_t now = stack_now(stack);

	if (!client || !branch || fsm_start(stack, &client->tr, invite ? ICT : NICT, req, client)) {
		osip_message_free(req);
		free(client);
		return NULL;
	}
	client->stack = stack;
	client->key = client_key(stack, branch, strlen(branch), req->sip_method);
	client->flow = *flow;
	client->invite = invite;
	client->fn = fn;
	client->arg = arg;
	client->interval_ms = stack->t1;
	client->next_ms = now + stack->t1;
	client->end_ms = now + 64 * (uint64_t)stack->t1;
	wheel_timer_init(&client->timer, client_on_timer);
	if (fsm_event(client->tr, invite ? SND_REQINVITE : SND_REQUEST, req)) {
		fsm_retire(stack, client->tr);
		free(client);
		return NULL;
	}
	HASH_ADD(hh, stack->clients, key, sizeof(client->key), client);
	stack->counters.clients_open++;
	if (client->error)
		client_arm(client, now);
	else
		client_arm(client, sip_flow_reliable(flow) ? client->end_ms : client->next_ms);
	return client;
}

struct sip_client *sip_client_start(struct sip_stack *stack, osip_message_t *req,
	const struct sip_flow *flow, sip_client_fn *fn, void *arg)
{
	if (!req)
		return NULL;
	if (stack_full(stack) || client_add_via(stack, req, flow)) {
		osip_message_free(req);
		return NULL;
	}
	return client_begin(stack, req, flow, fn, arg);
}

/* RFC 3261 9.1: what the INVITE had, without Require (CN-02). */
static osip_message_t *cancel_make(const struct sip_client *client)
{
	const osip_message_t *invite = client->tr->orig_request;
	osip_message_t *msg;
	osip_via_t *via;
	char cseq[32];

	if (osip_message_init(&msg))
		return NULL;
	msg->sip_method = osip_strdup("CANCEL");
	msg->sip_version = osip_strdup("SIP/2.0");
	snprintf(cseq, sizeof(cseq), "%u CANCEL", sip_msg_cseq(invite));
	if (!msg->sip_method || !msg->sip_version ||
		osip_uri_clone(invite->req_uri, &msg->req_uri) ||
		osip_from_clone(invite->from, &msg->from) || osip_to_clone(invite->to, &msg->to) ||
		osip_call_id_clone(invite->call_id, &msg->call_id) ||
		osip_message_set_cseq(msg, cseq) ||
		osip_list_clone(&invite->routes, &msg->routes,
			(int (*)(void *, void **))osip_route_clone) ||
		sip_msg_set_number(msg, "Max-Forwards", 70) ||
		sip_msg_add(msg, "User-Agent", SIP_USER_AGENT))
		goto fail;
	if (client->reason && sip_msg_add(msg, "Reason", client->reason))
		goto fail;
	if (osip_via_clone(osip_list_get(&invite->vias, 0), &via))
		goto fail;
	if (osip_list_add(&msg->vias, via, 0) < 0) {
		osip_via_free(via);
		goto fail;
	}
	return msg;
fail:
	osip_message_free(msg);
	return NULL;
}

void client_cancel_now(struct sip_client *client)
{
	struct sip_stack *stack = client->stack;
	osip_message_t *cancel;

	if (client->cancel_sent)
		return;
	client->cancel_sent = true;
	cancel = cancel_make(client);
	if (cancel)
		client_begin(stack, cancel, &client->flow, NULL, NULL);
	/* No final answer by then: it is forgotten (CN-06). */
	client->end_ms = stack_now(stack) + 64 * (uint64_t)stack->t1;
	client_arm(client, client->end_ms);
}

void sip_client_cancel(struct sip_client *client, const char *reason)
{
	if (!client->invite || !client->tr || client->finished)
		return;
	if (reason && !client->reason)
		client->reason = strdup(reason);
	client->cancel_wanted = true;
	if (client->state == CLIENT_PROCEEDING)
		client_cancel_now(client);
}

void sip_client_detach(struct sip_client *client)
{
	client->fn = NULL;
	sip_client_cancel(client, NULL);
}

int sip_send_ack(struct sip_stack *stack, osip_message_t *ack, const struct sip_flow *flow)
{
	int err;

	if (!ack)
		return -ENOMEM;
	err = client_add_via(stack, ack, flow);
	if (!err)
		err = stack_send(stack, flow, ack, NULL, NULL);
	osip_message_free(ack);
	return err;
}

/* The start of a request of ours, as a router quoted it: its method and branch name the
 * transaction, and nobody who has not seen the request can make them up. */
void client_unreachable(struct sip_stack *stack, int err, const char *quoted, size_t len)
{
	const char *space = memchr(quoted, ' ', len);
	const char *branch = memmem(quoted, len, ";branch=", 8);
	const char *end = branch ? memchr(branch, '\r', len - (size_t)(branch - quoted)) : NULL;
	struct sip_client *client;
	struct sip_key key;
	char method[33];

	/* Too big is not gone: the kernel sends smaller pieces from now on. */
	if (err == EMSGSIZE || !space || !end || (size_t)(space - quoted) >= sizeof(method))
		return;
	memcpy(method, quoted, (size_t)(space - quoted));
	method[space - quoted] = 0;
	branch += 8;
	key = client_key(stack, branch, strcspn(branch, ";\r,"), method);
	client = client_find(stack, &key);
	if (!client || client->state != CLIENT_CALLING)
		return;
	client->error = -err;
	client_arm(client, stack_now(stack));
}
