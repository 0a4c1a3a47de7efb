/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives that could not leave for a time: made up for, in virtual time. */
#include "tests/component/keepalive_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PERIOD   (30 * SECOND)
#define INTERVAL (SECOND / 2)
#define CLOSED   (5 * SECOND)

static uint64_t last[SEEN_COUNT]; /* message of each before that */
static uint64_t longest;          /* wait between two */

static void on_frame(struct seen *s, uint32_t i)
{
	if (s->now - last[i] > longest)
		longest = s->now - last[i];
	last[i] = s->now;
}

/* All are served, and nobody waits. */
static struct seen *open_served(void)
{
	struct seen *s = seen_open();

	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, i & 1);
	seen_run(s, 47 * SECOND);
	memcpy(last, s->last, sizeof(last));
	longest = 0;
	s->on_frame = on_frame;
	return s;
}

/* After the way was closed that long: who missed a message waits no longer than a period and that
 * time, and two intervals since slots come whole; afterwards one message a period. */
static void assert_made_up(struct seen *s, uint64_t closed)
{
	seen_run(s, 2 * PERIOD);
	assert_in_range(longest, PERIOD, PERIOD + closed + 3 * INTERVAL);
	s->total = 0;
	seen_run(s, PERIOD);
	assert_int_equal(s->total, SEEN_COUNT);
}

static void port_is_back(void **state)
{
	struct seen *s = open_served();
	uint64_t since_ms = s->rig->now_ms;

	s->rig->w->port[0].order = 1;
	s->rig->w->port[0].detour = true;
	s->total = 0;
	seen_run(s, CLOSED);
	assert_int_equal(s->total, 0);
	s->rig->w->port[0].order = 2;
	s->rig->w->port[0].detour = false;
	keepalive_missed(s->rig->keepalive, UINT32_MAX, since_ms);
	assert_made_up(s, CLOSED);
	seen_close(s);
}

/* Routes go and come again, to all; it takes a while to see that. */
static void routes_are_back(void **state)
{
	struct seen *s = open_served();

	s->rig->no_routes = true;
	keepalive_reroute(s->rig->keepalive);
	seen_run(s, CLOSED);
	s->rig->no_routes = false;
	keepalive_reroute(s->rig->keepalive);
	assert_made_up(s, CLOSED + SECOND);
	seen_close(s);
}

/* A few neighbours that were lost for a time are not worth a message to everybody. */
static void few_are_back(void **state)
{
	struct seen *s = open_served();

	keepalive_missed(s->rig->keepalive, SEEN_COUNT / 8 - 1, s->rig->now_ms - 10000);
	s->total = 0;
	seen_run(s, PERIOD);
	assert_int_equal(s->total, SEEN_COUNT);
	keepalive_missed(s->rig->keepalive, SEEN_COUNT / 8, s->rig->now_ms - 10000);
	s->total = 0;
	seen_run(s, PERIOD);
	assert_in_range(s->total, SEEN_COUNT + SEEN_COUNT / 4, SEEN_COUNT + SEEN_COUNT / 2);
	seen_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_is_back),
		cmocka_unit_test(routes_are_back),
		cmocka_unit_test(few_are_back),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
