/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/sip/transport.h"

#include "shared/log.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATAGRAM_MAX 65536
#define BATCH        20 /* datagrams that libuv reads by one recvmmsg */

struct udp_socket {
	uv_udp_t handle;
	struct sip_transport *transport;
	struct addr local;
};

struct sip_transport {
	struct sip_transport_handlers handlers;
	struct sip_transport_counters counters;
	size_t count;
	size_t open; /* handles that libuv still holds */
	bool closed;
	char *buffer;
	struct udp_socket sockets[];
};

static const char *const protos[] = {"udp", "tcp", "tls"};

char *sip_flow_format(const struct sip_flow *flow, char buf[static SIP_FLOW_STRLEN])
{
	char local[ADDR_STRLEN];
	char remote[ADDR_STRLEN];

	snprintf(buf, SIP_FLOW_STRLEN, "%s,%s,%s", protos[flow->proto % 3],
		addr_format(&flow->local, local), addr_format(&flow->remote, remote));
	return buf;
}

static int part_parse(struct addr *a, const char *text, size_t len)
{
	char part[ADDR_STRLEN];

	memset(a, 0, sizeof(*a));
	if (len == 1 && *text == '-')
		return 0;
	if (len >= sizeof(part))
		return -EINVAL;
	memcpy(part, text, len);
	part[len] = 0;
	return addr_parse(a, part, 0);
}

int sip_flow_parse(struct sip_flow *flow, const char *text)
{
	struct sip_flow f = {0};
	const char *comma;

	while (f.proto < 3 && strncmp(text, protos[f.proto], 3) != 0)
		f.proto++;
	if (f.proto == 3 || text[3] != ',')
		return -EINVAL;
	text += 4;
	comma = strchr(text, ',');
	if (!comma || part_parse(&f.local, text, (size_t)(comma - text)) ||
		part_parse(&f.remote, comma + 1, strlen(comma + 1)))
		return -EINVAL;
	*flow = f;
	return 0;
}

struct sip_flow sip_flow_to(const struct addr *remote)
{
	return (struct sip_flow){.proto = SIP_UDP, .remote = *remote};
}

/* Reads what ICMP told about packets of ours. It must be read empty, or poll would not rest. */
static void drain_errors(struct udp_socket *s)
{
	struct sip_transport *t = s->transport;
	char quoted[2048];
	char control[512];
	struct sockaddr_storage ss;
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&s->handle, &fd))
		return;
	for (;;) {
		struct iovec iov = {.iov_base = quoted, .iov_len = sizeof(quoted)};
		struct msghdr msg = {.msg_name = &ss,
			.msg_namelen = sizeof(ss),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
		struct sip_flow flow = {.proto = SIP_UDP, .local = s->local};
		const struct sock_extended_err *error = NULL;

		if (n < 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
			if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
				(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
				error = (const struct sock_extended_err *)(const void *)CMSG_DATA(
					c);
		if (!error || addr_from_sockaddr(&flow.remote, (struct sockaddr *)&ss))
			continue;
		t->counters.unreachable++;
		if (t->handlers.unreachable && !t->closed)
			t->handlers.unreachable(
				t->handlers.arg, &flow, (int)error->ee_errno, quoted, (size_t)n);
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct udp_socket *s = handle->data;

	*buf = uv_buf_init(s->transport->buffer, DATAGRAM_MAX * BATCH);
}

static void on_receive(uv_udp_t *handle, ssize_t nread, const uv_buf_t *buf,
	const struct sockaddr *from, unsigned int flags)
{
	struct udp_socket *s = handle->data;
	struct sip_transport *t = s->transport;
	struct sip_flow flow = {.proto = SIP_UDP, .local = s->local};

	if (!from) {
		/* Nothing to read (or an error): poll woke for the error queue. */
		if (!(flags & UV_UDP_MMSG_FREE))
			drain_errors(s);
		return;
	}
	if (nread < 0 || t->closed)
		return;
	if (flags & UV_UDP_PARTIAL) {
		t->counters.truncated++;
		return;
	}
	if (addr_from_sockaddr(&flow.remote, from) || !flow.remote.port)
		return;
	t->counters.received++;
	t->handlers.receive(t->handlers.arg, buf->base, (size_t)nread, &flow);
}

static void on_close(uv_handle_t *handle)
{
	struct sip_transport *t = ((struct udp_socket *)handle->data)->transport;

	if (--t->open)
		return;
	free(t->buffer);
	free(t);
}

void sip_transport_close(struct sip_transport *transport)
{
	if (!transport)
		return;
	transport->closed = true;
	if (!transport->open) {
		free(transport->buffer);
		free(transport);
		return;
	}
	for (size_t i = 0, n = transport->open; i < n; i++)
		uv_close((uv_handle_t *)&transport->sockets[i].handle, on_close);
}

static int want_errors(const struct udp_socket *s, uv_os_fd_t fd)
{
	int on = 1;
	bool v6 = s->local.family == ADDR_IPV6;

	if (setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &on,
		    sizeof(on)))
		return -errno;
	return 0;
}

/* The host interface that has the address may not be there yet: linewatch-dp makes it. */
static int socket_bind(struct udp_socket *s, const struct sockaddr_storage *ss)
{
	unsigned int flags = s->local.family == ADDR_IPV6 ? UV_UDP_IPV6ONLY : 0;
	int err = uv_udp_bind(&s->handle, (const struct sockaddr *)ss, flags), on = 1;
	char text[ADDR_STRLEN];
	uv_os_fd_t fd;

	if (err != UV_EADDRNOTAVAIL)
		return err;
	err = uv_fileno((uv_handle_t *)&s->handle, &fd);
	if (err)
		return err;
	if (setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)))
		return -errno;
	log_warning("SIP: no interface has the address %s yet: nothing comes in before one has it "
		    "(ip addr add ... dev lw0, once linewatch-dp runs)",
		addr_format_ip(&s->local, text));
	return uv_udp_bind(&s->handle, (const struct sockaddr *)ss, flags);
}

static int socket_open(struct udp_socket *s, uv_loop_t *loop, const struct addr *local, int rcvbuf)
{
	struct sockaddr_storage ss;
	int namelen = sizeof(ss);
	uv_os_fd_t fd;
	int err;

	if (!addr_to_sockaddr(local, &ss))
		return -EINVAL;
	err = uv_udp_init_ex(loop, &s->handle, AF_UNSPEC | UV_UDP_RECVMMSG);
	if (err)
		return err;
	s->transport->open++;
	s->handle.data = s;
	s->local = *local;
	err = socket_bind(s, &ss);
	if (err)
		return err;
	err = uv_fileno((uv_handle_t *)&s->handle, &fd);
	if (!err)
		err = want_errors(s, fd);
	if (!err)
		err = uv_udp_getsockname(&s->handle, (struct sockaddr *)&ss, &namelen);
	if (!err)
		err = addr_from_sockaddr(&s->local, (struct sockaddr *)&ss);
	if (err)
		return err;
	/* The kernel caps it silently; a smaller buffer is no reason not to start. */
	uv_recv_buffer_size((uv_handle_t *)&s->handle, &rcvbuf);
	return uv_udp_recv_start(&s->handle, on_alloc, on_receive);
}

int sip_transport_open(struct sip_transport **transport, const struct sip_transport_config *config,
	const struct sip_transport_handlers *handlers)
{
	struct sip_transport *t = calloc(
		1, sizeof(*t) + config->listen_count * sizeof(t->sockets[0]));
	int err = 0;

	if (!t)
		return -ENOMEM;
	t->handlers = *handlers;
	t->count = config->listen_count;
	t->buffer = malloc((size_t)DATAGRAM_MAX * BATCH);
	if (!t->buffer)
		err = -ENOMEM;
	for (size_t i = 0; i < t->count && !err; i++) {
		t->sockets[i].transport = t;
		err = socket_open(&t->sockets[i], config->loop, &config->listen[i],
			config->receive_buffer ? config->receive_buffer : 4 << 20);
	}
	if (err) {
		sip_transport_close(t);
		return err;
	}
	*transport = t;
	return 0;
}

const struct addr *sip_transport_local(const struct sip_transport *transport, size_t i)
{
	return i < transport->count ? &transport->sockets[i].local : NULL;
}

const struct sip_transport_counters *sip_transport_counters(const struct sip_transport *transport)
{
	return &transport->counters;
}

/* The flow's own socket; where it is another node's (a call taken over), the first of the family.
 */
static struct udp_socket *socket_of(struct sip_transport *t, const struct sip_flow *flow)
{
	struct udp_socket *fallback = NULL;

	for (size_t i = 0; i < t->count; i++) {
		struct udp_socket *s = &t->sockets[i];

		if (addr_equal(&s->local, &flow->local))
			return s;
		if (!fallback && s->local.family == flow->remote.family)
			fallback = s;
	}
	return fallback;
}

int sip_transport_send(
	struct sip_transport *transport, const struct sip_flow *flow, const char *buf, size_t len)
{
	uv_buf_t out = uv_buf_init((char *)buf, (unsigned int)len);
	struct sockaddr_storage ss;
	struct udp_socket *s;
	int n;

	if (flow->proto != SIP_UDP || transport->closed)
		return -EPROTONOSUPPORT;
	s = socket_of(transport, flow);
	if (!s || !addr_to_sockaddr(&flow->remote, &ss))
		return -EADDRNOTAVAIL;
	n = uv_udp_try_send(&s->handle, &out, 1, (struct sockaddr *)&ss);
	/* The first error may be the belated ICMP answer to an earlier packet to anybody. */
	if (n < 0 && n != UV_EAGAIN && n != UV_EMSGSIZE)
		n = uv_udp_try_send(&s->handle, &out, 1, (struct sockaddr *)&ss);
	if (n == UV_EAGAIN || n == UV_ENOBUFS) {
		transport->counters.send_dropped++;
		return 0;
	}
	if (n < 0) {
		transport->counters.send_failed++;
		return n;
	}
	transport->counters.sent++;
	return 0;
}
