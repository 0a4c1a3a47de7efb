/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the transaction layer share. Nobody else includes it. */
#ifndef CONTROLPLANE_SIP_STACK_IMPL_H
#define CONTROLPLANE_SIP_STACK_IMPL_H

#include "controlplane/sip/limit.h"
#include "controlplane/sip/stack.h"
#include "controlplane/siphash.h"

#include <osip2/osip.h>
/* The key is a keyed 128-bit hash already, so that any part of it does for a bucket. */
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = *(const uint32_t *)(const void *)(keyptr))
#include <uthash.h>

struct sip_key {
	uint64_t h[2];
};

enum server_state {
	SERVER_TRYING,
	SERVER_PROCEEDING,
	SERVER_COMPLETED, /* final answer, not 2xx to INVITE */
	SERVER_CONFIRMED, /* its ACK has come */
	SERVER_ACCEPTED,  /* 2xx to INVITE (RFC 6026) */
};

/* Owned by stack->servers. The 15 KB of libosip2 hang on it only until the final answer. */
struct sip_server {
	struct sip_stack *stack;
	UT_hash_handle hh;
	UT_hash_handle hh_call; /* stack->calls: for merged requests, and the ACK of a 2xx */
	struct sip_key key;
	struct sip_key call_key;
	struct wheel_timer timer;
	struct sip_flow flow;
	uint16_t back_port; /* answers go to the source's IP and this port */
	uint8_t state;      /* enum server_state */
	bool invite;
	bool in_calls;
	bool detached;
	bool acked;
	bool cancelled;
	bool refused_auth; /* 401 or 407: the same CSeq again is a phone that forgot to count */
	uint32_t interval_ms;
	uint64_t end_ms;
	uint64_t to_tag; /* hash of the tag in our 2xx */
	osip_transaction_t *tr;
	char *final; /* bytes of the final answer */
	size_t final_len;
	void *user;
};

enum client_state {
	CLIENT_CALLING, /* also Trying of a non-INVITE */
	CLIENT_PROCEEDING,
	CLIENT_COMPLETED, /* INVITE, 3xx-6xx: repeats its ACK */
	CLIENT_ACCEPTED,  /* INVITE, 2xx (RFC 6026) */
};

/* Owned by stack->clients. */
struct sip_client {
	struct sip_stack *stack;
	UT_hash_handle hh;
	struct sip_key key;
	struct wheel_timer timer;
	struct sip_flow flow;
	uint8_t state; /* enum client_state */
	bool invite;
	bool cancel_wanted;
	bool cancel_sent;
	bool finished; /* the last callback is running */
	int error;     /* -errno of a failed send, reported by the timer */
	uint32_t interval_ms;
	uint64_t next_ms;
	uint64_t end_ms;
	osip_transaction_t *tr;
	char *ack;
	size_t ack_len;
	char *reason; /* for the CANCEL */
	sip_client_fn *fn;
	void *arg;
};

struct sip_stack {
	struct sip_stack_config config;
	struct sip_handlers handlers;
	struct sip_counters counters;
	struct sip_transport *transport;
	struct addr service;
	uint32_t t1, t2, t4;
	osip_t *osip;
	struct siphash_key key;        /* of the tables */
	struct siphash_key branch_key; /* of our branches */
	uint64_t branch_seq;
	struct sip_server *servers;
	struct sip_server *calls;
	struct sip_client *clients;
	osip_transaction_t *retired; /* linked by reserved2, freed by the timer */
	struct wheel_timer retire_timer;
	struct limit_bucket refusals;
	struct limit_bucket stun;
	struct limit limit;
};

/* ---- stack.c ---- */

/* The one way out for every byte that this node originates (cluster.md G4). 0 or -errno. */
int stack_output(struct sip_stack *stack, const struct sip_flow *flow, const char *buf, size_t len);
/* Prints and sends; *bytes gets the text if it is not NULL (freed with osip_free). */
int stack_send(struct sip_stack *stack, const struct sip_flow *flow, osip_message_t *msg,
	char **bytes, size_t *len);
/* One stateless answer to the raw request, if the budget for refusals allows. */
void stack_refuse(struct sip_stack *stack, const struct sip_flow *flow, const char *buf, size_t len,
	unsigned int code, const char *reason, const char *extra);
/* No room for one more transaction? */
bool stack_full(const struct sip_stack *stack);
uint64_t stack_now(const struct sip_stack *stack);

/* ---- fsm.c: libosip2's state machines without its lists ---- */

int fsm_open(struct sip_stack *stack);
void fsm_close(struct sip_stack *stack);
/* A transaction for the request, kept out of libosip2's lists; owner is found again by fsm_owner.
 */
int fsm_start(struct sip_stack *stack, osip_transaction_t **tr, osip_fsm_type_t type,
	osip_message_t *req, void *owner);
/* Feeds one event; msg (NULL for timers) belongs to the transaction afterwards. */
int fsm_event(osip_transaction_t *tr, type_t type, osip_message_t *msg);
/* Frees it when the loop has turned: callbacks may still look at its messages. */
void fsm_retire(struct sip_stack *stack, osip_transaction_t *tr);

/* ---- server.c ---- */

/* Takes msg; buf is its raw text. */
void server_request(struct sip_stack *stack, osip_message_t *msg, const struct gate_result *gate,
	const struct sip_flow *flow, const char *buf, size_t len);
void server_free(struct sip_server *server);
/* Starts the minute after which a provisional is repeated. */
void server_ring(struct sip_server *server);
struct sip_key server_call_key(struct sip_stack *stack, const osip_message_t *msg);

/* ---- server_reply.c ---- */

int server_send(struct sip_server *server, osip_message_t *msg);

/* ---- server_ack.c ---- */

void server_ack(struct sip_stack *stack, struct sip_server *server, const struct sip_rx *rx);
void server_cancel(struct sip_stack *stack, struct sip_server *server, const struct sip_rx *rx);

/* ---- client.c ---- */

void client_response(struct sip_stack *stack, osip_message_t *msg, const struct sip_flow *flow);
int client_send(struct sip_client *client, osip_message_t *msg);
void client_free(struct sip_client *client);

/* ---- client_start.c ---- */

void client_unreachable(struct sip_stack *stack, int err, const char *quoted, size_t len);

#endif
