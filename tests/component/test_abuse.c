/* SPDX-License-Identifier: BSD-3-Clause */
/* A call under attack, through the worker's own code: every port is sprayed, from sources that lie
 * (LA-01, LA-02, LA-06, SE-18). Whatever comes, the streams stay where they were, nothing goes to
 * anybody else, and every buffer comes back (scene_close() counts them). */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Sources of a spray: strangers, our own addresses, the parties' hosts by other ports, and what can
 * be nobody's source. */
static const char *const sources4[] = {"203.0.113.66:4000", "203.0.113.67:5060", "192.0.2.1:20000",
	"192.0.2.2:20000", "10.0.0.11:4001", "10.0.0.12:5001", "127.0.0.1:4000", "224.0.0.1:4000",
	"255.255.255.255:4000", "169.254.0.1:4000"};
static const char *const sources6[] = {"[2001:db8:66::1]:4000", "[2001:db8::1]:20000",
	"[2001:db8::2]:20000", "[2001:db8:1::11]:4001", "[2001:db8:2::12]:5001", "[::1]:4000",
	"[ff02::1]:4000", "[fe80::1]:4000"};

struct world {
	struct scene *s;
	struct addr source[16];
	unsigned int sources;
	uint64_t fed;
};

static void world_open(struct world *w, bool v6)
{
	const char *const *text = v6 ? sources6 : sources4;

	*w = (struct world){
		.s = v6 ? scene_open("[2001:db8:1::11]:4000", "2001:db8::1",
				  "[2001:db8:2::12]:5000", "2001:db8::2")
			: scene_open4(),
		.sources = v6 ? RTE_DIM(sources6) : RTE_DIM(sources4),
	};
	for (unsigned int i = 0; i < w->sources; i++)
		w->source[i] = rig_addr(text[i]);
}

/* What an attacker may try on a port. */
static void payload(struct frame *frame, unsigned int n)
{
	*frame = (struct frame){0};
	switch (n % 5) {
	case 0:
		frame_rtp(frame, 0, (uint16_t)n, SCENE_SSRC, 172);
		break;
	case 1:
		frame_rtcp(frame, SCENE_SSRC);
		break;
	case 2:
		frame_stun(frame);
		break;
	case 3:
		frame_rtp(frame, (uint8_t)(n >> 3), (uint16_t)n, n, (uint16_t)(n % 16));
		break;
	default:
		break; /* empty */
	}
}

/* Every port of a media address, with a source that changes from port to port. */
static void spray(struct world *w, int leg, unsigned int round)
{
	struct scene *s = w->s;

	for (unsigned int port = 0; port <= UINT16_MAX; port++) {
		struct frame frame;

		payload(&frame, port / 2 + round);
		frame.src = w->source[(port / 2 + round) % w->sources];
		frame.dst = s->local[leg];
		frame.dst.port = (uint16_t)port;
		rig_feed(s->rig, &frame);
		w->fed++;
		/* The rings of the kernel's share are emptied, as the pump does. */
		if (port % 128 == 0)
			for (enum punt_class class = 0; class < PUNT_CLASSES; class ++)
				rig_punted(s->rig, class);
	}
	for (enum punt_class class = 0; class < PUNT_CLASSES; class ++)
		rig_punted(s->rig, class);
}

/* Each packet that came is accounted for. */
static void expect_account(const struct world *w, uint64_t relayed)
{
	const struct facts_worker *count = w->s->rig->w->count;
	uint64_t dropped = 0;

	for (unsigned int i = 0; i < FACTS_DROP_MAX; i++)
		dropped += count->drop[i];
	assert_int_equal(dropped + count->punted + relayed, w->fed + relayed);
	assert_int_equal(count->relayed_rtp + count->relayed_rtcp, relayed);
}

static void both_ways(struct scene *s)
{
	for (int leg = 0; leg < 2; leg++) {
		scene_rtp(s, leg);
		scene_expect(s, leg, NULL);
	}
}

/* While the call runs: before, between and after. */
static void running(bool v6)
{
	struct world w;
	const struct facts_quality *quality;

	world_open(&w, v6);
	scene_set_latched(w.s);
	both_ways(w.s);
	for (unsigned int round = 0; round < 2 * w.sources; round++) {
		spray(&w, round & 1, round);
		scene_expect_none(w.s);
		both_ways(w.s);
	}
	rig_pass(w.s->rig, 5000);
	scene_expect_no_event(w.s);
	both_ways(w.s);
	for (int leg = 0; leg < 2; leg++) {
		quality = scene_quality(w.s, leg);
		assert_int_equal(quality->ssrc_changes, 0);
		assert_int_equal(quality->rtcp, 0);
		assert_true(quality->off_source > 0);
		assert_int_equal(scene_count(w.s, leg)->packets, 2 * w.sources + 2);
	}
	expect_account(&w, 2 * (2 * w.sources + 2));
	scene_close(w.s);
}

static void running4(void **state)
{
	running(false);
}

static void running6(void **state)
{
	running(true);
}

/* Before anybody was heard: the parties are learnt all the same, and only they. */
static void starting(bool v6)
{
	struct world w;
	struct frame frame;

	world_open(&w, v6);
	scene_set(w.s, 0);
	scene_set(w.s, 1);
	for (unsigned int round = 0; round < 4; round++)
		spray(&w, round & 1, round);
	scene_expect_none(w.s);
	scene_expect_no_event(w.s);
	for (int leg = 0; leg < 2; leg++) {
		for (int n = 0; n < 5; n++) {
			spray(&w, leg, (unsigned int)n);
			scene_rtp(w.s, leg);
			rig_pass(w.s->rig, 20);
		}
		assert_true(addr_equal(
			&scene_event(w.s, leg, PROTO_FLOW_LEARNT)->addr, &w.s->phone[leg]));
	}
	while (rig_sent(w.s->rig, &frame))
		assert_true(addr_equal(&frame.dst, &w.s->phone[0]) ||
			addr_equal(&frame.dst, &w.s->phone[1]));
	scene_expect_no_event(w.s);
	both_ways(w.s);
	scene_close(w.s);
}

static void starting4(void **state)
{
	starting(false);
}

static void starting6(void **state)
{
	starting(true);
}

/* After its end: nothing remembers the call. */
static void ended(void **state)
{
	struct world w;
	struct proto_handle handle = {.gen = 1};

	world_open(&w, false);
	scene_set_latched(w.s);
	both_ways(w.s);
	for (int leg = 0; leg < 2; leg++) {
		handle.id = w.s->flow[leg].id;
		assert_int_equal(flow_del(w.s->rig->media, 0, &handle), 0);
	}
	spray(&w, 0, 0);
	spray(&w, 1, 1);
	scene_rtp(w.s, 0);
	scene_rtp(w.s, 1);
	scene_expect_none(w.s);
	/* The eight ports of each address. */
	assert_int_equal(scene_drops(w.s, FACTS_DROP_NO_FLOW), 16 + 2);
	scene_close(w.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(running4),
		cmocka_unit_test(running6),
		cmocka_unit_test(starting4),
		cmocka_unit_test(starting6),
		cmocka_unit_test(ended),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
