/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of the data plane: one that refuses, or sends what nobody can believe. */
#include "tests/component/dpclient_scene.h"

#include "shared/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* A busy slot: one attempt each longest back-off, and on as soon as it is free. */
static void test_hello_refused(void **state)
{
	struct bench *b = *state;
	uint64_t begin;

	b->fake.refuse = -EBUSY;
	fake_listen(&b->fake);
	UNTIL(b, b->fake.hellos == 1);
	begin = clock_boot_ms();
	UNTIL(b, b->fake.hellos == 2);
	assert_true(clock_boot_ms() - begin >= 250);
	assert_int_equal(b->ups, 0);
	b->fake.refuse = 0;
	UNTIL(b, dpclient_is_up(b->c));
	assert_int_equal(b->downs, 0);
}

/* Refuses by that error, and expects the client to say these words. */
static void refuse_media(struct bench *b, int status, const char *words)
{
	int log = memfd_create("log", MFD_CLOEXEC), err = dup(STDERR_FILENO);
	uint32_t hellos = b->fake.hellos;
	char text[4096];
	ssize_t n;

	assert_true(log >= 0 && err >= 0);
	dup2(log, STDERR_FILENO);
	b->fake.refuse_media = status;
	while (b->fake.hellos < hellos + 2)
		turn(b);
	dup2(err, STDERR_FILENO);
	n = pread(log, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, words));
	close(log);
	close(err);
}

static void test_media_refused(void **state)
{
	struct bench *b = *state;

	set_flow(b, at(0, 1), at(0, 2), 1);
	fake_listen(&b->fake);
	refuse_media(b, -ENOSPC, "dataplane.flows is too small");
	refuse_media(b, -EEXIST, "restart linewatch-dp as well");
	refuse_media(b, -EPERM, "another linewatch-cp has them");
	assert_int_equal(b->ups, 0);
	assert_int_equal(b->fake.packets[PROTO_FLOW_SET], 0);
	b->fake.refuse_media = 0;
	UNTIL(b, dpclient_is_up(b->c));
	assert_true(held(b, 0, 1)->set);
}

/* Broken packets: the connection goes, nothing else; then all is well again. */
static void test_broken(void **state)
{
	struct bench *b = *state;
	_Alignas(8) static uint8_t packet[PROTO_PACKET_MAX + 64];
	struct proto_head *head = (struct proto_head *)packet;
	static const struct {
		struct proto_head head;
		size_t len;
	} rows[] = {
		{{0}, 1},                                            /* short */
		{{.type = 999, .size = 8, .count = 1}, 24},          /* unknown */
		{{.type = PROTO_HELLO, .size = 80, .count = 1}, 96}, /* wrong direction */
		{{.type = PROTO_ACK, .size = 16, .count = 2}, 32},   /* count lies */
		{{.type = PROTO_ACK, .size = 20, .count = 1}, 36},   /* size lies */
		{{.type = PROTO_LOST, .size = 8, .count = 1}, 24},   /* loss of nothing */
		{{.type = PROTO_ACK, .size = 16, .count = 1}, 32 + PROTO_PACKET_MAX},
		{{.type = PROTO_WELCOME, .size = 40, .count = 1}, 56}, /* in the middle */
		{{.type = PROTO_MEDIA_READY, .size = 32, .count = 1}, 48},
	};

	start(b);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(packet, 0, sizeof(packet));
		*head = rows[i].head;
		fake_send_raw(&b->fake, packet,
			rows[i].len < sizeof(packet) ? rows[i].len : sizeof(packet), -1);
		UNTIL(b, b->downs == i + 1);
		UNTIL(b, dpclient_is_up(b->c));
	}
	assert_int_equal(b->ups, 1 + sizeof(rows) / sizeof(rows[0]));
}

/* A facts memory that is too short or of another layout is not read. */
static void test_broken_facts(void **state)
{
	struct bench *b = *state;
	struct facts_head *head = (struct facts_head *)b->fake.facts;
	struct facts_head good = *head;

	/* The next hello tells that the welcome before it was not believed. */
	fake_listen(&b->fake);
	head->version++;
	UNTIL(b, b->fake.hellos == 2);
	*head = good;
	head->flows = 1u << 30;
	UNTIL(b, b->fake.hellos == 4);
	*head = good;
	head->flow_rtcp_off = UINT64_MAX - 3;
	UNTIL(b, b->fake.hellos == 6);
	*head = good;
	b->fake.facts_size += 4096; /* what WELCOME says */
	UNTIL(b, b->fake.hellos == 8);
	b->fake.facts_size -= 4096;
	assert_int_equal(b->ups, 0);
	UNTIL(b, dpclient_is_up(b->c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_hello_refused),
		CASE(test_media_refused),
		CASE(test_broken),
		CASE(test_broken_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
