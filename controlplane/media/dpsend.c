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

	for (uint32_t i = 0; i < c->bindings_top; i++) {
		c->bindings[i].sent = false;
		if (c->bindings[i].state == DPWANT_SET)
			dptable_mark(&c->bindings_dirty, i);
		else
			c->bindings[i].state = DPWANT_NONE;
	}
	for (uint32_t i = 0; i < c->media_count * c->slots; i++) {
		struct dpflow *f = &c->flows[i];

		f->sent = false;
		if (f->state != DPWANT_SET) {
			f->state = DPWANT_NONE;
			continue;
		}
		/* Nothing was heard while nobody listened: silence is counted from now. */
		if ((f->flow.flags & PROTO_FLOW_CLOCK) && f->flow.clock_ms < now)
			f->flow.clock_ms = now;
		f->relearn |= f->relearning;
		f->give_back = f->flow.flags & PROTO_FLOW_LATCHED;
		dptable_mark(&c->flows_dirty, i);
	}
	dpmonitor_resync(c, now);
	for (uint32_t i = 0; i < c->media_count; i++) {
		c->media[i].ready = false;
		c->media[i].placed = false;
	}
	dpsend_begin(c, c->welcome.generation + 1);
}

void dpsend_again(struct dpclient *c)
{
	for (uint32_t i = 0; i < c->bindings_top; i++)
		if (c->bindings[i].state == DPWANT_SET)
			dptable_mark(&c->bindings_dirty, i);
	for (uint32_t i = 0; i < c->media_count * c->slots; i++)
		if (c->flows[i].state == DPWANT_SET)
			dptable_mark(&c->flows_dirty, i);
	for (uint32_t i = 0; i < c->monitors_max; i++)
		if (c->monitors[i].state == DPWANT_SET)
			dptable_mark(&c->monitors_dirty, i);
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

static uint32_t dpsend_flow_id(const struct dpclient *c, struct dpclient_port at)
{
	return c->media[at.media].base + (at.port - c->port_min) / 2u;
}

/* The record as it goes out, in the data plane's present ids. */
static void dpsend_flow_fill(
	const struct dpclient *c, uint32_t index, const struct dpflow *f, struct proto_flow *out)
{
	*out = f->flow;
	out->id = dpsend_flow_id(c, dpclient_port_of(c, index));
	out->peer_id = f->peer.port ? dpsend_flow_id(c, f->peer) : PROTO_NO_PEER;
	if (!f->peer.port)
		out->peer_gen = 0;
	if (f->relearn)
		out->flags |= PROTO_FLOW_RELEARN;
	if (!f->give_back) {
		out->flags &= ~(uint32_t)PROTO_FLOW_LATCHED;
		out->latched = (struct addr){0};
		out->latched_rtcp = (struct addr){0};
		out->ssrc = 0;
	}
}

static void dpsend_flow_sent(struct dpflow *f)
{
	if (f->state == DPWANT_GONE) {
		f->state = DPWANT_NONE;
		f->sent = false;
		return;
	}
	f->sent = f->counted = true;
	f->sent_gen = f->flow.gen;
	f->relearning |= f->relearn;
	f->relearn = false;
	f->give_back = false;
}

/* One packet of flows: those at the head of the line that are of one type. What was removed before
 * it was sent needs no packet. */
static bool dpsend_flows(struct dpclient *c)
{
	struct dptable *t = &c->flows_dirty;
	uint8_t state = c->flows[dptable_peek(t, 0)].state;
	uint32_t n = 0, taken = 0;

	for (; taken < t->count && n < PROTO_RECORDS_MAX; taken++) {
		uint32_t index = dptable_peek(t, taken);
		const struct dpflow *f = &c->flows[index];

		if (f->state != state)
			break;
		if (state == DPWANT_SET)
			dpsend_flow_fill(c, index, f, (struct proto_flow *)dpsend_records(c) + n++);
		else if (state == DPWANT_GONE && f->sent)
			((struct proto_handle *)dpsend_records(c))[n++] = (struct proto_handle){
				.id = dpsend_flow_id(c, dpclient_port_of(c, index)),
				.gen = f->sent_gen,
			};
	}
	if (n && !dpsend_packet(c, state == DPWANT_SET ? PROTO_FLOW_SET : PROTO_FLOW_DEL, n))
		return false;
	for (uint32_t i = 0; state != DPWANT_NONE && i < taken; i++)
		dpsend_flow_sent(&c->flows[dptable_peek(t, i)]);
	dptable_pop(t, taken);
	return true;
}

static void dpsend_binding_sent(struct dpclient *c, uint32_t index)
{
	struct dpbinding *b = &c->bindings[index];

	b->sent = b->state == DPWANT_SET && index < c->welcome.binding_count;
	b->sent_gen = b->binding.gen;
	if (b->state == DPWANT_GONE)
		b->state = DPWANT_NONE;
}

/* Likewise of bindings. Those for which the data plane has no room keep their place in the table
 * and are tried again after the next connection. */
static bool dpsend_bindings(struct dpclient *c)
{
	struct dptable *t = &c->bindings_dirty;
	uint8_t state = c->bindings[dptable_peek(t, 0)].state;
	uint32_t n = 0, taken = 0;

	for (; taken < t->count && n < PROTO_RECORDS_MAX; taken++) {
		uint32_t index = dptable_peek(t, taken);
		const struct dpbinding *b = &c->bindings[index];
		uint32_t id = c->welcome.binding_first + index;

		if (b->state != state)
			break;
		if (state == DPWANT_SET && index < c->welcome.binding_count) {
			struct proto_binding *out = (struct proto_binding *)dpsend_records(c) + n++;

			*out = b->binding;
			out->id = id;
		} else if (state == DPWANT_GONE && b->sent) {
			((struct proto_handle *)dpsend_records(c))[n++] = (struct proto_handle){
				.id = id, .gen = b->sent_gen};
		}
	}
	if (n && !dpsend_packet(c, state == DPWANT_SET ? PROTO_BINDING_SET : PROTO_BINDING_DEL, n))
		return false;
	for (uint32_t i = 0; i < taken; i++)
		dpsend_binding_sent(c, dptable_peek(t, i));
	dptable_pop(t, taken);
	return true;
}

static bool dpsend_monitors(struct dpclient *c)
{
	uint32_t taken, n;
	uint16_t type;

	n = dpmonitor_pack(c, dpsend_records(c), &taken, &type);
	if (n && !dpsend_packet(c, type, n))
		return false;
	dpmonitor_packed(c, taken);
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
	if (c->bindings_dirty.count)
		return dpsend_bindings(c);
	if (c->stage == DPSTAGE_PLACES)
		return false;
	if (c->flows_dirty.count)
		return dpsend_flows(c);
	if (c->monitors_dirty.count)
		return dpsend_monitors(c);
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
