/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/setup.h"

#include "dataplane/core/pool.h"
#include "dataplane/core/rcu.h"
#include "shared/clock.h"
#include "shared/log.h"

#include <pthread.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETUP_HOP        1
#define SETUP_OWN_FRAMES 8192 /* of both sizes */

const uint8_t setup_gateway[6] = {2, 0, 0, 0, 0, 0x21};

void setup_must(bool ok, const char *fmt, ...)
{
	va_list args;

	if (ok)
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void setup_eal(const struct setup_conf *conf)
{
	static char memory[16];
	/* testpmd forwards on the second core: one may be busier than the other. */
	char *core = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? "1" : "0";
	char *plain[] = {"bench", "-l", core, "--no-pci", "--no-shconf", "--no-telemetry",
		"--log-level=lib.eal:4", "--no-huge", "-m", memory, NULL};
	char *huge[] = {"bench", "-l", core, "--no-pci", "--in-memory", "--no-telemetry",
		"--log-level=lib.eal:4", NULL};
	/* Buffers, and the table of SIP sources. */
	uint64_t bytes = (uint64_t)(conf->frames + SETUP_OWN_FRAMES) * (conf->room + 256u) +
		conf->bindings * 160ull + conf->monitors * 200ull;

	snprintf(memory, sizeof(memory), "%u", (unsigned int)(bytes * 5 / 4 >> 20) + 64);
	setup_must((conf->huge ? rte_eal_init((int)RTE_DIM(huge) - 1, huge)
			       : rte_eal_init((int)RTE_DIM(plain) - 1, plain)) >= 0,
		"EAL: %s", rte_strerror(rte_errno));
}

static uint16_t setup_route_get(void *ctx, const struct addr *dst)
{
	return SETUP_HOP;
}

static void setup_route_put(void *ctx, uint16_t index)
{
}

static void setup_on_flow(void *ctx, uint32_t slot, const struct proto_flow_event *event)
{
}

static void setup_on_binding(void *ctx, uint32_t slot, const struct proto_binding_event *event)
{
}

static void setup_open_port(struct setup *s, const struct setup_conf *conf)
{
	struct nexthop_entry *hop;

	s->pool = rte_pktmbuf_pool_create("frames", conf->frames, 256, 0,
		(uint16_t)(conf->room + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY);
	s->small = pool_open_keepalives("small", 1, KEEPALIVE_FRAME_SMALL);
	s->large = pool_open_keepalives("large", 1, KEEPALIVE_FRAME_LARGE);
	setup_must(s->pool && s->small && s->large, "no memory for buffers: %s",
		rte_strerror(rte_errno));
	setup_must(port_open(&s->port, conf->port,
			   &(struct port_conf){.workers = 1, .pool = s->pool}) == 0,
		"no port");
	s->nexthops = aligned_alloc(64, NEXTHOP_MAX * sizeof(*s->nexthops));
	setup_must(s->nexthops, "no memory");
	memset(s->nexthops, 0, NEXTHOP_MAX * sizeof(*s->nexthops));
	hop = &s->nexthops[SETUP_HOP];
	memcpy(hop->dst, setup_gateway, 6);
	memcpy(hop->src, s->port.mac.addr_bytes, 6);
	hop->flags = NEXTHOP_VALID;
}

static void setup_open_workers(struct setup *s, const struct setup_conf *bench)
{
	const struct workers_conf conf = {
		.count = 1,
		.facts = &s->facts,
		.timebase = &s->timebase,
		.qsbr = s->qsbr,
		.nexthops = s->nexthops,
		.ports = &s->port,
		.port_count = bench->monitors == 0,
		.monitor_count = bench->monitors != 0,
		.monitor_inline = bench->monitor_inline,
		.tsc_hz = rte_get_tsc_hz(),
	};

	timebase_open(&s->timebase, rte_get_tsc_hz());
	timebase_sync(&s->timebase, rte_rdtsc(), s->now_ms);
	setup_must(workers_open(&s->workers, &conf) == 0, "no worker");
	s->w = s->workers.item;
	if (bench->monitor_inline)
		s->w->port[1] = s->w->port[0];
}

static void setup_open_tables(struct setup *s, const struct setup_conf *conf)
{
	const struct keepalive_conf keepalive = {
		.mem = &s->mem,
		.facts = &s->facts,
		.qsbr = s->qsbr,
		.events = {NULL, setup_on_flow, setup_on_binding},
		.route = {NULL, setup_route_get, setup_route_put},
		.workers = s->w,
		.worker_count = 1,
		.small = s->small,
		.large = s->large,
		.bindings = conf->bindings,
		.tsc_hz = rte_get_tsc_hz(),
	};
	const struct media_conf media = {
		.mem = &s->mem,
		.facts = &s->facts,
		.qsbr = s->qsbr,
		.events = keepalive.events,
		.route = keepalive.route,
		.workers = s->w,
		.worker_count = 1,
		.flows = conf->flows,
		.monitors = conf->monitors,
		.clients = 1,
	};

	setup_must(keepalive_open(&s->keepalive, &keepalive) == 0, "no keep-alives");
	setup_must(media_open(&s->media, &media) == 0, "no media");
}

void setup_open(struct setup *s, const struct setup_conf *conf)
{
	log_open("bench", LOG_WARNING);
	*s = (struct setup){.mem = {.hugepages = conf->huge}, .now_ms = clock_boot_ms()};
	setup_eal(conf);
	setup_must(facts_open(&s->facts, &s->mem, 1, conf->bindings,
			   media_total(conf->flows, conf->monitors)) == 0,
		"no memory for facts");
	s->qsbr = rcu_open(1);
	setup_must(s->qsbr, "no memory");
	setup_open_port(s, conf);
	setup_open_workers(s, conf);
	setup_open_tables(s, conf);
}

void setup_close(struct setup *s)
{
	media_close(s->media);
	keepalive_close(s->keepalive);
	workers_close(&s->workers);
	port_close(&s->port);
	rcu_close(s->qsbr);
	facts_close(&s->facts);
	free(s->nexthops);
	rte_eal_cleanup();
}

struct setup_alarm {
	bool *stop;
	double seconds;
};

static void *setup_wait(void *arg)
{
	const struct setup_alarm *alarm = arg;

	usleep((useconds_t)(alarm->seconds * 1e6));
	__atomic_store_n(alarm->stop, true, __ATOMIC_RELAXED);
	return NULL;
}

void setup_run(struct setup *s, double seconds)
{
	struct setup_alarm alarm = {.stop = &s->workers.stop, .seconds = seconds};
	pthread_t thread;

	s->workers.stop = false;
	setup_must(pthread_create(&thread, NULL, setup_wait, &alarm) == 0, "no thread");
	worker_run(s->w);
	pthread_join(thread, NULL);
}

uint64_t setup_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void setup_rounds(uint64_t (*round)(double seconds))
{
	char line[32];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t began = setup_cpu_ns();
		uint64_t frames = round(atof(line));

		printf("%lu %lu\n", frames, setup_cpu_ns() - began);
		fflush(stdout);
	}
}
