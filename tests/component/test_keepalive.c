/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives from the control plane's order to the frame on a net_ring port, in virtual time. */
#include "tests/component/keepalive_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Each of N devices gets its message once a period, at the same moment of it. */
static void everyone_in_time(void **state)
{
	struct seen *s = seen_open();
	uint64_t before[SEEN_COUNT];

	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, false);
	seen_run(s, 31 * SECOND);
	memcpy(before, s->last, sizeof(before));
	seen_run(s, 90 * SECOND);
	for (uint32_t i = 0; i < SEEN_COUNT; i++) {
		assert_in_range(s->messages[i], 4, 5);
		assert_int_equal((s->last[i] - before[i]) % (30 * SECOND), 0);
	}
	assert_int_equal(s->rig->w->count->keepalives, s->total);
	assert_int_equal(s->rig->w->count->tx, s->total);
	/* About 10 of them each half second. */
	for (int i = 0; i < 60; i++) {
		s->total = 0;
		seen_run(s, SECOND / 2);
		assert_in_range(s->total, 6, 14);
	}
	seen_close(s);
}

/* Each message has its place in the histogram of lateness: the first, but after a stall. */
static void lateness(void **state)
{
	struct seen *s = seen_open();
	const struct facts_worker *count = s->rig->w->count;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, false);
	/* Until a batch has gone. */
	seen_run(s, 35 * SECOND - s->now % (SECOND / 2));
	assert_int_equal(count->keepalive_late[0], s->total);
	assert_int_equal(count->keepalive_late_max_us, 0);
	/* A batch comes 950 ms late, the next at twice the pace, 700 ms late, then 450. */
	s->now += SECOND * 145 / 100;
	seen_run(s, 5 * SECOND);
	for (int i = 0; i < FACTS_LATE; i++)
		sum += count->keepalive_late[i];
	assert_int_equal(sum, s->total);
	assert_in_range(count->keepalive_late[19], 14, 26);
	assert_in_range(count->keepalive_late[18], 6, 14);
	assert_in_range(count->keepalive_late_max_us, 940000, 960000);
	seen_close(s);
}

static void both_families(void **state)
{
	struct seen *s = seen_open();

	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, i % 3 == 0);
	seen_run(s, 31 * SECOND);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		assert_in_range(s->messages[i], 1, 2);
	/* One becomes the other. */
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 2, i % 3 != 0);
	s->total = 0;
	seen_run(s, 30 * SECOND);
	assert_int_equal(s->total, SEEN_COUNT);
	seen_close(s);
}

/* A new message and a new period hold for bindings in place; an empty one stops them. */
static void new_parameters(void **state)
{
	struct seen *s = seen_open();
	char big[PROTO_PAYLOAD_MAX + 1];

	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, false);
	seen_run(s, 35 * SECOND);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	seen_configure(s, big, 10000, 500, 0);
	s->total = 0;
	/* Some get one more in the first period, since they have another place in it. */
	seen_run(s, 10 * SECOND);
	assert_in_range(s->total, 0, 2 * SEEN_COUNT);
	seen_run(s, SECOND / 2);
	assert_in_range(s->total, SEEN_COUNT, 3 * SEEN_COUNT);
	seen_run(s, 10 * SECOND);
	s->total = 0;
	seen_run(s, 10 * SECOND);
	assert_in_range(s->total, SEEN_COUNT - SEEN_COUNT / 8, SEEN_COUNT + SEEN_COUNT / 8);
	seen_configure(s, "", 10000, 500, 0);
	s->total = 0;
	seen_run(s, 30 * SECOND);
	assert_int_equal(s->total, 0);
	seen_configure(s, "again", 10000, 500, 0);
	seen_run(s, 10 * SECOND);
	assert_in_range(s->total, SEEN_COUNT - SEEN_COUNT / 8, SEEN_COUNT + SEEN_COUNT / 8);
	seen_close(s);
}

/* A fixed batch that is too small is told with the number that would do. */
static void fixed_batch(void **state)
{
	struct seen *s = seen_open();
	const struct facts_head *head = s->rig->facts.head;

	seen_configure(s, SEEN_HELLO, 30000, 500, 4);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, false);
	seen_run(s, 60 * SECOND);
	assert_in_range(s->total, 119 * 4, 121 * 4);
	assert_int_equal(head->keepalive_needed, 10);
	assert_in_range(head->keepalive_short, 118, 122);
	seen_configure(s, SEEN_HELLO, 30000, 500, head->keepalive_needed);
	seen_run(s, 60 * SECOND);
	assert_int_equal(head->keepalive_needed, 0);
	s->total = 0;
	seen_run(s, 30 * SECOND);
	assert_int_equal(s->total, SEEN_COUNT);
	seen_close(s);
}

/* KA-01: each leaves from the socket that its binding names, of either family. */
static void source_sockets(void **state)
{
	struct seen *s = seen_open();
	struct rig *rig = s->rig;
	struct frame got;
	uint32_t from[4] = {0};

	for (uint32_t i = 0; i < SEEN_COUNT; i++) {
		bool v6 = i % 8 >= 4;
		struct proto_binding binding = {
			.id = i,
			.gen = 1,
			.dst = seen_device(i, v6),
			.local = rig_addr(v6 ? "[2001:db8::10]:5060" : "192.0.2.10:5060"),
			.expires_ms = rig->now_ms + 3600000,
		};

		binding.local.port = (uint16_t)(5060 + i % 4);
		assert_int_equal(binding_set(rig->keepalive, 0, &binding, rig->now_ms), 0);
	}
	while (mailbox_run(&rig->w->mailbox, rig->w))
		;
	for (uint64_t end = s->now + 31 * SECOND; s->now < end; s->now += SECOND / 100) {
		keepalive_turn(rig->w, s->now);
		while (rig_sent(rig, &got)) {
			uint32_t i = (uint32_t)(got.dst.port - 10000);

			assert_int_equal(got.src.port, 5060 + i % 4);
			assert_int_equal(got.src.family, got.dst.family);
			from[i % 4]++;
		}
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(from[i], SEEN_COUNT / 4, SEEN_COUNT / 2);
	seen_close(s);
}

/* Expired, deleted and swept bindings are silent; an old generation deletes nothing. */
static void ends(void **state)
{
	struct seen *s = seen_open();
	struct rig *rig = s->rig;
	struct proto_binding binding = {
		.gen = 2,
		.dst = seen_device(0, false),
		.local = rig_addr("192.0.2.10:5060"),
		.expires_ms = rig->now_ms + 40000,
	};

	for (uint32_t i = 0; i < 100; i++)
		seen_order(s, i, 2, false);
	assert_int_equal(binding_set(rig->keepalive, 0, &binding, rig->now_ms), 0);
	assert_int_equal(binding_set(rig->keepalive, 1, &binding, rig->now_ms), -EPERM);
	assert_int_equal(binding_del(rig->keepalive, 0, &(struct proto_handle){1, 1}), 0);
	assert_int_equal(binding_del(rig->keepalive, 0, &(struct proto_handle){2, 2}), 0);
	seen_run(s, 30 * SECOND + SECOND / 2);
	assert_in_range(s->messages[0], 1, 2);
	assert_in_range(s->messages[1], 1, 2);
	assert_int_equal(s->messages[2], 0);
	assert_in_range(s->messages[99], 1, 2);
	seen_run(s, 30 * SECOND);
	assert_int_equal(rig->binding_events, 1);
	assert_int_equal(rig->binding_event[0].id, 0);
	assert_int_equal(rig->binding_event[0].kind, PROTO_BINDING_EXPIRED);
	binding_sync_begin(rig->keepalive, 0, 0);
	for (uint32_t i = 50; i < 100; i++)
		seen_order(s, i, 2, false);
	rig_pass(rig, 3000);
	assert_int_equal(rig->facts.head->bindings_used, 98);
	binding_sync_end(rig->keepalive, 0);
	rig_pass(rig, 1100);
	assert_int_equal(rig->facts.head->bindings_used, 50);
	s->total = 0;
	seen_run(s, 30 * SECOND);
	assert_int_equal(s->total, 50);
	binding.expires_ms = rig->now_ms;
	assert_int_equal(binding_set(rig->keepalive, 0, &binding, rig->now_ms), -ETIME);
	binding.id = SEEN_COUNT;
	assert_int_equal(binding_set(rig->keepalive, 0, &binding, rig->now_ms), -EINVAL);
	seen_close(s);
}

/* A next hop that goes away and another that comes. */
static void routes(void **state)
{
	struct seen *s = seen_open();
	struct rig *rig = s->rig;

	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, false);
	seen_run(s, 1 * SECOND);
	rig->nexthops[1].flags = 0;
	s->total = 0;
	seen_run(s, 30 * SECOND);
	assert_in_range(s->total, SEEN_COUNT / 2 - 20, SEEN_COUNT / 2 + 20);
	assert_in_range(
		rig->w->count->drop[FACTS_DROP_NEXT_HOP], SEEN_COUNT / 2 - 20, SEEN_COUNT / 2 + 20);
	rig->route_shift = 2;
	keepalive_reroute(rig->keepalive);
	rig_pass(rig, 1100);
	memcpy(rig->nexthops[3].dst, rig_gateway[0], 6);
	memcpy(rig->nexthops[4].dst, rig_gateway[1], 6);
	s->total = 0;
	seen_run(s, 30 * SECOND);
	assert_int_equal(s->total, SEEN_COUNT);
	assert_int_equal(rig->routes, SEEN_COUNT);
	seen_close(s);
}

/* A port that takes nothing more: the batch waits, and nobody is left out. */
static void full_ring(void **state)
{
	struct seen *s = seen_open();
	uint64_t next = 0;
	int turns = 0;

	seen_configure(s, SEEN_HELLO, 10000, 10000, 0);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, false);
	while (mailbox_run(&s->rig->w->mailbox, s->rig->w))
		;
	s->now += 11 * SECOND;
	/* The ring holds 1,023 frames, and nobody reads it for two rounds. */
	while (turns++ < 100) {
		next = keepalive_turn(s->rig->w, s->now);
		if (s->rig->w->count->keepalives < 1023 && next > s->now)
			s->now = next;
	}
	assert_true(next <= s->now);
	assert_int_equal(s->rig->w->count->keepalives, 1023);
	seen_look(s);
	keepalive_turn(s->rig->w, s->now);
	seen_look(s);
	assert_int_equal(s->total, 2 * SEEN_COUNT);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		assert_int_equal(s->messages[i], 2);
	seen_close(s);
}

/* A port out of service: who goes by it is passed and counted, at its time, and waits for nobody;
 * what it missed is one message, and its phase stays. */
static void port_out_of_service(void **state)
{
	struct seen *s = seen_open();
	struct worker *w = s->rig->w;
	uint64_t phase[SEEN_COUNT];

	seen_configure(s, SEEN_HELLO, 30000, 500, 0);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		seen_order(s, i, 1, i & 1);
	seen_run(s, 31 * SECOND);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		phase[i] = s->last[i] % (30 * SECOND);
	s->total = 0;
	w->port[0].order = 1;
	w->port[0].detour = true;
	seen_run(s, 30 * SECOND);
	assert_int_equal(s->total, 0);
	assert_int_equal(w->count->drop[FACTS_DROP_PORT_OUT], SEEN_COUNT);
	assert_int_equal(w->count->drop[FACTS_DROP_TX_FULL], 0);
	w->port[0].order = 2;
	w->port[0].detour = false;
	seen_run(s, 30 * SECOND);
	assert_int_equal(s->total, SEEN_COUNT);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		assert_int_equal(s->last[i] % (30 * SECOND), phase[i]);
	seen_close(s);
}

/* Orders that come faster than the worker takes them are refused, not lost. */
static void mailbox_full(void **state)
{
	struct seen *s = seen_open();
	struct proto_binding binding = {
		.gen = 1,
		.local = rig_addr("192.0.2.10:5060"),
		.expires_ms = s->rig->now_ms + 3600000,
	};
	uint32_t set = 0;
	int err;

	do {
		binding.id = set % SEEN_COUNT;
		binding.gen++;
		binding.dst = seen_device(set % SEEN_COUNT, false);
		err = binding_set(s->rig->keepalive, 0, &binding, s->rig->now_ms);
		set += !err;
	} while (!err);
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(keepalive_room(s->rig->keepalive), 0);
	seen_run(s, 31 * SECOND);
	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		assert_in_range(s->messages[i], 1, 2);
	assert_int_equal(binding_set(s->rig->keepalive, 0, &binding, s->rig->now_ms), 0);
	binding_sync_begin(s->rig->keepalive, 0, 0);
	binding_sync_end(s->rig->keepalive, 0);
	seen_run(s, 2 * SECOND);
	rig_pass(s->rig, 1100);
	seen_close(s);
}

/* What was heard once does not come back as news after 248 days, when its tick would compare as one
 * to come: a device listed by hand, on a machine that nobody starts again. */
static void heard_months_ago(void **state)
{
	struct seen *s = seen_open();
	uint32_t *heard = s->rig->facts.binding_heard;

	seen_order(s, 0, 1, false);
	heard[0] = clock_tick(s->rig->now_ms);
	for (int day = 1; day < 600; day++) {
		struct proto_binding binding = {
			.gen = 1,
			.dst = seen_device(0, false),
			.local = rig_addr("192.0.2.10:5060"),
		};
		uint64_t now;

		s->rig->now_ms += 86400000 - 1100;
		now = s->rig->now_ms;
		binding.expires_ms = now + 2 * 86400000ull;
		assert_int_equal(binding_set(s->rig->keepalive, 0, &binding, now), 0);
		/* The walk comes by each binding. */
		rig_pass(s->rig, 1100);
		now = s->rig->now_ms - clock_tick_ms(heard[0], s->rig->now_ms);
		assert_in_range(now / 86400000, day < 100 ? day - 1 : 100, day < 160 ? day : 160);
	}
	binding_sync_begin(s->rig->keepalive, 0, 0);
	binding_sync_end(s->rig->keepalive, 0);
	rig_pass(s->rig, 1100);
	seen_run(s, SECOND);
	rig_pass(s->rig, 1100);
	seen_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everyone_in_time),
		cmocka_unit_test(lateness),
		cmocka_unit_test(both_families),
		cmocka_unit_test(new_parameters),
		cmocka_unit_test(fixed_batch),
		cmocka_unit_test(source_sockets),
		cmocka_unit_test(ends),
		cmocka_unit_test(routes),
		cmocka_unit_test(full_ring),
		cmocka_unit_test(port_out_of_service),
		cmocka_unit_test(mailbox_full),
		cmocka_unit_test(heard_months_ago),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
