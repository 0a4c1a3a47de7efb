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
	dptable_free(&c->flows);
	dptable_free(&c->bindings);
	dptable_free(&c->monitors);
	free(c);
}

static int dpclient_tables(struct dpclient *c, const struct dpclient_conf *conf)
{
	int err = dptable_init(&c->flows, &dpflow_kind, c, c->media_count * c->slots);

	if (err == 0)
		err = dptable_init(&c->bindings, &dpbinding_kind, c, conf->bindings_max);
	if (err == 0)
		err = dptable_init(&c->monitors, &dpmonitor_kind, c, conf->monitors_max);
	return err;
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
	err = dpclient_tables(c, conf);
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

	*out = (struct dpclient_status){
		.up = c->up,
		.boot_id = c->last_boot_id,
		.workers = known ? c->welcome.workers : 0,
		.flows = c->flows.set,
		.bindings = c->bindings.set,
		.monitors = c->monitors.set,
		.pending = c->flows.count + c->bindings.count + c->monitors.count,
		.binding_capacity = known ? c->welcome.binding_count : 0,
		.resyncs = c->resyncs,
		.refused = c->refused,
		.unplaced = known ? dptable_beyond(&c->bindings, c->welcome.binding_count) +
				dptable_beyond(&c->monitors, c->welcome.monitor_count)
				  : 0,
		.events = c->event_count,
		.events_lost = c->events_lost,
	};
}
