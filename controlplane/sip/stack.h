/* SPDX-License-Identifier: BSD-3-Clause */
/* Transactions (RFC 3261 17, RFC 6026, RFC 4320). libosip2's state machines run them; the tables,
 * the timers and everything about 2xx to INVITE are ours. The user of the stack ("TU") is the B2BUA
 * or the registrar.
 *
 * Ownership: a message passed to a function that "takes" it belongs to the stack afterwards, also
 * when the function fails (NULL is taken for "out of memory"). A message passed to a callback is
 * the stack's and valid during the call.
 *
 * Callbacks run from the loop only (a received datagram or a timer), never from inside a function
 * that the TU calls: a failed send is reported by a timer of 0 ms. */
#ifndef CONTROLPLANE_SIP_STACK_H
#define CONTROLPLANE_SIP_STACK_H

#include "controlplane/sip/gate.h"
#include "controlplane/sip/transport.h"
#include "controlplane/wheel.h"
#include "shared/addr.h"

#include <osipparser2/osip_message.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sip_stack;
struct sip_server; /* a request of a peer that we answer */
struct sip_client; /* a request of ours */

/* A message as it came in. Via received/rport are filled already (UA-07). */
struct sip_rx {
	osip_message_t *msg; /* the TU may read it, not keep it */
	struct sip_flow flow;
	uint64_t now_ms;
	bool merged; /* no To tag, yet a transaction with the same From tag, Call-ID and CSeq is
			open: 482 (UA-02) */
	bool stray;  /* a 2xx that no request of this process asked for */
};

struct sip_handlers {
	void *arg;

	/* A new request other than ACK and CANCEL. The TU answers now or later by sip_server_reply;
	 * the stack sends 100 to an INVITE by itself after 150 ms. */
	void (*request)(void *arg, struct sip_server *server, const struct sip_rx *rx);

	/* CANCEL matched this INVITE server, which has had no final answer yet; 200 to the CANCEL
	 * is on its way. The TU answers 487 to the INVITE. */
	void (*cancel)(void *arg, struct sip_server *server);

	/* The ACK for our 2xx (server set; its copies are absorbed, and the TU must forget the
	 * server now), or one that matches nothing (server NULL). ACKs for 3xx-6xx are never seen.
	 */
	void (*ack)(void *arg, struct sip_server *server, const struct sip_rx *rx);

	/* No ACK for our 2xx within 64*T1 (TX-07). The server is gone after this call. */
	void (*ack_timeout)(void *arg, struct sip_server *server);

	/* 2xx to an INVITE of ours whose client was detached, a copy or another fork: ACK and BYE
	 * it (CN-04, CN-07). A stray one may be the answer to a former process: it is to be ACKed
	 * if it fits a call, and else dropped (TX-17). May be NULL. */
	void (*orphan)(void *arg, const struct sip_rx *rx);

	/* True for a source that is not rate limited: a trunk, a registered device, or a To tag
	 * that is one of ours and verified. Called on the raw datagram, for requests that match no
	 * transaction. NULL: everybody is known. */
	bool (*known)(void *arg, const struct sip_flow *flow, const struct gate_result *gate);

	/* Every datagram in (sent = false) and out, for the debug trace. May be NULL. */
	void (*trace)(
		void *arg, bool sent, const struct sip_flow *flow, const char *buf, size_t len);
};

struct sip_stack_config {
	struct wheel *wheel;
	uint64_t (*clock)(void); /* NULL: clock_boot_ms */
	uv_loop_t *loop;
	const struct addr *listen; /* sockets to bind; none: output is used instead */
	size_t listen_count;
	int receive_buffer; /* as in sip_transport_config */
	/* Instead of sockets (tests): sends one datagram, 0 or -errno. */
	int (*output)(void *arg, const struct sip_flow *flow, const char *buf, size_t len);
	void *output_arg;
	const char *node;          /* letters and digits, part of every branch */
	struct addr service;       /* Via; port 0 (or family 0): that of the first socket */
	uint32_t t1_ms;            /* 0: 500 */
	uint32_t t2_ms;            /* 0: 8*T1 */
	uint32_t t4_ms;            /* 0: 10*T1 */
	uint32_t transactions_max; /* 0: 500000. Above it new requests get 503, new clients -ENOBUFS
				    */
	uint32_t unknown_rate;     /* requests a second from one unknown source IP, 0: 50 */
	uint32_t unknown_burst;    /* 0: 2 * unknown_rate */
	uint32_t unknown_total;    /* requests a second from all of them together, 0: 40 * rate */
	uint32_t refusal_rate;   /* stateless refusals a second in all; above it silence. 0: 200 */
	struct gate_limits gate; /* message_max 0: defaults */
};

/* Returns 0 or -errno. The handlers are copied; strings and wheel must outlive the stack. */
int sip_stack_open(struct sip_stack **stack, const struct sip_stack_config *config,
	const struct sip_handlers *handlers);

/* Frees every transaction without a callback and closes the sockets. Not from inside a callback.
 * NULL is fine. */
void sip_stack_close(struct sip_stack *stack);

/* One datagram, as the transport hands it over (tests, and datagrams forwarded by another loop). */
void sip_stack_receive(void *stack, const char *buf, size_t len, const struct sip_flow *flow);

/* Address in our Via, with the real port. */
const struct addr *sip_stack_service(const struct sip_stack *stack);
struct sip_transport *sip_stack_transport(struct sip_stack *stack);
uint64_t sip_stack_now(const struct sip_stack *stack);

/* ---- answering ---- */

/* The request; NULL after the final answer, and what was got before stays until the callback or
 * timer that is running has returned. */
osip_message_t *sip_server_request(const struct sip_server *server);

/* The TU's own pointer, NULL at first. */
void sip_server_set_user(struct sip_server *server, void *user);
void *sip_server_user(const struct sip_server *server);

/* Takes resp (made with sip_msg_response). Any number of 1xx, then one final. Provisionals other
 * than 100 are refused for non-INVITE and so is 408 (TX-10): -EINVAL. After a final answer
 * -EALREADY. The last provisional (not 100) of an INVITE is repeated every 60 s (TX-16).
 *
 * After a final answer the TU must forget the server, except after 2xx to INVITE: then it lives
 * until ack, ack_timeout or sip_server_detach. */
int sip_server_reply(struct sip_server *server, osip_message_t *resp);

/* Takes resp, 3xx-6xx: sent once, and nothing is kept; the request, if it is repeated, comes as a
 * new one (a challenge, DG-07). The server is gone, also when it fails. */
int sip_server_refuse(struct sip_server *server, osip_message_t *resp);

/* No answer at all; a repeat comes as a new request. The server is gone. */
void sip_server_ignore(struct sip_server *server);

/* The TU goes away. A request without a final answer is answered 500; retransmission of a 2xx goes
 * on until its ACK or the end of its time; no callback will come for this server. */
void sip_server_detach(struct sip_server *server);

/* ---- asking ---- */

enum sip_event {
	SIP_RESPONSE,        /* resp: a provisional, the final, or for INVITE a further 2xx */
	SIP_TIMEOUT,         /* timer B or F, or no final within 64*T1 of CANCEL (CN-06) */
	SIP_TRANSPORT_ERROR, /* could not be sent, or ICMP unreachable (TX-14): treat as 503 */
	SIP_ENDED,           /* INVITE that was answered 2xx: no further copies will come */
};

/* resp is NULL unless SIP_RESPONSE. After a final answer (other than 2xx to INVITE), SIP_TIMEOUT,
 * SIP_TRANSPORT_ERROR and SIP_ENDED the client is gone when fn returns. ACK for 3xx-6xx is sent by
 * the stack; each 2xx to INVITE, every copy and every fork, must be ACKed by the TU. */
typedef void sip_client_fn(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp);

/* Takes req, which has no Via: the stack adds it (branch, rport). Returns NULL if it cannot be
 * started (out of memory, transactions_max, malformed); the message is freed then too. fn NULL:
 * send and forget. flow is copied. */
struct sip_client *sip_client_start(struct sip_stack *stack, osip_message_t *req,
	const struct sip_flow *flow, sip_client_fn *fn, void *arg);

/* Wishes an INVITE away: CANCEL goes out now if a provisional was seen, else with the first one
 * (CN-01); nothing happens once it is finally answered. fn still gets the final answer (487, or a
 * crossing 2xx: ACK and BYE it). Repeated calls are harmless. reason is NULL or the value of a
 * Reason header. */
void sip_client_cancel(struct sip_client *client, const char *reason);

/* The TU goes away: fn is not called again. An INVITE that is not finally answered is cancelled; a
 * 2xx that comes all the same goes to the orphan handler. */
void sip_client_detach(struct sip_client *client);

/* Takes an ACK for a 2xx (no Via: it gets a branch of its own) and sends it once. 0 or -errno. */
int sip_send_ack(struct sip_stack *stack, osip_message_t *ack, const struct sip_flow *flow);

/* ---- numbers ---- */

struct sip_counters {
	uint64_t received;
	uint64_t sent;
	uint64_t retransmitted;
	uint64_t gate[GATE_WHY_MAX]; /* datagrams by the gate's verdict */
	uint64_t stray_responses;    /* TX-17 */
	uint64_t stray_acks;
	uint64_t absorbed;     /* repeats of a request */
	uint64_t over_mtu;     /* requests above 1300 bytes over UDP (TX-11) */
	uint64_t rate_limited; /* from unknown sources */
	uint64_t refused_full; /* transactions_max */
	uint64_t timeouts;
	uint64_t transport_errors;
	uint64_t servers_open; /* gauges */
	uint64_t clients_open;
};

const struct sip_counters *sip_stack_counters(const struct sip_stack *stack);

#endif
