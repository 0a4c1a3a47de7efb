/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives of many legs that went on hold at once (LV-08). */
#include "tests/component/hot_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PERIOD 15000
#define MANY   60000
#define OTHERS 20000

static uint8_t got[2 * 32768]; /* keep-alives, by local address and port */

static void many_set(struct rig *rig, uint32_t i)
{
	struct proto_flow flow = {
		.id = i,
		.gen = 1,
		.peer_id = i ^ 1,
		.peer_gen = 1,
		.dscp = PROTO_DSCP_KEEP,
		.keepalive_s = i & 1 ? PERIOD / 1000 : 0,
		.remote = {.family = ADDR_IPV4,
			.ip = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i},
			.port = 4000},
		.expires_ms = rig->now_ms + 3600000,
	};

	/* The rig has no route to .99. */
	flow.remote.ip[3] |= 128;
	assert_int_equal(flow_set(rig->media, 0, &flow, rig->now_ms), 0);
}

/* What the worker is ordered to send, once round. Returns how much that was. */
static unsigned int many_turn(struct rig *rig)
{
	unsigned int sent = 0;
	struct frame frame;

	while (mailbox_run(&rig->w->mailbox, rig->w)) {
		worker_flush(rig->w, 0);
		while (rig_sent(rig, &frame)) {
			got[frame.src.ip[3] * 32768u + frame.src.port / 2]++;
			sent++;
		}
	}
	return sent;
}

/* Two ranges of flows, of which each second one is kept. */
static struct rig *many_open(void)
{
	struct rig *rig = rig_open(64, MANY);

	memset(got, 0, sizeof(got));
	for (unsigned int i = 0; i < 2; i++) {
		struct proto_media_addr range = {
			.local = {.family = ADDR_IPV4, .ip = {192, 0, 2, (uint8_t)i}},
			.port_min = 2000,
			.port_max = 2000 + MANY - 1,
		};
		struct proto_media_ready ready;

		assert_int_equal(media_addr_claim(rig->media, 0, &range, &ready), 0);
	}
	for (uint32_t i = 0; i < MANY; i++)
		many_set(rig, i);
	return rig;
}

/* Each got one. */
static void many_close(struct rig *rig, unsigned int sent)
{
	assert_int_equal(sent, MANY / 2);
	for (unsigned int i = 0; i < sizeof(got); i++)
		assert_in_range(got[i], 0, 1);
	for (uint32_t i = 0; i < MANY; i++)
		flow_del(rig->media, 0, &(struct proto_handle){.id = i, .gen = 1});
	rig_close(rig);
}

/* Many on hold since the same moment: none is early, no tick orders too many. */
static void many(void **state)
{
	struct rig *rig = many_open();
	uint64_t began = rig->now_ms;
	unsigned int sent = 0, most = 0;

	while (rig->now_ms < began + PERIOD + 500) {
		unsigned int n;

		rig_pass(rig, 20);
		n = many_turn(rig);
		assert_true(n == 0 || rig->now_ms >= began + PERIOD);
		sent += n;
		most = n > most ? n : most;
	}
	/* As many as a tick may order, and a block of the scan. */
	assert_in_range(most, 1, 2048 + DUE_BLOCK);
	many_close(rig, sent);
}

static void nothing(struct worker *w, const struct mail *mail)
{
}

/* A worker that lags, and has orders of others as well: half of its mailbox stays theirs, and who
 * has to wait for that is not forgotten. */
static void worker_lags(void **state)
{
	struct rig *rig = many_open();
	struct mailbox *box = &rig->w->mailbox;
	const struct mail other = {.run = nothing};
	unsigned int sent;

	for (int i = 0; i < OTHERS; i++)
		assert_int_equal(mailbox_send(box, &other), 0);
	rig_pass(rig, PERIOD + 1000);
	assert_int_equal(mailbox_room(box), MAILBOX_SIZE / 2);
	assert_int_equal(box->refused, 0);
	sent = many_turn(rig);
	assert_in_range(sent, 1, MANY / 2 - 1);
	for (int i = 0; i < 50; i++) {
		rig_pass(rig, 20);
		sent += many_turn(rig);
	}
	many_close(rig, sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many),
		cmocka_unit_test(worker_lags),
	};

	return cmocka_run_group_tests(tests, rig_eal, rig_eal_end);
}
