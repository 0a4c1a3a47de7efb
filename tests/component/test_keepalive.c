/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives from the control plane's order to the frame on a net_ring port, in virtual time. */
#include "tests/component/hot_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT  600
#define SECOND RIG_HZ
#define HELLO  "HELLO"

/* What the port has seen. */
struct seen {
	struct rig *rig;
	uint64_t now;
	uint64_t last[COUNT]; /* when binding i got its last message */
	uint32_t messages[COUNT];
	uint32_t total;
	const char *payload;
};

static struct addr device(uint32_t i, bool v6)
{
	struct addr addr = rig_addr(v6 ? "[2001:db8:9::1]:1" : "10.9.0.0:1");
	int at = v6 ? 14 : 2;

	addr.ip[at] = (uint8_t)(i >> 8);
	addr.ip[at + 1] = (uint8_t)(i % 97);
	addr.port = (uint16_t)(10000 + i);
	return addr;
}

static void order(struct seen *s, uint32_t i, uint32_t gen, bool v6)
{
	struct proto_binding binding = {
		.id = i,
		.gen = gen,
		.dst = device(i, v6),
		.local = rig_addr(v6 ? "[2001:db8::10]:5060" : "192.0.2.10:5060"),
		.expires_ms = s->rig->now_ms + 3600000,
	};

	assert_int_equal(binding_set(s->rig->keepalive, 0, &binding, s->rig->now_ms), 0);
}

static void configure(struct seen *s, const char *payload, uint32_t period_ms, uint32_t interval_ms,
	uint32_t one_time)
{
	struct proto_conf conf = {
		.payload_kind = PROTO_PAYLOAD_TEXT,
		.payload_len = (uint16_t)strlen(payload),
		.period_ms = period_ms,
		.send_interval_ms = interval_ms,
		.send_one_time = one_time,
		.send_least = 3000,
	};

	memcpy(conf.payload, payload, conf.payload_len);
	assert_int_equal(keepalive_conf_set(s->rig->keepalive, &conf), 0);
	s->payload = payload;
}

static struct seen *seen_open(void)
{
	struct seen *s = calloc(1, sizeof(*s));

	s->rig = rig_open(COUNT, 64);
	/* The schedule began at the processor's own time. */
	s->now = rte_rdtsc();
	s->rig->w->now_tsc = s->now;
	configure(s, HELLO, 30000, 500, 0);
	return s;
}

static void seen_close(struct seen *s)
{
	struct rig *rig = s->rig;

	for (uint32_t i = 0; i < COUNT; i++)
		for (uint32_t gen = 1; gen < 4; gen++)
			binding_del(rig->keepalive, 0, &(struct proto_handle){i, gen});
	assert_int_equal(rig->routes, 0);
	assert_int_equal(rig->facts.head->bindings_used, 0);
	rig_close(rig);
	free(s);
}

static void look(struct seen *s)
{
	struct frame got;

	while (rig_sent(s->rig, &got)) {
		uint32_t i = (uint32_t)(got.dst.port - 10000);
		struct addr dst = device(i, got.dst.family == ADDR_IPV6);

		assert_true(i < COUNT);
		assert_true(addr_equal(&got.dst, &dst));
		assert_int_equal(got.src.port, 5060);
		assert_int_equal(got.len, strlen(s->payload));
		assert_memory_equal(got.payload, s->payload, got.len);
		assert_memory_equal(
			got.mac_dst, rig_gateway[!(dst.ip[dst.family == 4 ? 3 : 15] & 1)], 6);
		s->last[i] = s->now;
		s->messages[i]++;
		s->total++;
	}
}

/* The worker's turns until a moment, each exactly when it is due; main ticks alongside. */
static void run(struct seen *s, uint64_t time)
{
	uint64_t end = s->now + time, next;

	while (mailbox_run(&s->rig->w->mailbox, s->rig->w))
		;
	for (;;) {
		next = keepalive_turn(s->rig->w, s->now);
		look(s);
		mailbox_run(&s->rig->w->mailbox, s->rig->w);
		if (next <= s->now)
			continue;
		if (next > end)
			break;
		rig_pass(s->rig, (next - s->now) * 1000 / SECOND);
		s->now = next;
		s->rig->w->now_tsc = next;
	}
	s->now = end;
	s->rig->w->now_tsc = end;
}

/* Each of N devices gets its message once a period, at the same moment of it. */
static void everyone_in_time(void **state)
{
	struct seen *s = seen_open();
	uint64_t before[COUNT];

	for (uint32_t i = 0; i < COUNT; i++)
		order(s, i, 1, false);
	run(s, 31 * SECOND);
	memcpy(before, s->last, sizeof(before));
	run(s, 90 * SECOND);
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_in_range(s->messages[i], 4, 5);
		assert_int_equal((s->last[i] - before[i]) % (30 * SECOND), 0);
	}
	assert_int_equal(s->rig->w->count->keepalives, s->total);
	assert_int_equal(s->rig->w->count->tx, s->total);
	/* 10 of them each half second. */
	s->total = 0;
	for (int i = 0; i < 60; i++) {
		run(s, SECOND / 2);
		assert_int_equal(s->total, 10 * (i + 1));
	}
	seen_close(s);
}

/* Each message has its place in the histogram of lateness: the first, but after a stall. */
static void lateness(void **state)
{
	struct seen *s = seen_open();
	const struct facts_worker *count = s->rig->w->count;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < COUNT; i++)
		order(s, i, 1, false);
	run(s, 35 * SECOND);
	assert_int_equal(count->keepalive_late[0], s->total);
	assert_int_equal(count->keepalive_late_max_us, 0);
	/* A batch comes 950 ms late, the next at twice the pace, 700 ms late, then 450. */
	s->now += SECOND * 145 / 100;
	run(s, 5 * SECOND);
	for (int i = 0; i < FACTS_LATE; i++)
		sum += count->keepalive_late[i];
	assert_int_equal(sum, s->total);
	assert_int_equal(count->keepalive_late[19], 20);
	assert_int_equal(count->keepalive_late[18], 10);
	assert_in_range(count->keepalive_late_max_us, 940000, 960000);
	seen_close(s);
}

static void both_families(void **state)
{
	struct seen *s = seen_open();

	for (uint32_t i = 0; i < COUNT; i++)
		order(s, i, 1, i % 3 == 0);
	run(s, 31 * SECOND);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_in_range(s->messages[i], 1, 2);
	/* One becomes the other. */
	for (uint32_t i = 0; i < COUNT; i++)
		order(s, i, 2, i % 3 != 0);
	s->total = 0;
	run(s, 30 * SECOND);
	assert_int_equal(s->total, COUNT);
	seen_close(s);
}

/* A new message and a new period hold for bindings in place; an empty one stops them. */
static void new_parameters(void **state)
{
	struct seen *s = seen_open();
	char big[PROTO_PAYLOAD_MAX + 1];

	for (uint32_t i = 0; i < COUNT; i++)
		order(s, i, 1, false);
	run(s, 35 * SECOND);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	configure(s, big, 10000, 500, 0);
	s->total = 0;
	run(s, 10 * SECOND + SECOND / 2);
	assert_in_range(s->total, COUNT, COUNT + COUNT / 8);
	configure(s, "", 10000, 500, 0);
	s->total = 0;
	run(s, 30 * SECOND);
	assert_int_equal(s->total, 0);
	configure(s, "again", 10000, 500, 0);
	run(s, 10 * SECOND);
	assert_in_range(s->total, COUNT - COUNT / 8, COUNT + COUNT / 8);
	seen_close(s);
}

/* A fixed batch that is too small is told with the number that would do. */
static void fixed_batch(void **state)
{
	struct seen *s = seen_open();
	const struct facts_head *head = s->rig->facts.head;

	configure(s, HELLO, 30000, 500, 4);
	for (uint32_t i = 0; i < COUNT; i++)
		order(s, i, 1, false);
	run(s, 60 * SECOND);
	assert_in_range(s->total, 119 * 4, 121 * 4);
	assert_int_equal(head->keepalive_needed, 10);
	assert_in_range(head->keepalive_short, 118, 122);
	configure(s, HELLO, 30000, 500, head->keepalive_needed);
	run(s, 60 * SECOND);
	assert_int_equal(head->keepalive_needed, 0);
	s->total = 0;
	run(s, 30 * SECOND);
	assert_int_equal(s->total, COUNT);
	seen_close(s);
}

/* Expired, deleted and swept bindings are silent; an old generation deletes nothing. */
static void ends(void **state)
{
	struct seen *s = seen_open();
	struct rig *rig = s->rig;
	struct proto_binding binding = {
		.gen = 2,
		.dst = device(0, false),
		.local = rig_addr("192.0.2.10:5060"),
		.expires_ms = rig->now_ms + 40000,
	};

	for (uint32_t i = 0; i < 100; i++)
		order(s, i, 2, false);
	assert_int_equal(binding_set(rig->keepalive, 0, &binding, rig->now_ms), 0);
	assert_int_equal(binding_set(rig->keepalive, 1, &binding, rig->now_ms), -EPERM);
	assert_int_equal(binding_del(rig->keepalive, 0, &(struct proto_handle){1, 1}), 0);
	assert_int_equal(binding_del(rig->keepalive, 0, &(struct proto_handle){2, 2}), 0);
	run(s, 30 * SECOND + SECOND / 2);
	assert_in_range(s->messages[0], 1, 2);
	assert_in_range(s->messages[1], 1, 2);
	assert_int_equal(s->messages[2], 0);
	assert_in_range(s->messages[99], 1, 2);
	run(s, 30 * SECOND);
	assert_int_equal(rig->binding_events, 1);
	assert_int_equal(rig->binding_event[0].id, 0);
	assert_int_equal(rig->binding_event[0].kind, PROTO_BINDING_EXPIRED);
	binding_sync_begin(rig->keepalive, 0);
	for (uint32_t i = 50; i < 100; i++)
		order(s, i, 2, false);
	rig_pass(rig, 3000);
	assert_int_equal(rig->facts.head->bindings_used, 98);
	binding_sync_end(rig->keepalive, 0);
	rig_pass(rig, 1100);
	assert_int_equal(rig->facts.head->bindings_used, 50);
	s->total = 0;
	run(s, 30 * SECOND);
	assert_int_equal(s->total, 50);
	binding.expires_ms = rig->now_ms;
	assert_int_equal(binding_set(rig->keepalive, 0, &binding, rig->now_ms), -ETIME);
	binding.id = COUNT;
	assert_int_equal(binding_set(rig->keepalive, 0, &binding, rig->now_ms), -EINVAL);
	seen_close(s);
}

/* A next hop that goes away and another that comes. */
static void routes(void **state)
{
	struct seen *s = seen_open();
	struct rig *rig = s->rig;

	for (uint32_t i = 0; i < COUNT; i++)
		order(s, i, 1, false);
	run(s, 1 * SECOND);
	rig->nexthops[1].flags = 0;
	s->total = 0;
	run(s, 30 * SECOND);
	assert_in_range(s->total, COUNT / 2 - 20, COUNT / 2 + 20);
	assert_in_range(rig->w->count->drop[FACTS_DROP_NEXT_HOP], COUNT / 2 - 20, COUNT / 2 + 20);
	rig->route_shift = 2;
	keepalive_reroute(rig->keepalive);
	rig_pass(rig, 1100);
	memcpy(rig->nexthops[3].dst, rig_gateway[0], 6);
	memcpy(rig->nexthops[4].dst, rig_gateway[1], 6);
	s->total = 0;
	run(s, 30 * SECOND);
	assert_int_equal(s->total, COUNT);
	assert_int_equal(rig->routes, COUNT);
	seen_close(s);
}

/* A port that takes nothing more: the batch waits, and nobody is left out. */
static void full_ring(void **state)
{
	struct seen *s = seen_open();
	uint64_t next = 0;
	int turns = 0;

	configure(s, HELLO, 10000, 10000, 0);
	for (uint32_t i = 0; i < COUNT; i++)
		order(s, i, 1, false);
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
	look(s);
	keepalive_turn(s->rig->w, s->now);
	look(s);
	assert_int_equal(s->total, 2 * COUNT);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(s->messages[i], 2);
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
		binding.id = set % COUNT;
		binding.gen++;
		binding.dst = device(set % COUNT, false);
		err = binding_set(s->rig->keepalive, 0, &binding, s->rig->now_ms);
		set += !err;
	} while (!err);
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(keepalive_room(s->rig->keepalive), 0);
	run(s, 31 * SECOND);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_in_range(s->messages[i], 1, 2);
	assert_int_equal(binding_set(s->rig->keepalive, 0, &binding, s->rig->now_ms), 0);
	binding_sync_begin(s->rig->keepalive, 0);
	binding_sync_end(s->rig->keepalive, 0);
	run(s, 2 * SECOND);
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
		cmocka_unit_test(ends),
		cmocka_unit_test(routes),
		cmocka_unit_test(full_ring),
		cmocka_unit_test(mailbox_full),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
