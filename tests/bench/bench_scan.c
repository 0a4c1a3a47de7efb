/* SPDX-License-Identifier: BSD-3-Clause */
/* How long the silence scan takes for N flows of which none is due: the scan as it is, over the
 * data plane's own array; and what the memory allows: a compare that does nothing else.
 *
 *   bench_scan scan|stream FLOWS [huge]
 *
 * See setup_rounds(); what is counted are flows. */
#include "dataplane/media/context.h"
#include "tests/bench/setup.h"

#include <stdlib.h>
#include <string.h>

#define LATER_TICKS 360000 /* an hour */

static struct setup setup;

/* Flows without all that packets need: the scan does not look at it. */
static void prepare(uint32_t flows)
{
	struct media *m = setup.media;

	m->claims.used = flows;
	for (uint32_t i = 0; i < flows; i++)
		m->due[i] = clock_tick(setup.now_ms) + LATER_TICKS + i % LATER_TICKS;
}

/* Whole portions, each as a tick of the main thread makes it. */
static uint64_t scan(double seconds)
{
	uint64_t end = setup_cpu_ns() + (uint64_t)(seconds * 1e9);
	uint64_t portions = 0;

	do {
		silence_scan(setup.media, setup.now_ms);
		portions++;
	} while (setup_cpu_ns() < end);
	return portions * setup.media->claims.used / SILENCE_PARTS;
}

static bool stream_once(const uint32_t *due, uint32_t flows, uint32_t now)
{
	uint32_t any = 0;

	for (uint32_t i = 0; i < flows; i++)
		any |= (uint32_t)((int32_t)(now - due[i]) >= 0);
	return any;
}

static uint64_t stream(double seconds)
{
	const struct media *m = setup.media;
	uint64_t end = setup_cpu_ns() + (uint64_t)(seconds * 1e9);
	uint64_t flows = 0;

	do {
		setup_must(!stream_once(m->due, m->claims.used, clock_tick(setup.now_ms)),
			"a flow is due");
		flows += m->claims.used;
	} while (setup_cpu_ns() < end);
	return flows;
}

int main(int argc, char **argv)
{
	struct setup_conf conf = {
		.port = "vdev:net_null0,no-rx=1",
		.bindings = 64,
		.frames = 4095,
		.room = 2048,
	};

	setup_must(argc >= 3, "bench_scan scan|stream FLOWS [huge]");
	conf.flows = (uint32_t)atoi(argv[2]);
	conf.huge = argc == 4 && strcmp(argv[3], "huge") == 0;
	setup_open(&setup, &conf);
	prepare(conf.flows);
	setup_rounds(strcmp(argv[1], "scan") == 0 ? scan : stream);
	setup_close(&setup);
	return 0;
}
