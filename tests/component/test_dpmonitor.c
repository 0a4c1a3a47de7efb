/* SPDX-License-Identifier: BSD-3-Clause */
/* Monitored flows from the control plane's client to a linewatch-dp process and back: set before it
 * is there, told of silence, told again after it was killed. */
#include "controlplane/media/dpcapture.h"
#include "controlplane/media/dpclient.h"
#include "shared/clock.h"
#include "tests/component/dp_scene.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MONITORS 8 /* of the data plane; the client would take more */
#define FLOW     5

static const char lines[] = "  monitor: mirror\n"
			    "  monitor_ports: [\"vdev:net_null0,no-rx=1\"]\n"
			    "  monitors: 8\n"
			    "  memory: 128\n"
			    "  bindings: 100\n"
			    "  flows: 64\n";

static struct world {
	struct dp dp;
	uv_loop_t loop;
	struct dpclient *c;
	unsigned int ups, restarts, events;
	uint64_t boot_id;
	uint32_t number;
	struct proto_flow_event event;
	unsigned int ends; /* of captures, */
	uint32_t why;      /* and the last one's reason */
} w;

static void on_up(void *arg)
{
	struct dpclient_status status;

	w.ups++;
	dpclient_status(w.c, &status);
	w.restarts += status.boot_id != w.boot_id;
	w.boot_id = status.boot_id;
}

static void on_monitor(void *arg, uint32_t number, const struct proto_flow_event *event)
{
	w.events++;
	w.number = number;
	w.event = *event;
}

static void on_frame(void *arg, const struct proto_frame *frame)
{
}

static void on_end(void *arg, uint32_t why, const char *words, uint64_t lost)
{
	w.ends++;
	w.why = why;
}

static void turn(void)
{
	uv_run(&w.loop, UV_RUN_NOWAIT);
	poll(NULL, 0, 1);
}

#define UNTIL(condition)                                         \
	do {                                                     \
		uint64_t end_ = clock_boot_ms() + DP_WAIT_MS;    \
		while (!(condition)) {                           \
			turn();                                  \
			if (clock_boot_ms() > end_)              \
				fail_msg("waited: " #condition); \
		}                                                \
	} while (0)

static struct dpclient_status status(void)
{
	struct dpclient_status s;

	dpclient_status(w.c, &s);
	return s;
}

/* Flows that the data plane holds. */
static uint32_t held(void)
{
	struct facts_head head;

	return dpclient_totals(w.c, NULL, &head) == 0 ? head.flows_used : UINT32_MAX;
}

static int setup(void **state)
{
	struct dpclient_conf conf = {
		.incarnation = 1,
		.port_min = 20000,
		.port_max = 20001,
		.monitors_max = MONITORS + 4,
		.retry_max_ms = 100,
		.classes = {{.payload_kind = PROTO_PAYLOAD_ZERO,
			.period_ms = 30000,
			.send_interval_ms = 500,
			.send_least = 1}},
		.class_count = 1,
		.events = {.up = on_up, .monitor = on_monitor},
	};

	w = (struct world){0};
	dp_make(&w.dp);
	uv_loop_init(&w.loop);
	conf.socket = w.dp.socket;
	assert_int_equal(dpclient_open(&w.c, &w.loop, &conf), 0);
	dpclient_start(w.c);
	return 0;
}

static int teardown(void **state)
{
	dpclient_close(w.c);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	if (w.dp.pid > 0)
		dp_stop(&w.dp, SIGTERM);
	dp_remove(&w.dp);
	return 0;
}

static struct proto_monitor flow(uint32_t gen)
{
	struct proto_monitor m = {
		.gen = gen,
		.flags = PROTO_FLOW_CLOCK,
		.start_ms = 1000,
		.silence_ms = 1000,
		.clock_ms = clock_boot_ms(),
		.expires_ms = clock_boot_ms() + 3600000,
	};

	assert_int_equal(addr_parse(&m.dst, "192.0.2.1:4000", 0), 0);
	return m;
}

static void what_is_set_is_held(void **state)
{
	struct dpclient_flow_facts facts;
	struct proto_monitor m = flow(3);

	assert_int_equal(dpclient_monitor_set(w.c, MONITORS + 4, &m), -EINVAL);
	m.expires_ms = 0;
	assert_int_equal(dpclient_monitor_set(w.c, FLOW, &m), -EINVAL);
	m = flow(3);
	assert_int_equal(dpclient_monitor_set(w.c, FLOW, &m), 0);
	assert_int_equal(dpclient_monitor_facts(w.c, FLOW, 1, &facts), -ENOENT);
	/* One that the data plane has no room for. */
	m.dst.port++;
	assert_int_equal(dpclient_monitor_set(w.c, MONITORS + 1, &m), 0);
	dp_start(&w.dp, lines);
	UNTIL(w.ups == 1 && held() == 1);
	assert_int_equal(w.restarts, 1);
	assert_int_equal(status().monitors, 2);
	assert_int_equal(status().unplaced, 1);
	assert_int_equal(status().pending, 0);
	assert_int_equal(dpclient_monitor_facts(w.c, FLOW, clock_boot_ms(), &facts), 0);
	assert_int_equal(facts.packets, 0);
	assert_int_equal(dpclient_monitor_facts(w.c, MONITORS + 1, 1, &facts), -ENOENT);
	/* Another generation is not meant. */
	dpclient_monitor_del(w.c, FLOW, 2);
	assert_non_null(dpclient_monitor_get(w.c, FLOW));
	dpclient_monitor_del(w.c, FLOW, 3);
	dpclient_monitor_del(w.c, MONITORS + 1, 3);
	assert_null(dpclient_monitor_get(w.c, FLOW));
	UNTIL(held() == 0);
	assert_int_equal(status().monitors, 0);
	assert_int_equal(status().refused, 0);
}

static void silence_reaches_its_flow(void **state)
{
	struct proto_monitor m = flow(3);

	assert_int_equal(dpclient_monitor_set(w.c, FLOW, &m), 0);
	dp_start(&w.dp, lines);
	UNTIL(w.events == 1);
	assert_int_equal(w.number, FLOW);
	assert_int_equal(w.event.kind, PROTO_FLOW_SILENT);
	assert_int_equal(w.event.gen, 3);
	m = flow(4);
	m.flags = 0;
	m.expires_ms = clock_boot_ms() + 500;
	assert_int_equal(dpclient_monitor_set(w.c, FLOW, &m), 0);
	UNTIL(w.events == 2);
	assert_int_equal(w.event.kind, PROTO_FLOW_EXPIRED);
	assert_null(dpclient_monitor_get(w.c, FLOW));
	assert_int_equal(held(), 0);
}

/* A killed data plane is told everything again, with clocks that begin then. */
static void a_new_one_is_told_again(void **state)
{
	struct proto_monitor m = flow(3);
	uint64_t killed;

	m.flags = PROTO_FLOW_CLOCK;
	m.start_ms = 60000;
	assert_int_equal(dpclient_monitor_set(w.c, FLOW, &m), 0);
	dp_start(&w.dp, lines);
	UNTIL(w.ups == 1 && held() == 1);
	dp_stop(&w.dp, SIGKILL);
	killed = clock_boot_ms();
	dp_start(&w.dp, lines);
	UNTIL(w.ups == 2 && held() == 1);
	assert_int_equal(w.restarts, 2);
	assert_true(dpclient_monitor_get(w.c, FLOW)->clock_ms >= killed);
}

static uint32_t capture(uint32_t number, uint64_t ms)
{
	const struct dpcapture_conf conf = {
		.kind = PROTO_CAPTURE_FLOW,
		.monitor = number + 1,
		.packets_max = 10,
		.until_ms = clock_boot_ms() + ms,
		.frame = on_frame,
		.end = on_end,
	};
	const char *why;

	return dpcapture_start(w.c, &conf, &why);
}

/* A capture is of that flow and no other: it ends by its time while the flow is there, and else
 * with the flow. */
static void capture_is_of_its_flow(void **state)
{
	struct proto_monitor m = flow(3);
	uint32_t last = MONITORS - 1;

	m.flags = 0;
	assert_int_equal(dpclient_monitor_set(w.c, 0, &m), 0);
	assert_int_equal(dpclient_monitor_set(w.c, last, &m), 0);
	assert_int_equal(dpclient_monitor_set(w.c, MONITORS, &m), 0);
	dp_start(&w.dp, lines);
	UNTIL(w.ups == 1 && held() == 2);
	assert_int_equal(capture(MONITORS, 60000), 0);
	assert_int_equal(capture(1, 60000), 0);
	assert_int_not_equal(capture(0, 200), 0);
	UNTIL(w.ends == 1);
	assert_int_equal(w.why, PROTO_CAPTURE_TIME);
	assert_int_not_equal(capture(last, 60000), 0);
	dpclient_monitor_del(w.c, 0, 3);
	UNTIL(held() == 1);
	assert_int_equal(w.ends, 1);
	dpclient_monitor_del(w.c, last, 3);
	UNTIL(w.ends == 2);
	assert_int_equal(w.why, PROTO_CAPTURE_GONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_set_is_held),
		TEST(silence_reaches_its_flow),
		TEST(a_new_one_is_told_again),
		TEST(capture_is_of_its_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
