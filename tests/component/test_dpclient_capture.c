/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of the data plane: captures. */
#include "tests/component/dpclient_scene.h"

#include "controlplane/media/dpcapture.h"
#include "controlplane/media/dpclient_impl.h"

#include "shared/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct captured {
	unsigned frames, ends;
	uint32_t why;
	const char *words;
	uint64_t lost;
};

static void on_frame(void *arg, const struct proto_frame *frame)
{
	((struct captured *)arg)->frames++;
}

static void on_end(void *arg, uint32_t why, const char *words, uint64_t lost)
{
	struct captured *seen = arg;

	seen->ends++;
	seen->why = why;
	seen->words = words;
	seen->lost = lost;
}

static struct dpcapture_conf capture_conf(struct captured *seen, uint8_t kind)
{
	return (struct dpcapture_conf){
		.kind = kind,
		.index = 7,
		.at = {1, PORT_MIN + 4},
		.packets_max = 100,
		.until_ms = clock_boot_ms() + 60000,
		.frame = on_frame,
		.end = on_end,
		.arg = seen,
	};
}

static void tell_frame(struct bench *b, uint32_t capture)
{
	struct proto_frame frame = {
		.capture = capture, .at_us = 1, .len = 60, .fate = PROTO_FRAME_TO_HOST};

	fake_send(&b->fake, PROTO_FRAME, 0, &frame, 1, -1);
}

static void tell_end(struct bench *b, uint32_t capture, enum proto_capture_why why)
{
	struct proto_capture_end end = {.capture = capture, .why = why, .lost = 5};

	fake_send(&b->fake, PROTO_CAPTURE_END, 0, &end, 1, -1);
}

static void test_capture(void **state)
{
	struct bench *b = *state;
	struct captured seen = {0};
	struct dpcapture_conf conf = capture_conf(&seen, PROTO_CAPTURE_BINDING);
	struct proto_binding binding = some_binding(42, 9);
	const char *why = NULL;
	uint32_t name;

	assert_int_equal(dpcapture_start(b->c, &conf, &why), 0);
	assert_string_equal(why, "the data plane is not there");
	start(b);
	assert_int_equal(dpcapture_start(b->c, &conf, &why), 0);
	assert_string_equal(why, "the data plane has no such flow or binding");
	/* Set in the same turn, the binding goes first. */
	assert_int_equal(dpclient_binding_set(b->c, 7, &binding), 0);
	name = dpcapture_start(b->c, &conf, &why);
	assert_int_not_equal(name, 0);
	UNTIL(b, b->fake.capture.capture == name);
	assert_int_equal(b->fake.capture.id, b->fake.binding_first + 7);
	assert_int_equal(b->fake.capture.gen, 42);
	assert_true(b->fake.bindings[b->fake.binding_first + 7].set);
	tell_frame(b, name);
	tell_frame(b, name + 1);
	tell_end(b, name, PROTO_CAPTURE_FULL);
	tell_frame(b, name);
	tell_end(b, name, PROTO_CAPTURE_FULL);
	UNTIL(b, seen.ends);
	settle(b);
	assert_int_equal(seen.frames, 1);
	assert_int_equal(seen.why, PROTO_CAPTURE_FULL);
	assert_int_equal(seen.lost, 5);
	assert_int_equal(seen.ends, 1);
}

static void refused(struct bench *b, const struct dpcapture_conf *conf)
{
	const char *why = NULL;

	assert_int_equal(dpcapture_start(b->c, conf, &why), 0);
	assert_string_equal(why, "the data plane has no such flow or binding");
}

/* What is not set, or beyond what the data plane has room for, cannot be captured. */
static void test_capture_target(void **state)
{
	struct bench *b = *state;
	struct captured seen = {0};
	struct dpcapture_conf conf = capture_conf(&seen, PROTO_CAPTURE_FLOW);
	struct proto_binding binding = some_binding(42, 9);

	b->fake.binding_count = 7;
	start(b);
	refused(b, &conf);
	conf = capture_conf(&seen, PROTO_CAPTURE_BINDING);
	assert_int_equal(dpclient_binding_set(b->c, 7, &binding), 0);
	refused(b, &conf);
}

/* Nobody hears of it any more, and the data plane is told. */
static void test_capture_stopped(void **state)
{
	struct bench *b = *state;
	struct captured seen = {0};
	struct dpcapture_conf conf = capture_conf(&seen, PROTO_CAPTURE_FLOW);
	const char *why;
	uint32_t name;

	start(b);
	set_flow(b, conf.at, (struct dpclient_port){0, PORT_MIN}, 8);
	name = dpcapture_start(b->c, &conf, &why);
	dpcapture_stop(b->c, name);
	settle(b);
	assert_int_equal(b->fake.packets[PROTO_CAPTURE_SET], 0);
	assert_int_equal(b->fake.packets[PROTO_CAPTURE_DEL], 0);
	name = dpcapture_start(b->c, &conf, &why);
	UNTIL(b, b->fake.capture.capture == name);
	assert_int_equal(b->fake.capture.id, fake_base(&b->fake, 1) + 2);
	assert_int_equal(b->fake.capture.gen, 8);
	dpcapture_stop(b->c, name);
	dpcapture_stop(b->c, name);
	/* What was under way already. */
	dpcapture_frame(b->c, &(struct proto_frame){.capture = name});
	tell_frame(b, name);
	UNTIL(b, b->fake.capture_del == name);
	settle(b);
	name = dpcapture_start(b->c, &conf, &why);
	UNTIL(b, b->fake.capture.capture == name);
	dpcapture_stop(b->c, name);
	dpcapture_end(
		b->c, &(struct proto_capture_end){.capture = name, .why = PROTO_CAPTURE_TIME});
	settle(b);
	assert_int_equal(seen.frames + seen.ends, 0);
	/* Every place is free again. */
	for (int i = 0; i < PROTO_CAPTURES; i++)
		assert_int_not_equal(dpcapture_start(b->c, &conf, &why), 0);
	assert_int_equal(dpcapture_start(b->c, &conf, &why), 0);
	assert_string_equal(why, "too many captures at a time");
}

static void test_capture_refused_or_lost(void **state)
{
	struct bench *b = *state;
	struct captured seen = {0};
	struct dpcapture_conf conf = capture_conf(&seen, PROTO_CAPTURE_FLOW);
	struct dpclient_status status;
	const char *why;

	start(b);
	set_flow(b, conf.at, (struct dpclient_port){0, PORT_MIN}, 8);
	b->fake.capture_refuse = -ENOENT;
	assert_int_not_equal(dpcapture_start(b->c, &conf, &why), 0);
	UNTIL(b, seen.ends);
	/* One that moved a moment ago is gone, and ends nobody else's capture. */
	assert_int_equal(seen.why, PROTO_CAPTURE_GONE);
	assert_string_equal(seen.words, "it is not in the data plane");
	dpclient_status(b->c, &status);
	assert_int_equal(status.refused, 0);
	b->fake.capture_refuse = -ENOSPC;
	assert_int_not_equal(dpcapture_start(b->c, &conf, &why), 0);
	UNTIL(b, seen.ends == 2);
	assert_int_equal(seen.why, 0);
	assert_string_equal(seen.words, "the data plane has too many captures");
	b->fake.capture_refuse = 0;
	assert_int_not_equal(dpcapture_start(b->c, &conf, &why), 0);
	settle(b);
	fake_hang_up(&b->fake);
	UNTIL(b, seen.ends == 3);
	assert_int_equal(seen.why, 0);
	assert_string_equal(seen.words, "the data plane went away");
	/* It is not given back. */
	UNTIL(b, settled(b));
	settle(b);
	assert_int_equal(b->fake.packets[PROTO_CAPTURE_SET], 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_capture),
		CASE(test_capture_target),
		CASE(test_capture_stopped),
		CASE(test_capture_refused_or_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
