/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ports.h"

#include "dataplane/dataplane.h"
#include "dataplane/keepalive/keepalive.h"
#include "shared/clock.h"
#include "shared/log.h"

#include <errno.h>

#define PORTS_TICK_MS  20  /* between steps of ports that are out of service */
#define PORTS_WATCH_MS 200 /* between looks at the links */

unsigned int ports_monitors(const struct conf_dataplane *conf)
{
	return conf->monitor == CONF_MONITOR_OFF ? 0 : (unsigned int)conf->monitor_ports.count;
}

void ports_stop(struct dataplane *dp)
{
	while (dp->monitor_count)
		port_close(&dp->ports[dp->port_count + --dp->monitor_count]);
	while (dp->port_count)
		port_close(&dp->ports[--dp->port_count]);
}

static int ports_open(struct dataplane *dp, unsigned int index, const char *text, bool watch)
{
	const struct port_conf conf = {
		.index = index,
		.workers = (uint16_t)dp->conf->workers,
		.mtu = (uint16_t)dp->conf->mtu,
		.rx_interrupts = dp->conf->rx_interrupts,
		.watch = watch,
		.pool = dp->pool,
	};

	return port_open(&dp->ports[index], text, &conf);
}

static int monitor_ports_start(struct dataplane *dp)
{
	unsigned int count = ports_monitors(dp->conf);
	int err = 0;

	if (dp->port_count + count > WORKER_PORTS_MAX) {
		log_error("dataplane.monitor_ports: %u ports beside %u: %d in all are allowed",
			count, dp->port_count, WORKER_PORTS_MAX);
		return -EINVAL;
	}
	while (dp->monitor_count < count && !err) {
		err = ports_open(dp, dp->port_count + dp->monitor_count,
			dp->conf->monitor_ports.item[dp->monitor_count], true);
		dp->monitor_count += !err;
	}
	return err;
}

int ports_start(struct dataplane *dp)
{
	const struct conf_strings *texts = &dp->conf->ports;
	size_t least = ports_monitors(dp->conf) ? 0 : 1;
	int err;

	if (texts->count < least || texts->count > WORKER_PORTS_MAX) {
		log_error("dataplane.ports: %zu ports: %zu to %d are allowed", texts->count, least,
			WORKER_PORTS_MAX);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < texts->count; i++) {
		err = ports_open(dp, i, texts->item[i], false);
		if (err) {
			ports_stop(dp);
			return err;
		}
		dp->port_count++;
	}
	err = monitor_ports_start(dp);
	if (err)
		ports_stop(dp);
	return err;
}

static bool ports_follow(const struct conf_dataplane *conf)
{
	return conf->monitor == CONF_MONITOR_INLINE && conf->monitor_link;
}

/* Each wake-up costs an idle machine, so steps are short only while there are some to do. */
static bool ports_step(struct dataplane *dp, uint64_t now_ms)
{
	bool busy = outages_tick(&dp->outages, now_ms);
	uint64_t ms = busy ? PORTS_TICK_MS : PORTS_WATCH_MS;

	if (uv_timer_get_repeat(&dp->watch) != ms) {
		uv_timer_set_repeat(&dp->watch, ms);
		uv_timer_again(&dp->watch);
	}
	return busy;
}

static void ports_on_watch(uv_timer_t *timer)
{
	struct dataplane *dp = timer->data;
	uint64_t now_ms = clock_boot_ms();

	if (ports_step(dp, now_ms) && now_ms < dp->watch_ms)
		return;
	dp->watch_ms = now_ms + PORTS_WATCH_MS;
	outages_watch(&dp->outages);
	if (ports_follow(dp->conf))
		linkpair_turn(&dp->links, &dp->ports[dp->port_count]);
	workers_watch(&dp->workers);
}

static int ports_on_reset(void *ctx, const char *name)
{
	return outages_reset(ctx, name);
}

static void ports_on_missed(void *ctx, uint16_t port, uint64_t since_ms)
{
	struct dataplane *dp = ctx;

	/* It was dark before anybody looked. Monitor ports send nothing of ours. */
	if (port < dp->port_count)
		keepalive_missed(dp->keepalive, UINT32_MAX, since_ms - PORTS_WATCH_MS);
}

int links_start(struct dataplane *dp)
{
	const struct outages_conf conf = {
		.ports = dp->ports,
		.count = (uint16_t)(dp->port_count + dp->monitor_count),
		.workers = &dp->workers,
		.exception = &dp->exception,
		.head = dp->facts.head,
		.events = server_sink(dp->server),
		.missed = ports_on_missed,
		.ctx = dp,
	};
	int err = outages_open(&dp->outages, &conf);

	if (err)
		return err;
	linkpair_open(&dp->links);
	/* One that ended amid an outage may have left a link down. */
	for (unsigned int i = 0; ports_follow(dp->conf) && i < dp->monitor_count; i++)
		port_set_link(&dp->ports[dp->port_count + i], true);
	server_on_port_reset(dp->server, ports_on_reset, &dp->outages);
	dp->watch.data = dp;
	uv_timer_init(&dp->loop, &dp->watch);
	return uv_timer_start(&dp->watch, ports_on_watch, PORTS_WATCH_MS, PORTS_WATCH_MS);
}

void links_stop(struct dataplane *dp)
{
	if (ports_follow(dp->conf))
		linkpair_close(&dp->links, &dp->ports[dp->port_count]);
	server_on_port_reset(dp->server, NULL, NULL);
	outages_close(&dp->outages);
	uv_close((uv_handle_t *)&dp->watch, NULL);
}
