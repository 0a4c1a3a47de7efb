/* SPDX-License-Identifier: BSD-3-Clause */
/* How far from its moment each message of a smooth sweep leaves: the real worker loop in real time
 * on net_null. The peer is a loop that does nothing but wait for as many moments, evenly spread:
 * what it misses, the machine took away.
 *
 *   bench_pacing sweep|bare COUNT [huge]
 *
 * Says "ready"; for each line on stdin, a number of seconds, runs that long and answers with the
 * histogram of the lateness, see facts_place(). */
#include "dataplane/keepalive/binding.h"
#include "tests/bench/setup.h"

#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD_MS 30000u
#define PAYLOAD   "HELLO"

static struct setup setup;

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

/* What the sweep has noted so far. */
static void sweep(double seconds, uint64_t late[static FACTS_LATE])
{
	setup_run(&setup, seconds);
	memcpy(late, setup.w->count->keepalive_late, sizeof(setup.w->count->keepalive_late));
}

static void bare(double seconds, uint64_t late[static FACTS_LATE], uint32_t count)
{
	const uint64_t hz = rte_get_tsc_hz(), us = hz / 1000000;
	const uint64_t gap = hz * PERIOD_MS / 1000 / count;
	uint64_t now = rte_rdtsc(), end = now + (uint64_t)(seconds * (double)hz);

	for (uint64_t due = now; due < end; due += gap) {
		while (now < due)
			now = rte_rdtsc();
		late[facts_place((now - due) / us, FACTS_LATE)]++;
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
	uint64_t late[FACTS_LATE] = {0};
	uint32_t count;
	char line[32];

	setup_must(argc >= 3, "bench_pacing sweep|bare COUNT [huge]");
	count = (uint32_t)atoi(argv[2]);
	setup_must(count > 0, "bench_pacing: COUNT is at least 1");
	conf.bindings = sweeps ? count : 64;
	setup_open(&setup, &conf);
	if (sweeps) {
		configure();
		add(count);
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sweeps)
			sweep(atof(line), late);
		else
			bare(atof(line), late, count);
		for (int i = 0; i < FACTS_LATE; i++)
			printf("%lu%c", late[i], i + 1 < FACTS_LATE ? ' ' : '\n');
		fflush(stdout);
	}
	setup_close(&setup);
	return 0;
}
