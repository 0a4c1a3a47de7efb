/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of the data plane: what it is told arrives, once, whenever the data plane is there. */
#include "tests/component/dpclient_scene.h"

#include "shared/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Set before there is a data plane, it arrives when there is one. */
static void test_first_sync(void **state)
{
	struct bench *b = *state;
	struct proto_binding binding = some_binding(4, 1);
	uint64_t before = clock_boot_ms();

	set_flow(b, at(0, 5), at(1, 6), 1);
	set_flow(b, at(1, 6), at(0, 5), 1);
	set_flow(b, at(1, 7), (struct dpclient_port){0}, 2);
	assert_int_equal(dpclient_binding_set(b->c, 17, &binding), 0);
	for (int i = 0; i < 20; i++)
		turn(b);
	assert_false(dpclient_is_up(b->c));
	start(b);
	assert_int_equal(b->ups, 1);
	assert_int_equal(b->restarts, 1);
	assert_int_equal(b->fake.since_ms, 0);
	assert_int_equal(b->fake.hello.slot, 3);
	assert_int_equal(b->fake.hello.incarnation, 9);
	assert_int_equal(b->fake.generation, 1);
	assert_int_equal(b->fake.conf.payload_len, 5);
	assert_true(held(b, 0, 5)->set && held(b, 1, 6)->set && held(b, 1, 7)->set);
	assert_int_equal(held(b, 0, 5)->flow.peer_id, fake_base(&b->fake, 1) + 6);
	assert_int_equal(held(b, 1, 6)->flow.peer_id, fake_base(&b->fake, 0) + 5);
	assert_int_equal(held(b, 1, 7)->flow.peer_id, PROTO_NO_PEER);
	/* The media clock starts now, not when the flow was set. */
	assert_true(held(b, 0, 5)->flow.clock_ms >= before);
	assert_true(b->fake.bindings[500 + 17].set);
	assert_int_equal(b->fake.bindings[500 + 17].binding.gen, 4);
}

static void test_changes(void **state)
{
	struct bench *b = *state;
	struct proto_binding binding = some_binding(4, 1);
	struct proto_conf conf = b->conf.classes[0];

	start(b);
	set_flow(b, at(0, 1), at(0, 2), 1);
	dpclient_binding_set(b->c, 0, &binding);
	conf.period_ms = 20000;
	assert_int_equal(dpclient_class_set(b->c, &conf), 0);
	settle(b);
	assert_true(held(b, 0, 1)->set);
	assert_int_equal(held(b, 0, 1)->flow.clock_ms, 1);
	assert_true(b->fake.bindings[500].set);
	assert_int_equal(b->fake.conf.period_ms, 20000);

	dpclient_flow_del(b->c, at(0, 1), 99); /* another generation: not this one */
	dpclient_binding_del(b->c, 0, 99);
	settle(b);
	assert_true(held(b, 0, 1)->set && b->fake.bindings[500].set);
	dpclient_flow_del(b->c, at(0, 1), 1);
	dpclient_binding_del(b->c, 0, 4);
	settle(b);
	assert_false(held(b, 0, 1)->set || b->fake.bindings[500].set);
	assert_null(dpclient_flow_get(b->c, at(0, 1)));

	/* Removed and set again before anything was sent: the new one wins. */
	set_flow(b, at(0, 1), at(0, 2), 2);
	settle(b);
	dpclient_flow_del(b->c, at(0, 1), 2);
	set_flow(b, at(0, 1), at(0, 2), 3);
	settle(b);
	assert_true(held(b, 0, 1)->set);
	assert_int_equal(held(b, 0, 1)->flow.gen, 3);
}

/* What the data plane would take for malformed never leaves; the connection stays. */
static void test_refused_here(void **state)
{
	struct bench *b = *state;
	struct proto_flow flow = some_flow(1, 1);
	struct proto_binding binding = some_binding(1, 1);
	struct proto_conf conf = b->conf.classes[0];
	struct dpclient_port odd = {.port = PORT_MIN + 1}, high = {.port = PORT_MIN + 2 * SLOTS};

	start(b);
	assert_int_equal(dpclient_flow_set(b->c, odd, at(0, 1), &flow), -EINVAL);
	assert_int_equal(dpclient_flow_set(b->c, high, at(0, 1), &flow), -EINVAL);
	assert_int_equal(dpclient_flow_set(b->c, at(2, 1), at(0, 1), &flow), -EINVAL);
	assert_int_equal(dpclient_flow_set(b->c, at(0, 1), odd, &flow), -EINVAL);
	assert_int_equal(dpclient_flow_set(b->c, at(0, 1), at(0, 1), &flow), -EINVAL);
	flow.expires_ms = 0;
	assert_int_equal(dpclient_flow_set(b->c, at(0, 1), at(0, 2), &flow), -EINVAL);
	binding.dst.port = 0;
	assert_int_equal(dpclient_binding_set(b->c, 1, &binding), -EINVAL);
	binding = some_binding(1, 1);
	assert_int_equal(dpclient_binding_set(b->c, BINDINGS, &binding), -EINVAL);
	conf.period_ms = 1;
	assert_int_equal(dpclient_class_set(b->c, &conf), -EINVAL);
	settle(b);
	assert_int_equal(b->downs, 0);
	assert_int_equal(b->fake.packets[PROTO_FLOW_SET], 0);
	assert_int_equal(b->fake.packets[PROTO_BINDING_SET], 0);
}

/* Another process with other bases: everything again, under the new ids; what went away meanwhile
 * does not come back. */
static void test_restart(void **state)
{
	struct bench *b = *state;
	uint64_t before, died;

	start(b);
	for (uint32_t n = 0; n < BINDINGS; n++) {
		struct proto_binding binding = some_binding(1, n);

		dpclient_binding_set(b->c, n, &binding);
	}
	for (uint32_t n = 0; n < SLOTS; n++) {
		set_flow(b, at(0, n), at(1, n), 1);
		set_flow(b, at(1, n), at(0, n), 1);
	}
	settle(b);
	died = clock_boot_ms();
	fake_die(&b->fake);
	UNTIL(b, b->downs == 1);
	dpclient_flow_del(b->c, at(0, 3), 1);
	dpclient_binding_del(b->c, 7, 1);
	set_flow(b, at(0, 4), at(1, 4), 2);

	fake_boot(&b->fake, 1000, 20);
	before = clock_boot_ms();
	start(b);
	assert_int_equal(b->ups, 2);
	assert_int_equal(b->restarts, 2);
	/* Keep-alives are missing since the old one died. */
	assert_in_range(b->fake.since_ms, died, before);
	for (uint32_t n = 0; n < SLOTS; n++) {
		assert_int_equal(held(b, 0, n)->set, n != 3);
		assert_true(held(b, 1, n)->set);
		assert_int_equal(held(b, 1, n)->flow.peer_id, 1000 + n);
		assert_int_equal(held(b, 1, n)->flow.remote.port, far(at(1, n).port).port);
		assert_true(held(b, 1, n)->flow.clock_ms >= before);
	}
	assert_int_equal(held(b, 0, 4)->flow.gen, 2);
	for (uint32_t n = 0; n < BINDINGS; n++)
		assert_int_equal(b->fake.bindings[20 + n].set, n != 7);

	/* The same process again: only the connection was lost. */
	fake_hang_up(&b->fake);
	UNTIL(b, b->downs == 2);
	UNTIL(b, dpclient_is_up(b->c));
	assert_int_equal(b->ups, 3);
	assert_int_equal(b->restarts, 2);
	assert_int_equal(b->fake.generation, 2);
}

/* A data plane that reads nothing for a while: bounded memory, and in the end the latest of each.
 */
static void test_slow_reader(void **state)
{
	struct bench *b = *state;
	struct dpclient_status status;

	start(b);
	for (uint32_t n = 0; n < SLOTS; n++)
		set_flow(b, at(0, n), at(1, n), 100);
	settle(b);
	for (uint32_t n = 0; n < SLOTS; n++) {
		set_flow(b, at(0, n), at(1, n), 101);
		dpclient_flow_del(b->c, at(0, n), 101); /* before 101 was sent: 100 must go */
	}
	settle(b);
	for (uint32_t n = 0; n < SLOTS; n++)
		assert_false(held(b, 0, n)->set);
	b->fake.deaf = true;
	for (uint32_t round = 1; round <= 30; round++) {
		for (uint32_t n = 0; n < BINDINGS; n++) {
			struct proto_binding binding = some_binding(round, n + round);

			if (n % 7 == round % 7)
				dpclient_binding_del(b->c, n, round - 1);
			else
				dpclient_binding_set(b->c, n, &binding);
		}
		for (uint32_t n = 0; n < SLOTS; n++)
			if (n % 5 == round % 5)
				dpclient_flow_del(b->c, at(0, n), round - 1);
			else
				set_flow(b, at(0, n), at(1, n), round);
		for (int i = 0; i < 5; i++)
			turn(b);
		dpclient_status(b->c, &status);
		assert_true(status.pending <= BINDINGS + SLOTS);
	}
	assert_true(status.pending > 0);
	b->fake.deaf = false;
	settle(b);
	assert_int_equal(b->downs, 0);
	for (uint32_t n = 0; n < BINDINGS; n++) {
		const struct held_binding *h = &b->fake.bindings[500 + n];

		assert_int_equal(h->set, n % 7 != 30 % 7);
		if (h->set)
			assert_int_equal(h->binding.gen, 30);
	}
	for (uint32_t n = 0; n < SLOTS; n++) {
		assert_int_equal(held(b, 0, n)->set, n % 5 != 30 % 5);
		if (held(b, 0, n)->set)
			assert_int_equal(held(b, 0, n)->flow.gen, 30);
	}
}

/* More bindings than the data plane has room for: the rest waits for a larger one. */
static void test_capacity(void **state)
{
	struct bench *b = *state;
	struct dpclient_status status;

	b->fake.binding_count = 100;
	start(b);
	for (uint32_t n = 0; n < 150; n++) {
		struct proto_binding binding = some_binding(1, n);

		assert_int_equal(dpclient_binding_set(b->c, n, &binding), 0);
	}
	settle(b);
	dpclient_status(b->c, &status);
	assert_int_equal(status.bindings, 150);
	assert_int_equal(status.unplaced, 50);
	assert_int_equal(status.binding_capacity, 100);
	dpclient_binding_del(b->c, 149, 1);
	settle(b);
	assert_int_equal(b->fake.packets[PROTO_BINDING_DEL], 0);
	fake_hang_up(&b->fake);
	b->fake.binding_count = 200;
	UNTIL(b, b->downs == 1);
	settle(b);
	dpclient_status(b->c, &status);
	assert_int_equal(status.unplaced, 0);
	for (uint32_t n = 0; n < 150; n++)
		assert_int_equal(b->fake.bindings[500 + n].set, n != 149);
}

/* Closed in every stage, without a leak (the sanitizers look). */
static void test_close(void **state)
{
	struct bench *b = *state;

	fake_listen(&b->fake);
	for (int turns = 0; turns < 12; turns++) {
		struct dpclient *c;

		b->conf.slot = (uint32_t)turns;
		b->conf.events = (struct dpclient_events){0};
		assert_int_equal(dpclient_open(&c, &b->loop, &b->conf), 0);
		dpclient_start(c);
		for (int i = 0; i < turns; i++)
			turn(b);
		dpclient_close(c);
	}
	b->conf.slot = PROTO_SLOTS;
	assert_int_equal(dpclient_open(&b->c, &b->loop, &b->conf), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_first_sync),
		CASE(test_changes),
		CASE(test_refused_here),
		CASE(test_restart),
		CASE(test_slow_reader),
		CASE(test_capacity),
		CASE(test_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
