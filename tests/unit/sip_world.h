/* SPDX-License-Identifier: BSD-3-Clause */
/* A SIP stack on virtual time whose packets land in an array: every timer is seen to the
 * millisecond. */
#ifndef TESTS_UNIT_SIP_WORLD_H
#define TESTS_UNIT_SIP_WORLD_H

#include "controlplane/sip/msg.h"
#include "controlplane/sip/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define WORLD_SENT_MAX 4096
#define WORLD_START    1000000

struct world_packet {
	uint64_t at; /* ms since world_open */
	struct sip_flow flow;
	char *text;
};

static struct wheel world_wheel;
static struct sip_stack *world_stack;
static uint64_t world_ms;
static struct world_packet world_sent[WORLD_SENT_MAX];
static size_t world_sent_count;
static int world_send_error; /* what the next sends return */

static uint64_t world_clock(void)
{
	return world_ms;
}

/* Milliseconds since the start. */
static inline uint64_t world_now(void)
{
	return world_ms - WORLD_START;
}

static int world_output(void *arg, const struct sip_flow *flow, const char *buf, size_t len)
{
	struct world_packet *packet = &world_sent[world_sent_count];

	if (world_send_error)
		return world_send_error;
	assert_true(world_sent_count < WORLD_SENT_MAX);
	packet->at = world_now();
	packet->flow = *flow;
	packet->text = strndup(buf, len);
	assert_non_null(packet->text);
	world_sent_count++;
	return 0;
}

static inline void world_forget(void)
{
	while (world_sent_count)
		free(world_sent[--world_sent_count].text);
}

static inline void world_open(const struct sip_handlers *handlers, struct sip_stack_config config)
{
	world_ms = WORLD_START;
	world_send_error = 0;
	wheel_init(&world_wheel, world_ms);
	config.wheel = &world_wheel;
	config.clock = world_clock;
	config.output = world_output;
	config.node = "n01";
	config.service = (struct addr){ADDR_IPV4, 0, 5060, {192, 0, 2, 1}};
	assert_int_equal(sip_stack_open(&world_stack, &config, handlers), 0);
}

static inline void world_close(void)
{
	sip_stack_close(world_stack);
	world_stack = NULL;
	assert_int_equal(world_wheel.armed, 0);
	world_forget();
}

/* Lets time pass, timer by timer. */
static inline void world_pass(uint64_t ms)
{
	uint64_t end = world_ms + ms;
	uint64_t next;

	while ((next = wheel_next(&world_wheel)) <= end) {
		world_ms = next;
		wheel_run(&world_wheel, next);
	}
	world_ms = end;
	wheel_run(&world_wheel, end);
}

static inline void world_until(uint64_t ms)
{
	assert_true(ms >= world_now());
	world_pass(ms - world_now());
}

static const struct sip_flow world_peer = {SIP_UDP, {0}, {ADDR_IPV4, 0, 5060, {192, 0, 2, 1}},
	{ADDR_IPV4, 0, 40000, {203, 0, 113, 7}}};

static void world_receive(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void __attribute__((unused)) world_receive(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	assert_true(n >= 0);
	sip_stack_receive(world_stack, text, (size_t)n, &world_peer);
	free(text);
}

/* Packet i, counted from the last one backwards if negative. */
static inline const char *world_text(int i)
{
	size_t at = i < 0 ? world_sent_count - (size_t)-i : (size_t)i;

	assert_true(at < world_sent_count);
	return world_sent[at].text;
}

static inline bool world_starts(int i, const char *start)
{
	return strncmp(world_text(i), start, strlen(start)) == 0;
}

static inline size_t world_count(const char *start)
{
	size_t n = 0;

	for (size_t i = 0; i < world_sent_count; i++)
		n += strncmp(world_sent[i].text, start, strlen(start)) == 0;
	return n;
}

/* Were exactly these the sending times of packets that start so? Ends with -1. */
static inline void world_assert_times(const char *start, const int64_t *times)
{
	size_t k = 0;

	for (size_t i = 0; i < world_sent_count; i++) {
		if (strncmp(world_sent[i].text, start, strlen(start)) != 0)
			continue;
		if (times[k] != (int64_t)world_sent[i].at)
			print_error("%s number %zu at %lu\n", start, k, world_sent[i].at);
		assert_int_equal(times[k], world_sent[i].at);
		k++;
	}
	assert_int_equal(times[k], -1);
}

/* The line of that header, up to its end, copied. */
static inline const char *world_line(const char *text, const char *name)
{
	static char line[4][512];
	static int turn;
	char *buf = line[turn++ % 4];
	char find[64];
	const char *p;

	snprintf(find, sizeof(find), "\r\n%s: ", name);
	p = strstr(text, find);
	if (!p)
		return "";
	snprintf(buf, sizeof(line[0]), "%.*s", (int)strcspn(p + 2, "\r\n"), p + 2);
	return buf;
}

static inline const char *world_branch(const char *text)
{
	static char branch[4][128];
	static int turn;
	char *buf = branch[turn++ % 4];
	const char *p = strstr(text, "branch=");

	assert_non_null(p);
	snprintf(buf, sizeof(branch[0]), "%.*s", (int)strcspn(p + 7, ";\r\n"), p + 7);
	return buf;
}

#endif
