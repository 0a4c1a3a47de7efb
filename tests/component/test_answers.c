/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives that draw answers, on a net_ring port in virtual time: what is sent, whose answer
 * counts, and the events when answers stay out and come back. */
#include "tests/component/hot_rig.h"

#include <rte_cycles.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND   RIG_HZ
#define PERIOD   10
#define BINDINGS 16
#define LOCAL4   "192.0.2.10:5060"
#define LOCAL6   "[2001:db8::10]:5060"

struct world {
	struct rig *rig;
	uint64_t now;
	uint32_t sent;      /* frames since it was last reset */
	struct frame last;  /* the last of them */
	struct frame first; /* the last one to 10.9.0.1 */
	bool answering;     /* the device answers at once */
	unsigned int code;  /* with that, if by SIP */
	uint64_t delay;     /* cycles until the answer */
	uint32_t gen;
};

static struct world *world_open(void)
{
	struct world *s = calloc(1, sizeof(*s));

	s->rig = rig_open(BINDINGS, 64);
	s->now = rte_rdtsc();
	s->rig->w->now_tsc = s->now;
	s->code = 200;
	s->delay = SECOND / 100;
	s->gen = 7;
	return s;
}

static void order(struct world *s, uint32_t id, uint8_t class_id, const char *dst)
{
	struct proto_binding binding = {
		.id = id,
		.gen = s->gen,
		.dst = rig_addr(dst),
		.local = rig_addr(dst[0] == '[' ? LOCAL6 : LOCAL4),
		.class_id = class_id,
		.expires_ms = s->rig->now_ms + 3600000,
	};

	assert_int_equal(binding_set(s->rig->keepalive, 0, &binding, s->rig->now_ms), 0);
	mailbox_run(&s->rig->w->mailbox, s->rig->w);
}

static void world_close(struct world *s)
{
	for (uint32_t i = 0; i < BINDINGS; i++)
		for (uint32_t gen = 7; gen <= s->gen; gen++)
			binding_del(s->rig->keepalive, 0, &(struct proto_handle){i, gen});
	mailbox_run(&s->rig->w->mailbox, s->rig->w);
	assert_int_equal(s->rig->routes, 0);
	rig_close(s->rig);
	free(s);
}

static void configure(struct world *s, uint8_t class_id, enum proto_payload kind, uint8_t missed,
	uint8_t escalate, uint8_t escalate_class)
{
	struct proto_conf conf = {
		.class_id = class_id,
		.payload_kind = kind,
		.payload_len = kind == PROTO_PAYLOAD_TEXT ? 5 : 0,
		.period_ms = PERIOD * 1000,
		.send_interval_ms = 500,
		.send_least = 3000,
		.missed_max = missed,
		.escalate = escalate,
		.escalate_class = escalate_class,
	};

	if (kind == PROTO_PAYLOAD_TEXT)
		memcpy(conf.payload, "HELLO", 5);
	assert_int_equal(keepalive_conf_set(s->rig->keepalive, &conf), 0);
	mailbox_run(&s->rig->w->mailbox, s->rig->w);
}

/* The answer of a device to one keep-alive. */
static struct frame answer_to(const struct world *s, const struct frame *asked)
{
	struct frame f = {.src = asked->dst, .dst = asked->src};
	char text[1400], via[300];
	const char *at, *end;

	if (asked->payload[0] == 0) {
		static const uint8_t mapped[12] = {0, 0x20, 0, 8, 0, 1, 1, 1, 2, 2, 2, 2};

		memcpy(f.payload, asked->payload, 20);
		f.payload[0] = 1;
		f.payload[3] = sizeof(mapped);
		memcpy(f.payload + 20, mapped, sizeof(mapped));
		f.len = 32;
		return f;
	}
	memcpy(text, asked->payload, asked->len);
	text[asked->len] = 0;
	at = strstr(text, "Via:");
	end = strstr(at, "\r\n");
	snprintf(via, sizeof(via), "%.*s", (int)(end - at), at);
	f.len = (uint16_t)snprintf((char *)f.payload, sizeof(f.payload),
		"SIP/2.0 %u Word\r\n%s;received=192.0.2.10\r\nContent-Length: 0\r\n\r\n", s->code,
		via);
	return f;
}

/* Main's ticks; the worker's time is the world's, not that of the ticks. */
static void pass(struct world *s, uint64_t ms)
{
	rig_pass(s->rig, ms);
	s->rig->w->now_tsc = s->now;
}

static void look(struct world *s)
{
	while (rig_sent(s->rig, &s->last)) {
		struct frame f;

		s->sent++;
		if (s->last.dst.ip[3] == 1)
			s->first = s->last;
		if (!s->answering)
			continue;
		f = answer_to(s, &s->last);
		s->rig->w->now_tsc += s->delay;
		rig_feed(s->rig, &f);
	}
}

static void run(struct world *s, uint64_t seconds)
{
	uint64_t end = s->now + seconds * SECOND, next;

	for (;;) {
		next = keepalive_turn(s->rig->w, s->now);
		look(s);
		if (next <= s->now)
			continue;
		if (next > end)
			next = end;
		pass(s, (next - s->now) * 1000 / SECOND);
		s->now = next;
		s->rig->w->now_tsc = next;
		if (next == end)
			return;
	}
}

static void expect_events(struct world *s, unsigned int count, uint32_t kind)
{
	pass(s, 20);
	assert_int_equal(s->rig->binding_events, count);
	if (count) {
		assert_int_equal(s->rig->binding_event[count - 1].kind, kind);
		assert_int_equal(s->rig->binding_event[count - 1].gen, s->gen);
	}
}

/* Each kind on the wire, over both families; answers stamp, are counted, and go nowhere else. */
static void each_kind(void **state)
{
	static const enum proto_payload kinds[] = {
		PROTO_PAYLOAD_ZERO, PROTO_PAYLOAD_STUN, PROTO_PAYLOAD_OPTIONS};
	struct world *s = world_open();
	const struct facts_worker *count = s->rig->w->count;
	uint64_t answers = 0;

	for (int i = 0; i < 6; i++) {
		enum proto_payload kind = kinds[i / 2];
		bool answered = kind != PROTO_PAYLOAD_ZERO;

		configure(s, 0, kind, 3, 0, 0);
		order(s, (uint32_t)i, 0, i % 2 ? "[2001:db8:9::1]:5062" : "10.9.0.1:5062");
		s->answering = answered;
		s->sent = 0;
		run(s, 2 * PERIOD);
		assert_in_range(s->sent, 2, 3);
		assert_int_equal(s->last.src.port, 5060);
		assert_int_equal(s->last.dst.port, 5062);
		if (kind == PROTO_PAYLOAD_ZERO) {
			assert_int_equal(s->last.len, 4);
			assert_memory_equal(s->last.payload, "\0\0\0\0", 4);
		} else if (kind == PROTO_PAYLOAD_STUN) {
			assert_int_equal(s->last.len, 20);
			assert_memory_equal(s->last.payload, "\0\1\0\0\x21\x12\xa4\x42", 8);
		} else {
			assert_memory_equal(s->last.payload, "OPTIONS sip:keepalive@", 22);
		}
		assert_int_equal(!!s->rig->facts.binding_heard[i], answered);
		answers += answered ? s->sent : 0;
		assert_int_equal(count->answers, answers);
		/* 10 ms: 2^13 to 2^14 us. */
		assert_int_equal(count->round_trip[13], answers);
		binding_del(s->rig->keepalive, 0, &(struct proto_handle){(uint32_t)i, s->gen});
		mailbox_run(&s->rig->w->mailbox, s->rig->w);
	}
	assert_int_equal(count->answers_refused, 0);
	assert_int_equal(rig_punted(s->rig, PUNT_SIP), 0);
	expect_events(s, 0, 0);
	world_close(s);
}

/* KA-04: N in a row unanswered, one event; an answer, one event; any final code is one. */
static void lost_and_found(void **state)
{
	struct world *s = world_open();

	configure(s, 0, PROTO_PAYLOAD_OPTIONS, 3, 0, 0);
	order(s, 1, 0, "10.9.0.1:5062");
	s->answering = true;
	s->code = 405;
	run(s, 3 * PERIOD);
	expect_events(s, 0, 0);
	s->answering = false;
	run(s, 3 * PERIOD); /* three go out, the first of them finds the last answer */
	expect_events(s, 0, 0);
	/* Another way to the same device: what it missed counts on. */
	s->rig->route_shift = 2;
	keepalive_reroute(s->rig->keepalive);
	run(s, PERIOD);
	expect_events(s, 1, PROTO_BINDING_LOST);
	run(s, 5 * PERIOD);
	expect_events(s, 1, PROTO_BINDING_LOST);
	s->answering = true;
	s->code = 501;
	run(s, PERIOD);
	expect_events(s, 2, PROTO_BINDING_FOUND);
	run(s, 3 * PERIOD);
	expect_events(s, 2, PROTO_BINDING_FOUND);
	/* A provisional response is none, and is not for the kernel either. */
	s->code = 100;
	run(s, 5 * PERIOD);
	expect_events(s, 3, PROTO_BINDING_LOST);
	assert_int_equal(rig_punted(s->rig, PUNT_SIP), 0);
	/* Any valid packet will do. */
	rig_feed(s->rig,
		&(struct frame){
			.src = rig_addr("10.9.0.1:5062"), .dst = rig_addr(LOCAL4), .len = 4});
	assert_int_equal(rig_punted(s->rig, PUNT_SIP), 1);
	expect_events(s, 4, PROTO_BINDING_FOUND);
	world_close(s);
}

/* Missed 0: never. Another generation starts afresh, and a lost one is told again in a resync. */
static void generations(void **state)
{
	struct world *s = world_open();

	configure(s, 0, PROTO_PAYLOAD_STUN, 0, 0, 0);
	order(s, 1, 0, "10.9.0.1:5062");
	run(s, 10 * PERIOD);
	expect_events(s, 0, 0);
	configure(s, 0, PROTO_PAYLOAD_STUN, 2, 0, 0);
	run(s, PERIOD);
	expect_events(s, 1, PROTO_BINDING_LOST);
	binding_sync_begin(s->rig->keepalive, 0, 0);
	order(s, 1, 0, "10.9.0.1:5062");
	expect_events(s, 2, PROTO_BINDING_LOST);
	order(s, 1, 0, "10.9.0.1:5062");
	expect_events(s, 2, PROTO_BINDING_LOST);
	s->gen++;
	order(s, 1, 0, "10.9.0.1:5063");
	run(s, 2 * PERIOD);
	pass(s, 20);
	assert_int_equal(s->rig->binding_events, 2);
	world_close(s);
}

static void forge(struct world *s, const struct frame *frame)
{
	uint64_t refused = s->rig->w->count->answers_refused;

	rig_feed(s->rig, frame);
	assert_int_equal(s->rig->w->count->answers_refused, refused + 1);
}

/* Right id and wrong source, right source and wrong tag, id, time or generation: nothing changes.
 */
static void forged(void **state)
{
	struct world *s = world_open();
	const struct facts_worker *count = s->rig->w->count;
	enum proto_payload kind;
	struct frame asked, f;

	for (kind = PROTO_PAYLOAD_STUN; kind <= PROTO_PAYLOAD_OPTIONS; kind++) {
		unsigned int before = s->rig->binding_events;

		configure(s, 0, kind, 2, 0, 0);
		s->gen++;
		order(s, 1, 0, "10.9.0.1:5062");
		order(s, 2, 0, "10.9.0.2:5062");
		run(s, 4 * PERIOD);
		assert_int_equal(s->rig->binding_events, before + 2);
		asked = s->first;
		/* The answer comes within its time. */
		run(s, 0);
		f = answer_to(s, &asked);
		f.src.port++;
		forge(s, &f);
		f = answer_to(s, &asked);
		f.src.ip[3] = 2; /* another binding's */
		forge(s, &f);
		/* Every byte of the name. */
		for (unsigned int i = 0; i < (kind == PROTO_PAYLOAD_STUN ? 12 : 24); i++) {
			f = answer_to(s, &asked);
			if (kind == PROTO_PAYLOAD_STUN)
				f.payload[8 + i] ^= 1;
			else
				strstr((char *)f.payload, "lwka-")[5 + i] ^= 1;
			forge(s, &f);
		}
		/* A copy, far too late. */
		f = answer_to(s, &asked);
		s->rig->w->now_tsc += 33 * SECOND;
		forge(s, &f);
		s->rig->w->now_tsc -= 33 * SECOND;
		pass(s, 20);
		assert_int_equal(s->rig->binding_events, before + 2);
		assert_int_equal(s->rig->facts.binding_heard[1], 0);
		assert_int_equal(s->rig->facts.binding_heard[2], 0);
		assert_int_equal(rig_punted(s->rig, PUNT_SIP), 0);
		/* The true one. */
		f = answer_to(s, &asked);
		rig_feed(s->rig, &f);
		assert_int_equal(count->answers, kind == PROTO_PAYLOAD_STUN ? 1 : 2);
		pass(s, 20);
		assert_int_equal(s->rig->binding_events, before + 3);
		assert_int_not_equal(s->rig->facts.binding_heard[1], 0);
		/* Of a registration that has been replaced meanwhile. */
		s->gen++;
		order(s, 1, 0, "10.9.0.1:5062");
		forge(s, &f);
		assert_int_equal(s->rig->facts.binding_heard[1], 0);
	}
	world_close(s);
}

/* Answers of others pass: a STUN response on a node without such classes, SIP responses on any. */
static void foreign(void **state)
{
	struct world *s = world_open();
	struct frame f = {.src = rig_addr("10.9.0.1:5062"), .dst = rig_addr(LOCAL4), .len = 20};

	configure(s, 0, PROTO_PAYLOAD_TEXT, 3, 0, 0);
	order(s, 1, 0, "10.9.0.1:5062");
	memcpy(f.payload, "\1\1\0\0\x21\x12\xa4\x42", 8);
	rig_feed(s->rig, &f);
	assert_int_equal(rig_punted(s->rig, PUNT_SIP), 1);
	configure(s, 0, PROTO_PAYLOAD_OPTIONS, 3, 0, 0);
	f.len = (uint16_t)sprintf((char *)f.payload,
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKours\r\n\r\n");
	rig_feed(s->rig, &f);
	assert_int_equal(rig_punted(s->rig, PUNT_SIP), 1);
	assert_int_equal(s->rig->w->count->answers_refused, 0);
	assert_int_not_equal(s->rig->facts.binding_heard[1], 0);
	world_close(s);
}

/* KA-02: who is never heard gets a question after N messages; who was heard goes on as before. */
static void escalates(void **state)
{
	struct world *s = world_open();

	configure(s, 0, PROTO_PAYLOAD_TEXT, 3, 2, 1);
	configure(s, 1, PROTO_PAYLOAD_OPTIONS, 3, 0, 0);
	order(s, 1, 0, "10.9.0.1:5062");
	s->sent = 0;
	do {
		run(s, 1);
	} while (s->sent < 2);
	assert_memory_equal(s->last.payload, "HELLO", 5);
	do {
		run(s, 1);
	} while (s->sent < 3);
	assert_memory_equal(s->last.payload, "OPTIONS", 7);
	run(s, 4 * PERIOD);
	expect_events(s, 1, PROTO_BINDING_LOST);
	s->answering = true;
	run(s, PERIOD);
	expect_events(s, 2, PROTO_BINDING_FOUND);
	run(s, PERIOD);
	assert_memory_equal(s->last.payload, "OPTIONS", 7);
	s->answering = false;
	binding_del(s->rig->keepalive, 0, &(struct proto_handle){1, s->gen});
	order(s, 2, 0, "10.9.0.2:5062");
	rig_feed(s->rig,
		&(struct frame){
			.src = rig_addr("10.9.0.2:5062"), .dst = rig_addr(LOCAL4), .len = 4});
	run(s, 5 * PERIOD);
	assert_memory_equal(s->last.payload, "HELLO", 5);
	rig_punted(s->rig, PUNT_SIP);
	world_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind),
		cmocka_unit_test(lost_and_found),
		cmocka_unit_test(generations),
		cmocka_unit_test(forged),
		cmocka_unit_test(foreign),
		cmocka_unit_test(escalates),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
