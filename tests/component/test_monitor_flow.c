/* SPDX-License-Identifier: BSD-3-Clause */
/* Monitored flows as the control plane sets them: clocks, destinations, generations, ends (LV-02,
 * LV-03, LV-11). */
#include "dataplane/media/flow.h"
#include "tests/component/tap_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The clock of a flow, from its start, over a pause, to its silence (LV-02, LV-11). */
static void silence_is_told(void **state)
{
	struct tap *t = tap_open4();
	struct frame payload = {0};

	t->flow.flags = PROTO_FLOW_CLOCK | PROTO_FLOW_RTCP_LIFE;
	t->flow.start_ms = 5000;
	t->flow.silence_ms = 3000;
	t->flow.clock_ms = t->rig->now_ms;
	assert_int_equal(tap_set(t), 0);
	rig_pass(t->rig, 4900);
	assert_int_equal(t->rig->flow_events, 0);
	rig_pass(t->rig, 200);
	tap_expect_event(t, PROTO_FLOW_SILENT);
	tap_rtp(t);
	rig_pass(t->rig, 200);
	tap_expect_event(t, PROTO_FLOW_HEARD);
	/* RTCP alone is life as well (LV-03). */
	frame_rtcp(&payload, TAP_SSRC);
	for (int n = 0; n < 10; n++) {
		tap_arrive_to(t, &payload, &t->flow.source, &t->flow.dst_rtcp);
		rig_pass(t->rig, 2000);
	}
	assert_int_equal(t->rig->flow_events, 0);
	rig_pass(t->rig, 1100);
	tap_expect_event(t, PROTO_FLOW_SILENT);
	/* Told again in a sync. */
	assert_int_equal(tap_set(t), 0);
	assert_int_equal(t->rig->flow_events, 0);
	flow_sync_begin(t->rig->media, 0);
	assert_int_equal(tap_set(t), 0);
	tap_expect_event(t, PROTO_FLOW_SILENT);
	/* Held: no clock. */
	t->flow.flags = 0;
	assert_int_equal(tap_set(t), 0);
	rig_pass(t->rig, 60000);
	assert_int_equal(t->rig->flow_events, 0);
	tap_close(t);
}

static struct proto_monitor *another(struct tap *t, uint32_t number)
{
	static struct proto_monitor flow;

	flow = t->flow;
	flow.id = TAP_FIRST + number;
	assert_int_equal(monitor_set(t->rig->media, 0, &flow, t->rig->now_ms), 0);
	return &flow;
}

static void gone(struct tap *t, uint32_t number)
{
	assert_int_equal(
		flow_del(t->rig->media, 0, &(struct proto_handle){TAP_FIRST + number, 1}), 0);
}

static uint32_t packets(const struct tap *t, uint32_t number)
{
	return t->rig->facts.flow[TAP_FIRST + number].count.packets;
}

static void rtp_from(struct tap *t, const char *from)
{
	struct addr src = rig_addr(from);
	struct frame payload = {0};
	uint8_t data[FRAME_MAX];

	frame_rtp(&payload, 0, t->seq++, TAP_SSRC, 172);
	tap_arrive(t, 0, data, tap_frame(&payload, &src, &t->flow.dst, data));
}

static void rtcp_from(struct tap *t, const char *from)
{
	struct addr src = rig_addr(from);
	struct frame payload = {0};
	uint8_t data[FRAME_MAX];

	frame_rtcp(&payload, TAP_SSRC);
	tap_arrive(t, 0, data, tap_frame(&payload, &src, &t->flow.dst_rtcp, data));
}

/* A flow goes where a re-INVITE says, and leaves others in peace. */
static void destinations_move(void **state)
{
	struct tap *t = tap_open4();
	struct addr first = t->flow.dst, second = rig_addr("10.0.0.3:6000");

	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	t->flow.dst = second;
	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	t->flow.dst = first;
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 2);
	/* Free for another. */
	another(t, 5);
	tap_rtp(t);
	assert_int_equal(packets(t, 5), 1);
	assert_int_equal(tap_count(t)->packets, 2);
	gone(t, 5);
	tap_rtp(t);
	assert_int_equal(packets(t, 5), 0);
	/* On hold there is no address. */
	t->flow.dst = (struct addr){0};
	assert_int_equal(tap_set(t), 0);
	t->flow.dst = second;
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 2);
	tap_close(t);
}

/* A packet to a destination that two calls have is the sender's that it fits: by port, else by
 * host; where these do not tell, both live. */
static void destinations_are_shared(const char *src, const char *same, const char *strange,
	const char *other, const char *unknown)
{
	struct tap *t = tap_open(src, src[0] == '[' ? "[2001:db8::2]:5000" : "10.0.0.2:5000");
	const struct facts_quality *quality = tap_quality(t);

	t->flow.source = rig_addr(src);
	assert_int_equal(tap_set(t), 0);
	t->flow.source = rig_addr(same);
	another(t, 5);
	t->flow.source = rig_addr(other);
	another(t, 7);
	for (int n = 0; n < 3; n++)
		rtp_from(t, src);
	rtp_from(t, same);
	assert_int_equal(packets(t, 0), 3);
	assert_int_equal(packets(t, 5), 1);
	rtp_from(t, strange);
	assert_int_equal(packets(t, 0), 4);
	assert_int_equal(packets(t, 5), 2);
	assert_int_equal(packets(t, 7), 0);
	rtp_from(t, other);
	assert_int_equal(packets(t, 7), 1);
	rtcp_from(t, other);
	rtcp_from(t, strange);
	assert_int_equal(quality[0].rtcp, 1);
	assert_int_equal(quality[5].rtcp, 1);
	assert_int_equal(quality[7].rtcp, 1);
	/* A stranger keeps nobody alive. */
	rtp_from(t, unknown);
	assert_int_equal(packets(t, 0) + packets(t, 5) + packets(t, 7), 7);
	assert_int_equal(quality[0].off_source, 1);
	assert_int_equal(quality[7].off_source, 1);
	gone(t, 5);
	gone(t, 7);
	rtp_from(t, strange);
	assert_int_equal(packets(t, 0), 5);
	assert_int_equal(packets(t, 5), 0);
	tap_close(t);
}

static void two_calls_to_one_address(void **state)
{
	destinations_are_shared("10.0.0.1:4000", "10.0.0.1:4100", "10.0.0.1:9", "10.0.0.7:4000",
		"203.0.113.66:4000");
	destinations_are_shared("[2001:db8::1]:4000", "[2001:db8::1]:4100", "[2001:db8::1]:9",
		"[2001:db8::7]:4000", "[2001:db8::66]:4000");
}

/* Both clocks are right, of whichever call the packets are. */
static void two_clocks_of_one_address(void **state)
{
	struct tap *t = tap_open4();

	t->flow.flags = PROTO_FLOW_CLOCK;
	t->flow.start_ms = 5000;
	t->flow.silence_ms = 3000;
	t->flow.clock_ms = t->rig->now_ms;
	t->flow.source = rig_addr("10.0.0.1:4000");
	assert_int_equal(tap_set(t), 0);
	t->flow.source = rig_addr("10.0.0.1:4100");
	another(t, 5);
	t->flow.source = rig_addr("10.0.0.1:4000");
	for (int n = 0; n < 10; n++) {
		rtp_from(t, "10.0.0.1:4000");
		rtp_from(t, "10.0.0.1:4100");
		rig_pass(t->rig, 2000);
	}
	assert_int_equal(t->rig->flow_events, 0);
	for (int n = 0; n < 2; n++) {
		rtp_from(t, "10.0.0.1:4100");
		rig_pass(t->rig, 2000);
	}
	tap_expect_event(t, PROTO_FLOW_SILENT);
	rtp_from(t, "10.0.0.1:4000");
	rig_pass(t->rig, 200);
	tap_expect_event(t, PROTO_FLOW_HEARD);
	gone(t, 5);
	tap_close(t);
}

/* More than eight may not share: who sees nothing is never told silent, not even when it is
 * prolonged, until there is room. */
static void no_silence_of_the_blind(void **state)
{
	struct tap *t = tap_open4();

	t->flow.flags = PROTO_FLOW_CLOCK;
	t->flow.start_ms = 5000;
	t->flow.silence_ms = 3000;
	t->flow.clock_ms = t->rig->now_ms;
	for (uint32_t i = 1; i <= 8; i++)
		another(t, i);
	assert_int_equal(tap_set(t), 0);
	for (int n = 0; n < 10; n++) {
		tap_rtp(t);
		rig_pass(t->rig, 2000);
		if (n >= 5)
			assert_int_equal(tap_set(t), 0);
	}
	assert_int_equal(t->rig->flow_events, 0);
	assert_int_equal(tap_count(t)->packets, 0);
	for (uint32_t i = 1; i <= 8; i++) {
		assert_int_equal(packets(t, i), 10);
		gone(t, i);
	}
	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 1);
	rig_pass(t->rig, 2900);
	assert_int_equal(t->rig->flow_events, 0);
	rig_pass(t->rig, 300);
	tap_expect_event(t, PROTO_FLOW_SILENT);
	tap_close(t);
}

static uint32_t to_nat(struct tap *t, const char *from, const char *to, bool rtcp)
{
	struct addr src = rig_addr(from), dst = rig_addr(to);
	struct frame payload = {0};
	uint8_t data[FRAME_MAX];

	if (rtcp)
		frame_rtcp(&payload, TAP_SSRC);
	else
		frame_rtp(&payload, 0, t->seq++, TAP_SSRC, 172);
	tap_arrive(t, 0, data, tap_frame(&payload, &src, &dst, data));
	return rtcp ? tap_quality(t)->rtcp : tap_count(t)->packets;
}

/* The receiver's SDP names an address behind its NAT, so that its media goes where no description
 * says: it is known by who sends it and by whose NAT it goes to (LA-02, LV-01). */
static void behind_a_nat(const char *const src[3], const char *const nat[2], const char *dst)
{
	struct tap *t = tap_open(src[0], dst);

	t->flow.flags = PROTO_FLOW_CLOCK;
	t->flow.start_ms = t->flow.silence_ms = 5000;
	t->flow.clock_ms = t->rig->now_ms;
	t->flow.source = rig_addr(src[0]);
	assert_int_equal(tap_set(t), 0);
	assert_int_equal(to_nat(t, src[0], nat[0], false), 0);
	t->flow.behind = rig_addr(nat[0]);
	assert_int_equal(tap_set(t), 0);
	for (uint32_t n = 1; n <= 10; n++) {
		assert_int_equal(to_nat(t, src[0], nat[0], false), n);
		rig_pass(t->rig, 2000);
	}
	assert_int_equal(t->rig->flow_events, 0);
	/* Its own SDP's address counts as before, and RTCP from the port above. */
	assert_int_equal(to_nat(t, src[0], dst, false), 11);
	assert_int_equal(to_nat(t, src[1], nat[0], true), 1);
	/* Not from another port of that host, nor to another's NAT, nor RTCP from the RTP port. */
	assert_int_equal(to_nat(t, src[2], nat[0], false), 11);
	assert_int_equal(to_nat(t, src[0], nat[1], false), 11);
	assert_int_equal(to_nat(t, src[0], nat[0], true), 1);
	rig_pass(t->rig, 5100);
	tap_expect_event(t, PROTO_FLOW_SILENT);
	/* It turns out to be nobody's, and ends. */
	t->flow.behind = (struct addr){0};
	assert_int_equal(tap_set(t), 0);
	assert_int_equal(to_nat(t, src[0], nat[0], false), 11);
	t->flow.behind = rig_addr(nat[0]);
	assert_int_equal(tap_set(t), 0);
	assert_int_equal(to_nat(t, src[0], nat[0], false), 12);
	tap_close(t);
}

static void nat_addresses(void **state)
{
	behind_a_nat((const char *const[]){"10.0.0.1:4000", "10.0.0.1:4001", "10.0.0.1:4100"},
		(const char *const[]){"198.51.100.7:31000", "198.51.100.8:31000"},
		"192.168.1.5:5000");
	behind_a_nat((const char *const[]){"[2001:db8::1]:4000", "[2001:db8::1]:4001",
			     "[2001:db8::1]:4100"},
		(const char *const[]){"[2001:db8::7]:31000", "[2001:db8::8]:31000"},
		"[fd00::5]:5000");
}

/* A carrier that sends to two phones of one office: by the address alone both live. */
static void two_behind_one_nat(void **state)
{
	struct tap *t = tap_open4();

	t->flow.source = rig_addr("10.0.0.1:4000");
	t->flow.behind = rig_addr("198.51.100.7");
	assert_int_equal(tap_set(t), 0);
	another(t, 5);
	t->flow.behind = rig_addr("198.51.100.9");
	another(t, 6);
	assert_int_equal(to_nat(t, "10.0.0.1:4000", "198.51.100.7:31000", false), 1);
	assert_int_equal(packets(t, 5), 1);
	assert_int_equal(packets(t, 6), 0);
	assert_int_equal(to_nat(t, "10.0.0.1:4000", "198.51.100.9:31000", false), 1);
	assert_int_equal(packets(t, 6), 1);
	gone(t, 5);
	gone(t, 6);
	assert_int_equal(to_nat(t, "10.0.0.1:4000", "198.51.100.7:31000", false), 2);
	tap_close(t);
}

static void sets_and_ends(void **state)
{
	struct tap *t = tap_open4();
	struct proto_handle old = {TAP_FIRST, 6};
	struct media *m = t->rig->media;

	t->flow.gen = 7;
	t->flow.expires_ms = t->rig->now_ms + 2000;
	assert_int_equal(tap_set(t), 0);
	tap_rtp(t);
	assert_int_equal(flow_del(m, 0, &old), 0);
	assert_int_equal(tap_count(t)->packets, 1);
	t->flow.gen = 6;
	assert_int_equal(tap_set(t), -ESTALE);
	/* The second client's, beyond all, a port slot. */
	assert_int_equal(monitor_set(m, 1, &t->flow, t->rig->now_ms), -ERANGE);
	assert_int_equal(flow_del(m, 1, &old), -ERANGE);
	t->flow.id = TAP_FIRST + RIG_MONITORS;
	assert_int_equal(tap_set(t), -ERANGE);
	t->flow.id = TAP_FIRST - 1;
	assert_int_equal(tap_set(t), -ERANGE);
	t->flow.id = TAP_FIRST + RIG_MONITORS - 1;
	assert_int_equal(tap_set(t), -ERANGE);
	t->flow.id = TAP_FIRST;
	/* A new generation begins at nothing. */
	t->flow.gen = 8;
	assert_int_equal(tap_set(t), 0);
	assert_int_equal(tap_count(t)->packets, 0);
	assert_int_equal(tap_heard(t), 0);
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 1);
	rig_pass(t->rig, 3500);
	tap_expect_event(t, PROTO_FLOW_EXPIRED);
	assert_int_equal(t->rig->facts.head->flows_used, 0);
	assert_int_equal(tap_set(t), -ETIME);
	/* What a sync leaves out goes. */
	t->flow.expires_ms = t->rig->now_ms + 100000;
	assert_int_equal(tap_set(t), 0);
	flow_sync_begin(m, 0);
	assert_int_equal(tap_set(t), 0);
	flow_sync_end(m, 0);
	rig_pass(t->rig, 2000);
	assert_int_equal(t->rig->facts.head->flows_used, 1);
	flow_sync_begin(m, 0);
	flow_sync_end(m, 0);
	rig_pass(t->rig, 2000);
	assert_int_equal(t->rig->facts.head->flows_used, 0);
	tap_rtp(t);
	assert_int_equal(tap_count(t)->packets, 0);
	tap_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_told),
		cmocka_unit_test(destinations_move),
		cmocka_unit_test(two_calls_to_one_address),
		cmocka_unit_test(two_clocks_of_one_address),
		cmocka_unit_test(no_silence_of_the_blind),
		cmocka_unit_test(nat_addresses),
		cmocka_unit_test(two_behind_one_nat),
		cmocka_unit_test(sets_and_ends),
	};

	return cmocka_run_group_tests(tests, tap_eal, rig_eal_end);
}
