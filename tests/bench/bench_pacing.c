/* SPDX-License-Identifier: BSD-3-Clause */
/* How far from its moment each message of a smooth sweep leaves: a worker's turns in real time on
 * net_null. The peer is a loop that does nothing but wait for as many moments, evenly spread: what
 * it misses, the machine took away.
 *
 *   bench_pacing sweep|bare COUNT [huge]
 *
 * Says "ready"; for each line on stdin, a number of seconds, runs that long and answers with two
 * histograms of the lateness, see facts_place(): of all messages; and of those between whose moment
 * and sending the machine took nothing away, nor was that caught up, so that all of it is our own.
 * It took something away in a turn that lasted longer than it cost processor time. */
#include "dataplane/core/mailbox.h"
#include "dataplane/keepalive/binding.h"
#include "tests/bench/setup.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD_MS 30000u
#define PAYLOAD   "HELLO"
#define TAKEN_US  20 /* more than the two clocks may differ by in a turn */
#define ON_TIME   6  /* places of the histogram below 64 us */

static struct setup setup;

/* What the machine took away last, as the turns see it. */
struct watch {
	uint64_t hz;
	uint64_t tsc, cpu_ns; /* of the turn before */
	uint64_t
		taken_end; /* TSC at which it is caught up: at twice the pace, or when it is seen */
};

struct late {
	uint64_t all[FACTS_LATE], own[FACTS_LATE];
};

/* Time went by on both clocks: the wall's and the processor's. */
static uint64_t watch_now(struct watch *watch)
{
	uint64_t tsc = rte_rdtsc(), cpu_ns = setup_cpu_ns();
	uint64_t spent = (uint64_t)((double)(cpu_ns - watch->cpu_ns) * (double)watch->hz / 1e9);
	uint64_t taken = tsc - watch->tsc > spent ? tsc - watch->tsc - spent : 0;

	if (taken > watch->hz / 1000000 * TAKEN_US)
		watch->taken_end = (watch->taken_end > tsc ? watch->taken_end : tsc) + taken;
	watch->tsc = tsc;
	watch->cpu_ns = cpu_ns;
	return tsc;
}

/* n messages left that were late by that place of the histogram. */
static void note(struct late *late, struct watch *watch, int place, uint64_t n)
{
	uint64_t most = watch->hz / 1000000 << (place + 1);

	late->all[place] += n;
	if (place < ON_TIME && watch->taken_end > watch->tsc)
		watch->taken_end = watch->tsc;
	if (watch->taken_end + most < watch->tsc)
		late->own[place] += n;
}

static void configure(void)
{
	struct proto_conf conf = {
		.payload_kind = PROTO_PAYLOAD_TEXT,
		.payload_len = sizeof(PAYLOAD) - 1,
		.period_ms = PERIOD_MS,
		.send_interval_ms = 500,
		.send_least = 3000,
		.smooth = 1,
	};

	memcpy(conf.payload, PAYLOAD, sizeof(PAYLOAD) - 1);
	setup_must(keepalive_conf_set(setup.keepalive, &conf) == 0, "configuration refused");
}

static void add(uint32_t count)
{
	struct proto_binding binding = {
		.gen = 1,
		.dst = {.family = ADDR_IPV4, .port = 5060, .ip = {10}},
		.local = {.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 10}},
		.expires_ms = setup.now_ms + 86400000,
	};

	for (uint32_t i = 0; i < count; i++) {
		binding.id = i;
		binding.dst.ip[1] = (uint8_t)(i >> 16);
		binding.dst.ip[2] = (uint8_t)(i >> 8);
		binding.dst.ip[3] = (uint8_t)i;
		setup_must(binding_set(setup.keepalive, 0, &binding, setup.now_ms) == 0,
			"binding %u refused", i);
		/* The sweep goes on meanwhile, or it would have all that time to catch up. */
		if (i % 64 == 0) {
			mailbox_run(&setup.w->mailbox, setup.w);
			setup.w->now_tsc = rte_rdtsc();
			keepalive_turn(setup.w, setup.w->now_tsc);
		}
	}
	while (mailbox_run(&setup.w->mailbox, setup.w))
		;
}

/* A turn as worker_run() makes it. */
static void turn(uint64_t now)
{
	struct worker_port *port = &setup.w->port[0];
	struct rte_mbuf *mbufs[WORKER_BURST];
	uint16_t n;

	setup.w->now_tsc = now;
	mailbox_run(&setup.w->mailbox, setup.w);
	n = rte_eth_rx_burst(port->id, port->queue, mbufs, WORKER_BURST);
	if (n)
		media_input(setup.w, 0, mbufs, n);
	keepalive_turn(setup.w, now);
	worker_flush(setup.w, 0);
	rte_rcu_qsbr_quiescent(setup.qsbr, 0);
}

static void sweep(double seconds, struct watch *watch, struct late *late)
{
	const uint64_t *places = setup.w->count->keepalive_late;
	uint64_t before[FACTS_LATE], now = watch_now(watch);
	uint64_t end = now + (uint64_t)(seconds * (double)watch->hz);

	for (; now < end; now = watch_now(watch)) {
		memcpy(before, places, sizeof(before));
		turn(now);
		for (int i = 0; i < FACTS_LATE; i++)
			if (places[i] != before[i])
				note(late, watch, i, places[i] - before[i]);
	}
}

static void bare(double seconds, uint32_t count, struct watch *watch, struct late *late)
{
	const uint64_t us = watch->hz / 1000000, gap = watch->hz * PERIOD_MS / 1000 / count;
	uint64_t now = watch_now(watch), end = now + (uint64_t)(seconds * (double)watch->hz);

	for (uint64_t due = now; due < end; due += gap) {
		while (now < due)
			now = watch_now(watch);
		note(late, watch, facts_place((now - due) / us, FACTS_LATE), 1);
	}
}

int main(int argc, char **argv)
{
	bool sweeps = argc >= 3 && strcmp(argv[1], "sweep") == 0;
	struct setup_conf conf = {
		.port = "vdev:net_null0,no-rx=1",
		.flows = 64,
		.frames = 4095,
		.room = 2048,
		.huge = argc == 4 && strcmp(argv[3], "huge") == 0,
	};
	struct watch watch;
	uint32_t count;
	char line[32];

	setup_must(argc >= 3, "bench_pacing sweep|bare COUNT [huge]");
	count = (uint32_t)atoi(argv[2]);
	setup_must(count > 0, "bench_pacing: COUNT is at least 1");
	conf.bindings = sweeps ? count : 64;
	setup_open(&setup, &conf);
	watch = (struct watch){
		.hz = rte_get_tsc_hz(), .tsc = rte_rdtsc(), .cpu_ns = setup_cpu_ns()};
	if (sweeps) {
		configure();
		add(count);
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		struct late late = {0};

		if (sweeps)
			sweep(atof(line), &watch, &late);
		else
			bare(atof(line), count, &watch, &late);
		for (int i = 0; i < FACTS_LATE; i++)
			printf("%lu ", late.all[i]);
		for (int i = 0; i < FACTS_LATE; i++)
			printf("%lu%c", late.own[i], i + 1 < FACTS_LATE ? ' ' : '\n');
		fflush(stdout);
	}
	setup_close(&setup);
	return 0;
}
