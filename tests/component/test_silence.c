/* SPDX-License-Identifier: BSD-3-Clause */
/* The media clock of a leg: LV-01 to LV-05, LV-11. */
#include "dataplane/media/flow.h"
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct scene *scene_open_clock(uint32_t flags, uint32_t start_ms, uint32_t silence_ms)
{
	struct scene *s = scene_open4();

	s->flow[0].flags = flags;
	s->flow[0].start_ms = start_ms;
	s->flow[0].silence_ms = silence_ms;
	s->flow[0].clock_ms = s->rig->now_ms;
	scene_set_latched(s);
	return s;
}

/* Passes until the next event; returns how long that took. */
static uint64_t until(struct scene *s, uint32_t kind)
{
	uint64_t began = s->rig->now_ms;

	while (s->rig->flow_events == 0 && s->rig->now_ms - began < 100000)
		rig_pass(s->rig, 20);
	scene_event(s, 0, kind);
	return s->rig->now_ms - began;
}

static void quiet(struct scene *s, uint64_t ms)
{
	rig_pass(s->rig, ms);
	scene_expect_no_event(s);
}

static void never_heard(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 10000, 3000);

	assert_in_range(until(s, PROTO_FLOW_SILENT), 10000, 10100);
	/* Once is enough. */
	quiet(s, 60000);
	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_HEARD), 0, 200);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 2700, 3100);
	scene_close(s);
}

static void goes_silent(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 10000, 3000);

	for (int n = 0; n < 500; n++) {
		scene_rtp(s, 0);
		/* The other leg's life is its own. */
		scene_rtp(s, 1);
		quiet(s, 40);
	}
	assert_in_range(until(s, PROTO_FLOW_SILENT), 2900, 3100);
	scene_close(s);
}

/* One packet, long before the start is over: from then on the silence counts. */
static void heard_once(void **state)
{
	for (uint32_t start = 0; start <= 60000; start += 20000) {
		struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, start, 3000);

		quiet(s, 1500);
		scene_rtp(s, 0);
		assert_in_range(until(s, PROTO_FLOW_SILENT), 2900, 3100);
		scene_close(s);
	}
}

/* A stream that stutters back to life is told once; what follows is neither silence nor news,
 * however near to silence its gaps come. */
static void stutters(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 10000, 3000);

	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 2900, 3100);
	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_HEARD), 0, 200);
	for (uint64_t gap = 40; gap < 2900; gap += 220) {
		scene_rtp(s, 0);
		quiet(s, gap);
	}
	/* At the end of its patience it needs the whole time again. */
	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 2900, 3100);
	scene_close(s);
}

/* Packets of a stranger or of no negotiated type do not stop the clock. */
static void junk_is_no_life(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 3000, 3000);
	struct addr other = rig_addr("203.0.113.66:4000");
	struct frame frame = {0};

	for (int n = 0; n < 140; n++) {
		scene_rtp_from(s, 0, &other, SCENE_SSRC);
		frame_rtp(&frame, 96, (uint16_t)n, SCENE_SSRC, 172);
		scene_feed(s, 0, &s->phone[0], 0, &frame);
		quiet(s, 20);
	}
	assert_in_range(until(s, PROTO_FLOW_SILENT), 100, 300);
	scene_close(s);
}

/* Held legs have no clock; resumed ones start afresh (LV-02). */
static void hold_and_resume(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 3000, 3000);

	scene_rtp(s, 0);
	quiet(s, 2000);
	s->flow[0].flags = 0;
	scene_set(s, 0);
	quiet(s, 60000);
	s->flow[0].flags = PROTO_FLOW_CLOCK;
	s->flow[0].clock_ms = s->rig->now_ms;
	scene_set(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 3000, 3100);
	/* A clock that starts anew forgets that it had run out. */
	s->flow[0].clock_ms = s->rig->now_ms;
	scene_set(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 3000, 3100);
	scene_close(s);
}

/* The clock may start in the future: nothing before. */
static void starts_later(void **state)
{
	struct scene *s = scene_open4();

	s->flow[0].flags = PROTO_FLOW_CLOCK;
	s->flow[0].start_ms = 1000;
	s->flow[0].clock_ms = s->rig->now_ms + 20000;
	scene_set_latched(s);
	quiet(s, 20900);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 40, 200);
	scene_close(s);
}

static void switched_off(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 0, 3000);

	quiet(s, 60000);
	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 2900, 3200);
	scene_close(s);
	s = scene_open_clock(PROTO_FLOW_CLOCK, 3000, 0);
	scene_rtp(s, 0);
	quiet(s, 60000);
	scene_close(s);
}

/* RTCP is life only where the control plane says so (LV-03). */
static void rtcp(void **state)
{
	for (int counts = 0; counts < 2; counts++) {
		struct scene *s = scene_open_clock(
			PROTO_FLOW_CLOCK | (counts ? PROTO_FLOW_RTCP_LIFE : 0), 3000, 3000);
		struct addr source = s->phone[0];
		struct frame frame = {0};

		source.port++;
		for (int n = 0; n < 10; n++) {
			frame_rtcp(&frame, SCENE_SSRC);
			scene_feed(s, 0, &source, 1, &frame);
			rig_pass(s->rig, 1000);
			while (s->rig->flow_events &&
				s->rig->event[0].flow.kind == PROTO_FLOW_LEARNT_RTCP)
				scene_event(s, 0, PROTO_FLOW_LEARNT_RTCP);
		}
		if (!counts)
			scene_event(s, 0, PROTO_FLOW_SILENT);
		scene_expect_no_event(s);
		scene_close(s);
	}
}

/* A client that missed events is told again who is silent, and of nobody else. */
static void told_again(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 10000, 3000);

	assert_in_range(until(s, PROTO_FLOW_SILENT), 10000, 10100);
	for (int leg = 0; leg < 2; leg++)
		s->flow[leg].expires_ms = s->rig->now_ms + 3600000;
	scene_set(s, 0);
	scene_expect_no_event(s);
	flow_sync_begin(s->rig->media, 0);
	scene_set(s, 0);
	scene_event(s, 0, PROTO_FLOW_LEARNT);
	scene_event(s, 0, PROTO_FLOW_SILENT);
	scene_expect_no_event(s);
	scene_set(s, 1);
	scene_event(s, 1, PROTO_FLOW_LEARNT);
	scene_expect_no_event(s);
	flow_sync_end(s->rig->media, 0);
	/* A clock that starts anew has nothing to tell. */
	flow_sync_begin(s->rig->media, 0);
	s->flow[0].clock_ms = s->rig->now_ms;
	scene_set(s, 0);
	scene_event(s, 0, PROTO_FLOW_LEARNT);
	scene_expect_no_event(s);
	scene_close(s);
}

/* The process, or the machine, slept for a minute: the packets that waited for it come before
 * anybody is judged by that minute. */
static void deaf_for_a_minute(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK, 10000, 3000);

	scene_rtp(s, 0);
	quiet(s, 1000);
	s->rig->now_ms += 60000;
	quiet(s, 500);
	scene_rtp(s, 0);
	quiet(s, 2800);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 100, 300);
	/* Who is silent after that as well is told soon. */
	scene_rtp(s, 0);
	until(s, PROTO_FLOW_HEARD);
	s->rig->now_ms += 60000;
	assert_in_range(until(s, PROTO_FLOW_SILENT), 900, 1100);
	scene_close(s);
}

/* A call of a year: what was heard once does not come back as news after 248 days. */
static void heard_months_ago(void **state)
{
	struct scene *s = scene_open_clock(PROTO_FLOW_CLOCK | PROTO_FLOW_RTCP_LIFE, 10000, 3000);
	struct addr source = s->phone[0];
	struct frame frame = {0};

	source.port++;
	frame_rtcp(&frame, SCENE_SSRC);
	scene_feed(s, 0, &source, 1, &frame);
	rig_pass(s->rig, 20);
	scene_event(s, 0, PROTO_FLOW_LEARNT_RTCP);
	for (int day = 0; day < 400; day++) {
		s->rig->now_ms += 86400000;
		s->flow[0].expires_ms = s->flow[1].expires_ms = s->rig->now_ms + 2 * 86400000ull;
		scene_set(s, 0);
		scene_set(s, 1);
		quiet(s, 20);
		scene_rtp(s, 0);
		/* The walk comes by each flow. */
		quiet(s, 1100);
		scene_rtp(s, 0);
		quiet(s, 20);
	}
	assert_in_range(until(s, PROTO_FLOW_SILENT), 2700, 3100);
	scene_close(s);
}

/* Ticks wrap after 497 days, in the middle of a call. */
static void tick_wrap(void **state)
{
	struct scene *s = scene_open4();

	s->rig->now_ms = (1ull << 32) * CLOCK_TICK_MS - 2000;
	rig_pass(s->rig, 20);
	s->flow[0].flags = PROTO_FLOW_CLOCK;
	s->flow[0].start_ms = s->flow[0].silence_ms = 5000;
	s->flow[0].clock_ms = s->rig->now_ms;
	for (int leg = 0; leg < 2; leg++)
		s->flow[leg].expires_ms = s->rig->now_ms + 100000;
	scene_set_latched(s);
	scene_rtp(s, 0);
	assert_in_range(until(s, PROTO_FLOW_SILENT), 4900, 5100);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_heard),
		cmocka_unit_test(goes_silent),
		cmocka_unit_test(heard_once),
		cmocka_unit_test(stutters),
		cmocka_unit_test(junk_is_no_life),
		cmocka_unit_test(hold_and_resume),
		cmocka_unit_test(starts_later),
		cmocka_unit_test(switched_off),
		cmocka_unit_test(rtcp),
		cmocka_unit_test(told_again),
		cmocka_unit_test(deaf_for_a_minute),
		cmocka_unit_test(heard_months_ago),
		cmocka_unit_test(tick_wrap),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
