/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/dataplane.h"

#include "dataplane/control/captures.h"
#include "dataplane/control/losses.h"
#include "dataplane/control/telemetry.h"
#include "dataplane/core/eal.h"
#include "dataplane/keepalive/keepalive.h"
#include "dataplane/media/media.h"
#include "dataplane/memory.h"
#include "dataplane/ports.h"
#include "shared/clock.h"
#include "shared/log.h"

#include <errno.h>
#include <rte_cycles.h>
#include <string.h>

#define DATAPLANE_TICK_MS   20  /* while something cannot wait */
#define DATAPLANE_CALM_MS   100 /* each wake-up costs an idle machine */
#define DATAPLANE_SECOND_MS 1000

static int dpdk_start(struct dataplane *dp)
{
	return eal_open(dp->conf);
}

static int clock_start(struct dataplane *dp)
{
	dp->tsc_hz = rte_get_tsc_hz();
	timebase_open(&dp->timebase, dp->tsc_hz);
	timebase_sync(&dp->timebase, rte_rdtsc(), clock_boot_ms());
	return 0;
}

static int host_start(struct dataplane *dp)
{
	return exception_open(
		&dp->exception, dp->ports, dp->port_count, dp->conf->host_interface, dp->pool);
}

static void host_stop(struct dataplane *dp)
{
	exception_close(&dp->exception);
}

static void dataplane_reroute(void *ctx)
{
	struct dataplane *dp = ctx;

	keepalive_reroute(dp->keepalive);
	media_reroute(dp->media);
}

static void dataplane_missed(void *ctx, uint32_t refs, uint64_t since_ms)
{
	struct dataplane *dp = ctx;

	keepalive_missed(dp->keepalive, refs, since_ms);
}

static int nexthops_start(struct dataplane *dp)
{
	const struct nexthops_conf conf = {
		.loop = &dp->loop,
		.ports = dp->nexthop_ports,
		.port_count = dp->port_count,
		.reroute = dataplane_reroute,
		.missed = dataplane_missed,
		.ctx = dp,
	};

	for (uint16_t i = 0; i < dp->port_count; i++) {
		memcpy(dp->nexthop_ports[i].ifname, dp->exception.port[i].host.ifname,
			sizeof(dp->nexthop_ports[i].ifname));
		memcpy(dp->nexthop_ports[i].mac, dp->ports[i].mac.addr_bytes,
			sizeof(dp->nexthop_ports[i].mac));
	}
	return nexthops_open(&dp->nexthops, &conf);
}

static void nexthops_stop(struct dataplane *dp)
{
	nexthops_close(dp->nexthops);
}

static int server_start(struct dataplane *dp)
{
	const struct server_conf conf = {
		.loop = &dp->loop,
		.path = dp->conf->socket,
		.facts = &dp->facts,
		.clients = dp->conf->clients,
		.bindings = dp->conf->bindings,
		.flows = dp->conf->flows,
		.monitors = memory_monitors(dp),
		.workers = dp->conf->workers,
	};

	return server_open(&dp->server, &conf);
}

static void server_stop(struct dataplane *dp)
{
	server_close(dp->server);
}

static void dataplane_on_vlan(void *ctx, const struct nexthop_vlan *vlan)
{
	struct dataplane *dp = ctx;

	workers_set_vlan(&dp->workers, vlan);
	port_set_vlan(&dp->ports[vlan->device], vlan->id, vlan->present);
}

static int workers_prepare(struct dataplane *dp)
{
	const struct workers_conf conf = {
		.count = dp->conf->workers,
		.lcore_first = eal_lcore_of_worker(0),
		.idle_sleep_us = dp->conf->idle_sleep_us,
		.rx_interrupts = dp->conf->rx_interrupts,
		.facts = &dp->facts,
		.timebase = &dp->timebase,
		.qsbr = dp->qsbr,
		.nexthops = nexthops_table(dp->nexthops),
		.ports = dp->ports,
		.port_count = dp->port_count,
		.monitor_count = dp->monitor_count,
		.monitor_inline = dp->conf->monitor == CONF_MONITOR_INLINE,
		.tsc_hz = dp->tsc_hz,
	};
	int err = workers_open(&dp->workers, &conf);

	if (err)
		return err;
	exception_attach(&dp->exception, dp->workers.item, dp->workers.count);
	nexthops_on_vlan(dp->nexthops, dataplane_on_vlan, dp);
	return 0;
}

static void workers_dismiss(struct dataplane *dp)
{
	nexthops_on_vlan(dp->nexthops, NULL, NULL);
	workers_close(&dp->workers);
}

static uint16_t route_by_kernel(void *ctx, const struct addr *dst)
{
	return nexthop_get(ctx, dst);
}

static void route_put_back(void *ctx, uint16_t index)
{
	nexthop_put(ctx, index);
}

static struct route dataplane_route(struct dataplane *dp)
{
	return (struct route){
		.ctx = dp->nexthops,
		.get = route_by_kernel,
		.put = route_put_back,
	};
}

static int keepalive_start(struct dataplane *dp)
{
	const struct keepalive_conf conf = {
		.mem = &dp->mem,
		.facts = &dp->facts,
		.qsbr = dp->qsbr,
		.events = server_sink(dp->server),
		.route = dataplane_route(dp),
		.workers = dp->workers.item,
		.worker_count = dp->workers.count,
		.small = dp->keepalive_small,
		.large = dp->keepalive_large,
		.bindings = dp->conf->bindings,
		.tsc_hz = dp->tsc_hz,
	};

	return keepalive_open(&dp->keepalive, &conf);
}

static void keepalive_stop(struct dataplane *dp)
{
	keepalive_close(dp->keepalive);
}

static int media_start(struct dataplane *dp)
{
	const struct media_conf conf = {
		.mem = &dp->mem,
		.facts = &dp->facts,
		.qsbr = dp->qsbr,
		.events = server_sink(dp->server),
		.route = dataplane_route(dp),
		.workers = dp->workers.item,
		.worker_count = dp->workers.count,
		.pool = dp->pool,
		.flows = dp->conf->flows,
		.monitors = memory_monitors(dp),
		.clients = dp->conf->clients,
	};

	return media_open(&dp->media, &conf);
}

static void media_stop(struct dataplane *dp)
{
	media_close(dp->media);
}

static int threads_start(struct dataplane *dp)
{
	int err = workers_start(&dp->workers);

	if (err)
		return err;
	err = exception_start(
		&dp->exception, eal_lcore_of_pump(dp->conf), dp->tsc_hz, dp->conf->idle_sleep_us);
	if (err)
		workers_stop(&dp->workers);
	return err;
}

static void threads_stop(struct dataplane *dp)
{
	exception_stop(&dp->exception);
	workers_stop(&dp->workers);
}

static void dataplane_on_tick(uv_timer_t *timer)
{
	struct dataplane *dp = timer->data;
	uint64_t now_ms = clock_boot_ms();

	/* A machine that slept: its time stamp counter may have as well. */
	if (now_ms - dp->tick_ms > DATAPLANE_SECOND_MS)
		timebase_sync(&dp->timebase, rte_rdtsc(), now_ms);
	dp->tick_ms = now_ms;
	media_tick(dp->media, now_ms);
	keepalive_tick(dp->keepalive, now_ms);
	server_tick(dp->server, now_ms);
}

/* The one place that says when the next tick is, asked whenever the loop is about to wait. */
static void dataplane_on_wait(uv_prepare_t *wait)
{
	struct dataplane *dp = wait->data;
	bool busy = media_is_busy(dp->media) || keepalive_is_busy(dp->keepalive) ||
		server_is_busy(dp->server);
	uint64_t due = dp->tick_ms + (busy ? DATAPLANE_TICK_MS : DATAPLANE_CALM_MS);
	uint64_t now = clock_boot_ms();

	uv_timer_start(&dp->tick, dataplane_on_tick, due > now ? due - now : 0, 0);
}

static void dataplane_on_second(uv_timer_t *timer)
{
	struct dataplane *dp = timer->data;

	timebase_sync(&dp->timebase, rte_rdtsc(), clock_boot_ms());
	losses_note(dp);
}

static int timers_start(struct dataplane *dp)
{
	dp->wait.data = dp->tick.data = dp->second.data = dp;
	uv_prepare_init(&dp->loop, &dp->wait);
	uv_timer_init(&dp->loop, &dp->tick);
	uv_timer_init(&dp->loop, &dp->second);
	uv_prepare_start(&dp->wait, dataplane_on_wait);
	uv_timer_start(&dp->second, dataplane_on_second, DATAPLANE_SECOND_MS, DATAPLANE_SECOND_MS);
	return 0;
}

static void timers_stop(struct dataplane *dp)
{
	uv_close((uv_handle_t *)&dp->wait, NULL);
	uv_close((uv_handle_t *)&dp->tick, NULL);
	uv_close((uv_handle_t *)&dp->second, NULL);
}

static int listen_start(struct dataplane *dp)
{
	const struct captures_conf conf = {
		.media = dp->media,
		.keepalive = dp->keepalive,
		.workers = dp->workers.item,
		.worker_count = dp->workers.count,
		.board = dp->workers.board,
		.qsbr = dp->qsbr,
		.tsc_hz = dp->tsc_hz,
	};

	return server_listen(dp->server, &conf);
}

static int telemetry_start(struct dataplane *dp)
{
	return telemetry_open(dp);
}

static void telemetry_stop(struct dataplane *dp)
{
	telemetry_close();
}

/* Started from the top, stopped from the bottom. */
static const struct module {
	const char *name;
	int (*start)(struct dataplane *dp); /* returns 0, or -errno and has undone itself */
	void (*stop)(struct dataplane *dp);
} dataplane_modules[] = {
	/* Memory and DPDK. */
	{"memory", memory_start, memory_stop},
	{"dpdk", dpdk_start, NULL},
	{"clock", clock_start, NULL},
	{"pools", pools_start, pools_stop},
	/* Ways in and out. */
	{"ports", ports_start, ports_stop},
	{"host", host_start, host_stop},
	{"nexthops", nexthops_start, nexthops_stop},
	{"server", server_start, server_stop},
	/* Work. */
	{"workers", workers_prepare, workers_dismiss},
	{"keepalive", keepalive_start, keepalive_stop},
	{"media", media_start, media_stop},
	/* From here on packets move. */
	{"threads", threads_start, threads_stop},
	{"timers", timers_start, timers_stop},
	{"links", links_start, links_stop},
	{"listen", listen_start, NULL},
	{"telemetry", telemetry_start, telemetry_stop},
};

int dataplane_start(struct dataplane *dp, const struct conf_dataplane *conf)
{
	int err;

	*dp = (struct dataplane){.conf = conf, .facts = {.fd = -1}};
	err = uv_loop_init(&dp->loop);
	if (err)
		return err;
	for (; dp->started < RTE_DIM(dataplane_modules); dp->started++) {
		err = dataplane_modules[dp->started].start(dp);
		if (!err)
			continue;
		log_error("cannot start (%s): %s", dataplane_modules[dp->started].name,
			strerror(-err));
		dataplane_stop(dp);
		return err;
	}
	return 0;
}

void dataplane_run(struct dataplane *dp)
{
	uv_run(&dp->loop, UV_RUN_DEFAULT);
}

void dataplane_stop(struct dataplane *dp)
{
	while (dp->started) {
		const struct module *module = &dataplane_modules[--dp->started];

		if (module->stop)
			module->stop(dp);
	}
	/* Lets the handles finish closing. */
	uv_run(&dp->loop, UV_RUN_DEFAULT);
	uv_loop_close(&dp->loop);
}
