/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/dpclient_impl.h"

#include <errno.h>
#include <stdlib.h>

int dpclient_check(uint16_t type, const void *record)
{
	_Alignas(8) uint8_t packet[sizeof(struct proto_head) + sizeof(struct proto_conf)];
	struct proto_head head = {.type = type, .size = (uint16_t)proto_size(type), .count = 1};
	const char *why;

	memcpy(packet, &head, sizeof(head));
	memcpy(packet + sizeof(head), record, head.size);
	if (proto_check(packet, sizeof(head) + head.size, true, &why) == 0)
		return 0;
	log_error("data plane: refused before it is sent: %s", why);
	return -EINVAL;
}
static_assert(sizeof(struct proto_conf) >= sizeof(struct proto_flow), "the largest record");

static int dpclient_conf_check(const struct dpclient_conf *conf)
{
	if (conf->slot >= PROTO_SLOTS || conf->media_count > DPCLIENT_MEDIA_MAX ||
		conf->class_count < 1 || conf->class_count > PROTO_CLASSES)
		return -EINVAL;
	if (strlen(conf->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -EINVAL;
	for (uint32_t i = 0; i < conf->media_count; i++) {
		struct proto_media_addr media = {
			.local = conf->media[i],
			.port_min = conf->port_min,
			.port_max = conf->port_max,
		};

		media.local.port = 0;
		if (dpclient_check(PROTO_MEDIA_ADDR, &media) < 0)
			return -EINVAL;
	}
	for (uint32_t i = 0; i < conf->class_count; i++)
		if (dpclient_check(PROTO_CONF, &conf->classes[i]) < 0)
			return -EINVAL;
	return 0;
}

static void dpclient_free(struct dpclient *c)
{
	dpfacts_unmap(c);
	dptable_free(&c->flows_dirty);
	dptable_free(&c->bindings_dirty);
	dptable_free(&c->monitors_dirty);
	free(c->monitors);
	free(c->flows);
	free(c->bindings);
	free(c);
}

static int dpclient_tables(struct dpclient *c)
{
	uint32_t flows = c->media_count * c->slots;

	c->flows = calloc(flows + 1, sizeof(*c->flows));
	c->bindings = calloc(c->bindings_max + 1, sizeof(*c->bindings));
	c->monitors = calloc(c->monitors_max + 1, sizeof(*c->monitors));
	if (!c->flows || !c->bindings || !c->monitors || dptable_init(&c->flows_dirty, flows) < 0 ||
		dptable_init(&c->bindings_dirty, c->bindings_max) < 0 ||
		dptable_init(&c->monitors_dirty, c->monitors_max) < 0)
		return -ENOMEM;
	return 0;
}

static void dpclient_take_conf(struct dpclient *c, const struct dpclient_conf *conf)
{
	c->events = conf->events;
	c->path.sun_family = AF_UNIX;
	memcpy(c->path.sun_path, conf->socket, strlen(conf->socket));
	c->slot = conf->slot;
	c->incarnation = conf->incarnation;
	c->port_min = conf->port_min;
	c->port_max = conf->port_max;
	c->slots = ((uint32_t)conf->port_max - conf->port_min + 1) / 2;
	c->media_count = conf->media_count;
	for (uint32_t i = 0; i < conf->media_count; i++) {
		c->media[i].local = conf->media[i];
		c->media[i].local.port = 0;
	}
	c->class_count = conf->class_count;
	for (uint32_t i = 0; i < conf->class_count; i++) {
		c->classes[i] = conf->classes[i];
		c->classes[i].class_id = (uint8_t)i;
	}
	c->bindings_max = conf->bindings_max;
	c->monitors_max = conf->monitors_max;
	c->retry_max_ms = conf->retry_max_ms ? conf->retry_max_ms : DPCLIENT_RETRY_MAX_MS;
	c->retry_ms = DPCLIENT_RETRY_MIN_MS;
}

static void dpclient_on_prepare(uv_prepare_t *prepare)
{
	struct dpclient *c = prepare->data;

	if (!c->blocked)
		dpsend_flush(c);
}

static void dpclient_on_retry(uv_timer_t *timer)
{
	dplink_start(timer->data);
}

int dpclient_open(struct dpclient **out, uv_loop_t *loop, const struct dpclient_conf *conf)
{
	struct dpclient *c;
	int err = dpclient_conf_check(conf);

	if (err < 0)
		return err;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->loop = loop;
	dpclient_take_conf(c, conf);
	err = dpclient_tables(c);
	if (err < 0) {
		dpclient_free(c);
		return err;
	}
	uv_timer_init(loop, &c->retry);
	uv_prepare_init(loop, &c->prepare);
	c->retry.data = c;
	c->prepare.data = c;
	c->handles = 2;
	*out = c;
	return 0;
}

void dpclient_start(struct dpclient *c)
{
	uv_prepare_start(&c->prepare, dpclient_on_prepare);
	uv_timer_start(&c->retry, dpclient_on_retry, 0, 0);
}

void dpclient_unref(struct dpclient *c)
{
	if (--c->handles == 0)
		dpclient_free(c);
}

static void dpclient_on_closed(uv_handle_t *handle)
{
	dpclient_unref(handle->data);
}

void dpclient_close(struct dpclient *c)
{
	if (!c)
		return;
	c->closing = true;
	c->events = (struct dpclient_events){0};
	memset(c->captures, 0, sizeof(c->captures));
	if (c->link)
		dplink_drop(c, LOG_DEBUG, "closed", false);
	uv_close((uv_handle_t *)&c->retry, dpclient_on_closed);
	uv_close((uv_handle_t *)&c->prepare, dpclient_on_closed);
}

bool dpclient_is_up(const struct dpclient *c)
{
	return c->up;
}

int64_t dpclient_flow_index(const struct dpclient *c, struct dpclient_port at)
{
	if (at.media >= c->media_count || at.port < c->port_min || at.port > c->port_max ||
		at.port % 2 != 0)
		return -1;
	return (int64_t)at.media * c->slots + (at.port - c->port_min) / 2;
}

void dpflow_forget(struct dpflow *f)
{
	f->flow.flags &= ~(uint32_t)PROTO_FLOW_LATCHED;
	f->flow.latched = (struct addr){0};
	f->flow.latched_rtcp = (struct addr){0};
	f->flow.ssrc = 0;
	f->give_back = false;
}

/* The new record, with what was learnt under the old one carried over where it still holds. */
static void dpflow_update(struct dpflow *f, const struct proto_flow *flow)
{
	struct dpflow old = *f;
	bool same = old.state == DPWANT_SET && old.flow.gen == flow->gen;
	bool relearn = flow->flags & PROTO_FLOW_RELEARN;
	bool given = !relearn && (flow->flags & PROTO_FLOW_LATCHED);

	f->flow = *flow;
	f->flow.flags &= ~(uint32_t)PROTO_FLOW_RELEARN;
	f->relearn = !given && (relearn || (same && old.relearn));
	f->relearning = !given && !relearn && same && old.relearning;
	f->give_back = given;
	f->counted = same && old.counted;
	if (given)
		return;
	dpflow_forget(f);
	if (same && !relearn && (old.flow.flags & PROTO_FLOW_LATCHED)) {
		f->flow.flags |= PROTO_FLOW_LATCHED;
		f->flow.latched = old.flow.latched;
		f->flow.latched_rtcp = old.flow.latched_rtcp;
		f->flow.ssrc = old.flow.ssrc;
		f->give_back = old.give_back;
	}
}

int dpclient_flow_set(struct dpclient *c, struct dpclient_port at, struct dpclient_port peer,
	const struct proto_flow *flow)
{
	int64_t index = dpclient_flow_index(c, at);
	struct proto_flow checked = *flow;
	struct dpflow *f;

	checked.id = 0;
	checked.peer_id = PROTO_NO_PEER;
	if (index < 0 || (peer.port && dpclient_flow_index(c, peer) < 0) ||
		(peer.port && dpclient_flow_index(c, peer) == index) ||
		dpclient_check(PROTO_FLOW_SET, &checked) < 0)
		return -EINVAL;
	f = &c->flows[index];
	dpflow_update(f, flow);
	f->peer = peer;
	if (f->state != DPWANT_SET)
		c->flows_set++;
	f->state = DPWANT_SET;
	dptable_mark(&c->flows_dirty, (uint32_t)index);
	return 0;
}

void dpclient_flow_del(struct dpclient *c, struct dpclient_port at, uint32_t gen)
{
	int64_t index = dpclient_flow_index(c, at);

	if (index < 0 || c->flows[index].state != DPWANT_SET || c->flows[index].flow.gen != gen)
		return;
	c->flows[index].state = DPWANT_GONE;
	c->flows_set--;
	dptable_mark(&c->flows_dirty, (uint32_t)index);
}

const struct proto_flow *dpclient_flow_get(const struct dpclient *c, struct dpclient_port at)
{
	int64_t index = dpclient_flow_index(c, at);

	if (index < 0 || c->flows[index].state != DPWANT_SET)
		return NULL;
	return &c->flows[index].flow;
}

int dpclient_binding_set(struct dpclient *c, uint32_t index, const struct proto_binding *binding)
{
	struct dpbinding *b;

	if (index >= c->bindings_max || dpclient_check(PROTO_BINDING_SET, binding) < 0)
		return -EINVAL;
	b = &c->bindings[index];
	if (index >= c->bindings_top)
		c->bindings_top = index + 1;
	if (b->state != DPWANT_SET)
		c->bindings_set++;
	b->state = DPWANT_SET;
	b->binding = *binding;
	dptable_mark(&c->bindings_dirty, index);
	return 0;
}

void dpclient_binding_del(struct dpclient *c, uint32_t index, uint32_t gen)
{
	struct dpbinding *b;

	if (index >= c->bindings_max)
		return;
	b = &c->bindings[index];
	if (b->state != DPWANT_SET || b->binding.gen != gen)
		return;
	b->state = DPWANT_GONE;
	c->bindings_set--;
	dptable_mark(&c->bindings_dirty, index);
}

const struct proto_binding *dpclient_binding_get(const struct dpclient *c, uint32_t index)
{
	if (index >= c->bindings_max || c->bindings[index].state != DPWANT_SET)
		return NULL;
	return &c->bindings[index].binding;
}

int dpclient_class_set(struct dpclient *c, const struct proto_conf *conf)
{
	if (conf->class_id >= c->class_count || dpclient_check(PROTO_CONF, conf) < 0)
		return -EINVAL;
	c->classes[conf->class_id] = *conf;
	c->class_dirty |= 1u << conf->class_id;
	return 0;
}

void dpclient_status(const struct dpclient *c, struct dpclient_status *out)
{
	bool known = c->facts != NULL;
	uint64_t unplaced = 0;

	for (uint32_t i = c->welcome.binding_count; known && i < c->bindings_top; i++)
		unplaced += c->bindings[i].state == DPWANT_SET;
	for (uint32_t i = c->welcome.monitor_count; known && i < c->monitors_max; i++)
		unplaced += c->monitors[i].state == DPWANT_SET;
	*out = (struct dpclient_status){
		.up = c->up,
		.boot_id = c->last_boot_id,
		.workers = known ? c->welcome.workers : 0,
		.flows = c->flows_set,
		.bindings = c->bindings_set,
		.monitors = c->monitors_set,
		.pending = c->flows_dirty.count + c->bindings_dirty.count + c->monitors_dirty.count,
		.binding_capacity = known ? c->welcome.binding_count : 0,
		.resyncs = c->resyncs,
		.refused = c->refused,
		.unplaced = unplaced,
		.events = c->event_count,
		.events_lost = c->events_lost,
	};
}
