/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/dpclient_impl.h"
#include "shared/clock.h"

#include <errno.h>
#include <string.h>

/* Packets in one turn of the loop: a resync of a million records must not hold up SIP. */
#define DPSEND_BUDGET 32

static void dpsend_begin(struct dpclient *c, uint64_t generation)
{
	c->generation = generation;
	c->again = false;
	c->resyncs++;
	c->stage = DPSTAGE_BEGIN;
	if (c->events.resync)
		c->events.resync(c->events.arg);
}

void dpsend_resync(struct dpclient *c)
{
	uint64_t now = clock_boot_ms();

	dptable_resync(&c->bindings, now);
	dptable_resync(&c->flows, now);
	dptable_resync(&c->monitors, now);
	for (uint32_t i = 0; i < c->media_count; i++) {
		c->media[i].ready = false;
		c->media[i].placed = false;
	}
	dpsend_begin(c, c->welcome.generation + 1);
}

void dpsend_again(struct dpclient *c)
{
	dptable_again(&c->bindings);
	dptable_again(&c->flows);
	dptable_again(&c->monitors);
	dpsend_begin(c, c->generation + 1);
}

static void dpsend_block(struct dpclient *c)
{
	c->blocked = true;
	uv_poll_start(&c->link->poll, UV_READABLE | UV_WRITABLE, c->link->poll.poll_cb);
}

/* Sends the packet whose records lie behind the head in c->out. Returns true if it is gone. */
static bool dpsend_packet(struct dpclient *c, uint16_t type, uint32_t count)
{
	struct proto_head head = {
		.type = type,
		.size = (uint16_t)proto_size(type),
		.count = (uint16_t)count,
		.seq = c->seq + 1,
	};
	size_t len = sizeof(head) + (size_t)head.size * count;
	ssize_t n;

	memcpy(c->out, &head, sizeof(head));
	do {
		n = send(c->link->fd, c->out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len) {
		c->seq++;
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
		dpsend_block(c);
	else
		dplink_drop(c, LOG_WARNING, n < 0 ? strerror(errno) : "a packet was cut", false);
	return false;
}

static void *dpsend_records(struct dpclient *c)
{
	return c->out + sizeof(struct proto_head);
}

static bool dpsend_hello(struct dpclient *c)
{
	struct proto_hello *hello = dpsend_records(c);

	*hello = (struct proto_hello){
		.magic = PROTO_MAGIC,
		.version = PROTO_VERSION,
		.slot = c->slot,
		.incarnation = c->incarnation,
	};
	proto_sizes(hello->sizes);
	if (!dpsend_packet(c, PROTO_HELLO, 1))
		return false;
	c->stage = DPSTAGE_WELCOME;
	return true;
}

static bool dpsend_sync(struct dpclient *c, uint16_t type, enum dpstage next)
{
	struct proto_sync *sync = dpsend_records(c);

	*sync = (struct proto_sync){.generation = c->generation};
	if (type == PROTO_SYNC_BEGIN)
		sync->since_ms = c->lost_ms;
	if (!dpsend_packet(c, type, 1))
		return false;
	if (type == PROTO_SYNC_END)
		c->end_seq = c->seq;
	c->stage = next;
	return true;
}

static bool dpsend_classes(struct dpclient *c, uint32_t which)
{
	struct proto_conf *conf = dpsend_records(c);
	uint32_t count = 0;

	for (uint32_t i = 0; i < c->class_count; i++)
		if (which & 1u << i)
			memcpy(&conf[count++], &c->classes[i], sizeof(*conf));
	if (!dpsend_packet(c, PROTO_CONF, count))
		return false;
	c->class_dirty &= ~which;
	if (c->stage == DPSTAGE_CONF)
		c->stage = DPSTAGE_MEDIA;
	return true;
}

static bool dpsend_media(struct dpclient *c)
{
	struct proto_media_addr *media = dpsend_records(c);

	if (!c->media_count) {
		c->stage = DPSTAGE_RECORDS;
		return true;
	}
	for (uint32_t i = 0; i < c->media_count; i++)
		media[i] = (struct proto_media_addr){
			.local = c->media[i].local,
			.port_min = c->port_min,
			.port_max = c->port_max,
		};
	if (!dpsend_packet(c, PROTO_MEDIA_ADDR, c->media_count))
		return false;
	c->media_seq = c->seq;
	c->stage = DPSTAGE_PLACES;
	return true;
}

static bool dpsend_table(struct dpclient *c, struct dptable *t)
{
	uint32_t taken;
	uint16_t type;
	uint32_t n = dptable_pack(t, dpsend_records(c), &type, &taken);

	if (n && !dpsend_packet(c, type, n))
		return false;
	dptable_packed(t, taken);
	return true;
}

/* One packet for each, so that its ACK is its own. */
static bool dpsend_capture(struct dpclient *c, struct dpcapture *it)
{
	struct proto_capture_del del = {.capture = it->set.capture};
	bool set = it->state == DPCAPTURE_WANTED;

	if (set)
		memcpy(dpsend_records(c), &it->set, sizeof(it->set));
	else
		memcpy(dpsend_records(c), &del, sizeof(del));
	if (!dpsend_packet(c, set ? PROTO_CAPTURE_SET : PROTO_CAPTURE_DEL, 1))
		return false;
	it->seq = c->seq;
	it->state = set ? DPCAPTURE_SENT : DPCAPTURE_NONE;
	return true;
}

static bool dpsend_port(struct dpclient *c)
{
	memcpy(dpsend_records(c), &c->port_order.reset, sizeof(c->port_order.reset));
	if (!dpsend_packet(c, PROTO_PORT_RESET, 1))
		return false;
	c->port_order.seq = c->seq;
	c->port_order.state = DPPORT_SENT;
	return true;
}

/* Does the next thing to do. Returns false when there is none or it could not be done now. */
static bool dpsend_step(struct dpclient *c)
{
	struct dpcapture *capture;

	switch (c->stage) {
	case DPSTAGE_AWAY:
	case DPSTAGE_WELCOME:
		return false;
	case DPSTAGE_HELLO:
		return dpsend_hello(c);
	case DPSTAGE_BEGIN:
		/* Classes and ports hold on a connection that is up. */
		return dpsend_sync(c, PROTO_SYNC_BEGIN, c->up ? DPSTAGE_RECORDS : DPSTAGE_CONF);
	case DPSTAGE_CONF:
		return dpsend_classes(c, (1u << c->class_count) - 1);
	case DPSTAGE_MEDIA:
		return dpsend_media(c);
	case DPSTAGE_PLACES:
	case DPSTAGE_RECORDS:
	case DPSTAGE_END:
	case DPSTAGE_UP:
		break;
	}
	if (c->class_dirty)
		return dpsend_classes(c, c->class_dirty);
	if (c->bindings.count)
		return dpsend_table(c, &c->bindings);
	if (c->stage == DPSTAGE_PLACES)
		return false;
	if (c->flows.count)
		return dpsend_table(c, &c->flows);
	if (c->monitors.count)
		return dpsend_table(c, &c->monitors);
	if (c->stage == DPSTAGE_RECORDS)
		return dpsend_sync(c, PROTO_SYNC_END, DPSTAGE_END);
	if (c->stage == DPSTAGE_UP && dpcapture_next(c, &capture))
		return dpsend_capture(c, capture);
	if (c->stage == DPSTAGE_UP && c->port_order.state == DPPORT_WANTED)
		return dpsend_port(c);
	return false;
}

void dpsend_flush(struct dpclient *c)
{
	for (uint32_t i = 0; i < DPSEND_BUDGET; i++)
		if (!c->link || c->blocked || !dpsend_step(c))
			return;
	/* There may be more: go on in the next turn of the loop. */
	if (c->link)
		dpsend_block(c);
}
