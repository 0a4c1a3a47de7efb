/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives of the real linewatch-dp on a wire while bindings come and go, 100,000 a second,
 * parameters change and all is set again: each send is recorded, and nobody waits longer than
 * PERIOD + SEND_INTERVAL and the longest gap that the data plane itself reports. */
#include "shared/clock.h"
#include "tests/component/dp_call.h"
#include "tests/component/netns.h"
#include "tests/component/stamp.h"
#include "tests/component/urgent.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define STEADY   2000u  /* bindings that stay */
#define SLOW     4000u  /* up to here those that live for some periods */
#define ALL      24000u /* and the rest for a moment */
#define RATE     110000u
#define SECONDS  36
#define INTERVAL 500u
#define SLACK_NS 50000000 /* of the capture's stamps and of ours */
#define PAYLOAD  "HELLO"

static struct {
	uint64_t since[ALL];    /* ns; messages before are of an earlier life; 0: not there */
	uint64_t deadline[ALL]; /* ns */
	uint32_t gen[ALL];
	uint64_t limit; /* ns, the promise */
	uint64_t worst; /* ns beyond a deadline */
	uint64_t frames, checked, changes;
	uint32_t seed;
} churn;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint32_t random_below(uint32_t below)
{
	churn.seed = churn.seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)churn.seed * below >> 32);
}

static void judge(uint32_t id, uint64_t at)
{
	churn.checked++;
	if (at > churn.deadline[id] && at - churn.deadline[id] > churn.worst)
		churn.worst = at - churn.deadline[id];
}

static void record(const uint8_t *frame, ssize_t len, uint64_t at)
{
	uint32_t id;

	if (len < 47 || frame[12] != 8 || frame[13] != 0 || frame[23] != 17 || frame[30] != 10 ||
		memcmp(frame + 42, PAYLOAD, sizeof(PAYLOAD) - 1) != 0)
		return;
	id = (uint32_t)frame[31] << 16 | (uint32_t)frame[32] << 8 | frame[33];
	assert_true(id < ALL);
	churn.frames++;
	if (!churn.since[id] || at < churn.since[id])
		return;
	judge(id, at);
	churn.deadline[id] = at + churn.limit;
}

/* All that is on the wire so far. */
static void drain(void)
{
	uint8_t frame[STAMP_FRAME];
	uint64_t seen_ns;
	ssize_t len;

	while ((len = stamp_read(wire, frame, &seen_ns, 0)) >= 0)
		record(frame, len, seen_ns);
}

static void order(uint16_t type, const void *records, uint16_t count)
{
	struct proto_ack ack;

	assert_int_equal(dp_order(client, type, records, count, &ack), 0);
	drain();
}

static struct proto_binding binding_of(uint32_t id)
{
	struct proto_binding binding = dp_binding(id);

	binding.gen = churn.gen[id];
	binding.dst.ip[0] = 10;
	binding.dst.ip[1] = (uint8_t)(id >> 16);
	binding.dst.ip[2] = (uint8_t)(id >> 8);
	binding.dst.ip[3] = (uint8_t)id;
	return binding;
}

static void add(const uint32_t *ids, uint16_t n)
{
	struct proto_binding set[PROTO_RECORDS_MAX];

	for (uint16_t i = 0; i < n; i++) {
		churn.gen[ids[i]]++;
		set[i] = binding_of(ids[i]);
	}
	order(PROTO_BINDING_SET, set, n);
	for (uint16_t i = 0; i < n; i++) {
		churn.since[ids[i]] = now_ns();
		churn.deadline[ids[i]] = churn.since[ids[i]] + churn.limit;
	}
}

static void del(const uint32_t *ids, uint16_t n)
{
	struct proto_handle handle[PROTO_RECORDS_MAX];
	uint64_t at = now_ns(); /* all that was sent until then is drained */

	drain();
	for (uint16_t i = 0; i < n; i++) {
		handle[i] = (struct proto_handle){.id = ids[i], .gen = churn.gen[ids[i]]};
		judge(ids[i], at);
		churn.since[ids[i]] = 0;
	}
	order(PROTO_BINDING_DEL, handle, n);
}

/* A packet of those that come, or of those that go. */
static void change(void)
{
	uint32_t ids[PROTO_RECORDS_MAX];
	bool comes = random_below(2);
	uint16_t n = 0;

	for (int tries = 0; tries < 4096 && n < PROTO_RECORDS_MAX; tries++) {
		uint32_t id = STEADY + random_below(ALL - STEADY);
		bool taken = false;

		if ((churn.since[id] != 0) == comes || (id < SLOW && random_below(64)))
			continue;
		for (uint16_t i = 0; i < n; i++)
			taken |= ids[i] == id;
		if (!taken)
			ids[n++] = id;
	}
	if (n && comes)
		add(ids, n);
	else if (n)
		del(ids, n);
	churn.changes += n;
}

static void configure(uint32_t period_ms, const char *payload)
{
	uint64_t limit = (uint64_t)(period_ms + INTERVAL) * 1000000;
	struct proto_conf conf = {
		.payload_kind = PROTO_PAYLOAD_TEXT,
		.payload_len = (uint16_t)strlen(payload),
		.period_ms = period_ms,
		.send_interval_ms = INTERVAL,
		.send_least = 3000,
	};

	memcpy(conf.payload, payload, conf.payload_len);
	if (limit > churn.limit)
		churn.limit = limit;
	order(PROTO_CONF, &conf, 1);
	churn.limit = limit;
	for (uint32_t id = 0; id < ALL; id++)
		if (churn.deadline[id] > now_ns() + limit)
			churn.deadline[id] = now_ns() + limit;
}

static void sync_all(uint64_t generation)
{
	struct proto_sync sync = {.generation = generation};
	struct proto_binding set[PROTO_RECORDS_MAX];
	uint16_t n = 0;

	order(PROTO_SYNC_BEGIN, &sync, 1);
	for (uint32_t id = 0; id < ALL; id++) {
		if (churn.since[id])
			set[n++] = binding_of(id);
		if (n == PROTO_RECORDS_MAX || (n && id + 1 == ALL)) {
			order(PROTO_BINDING_SET, set, n);
			n = 0;
		}
	}
	order(PROTO_SYNC_END, &sync, 1);
}

static void rest(uint64_t ns)
{
	for (uint64_t end = now_ns() + ns; now_ns() < end;) {
		poll(&(struct pollfd){.fd = wire, .events = POLLIN}, 1, 1);
		drain();
	}
}

static void run_for(int seconds)
{
	uint64_t began = now_ns(), before = churn.changes;

	for (uint64_t past = 0; past < (uint64_t)seconds * 1000000000; past = now_ns() - began) {
		if (churn.changes - before < past * RATE / 1000000000)
			change();
		else
			rest(1000000);
	}
}

/* What counts here of both. */
static struct facts_worker both_workers(void)
{
	struct facts_worker sum = *worker_count(0);
	const struct facts_worker *other = worker_count(1);

	sum.keepalives += other->keepalives;
	sum.drop[FACTS_DROP_NEXT_HOP] += other->drop[FACTS_DROP_NEXT_HOP];
	if (other->loop_gap_max_us > sum.loop_gap_max_us)
		sum.loop_gap_max_us = other->loop_gap_max_us;
	return sum;
}

static void nobody_waits(void **state)
{
	static const int room = 64 << 20;
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);
	struct facts_worker before, after;
	uint32_t steady[STEADY];
	uint64_t end;

	await_conversation();
	setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	stamp_open(wire);
	drain();
	getsockopt(wire, SOL_PACKET, PACKET_STATISTICS, &stats, &size);
	churn.seed = 7;
	configure(10000, PAYLOAD);
	before = both_workers();
	churn.frames = 0;
	for (uint32_t i = 0; i < STEADY; i++)
		steady[i] = i;
	for (uint32_t i = 0; i < STEADY; i += 100)
		add(steady + i, 100);
	run_for(SECONDS / 3);
	configure(12000, PAYLOAD);
	sync_all(1);
	run_for(SECONDS / 3);
	configure(10000, PAYLOAD);
	sync_all(2);
	run_for(SECONDS / 3);
	end = now_ns();
	rest(100000000);
	for (uint32_t id = 0; id < ALL; id++)
		if (churn.since[id])
			judge(id, end);
	configure(10000, "");
	rest(500000000);
	getsockopt(wire, SOL_PACKET, PACKET_STATISTICS, &stats, &size);
	after = both_workers();
	print_message("%lu changes, %lu messages, worst %lu us late, longest gap %lu us\n",
		churn.changes, churn.frames, churn.worst / 1000, after.loop_gap_max_us);
	assert_int_equal(stats.tp_drops, 0);
	assert_int_equal(churn.frames, after.keepalives - before.keepalives);
	assert_in_range(worker_count(1)->keepalives, churn.frames / 3, churn.frames * 2 / 3);
	assert_int_equal(after.drop[FACTS_DROP_NEXT_HOP], before.drop[FACTS_DROP_NEXT_HOP]);
	assert_int_equal(facts->keepalive_short, 0);
	assert_true(churn.frames > 3 * STEADY);
	assert_true(churn.changes > SECONDS * 100000ul);
	assert_true(churn.worst <= after.loop_gap_max_us * 1000 + SLACK_NS);
}

static int setup(void **state)
{
	return call_open("  ports: [\"af_packet:eth1\"]\n"
			 "  workers: 2\n"
			 "  memory: 256\n"
			 "  bindings: 24000\n"
			 "  flows: 64\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_waits, setup, call_close),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root for network namespaces\n");
		return 77;
	}
	urgent();
	return cmocka_run_group_tests(tests, netns_enter_two, netns_leave);
}
