/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/control/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct queue queue;
#define QUEUE_SIZE 8192

static uint64_t packet[PROTO_PACKET_MAX / 8];

static int setup(void **state)
{
	return queue_open(&queue, QUEUE_SIZE, sizeof(struct proto_flow_event));
}

static int teardown(void **state)
{
	queue_close(&queue);
	return 0;
}

static bool push_flow(uint32_t id)
{
	struct proto_flow_event event = {.id = id, .kind = PROTO_FLOW_SILENT, .at_ms = 1};

	return queue_push(&queue, PROTO_FLOW_EVENT, &event);
}

static bool push_binding(uint32_t id)
{
	struct proto_binding_event event = {.id = id, .kind = PROTO_BINDING_LOST, .at_ms = 1};

	return queue_push(&queue, PROTO_BINDING_EVENT, &event);
}

/* Packs the next packet, checks it as a client would, and returns its head. */
static const struct proto_head *next(void)
{
	size_t len = queue_pack(&queue, packet, 7);
	const struct proto_head *head = (const struct proto_head *)packet;
	const char *why;

	if (len == 0)
		return NULL;
	assert_int_equal(proto_check(packet, len, false, &why), 0);
	assert_int_equal(head->seq, 7);
	return head;
}

static uint32_t first_id(const struct proto_head *head)
{
	return *(const uint32_t *)proto_records(head);
}

static void test_keeps_order_and_packs_one_type(void **state)
{
	const struct proto_head *head;

	push_flow(1);
	push_flow(2);
	push_binding(3);
	push_flow(4);

	head = next();
	assert_int_equal(head->type, PROTO_FLOW_EVENT);
	assert_int_equal(head->count, 2);
	assert_int_equal(first_id(head), 1);
	queue_sent(&queue, packet);
	head = next();
	assert_int_equal(head->type, PROTO_BINDING_EVENT);
	assert_int_equal(head->count, 1);
	assert_int_equal(first_id(head), 3);
	queue_sent(&queue, packet);
	assert_int_equal(first_id(next()), 4);
	queue_sent(&queue, packet);
	assert_null(next());
	assert_true(queue_is_empty(&queue));
}

/* A packet that the socket did not take is packed again, together with what came meanwhile. */
static void test_takes_nothing_out_before_it_is_sent(void **state)
{
	push_flow(1);
	assert_int_equal(next()->count, 1);
	push_flow(2);
	assert_int_equal(next()->count, 2);
	queue_sent(&queue, packet);
	assert_null(next());
}

static void test_packet_is_bounded(void **state)
{
	for (uint32_t i = 0; i < PROTO_RECORDS_MAX + 1; i++)
		push_flow(i);
	assert_int_equal(next()->count, PROTO_RECORDS_MAX);
	queue_sent(&queue, packet);
	assert_int_equal(next()->count, 1);
	assert_int_equal(first_id((const struct proto_head *)packet), PROTO_RECORDS_MAX);
}

static uint64_t lost_in_packet(void)
{
	struct proto_lost lost;

	memcpy(&lost, (const struct proto_head *)packet + 1, sizeof(lost));
	return lost.events;
}

static void drain(uint32_t first, uint32_t events)
{
	for (uint32_t seen = 0; seen < events;) {
		const struct proto_head *head = next();
		const struct proto_flow_event *event = proto_records(head);

		assert_int_equal(head->type, PROTO_FLOW_EVENT);
		for (uint32_t i = 0; i < head->count; i++)
			assert_int_equal(event[i].id, first + seen++);
		queue_sent(&queue, packet);
	}
}

/* LOST stands where the events would have stood: a client that looks at the facts then must not
 * hear of anything older afterwards. */
static void test_counts_what_does_not_fit(void **state)
{
	for (uint32_t i = 0; i < QUEUE_SIZE - 1; i++)
		assert_true(push_flow(i));
	assert_int_equal(queue_room(&queue), 0);
	assert_false(push_flow(QUEUE_SIZE));
	assert_false(push_binding(1));

	/* Room for one, and it is the LOST's. */
	assert_int_equal(next()->count, PROTO_RECORDS_MAX);
	queue_sent(&queue, packet);
	assert_int_equal(queue_room(&queue), PROTO_RECORDS_MAX - 1);
	for (uint32_t i = 0; i < PROTO_RECORDS_MAX - 1; i++)
		assert_true(push_flow(QUEUE_SIZE + i));
	assert_false(push_flow(1));

	drain(PROTO_RECORDS_MAX, QUEUE_SIZE - 1 - PROTO_RECORDS_MAX);
	assert_int_equal(next()->type, PROTO_LOST);
	assert_int_equal(lost_in_packet(), 2);
	queue_sent(&queue, packet);
	drain(QUEUE_SIZE, PROTO_RECORDS_MAX - 1);
	assert_int_equal(next()->type, PROTO_LOST);
	assert_int_equal(lost_in_packet(), 1);
	queue_sent(&queue, packet);
	assert_null(next());
}

/* One that counts on while there is no room; none stands beside another. */
static void test_one_word_for_many_losses(void **state)
{
	for (uint32_t i = 0; i < QUEUE_SIZE - 1; i++)
		assert_true(push_flow(i));
	for (uint32_t i = 0; i < 1000; i++)
		assert_false(push_flow(i));
	drain(0, QUEUE_SIZE - 1);
	assert_int_equal(next()->type, PROTO_LOST);
	assert_int_equal(lost_in_packet(), 1000);
	queue_sent(&queue, packet);
	assert_true(queue_is_empty(&queue));
}

/* Positions are counted on beyond the size. */
static void test_wraps(void **state)
{
	for (uint32_t i = 0; i < 3 * QUEUE_SIZE; i++) {
		assert_true(push_flow(i));
		assert_int_equal(first_id(next()), i);
		queue_sent(&queue, packet);
	}
	assert_true(queue_is_empty(&queue));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_keeps_order_and_packs_one_type, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_takes_nothing_out_before_it_is_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_packet_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counts_what_does_not_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_word_for_many_losses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wraps, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
