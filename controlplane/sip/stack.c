/* SPDX-License-Identifier: BSD-3-Clause */
/* The stack as a whole: opening and closing, every byte in and every byte out. */
#include "controlplane/sip/stack_impl.h"

#include "controlplane/sip/msg.h"
#include "controlplane/sip/stun.h"
#include "shared/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_MAX 8192  /* a stateless refusal that is longer is not sent */
#define STUN_RATE 20000 /* answers a second */

uint64_t stack_now(const struct sip_stack *stack)
{
	return stack->config.clock();
}

bool stack_full(const struct sip_stack *stack)
{
	return stack->counters.servers_open + stack->counters.clients_open >=
		stack->config.transactions_max;
}

int stack_output(struct sip_stack *stack, const struct sip_flow *flow, const char *buf, size_t len)
{
	int err;

	if (stack->handlers.trace)
		stack->handlers.trace(stack->handlers.arg, true, flow, buf, len);
	if (stack->transport)
		err = sip_transport_send(stack->transport, flow, buf, len);
	else
		err = stack->config.output(stack->config.output_arg, flow, buf, len);
	if (!err)
		stack->counters.sent++;
	return err;
}

int stack_send(struct sip_stack *stack, const struct sip_flow *flow, osip_message_t *msg,
	char **bytes, size_t *len)
{
	char *text;
	size_t n;
	int err = sip_msg_print(msg, &text, &n);

	if (err)
		return err;
	/* No TCP to change over to: it goes as it is, and is counted (TX-11). */
	if (n > 1300 && MSG_IS_REQUEST(msg) && !sip_flow_reliable(flow))
		stack->counters.over_mtu++;
	err = stack_output(stack, flow, text, n);
	if (!bytes) {
		osip_free(text);
		return err;
	}
	osip_free(*bytes);
	*bytes = text;
	*len = n;
	return err;
}

void stack_refuse(struct sip_stack *stack, const struct sip_flow *flow, const char *buf, size_t len,
	unsigned int code, const char *reason, const char *extra)
{
	struct sip_flow back = *flow;
	char out[REPLY_MAX];
	size_t n;

	if (!limit_bucket_take(&stack->refusals, stack->config.refusal_rate,
		    stack->config.refusal_rate, stack_now(stack)))
		return;
	n = gate_reply(buf, len, &flow->remote, (uint16_t)code, reason, extra, out, sizeof(out),
		&back.remote);
	if (n)
		stack_output(stack, &back, out, n);
}

/* Strangers get their share of attention and no more (SE-14). */
static bool admitted(
	struct sip_stack *stack, const struct sip_flow *flow, const struct gate_result *gate)
{
	const struct sip_handlers *h = &stack->handlers;

	if (!h->known || h->known(h->arg, flow, gate))
		return true;
	if (limit_take(&stack->limit, &flow->remote, stack_now(stack)))
		return true;
	stack->counters.rate_limited++;
	return false;
}

static void receive_sip(
	struct sip_stack *stack, const struct gate_result *gate, const struct sip_flow *flow)
{
	osip_message_t *msg;

	if (gate->request && !admitted(stack, flow, gate)) {
		stack_refuse(stack, flow, gate->msg, gate->len, 503, "Service Unavailable",
			"Retry-After: 10\r\n");
		return;
	}
	if (sip_msg_parse(&msg, gate->msg, gate->len)) {
		stack->counters.gate[GATE_WHY_PARSER]++;
		stack_refuse(stack, flow, gate->msg, gate->len, 400, gate_why_text(GATE_WHY_PARSER),
			NULL);
		return;
	}
	if (MSG_IS_RESPONSE(msg))
		client_response(stack, msg, flow);
	else
		server_request(stack, msg, gate, flow, gate->msg, gate->len);
}

/* A keep-alive that wants an answer (KA-06). It is small, and all of them together are bounded. */
static void receive_stun(
	struct sip_stack *stack, const char *buf, size_t len, const struct sip_flow *flow)
{
	uint8_t out[STUN_ANSWER_MAX];
	size_t n = stun_answer((const uint8_t *)buf, len, &flow->remote, out);

	if (n && limit_bucket_take(&stack->stun, STUN_RATE, STUN_RATE, stack_now(stack)))
		stack_output(stack, flow, (const char *)out, n);
}

void sip_stack_receive(void *arg, const char *buf, size_t len, const struct sip_flow *flow)
{
	struct sip_stack *stack = arg;
	struct gate_result gate;

	stack->counters.received++;
	if (stack->handlers.trace)
		stack->handlers.trace(stack->handlers.arg, false, flow, buf, len);
	gate_check(&stack->config.gate, buf, len, &gate);
	stack->counters.gate[gate.why]++;
	if (gate.action == GATE_ACCEPT)
		receive_sip(stack, &gate, flow);
	else if (gate.action == GATE_REPLY)
		stack_refuse(stack, flow, buf, len, gate.code, gate.reason, NULL);
	else if (gate.why == GATE_WHY_STUN)
		receive_stun(stack, buf, len, flow);
}

static void on_unreachable(
	void *arg, const struct sip_flow *flow, int err, const char *buf, size_t len)
{
	client_unreachable(arg, err, buf, len);
}

static void config_defaults(struct sip_stack *stack)
{
	struct sip_stack_config *c = &stack->config;

	if (!c->clock)
		c->clock = clock_boot_ms;
	if (!c->transactions_max)
		c->transactions_max = 500000;
	if (!c->unknown_rate)
		c->unknown_rate = 50;
	if (!c->unknown_burst)
		c->unknown_burst = 2 * c->unknown_rate;
	if (!c->unknown_total)
		c->unknown_total = 40 * c->unknown_rate;
	if (!c->refusal_rate)
		c->refusal_rate = 200;
	if (!c->gate.message_max)
		gate_limits_default(&c->gate);
	stack->t1 = c->t1_ms ? c->t1_ms : 500;
	stack->t2 = c->t2_ms ? c->t2_ms : 8 * stack->t1;
	stack->t4 = c->t4_ms ? c->t4_ms : 10 * stack->t1;
}

static int open_transport(struct sip_stack *stack)
{
	struct sip_transport_config config = {
		.loop = stack->config.loop,
		.listen = stack->config.listen,
		.listen_count = stack->config.listen_count,
		.receive_buffer = stack->config.receive_buffer,
	};
	struct sip_transport_handlers handlers = {
		.arg = stack,
		.receive = sip_stack_receive,
		.unreachable = on_unreachable,
	};
	int err;

	stack->service = stack->config.service;
	if (!config.listen_count)
		return stack->config.output ? 0 : -EINVAL;
	err = sip_transport_open(&stack->transport, &config, &handlers);
	if (err)
		return err;
	if (stack->service.family == ADDR_NONE)
		stack->service = *sip_transport_local(stack->transport, 0);
	if (!stack->service.port)
		stack->service.port = sip_transport_local(stack->transport, 0)->port;
	return 0;
}

int sip_stack_open(struct sip_stack **stack, const struct sip_stack_config *config,
	const struct sip_handlers *handlers)
{
	struct sip_stack *s = calloc(1, sizeof(*s));
	struct siphash_key limit_key;
	int err;

	if (!s)
		return -ENOMEM;
	s->config = *config;
	s->handlers = *handlers;
	config_defaults(s);
	err = siphash_key_random(&s->key);
	if (!err)
		err = siphash_key_random(&s->branch_key);
	if (!err)
		err = siphash_key_random(&limit_key);
	if (!err)
		err = fsm_open(s);
	if (!err) {
		limit_init(&s->limit, &limit_key, s->config.unknown_rate, s->config.unknown_burst,
			s->config.unknown_total);
		err = open_transport(s);
	}
	if (err) {
		sip_stack_close(s);
		return err;
	}
	*stack = s;
	return 0;
}

void sip_stack_close(struct sip_stack *stack)
{
	struct sip_server *server, *next_server;
	struct sip_client *client, *next_client;

	if (!stack)
		return;
	HASH_ITER(hh, stack->servers, server, next_server)
		server_free(server);
	HASH_ITER(hh, stack->clients, client, next_client)
		client_free(client);
	fsm_close(stack);
	sip_transport_close(stack->transport);
	free(stack);
}

const struct addr *sip_stack_service(const struct sip_stack *stack)
{
	return &stack->service;
}

struct sip_transport *sip_stack_transport(struct sip_stack *stack)
{
	return stack->transport;
}

uint64_t sip_stack_now(const struct sip_stack *stack)
{
	return stack_now(stack);
}

const struct sip_counters *sip_stack_counters(const struct sip_stack *stack)
{
	return &stack->counters;
}
