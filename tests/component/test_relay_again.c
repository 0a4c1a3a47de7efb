/* SPDX-License-Identifier: BSD-3-Clause */
/* Legs whose source is to be learnt anew, is given back, or was that of a former call (LA-03). */
#include "tests/component/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A new offer/answer moves the leg: stragglers of the old port are ignored for a second, packets to
 * the leg go to its new address at once. */
static void relearn(void **state)
{
	struct scene *s = scene_open4();
	struct addr old = s->phone[0];
	struct frame got;

	scene_learn(s);
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	s->phone[0] = rig_addr("10.0.0.11:4100");
	s->flow[0].remote = s->phone[0];
	s->flow[0].flags = PROTO_FLOW_RELEARN;
	scene_set(s, 0);
	for (int n = 0; n < 10; n++)
		scene_rtp_from(s, 0, &old, SCENE_SSRC);
	scene_expect_none(s);
	scene_rtp(s, 1);
	scene_expect(s, 1, NULL);
	for (int n = 0; n < 3; n++)
		scene_rtp(s, 0);
	scene_expect(s, 0, &got);
	scene_expect_none(s);
	rig_pass(s->rig, 20);
	scene_event(s, 0, PROTO_FLOW_LEARNT);
	scene_rtp_from(s, 0, &old, SCENE_SSRC);
	scene_expect_none(s);
	scene_close(s);
}

/* What was counted for a source before the leg was opened again is not counted on. */
static void relearn_begins_anew(void **state)
{
	struct scene *s = scene_open4();

	scene_set(s, 0);
	scene_set_latched_leg(s, 1);
	scene_rtp(s, 0);
	scene_rtp(s, 0);
	s->flow[0].flags = PROTO_FLOW_RELEARN;
	scene_set(s, 0);
	scene_rtp(s, 0);
	scene_rtp(s, 0);
	scene_expect_none(s);
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	scene_close(s);
}

/* What a worker learnt a moment before the leg was opened again is no news any more. */
static void relearn_crosses(void **state)
{
	struct scene *s = scene_open4();

	scene_set(s, 0);
	scene_set_latched_leg(s, 1);
	for (int n = 0; n < 3; n++)
		scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	s->phone[0] = rig_addr("10.0.0.11:4100");
	s->flow[0].remote = s->phone[0];
	s->flow[0].flags = PROTO_FLOW_RELEARN;
	scene_set(s, 0);
	rig_pass(s->rig, 20);
	scene_expect_no_event(s);
	scene_rtp(s, 1);
	scene_expect(s, 1, NULL);
	scene_close(s);
}

/* A private address in a re-INVITE does not undo what NAT taught: packets to the leg keep their way
 * until the new source is learnt, which may be the old one, after the second. */
static void relearn_behind_nat(void **state)
{
	struct scene *s = scene_open4();

	scene_learn(s);
	s->flow[0].flags = PROTO_FLOW_RELEARN | PROTO_FLOW_SIGNAL;
	s->flow[0].signal = s->phone[0];
	s->flow[0].signal.port = 0;
	s->flow[0].remote = rig_addr("192.168.1.5:4000");
	scene_set(s, 0);
	scene_rtp(s, 1);
	scene_expect(s, 1, NULL);
	for (int n = 0; n < 10; n++)
		scene_rtp(s, 0);
	scene_expect_none(s);
	rig_pass(s->rig, 1020);
	for (int n = 0; n < 5; n++)
		scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	rig_pass(s->rig, 20);
	scene_event(s, 0, PROTO_FLOW_LEARNT);
	scene_close(s);
}

/* Setting a flow again without a word about its source keeps it; after a return of the client it is
 * told what was learnt. */
static void update_keeps(void **state)
{
	struct scene *s = scene_open4();

	scene_learn(s);
	s->flow[0].payload_types[1] = 1;
	scene_set(s, 0);
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	scene_expect_no_event(s);
	flow_sync_begin(s->rig->media, 0);
	scene_set(s, 0);
	assert_true(addr_equal(&scene_event(s, 0, PROTO_FLOW_LEARNT)->addr, &s->phone[0]));
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	scene_close(s);
}

/* Restored: no learning, no event. */
static void restore(void **state)
{
	struct scene *s = scene_open4();

	s->flow[0].remote = rig_addr("192.168.1.5:4000");
	scene_set_latched(s);
	scene_rtp(s, 0);
	scene_expect(s, 0, NULL);
	scene_rtp(s, 1);
	scene_expect(s, 1, NULL);
	rig_pass(s->rig, 40);
	scene_expect_no_event(s);
	scene_close(s);
}

/* A source that was given back, and has another port meanwhile, is known by its SSRC. */
static void restored_and_moved(void **state)
{
	struct scene *s = scene_open4();
	struct addr near = rig_addr("10.0.0.11:4444");

	scene_set_latched(s);
	for (int n = 0; n < 20; n++)
		scene_rtp_from(s, 0, &near, 0xbad);
	rig_pass(s->rig, 1000);
	for (int n = 0; n < 3; n++)
		scene_rtp_from(s, 0, &near, SCENE_SSRC);
	scene_expect_none(s);
	scene_rtp_from(s, 0, &near, SCENE_SSRC);
	scene_expect(s, 0, NULL);
	scene_close(s);
}

/* Of a host alone two packets are wanted, and both after the leg was opened again. */
static void rtcp_begins_anew(void **state)
{
	struct scene *s = scene_open4();
	struct addr near = s->phone[0], local = scene_above(s->local[1]),
		    dst = scene_above(s->phone[1]);

	near.port = 61234;
	scene_set(s, 0);
	scene_set(s, 1);
	scene_report(s, 0, &near, 1, 7);
	s->flow[0].flags = PROTO_FLOW_RELEARN;
	scene_set(s, 0);
	scene_report(s, 0, &near, 1, 7);
	scene_expect_none(s);
	scene_report(s, 0, &near, 1, 7);
	scene_expect_report(s, &local, &dst);
	scene_close(s);
}

/* A source that is given back is the only one from the first packet on, whatever the SDP says. */
static void rtcp_restored(void **state)
{
	static const char *const place[][6] = {
		{"10.0.0.11:4000", "192.0.2.1", "10.0.0.12:5000", "192.0.2.2", "10.0.0.31:7",
			"10.0.0.41:7"},
		{"[2001:db8:1::11]:4000", "2001:db8::1", "[2001:db8:2::12]:5000", "2001:db8::2",
			"[2001:db8:1::31]:7", "[2001:db8:1::41]:7"},
	};

	for (unsigned int i = 0; i < RTE_DIM(place); i++) {
		const char *const *p = place[i];
		struct scene *s = scene_open(p[0], p[1], p[2], p[3]);
		struct addr known = rig_addr(p[4]), other = rig_addr(p[5]);
		struct addr local = scene_above(s->local[1]), dst = scene_above(s->phone[1]);

		s->flow[0].latched_rtcp = known;
		scene_set_latched(s);
		/* The SDP's, and one that differs from the known one in its host alone. */
		s->phone[0].port++;
		scene_report(s, 0, &s->phone[0], 1, 7);
		scene_report(s, 0, &other, 1, 7);
		scene_expect_none(s);
		scene_report(s, 0, &known, 1, 7);
		scene_expect_report(s, &local, &dst);
		scene_close(s);
	}
}

/* What a former call of the port heard is not the next one's life. */
static void rtcp_of_former_call(void **state)
{
	struct scene *s = scene_open4();
	const uint32_t *heard = &s->rig->facts.flow_rtcp[s->flow[0].id];
	struct addr source = scene_above(s->phone[0]);
	struct proto_handle old = {.id = s->flow[0].id, .gen = 1};
	struct frame got;

	scene_set(s, 0);
	scene_set(s, 1);
	scene_report(s, 0, &source, 1, 7);
	assert_true(rig_sent(s->rig, &got));
	assert_int_not_equal(*heard, 0);
	flow_del(s->rig->media, 0, &old);
	s->flow[0].gen = s->flow[1].peer_gen = 2;
	scene_set(s, 0);
	assert_int_equal(*heard, 0);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relearn),
		cmocka_unit_test(relearn_begins_anew),
		cmocka_unit_test(relearn_crosses),
		cmocka_unit_test(relearn_behind_nat),
		cmocka_unit_test(update_keeps),
		cmocka_unit_test(restore),
		cmocka_unit_test(restored_and_moved),
		cmocka_unit_test(rtcp_begins_anew),
		cmocka_unit_test(rtcp_restored),
		cmocka_unit_test(rtcp_of_former_call),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
