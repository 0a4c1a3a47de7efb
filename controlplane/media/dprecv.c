/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/dpclient_impl.h"
#include "shared/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Packets read in one turn of the loop. */
#define DPRECV_BUDGET 32

static void dprecv_broken(struct dpclient *c, const char *why)
{
	dplink_drop(c, LOG_ERROR, why, true);
}

/* The data plane will not have us: the same words only once. */
static void dprecv_hello_refused(struct dpclient *c, int status)
{
	char why[160];
	enum log_level level = c->last_error == status ? LOG_DEBUG : LOG_ERROR;

	if (status == -EBUSY)
		snprintf(why, sizeof(why),
			"slot %u is in use by another linewatch-cp; each needs a slot of its own",
			c->slot);
	else
		snprintf(why, sizeof(why),
			"it refuses our hello: %s (protocol version %d here: were both built "
			"together?)",
			strerror(-status), PROTO_VERSION);
	c->last_error = status;
	dplink_drop(c, level, why, true);
}

static void dprecv_welcome(struct dpclient *c, const struct proto_welcome *welcome, int fd)
{
	int err;

	if (fd < 0) {
		dprecv_broken(c, "its welcome carries no facts memory");
		return;
	}
	c->welcome = *welcome;
	err = dpfacts_map(c, fd);
	if (err < 0) {
		dprecv_broken(c, "its facts memory has another layout than ours");
		return;
	}
	c->last_error = 0;
	if (c->last_boot_id != welcome->boot_id) {
		dptable_forget(&c->flows);
		dptable_forget(&c->monitors);
	}
	c->last_boot_id = welcome->boot_id;
	log_notice("data plane at %s: connected: %u workers, %u bindings, %u port slots",
		c->path.sun_path, welcome->workers, welcome->binding_count, welcome->flow_count);
	dpsend_resync(c);
}

static bool dprecv_all_ready(const struct dpclient *c)
{
	for (uint32_t i = 0; i < c->media_count; i++)
		if (!c->media[i].ready)
			return false;
	return true;
}

static void dprecv_media_ready(struct dpclient *c, const struct proto_media_ready *ready)
{
	for (uint32_t i = 0; i < c->media_count; i++) {
		struct dpmedia *m = &c->media[i];

		if (!addr_equal(&m->local, &ready->local))
			continue;
		if (ready->port_min != c->port_min || ready->port_max != c->port_max ||
			ready->slots != c->slots || ready->base > c->welcome.flow_count ||
			ready->slots > c->welcome.flow_count - ready->base)
			break;
		m->base = ready->base;
		m->ready = true;
		m->placed = true;
		return;
	}
	dprecv_broken(c, "it answers for media ports that were not claimed");
}

static void dprecv_media_refused(struct dpclient *c, int status)
{
	char why[192];

	snprintf(why, sizeof(why), "it refuses our media ports: %s",
		status == -EEXIST ? "they overlap others that it has given out before; after a "
				    "change of node.media_ports restart linewatch-dp as well"
			: status == -EPERM  ? "another linewatch-cp has them"
			: status == -ENOSPC ? "dataplane.flows is too small for all of them"
					    : strerror(-status));
	dprecv_broken(c, why);
}

static void dprecv_refused(struct dpclient *c, const struct proto_ack *ack)
{
	uint64_t dropped;

	c->refused += ack->refused;
	if (log_rate_pass(&c->refused_rate, clock_boot_ms(), DPCLIENT_LOG_MS, &dropped))
		log_warning("data plane at %s: refused %u records, the first with id %u: %s "
			    "(%llu such packets not logged)",
			c->path.sun_path, ack->refused, ack->first_id, strerror(-ack->status),
			(unsigned long long)dropped);
}

static void dprecv_up(struct dpclient *c)
{
	bool was_up = c->up;

	c->stage = DPSTAGE_UP;
	c->up = true;
	c->lost_ms = 0;
	c->retry_ms = DPCLIENT_RETRY_MIN_MS;
	log_info("data plane at %s: holds %u bindings and %u flows of ours", c->path.sun_path,
		c->bindings.set, c->flows.set + c->monitors.set);
	if (!was_up && c->events.up)
		c->events.up(c->events.arg);
	if (c->again)
		dpsend_again(c);
}

static void dprecv_ack(struct dpclient *c, const struct proto_ack *ack)
{
	if (c->stage == DPSTAGE_WELCOME) {
		if (ack->status >= 0)
			dprecv_broken(c, "it answers our hello without a welcome");
		else
			dprecv_hello_refused(c, ack->status);
		return;
	}
	if (c->stage == DPSTAGE_PLACES && ack->seq == c->media_seq) {
		if (ack->status < 0)
			dprecv_media_refused(c, ack->status);
		else if (!dprecv_all_ready(c))
			dprecv_broken(c, "it leaves out a media address");
		else
			c->stage = DPSTAGE_RECORDS;
		return;
	}
	if (c->stage == DPSTAGE_END && ack->seq == c->end_seq) {
		if (ack->status < 0)
			dprecv_broken(c, "it refuses the end of the resync");
		else
			dprecv_up(c);
		return;
	}
	if (!dpcapture_ack(c, ack) && !dpport_ack(c, ack) && ack->status < 0)
		dprecv_refused(c, ack);
}

static void dprecv_lost(struct dpclient *c, const struct proto_lost *lost)
{
	c->events_lost += lost->events;
	log_warning("data plane at %s: %llu events were lost: we read too slowly", c->path.sun_path,
		(unsigned long long)lost->events);
	c->again = true;
	if (c->events.lost)
		c->events.lost(c->events.arg, lost->events);
	if (c->stage == DPSTAGE_UP)
		dpsend_again(c);
}

/* One record behind a checked head; what does not fit the stage breaks the connection. */
static void dprecv_record(struct dpclient *c, uint16_t type, const void *record, int fd)
{
	if (type == PROTO_ACK) {
		dprecv_ack(c, record);
	} else if (c->stage == DPSTAGE_WELCOME) {
		if (type == PROTO_WELCOME)
			dprecv_welcome(c, record, fd);
		else
			dprecv_broken(c, "it talks before its welcome");
	} else if (type == PROTO_MEDIA_READY) {
		if (c->stage == DPSTAGE_PLACES)
			dprecv_media_ready(c, record);
		else
			dprecv_broken(c, "it answers for media ports that nobody claimed");
	} else if (type == PROTO_FLOW_EVENT) {
		if (!dpmonitor_event(c, record))
			dpflow_event(c, record);
	} else if (type == PROTO_BINDING_EVENT) {
		dpbinding_event(c, record);
	} else if (type == PROTO_LOST) {
		dprecv_lost(c, record);
	} else if (type == PROTO_FRAME) {
		dpcapture_frame(c, record);
	} else if (type == PROTO_CAPTURE_END) {
		dpcapture_end(c, record);
	} else if (type == PROTO_PORT_EVENT) {
		dpport_event(c, record);
	} else {
		dprecv_broken(c, "it sends a second welcome");
	}
}

static void dprecv_packet(struct dpclient *c, size_t len, int fd)
{
	const struct proto_head *head = (const struct proto_head *)c->in;
	const struct dplink *link = c->link;
	const uint8_t *record;
	const char *why = "malformed packet";

	if (len > PROTO_PACKET_MAX) {
		dprecv_broken(c, "a packet is longer than the protocol allows");
		return;
	}
	if (proto_check(c->in, len, false, &why) < 0) {
		dprecv_broken(c, why);
		return;
	}
	record = proto_records(head);
	for (uint32_t i = 0; i < head->count && c->link == link; i++)
		dprecv_record(c, head->type, record + (size_t)i * head->size, fd);
}

/* The one descriptor that came along, or -1; others are closed. */
static int dprecv_descriptor(struct msghdr *msg)
{
	int kept = -1;

	for (struct cmsghdr *cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
		size_t count = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(fd));
			if (kept < 0)
				kept = fd;
			else
				close(fd);
		}
	}
	return kept;
}

/* Returns false when nothing more can be read now. */
static bool dprecv_one(struct dpclient *c)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec iov = {.iov_base = c->in, .iov_len = sizeof(c->in)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(c->link->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fd;

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return false;
	if (n == 0 && c->stage == DPSTAGE_WELCOME) {
		dprecv_hello_refused(c, -ECONNRESET);
		return false;
	}
	if (n <= 0) {
		dplink_drop(c, LOG_WARNING, n < 0 ? strerror(errno) : "it closed the connection",
			false);
		return false;
	}
	fd = dprecv_descriptor(&msg);
	dprecv_packet(c, (size_t)n, fd);
	if (fd >= 0)
		close(fd);
	return true;
}

void dprecv_read(struct dpclient *c)
{
	const struct dplink *link = c->link;

	for (uint32_t i = 0; i < DPRECV_BUDGET && c->link == link; i++)
		if (!dprecv_one(c))
			return;
}
