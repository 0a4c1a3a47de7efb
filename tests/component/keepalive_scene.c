/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/keepalive_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct addr seen_device(uint32_t i, bool v6)
{
	struct addr addr = rig_addr(v6 ? "[2001:db8:9::1]:1" : "10.9.0.0:1");
	int at = v6 ? 14 : 2;

	addr.ip[at] = (uint8_t)(i >> 8);
	addr.ip[at + 1] = (uint8_t)(i % 97);
	addr.port = (uint16_t)(10000 + i);
	return addr;
}

void seen_order(struct seen *s, uint32_t i, uint32_t gen, bool v6)
{
	struct proto_binding binding = {
		.id = i,
		.gen = gen,
		.dst = seen_device(i, v6),
		.local = rig_addr(v6 ? "[2001:db8::10]:5060" : "192.0.2.10:5060"),
		.expires_ms = s->rig->now_ms + 3600000,
	};

	assert_int_equal(binding_set(s->rig->keepalive, s->client, &binding, s->rig->now_ms), 0);
}

void seen_configure(struct seen *s, const char *payload, uint32_t period_ms, uint32_t interval_ms,
	uint32_t one_time)
{
	struct proto_conf conf = {
		.payload_kind = PROTO_PAYLOAD_TEXT,
		.payload_len = (uint16_t)strlen(payload),
		.period_ms = period_ms,
		.send_interval_ms = interval_ms,
		.send_one_time = one_time,
		.send_least = 3000,
		.skip_heard = s->skip_heard,
		.per_address_cap = s->per_address_cap,
	};

	memcpy(conf.payload, payload, conf.payload_len);
	assert_int_equal(keepalive_conf_set(s->rig->keepalive, &conf), 0);
	s->payload = payload;
}

struct seen *seen_open(void)
{
	struct seen *s = calloc(1, sizeof(*s));

	s->rig = rig_open(SEEN_COUNT, 64);
	/* The schedule began at the processor's own time. */
	s->now = rte_rdtsc();
	s->rig->w->now_tsc = s->now;
	seen_configure(s, SEEN_HELLO, 30000, 500, 0);
	return s;
}

void seen_close(struct seen *s)
{
	struct rig *rig = s->rig;

	for (uint32_t i = 0; i < SEEN_COUNT; i++)
		for (uint32_t gen = 1; gen < 4; gen++)
			for (uint32_t client = 0; client < 2; client++)
				binding_del(rig->keepalive, client, &(struct proto_handle){i, gen});
	assert_int_equal(rig->routes, 0);
	assert_int_equal(rig->facts.head->bindings_used, 0);
	rig_close(rig);
	free(s);
}

void seen_look(struct seen *s)
{
	struct frame got;

	while (rig_sent(s->rig, &got)) {
		uint32_t i = (uint32_t)(got.dst.port - 10000);
		struct addr dst = seen_device(i, got.dst.family == ADDR_IPV6);

		assert_true(i < SEEN_COUNT);
		assert_true(addr_equal(&got.dst, &dst));
		assert_int_equal(got.src.port, 5060);
		assert_int_equal(got.len, strlen(s->payload));
		assert_memory_equal(got.payload, s->payload, got.len);
		assert_memory_equal(
			got.mac_dst, rig_gateway[!(dst.ip[dst.family == 4 ? 3 : 15] & 1)], 6);
		if (s->on_frame)
			s->on_frame(s, i);
		s->last[i] = s->now;
		s->messages[i]++;
		s->total++;
	}
}

/* The main thread's ticks until then. */
static void seen_pass(struct seen *s, uint64_t to)
{
	uint64_t ms = (s->rest + to - s->now) * 1000 / SECOND;

	s->rest += to - s->now - ms * SECOND / 1000;
	rig_pass(s->rig, ms);
	s->now = to;
	s->rig->w->now_tsc = to;
}

void seen_run(struct seen *s, uint64_t time)
{
	uint64_t end = s->now + time, next;

	while (mailbox_run(&s->rig->w->mailbox, s->rig->w))
		;
	for (;;) {
		next = keepalive_turn(s->rig->w, s->now);
		seen_look(s);
		while (mailbox_run(&s->rig->w->mailbox, s->rig->w))
			;
		if (next <= s->now)
			continue;
		if (next > end)
			break;
		seen_pass(s, next);
	}
	seen_pass(s, end);
}
