/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagram sockets of one loop, on libuv. A flow names the way to a peer: transport, local socket,
 * remote address; answers and requests to a registered device go over its flow, never to what a
 * Contact says (checklist KA-01, UA-07). */
#ifndef CONTROLPLANE_SIP_TRANSPORT_H
#define CONTROLPLANE_SIP_TRANSPORT_H

#include "shared/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum sip_proto {
	SIP_UDP = 0,
	SIP_TCP = 1,
	SIP_TLS = 2,
};

/* Comparable as memory if it was zeroed first. */
struct sip_flow {
	uint8_t proto; /* enum sip_proto */
	uint8_t zero[3];
	struct addr local; /* none of ours: the first socket of the remote's family */
	struct addr remote;
};

/* "udp:192.0.2.10:5060:198.51.100.5:5060" is ambiguous with IPv6, so the text is
 * "udp,LOCAL,REMOTE" with addr_format's addresses. */
#define SIP_FLOW_STRLEN (4 + 2 * ADDR_STRLEN)
char *sip_flow_format(const struct sip_flow *flow, char buf[static SIP_FLOW_STRLEN]);
/* Returns 0 or -EINVAL; *flow is written on success only. */
int sip_flow_parse(struct sip_flow *flow, const char *text);

/* A flow over UDP to a numeric address from the default socket. */
struct sip_flow sip_flow_to(const struct addr *remote);

static inline bool sip_flow_reliable(const struct sip_flow *flow)
{
	return flow->proto != SIP_UDP;
}

struct sip_transport_handlers {
	void *arg;
	/* One datagram; buf is the transport's and valid during the call. */
	void (*receive)(void *arg, const char *buf, size_t len, const struct sip_flow *flow);
	/* An ICMP error came back: err is a positive errno, flow says to whom the packet went, and
	 * buf holds the start of what had been sent (as much as the router quoted). May be NULL. */
	void (*unreachable)(
		void *arg, const struct sip_flow *flow, int err, const char *buf, size_t len);
};

struct sip_transport_config {
	uv_loop_t *loop;
	const struct addr *listen; /* port 0: the kernel chooses */
	size_t listen_count;
	int receive_buffer; /* SO_RCVBUF bytes, 0 = 4 MiB */
};

struct sip_transport_counters {
	uint64_t received;
	uint64_t sent;
	uint64_t send_dropped; /* socket buffer full: as if lost on the way */
	uint64_t send_failed;
	uint64_t truncated; /* longer than the receive buffer: dropped */
	uint64_t unreachable;
};

struct sip_transport;

/* Binds every address; all or nothing. Returns 0 or -errno. */
int sip_transport_open(struct sip_transport **transport, const struct sip_transport_config *config,
	const struct sip_transport_handlers *handlers);

/* Stops at once; the memory is freed when the loop has closed the sockets. NULL is fine. */
void sip_transport_close(struct sip_transport *transport);

/* Address that socket i is really bound to, NULL past the last. */
const struct addr *sip_transport_local(const struct sip_transport *transport, size_t i);

/* Sends one datagram from the flow's local socket. Returns 0 (also when the socket buffer was full:
 * retransmission covers it) or -errno: nothing can be sent that way now. */
int sip_transport_send(
	struct sip_transport *transport, const struct sip_flow *flow, const char *buf, size_t len);

const struct sip_transport_counters *sip_transport_counters(const struct sip_transport *transport);

#endif
