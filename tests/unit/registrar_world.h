/* SPDX-License-Identifier: BSD-3-Clause */
/* A registrar on virtual time: REGISTERs go in as text, its store is an array. The data-plane
 * client has no data plane here; what it is told to hold is looked at. */
#ifndef TESTS_UNIT_REGISTRAR_WORLD_H
#define TESTS_UNIT_REGISTRAR_WORLD_H

#include "controlplane/media/dpclient.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/registrar/uri.h"
#include "controlplane/store/record.h"
#include "controlplane/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW  10000000ull
#define WALL 1700000000000ull /* Tue, 14 Nov 2023 22:13:20 GMT */

/* What the store holds. */
#define STORED_MAX 64
struct stored {
	char aor[128];
	char bid[64];
	struct record rec;
	uint64_t expires_ms;
};

struct bench {
	uv_loop_t loop;
	struct wheel wheel;
	struct dpclient *dp;
	struct registrar *r;
	struct registrar_conf conf;
	struct registrar_reply reply;
	struct stored stored[STORED_MAX];
	unsigned stored_count, sets, dels;
	uint64_t now;
	struct addr source;
	const char *user;
};

static const struct addr local = {.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 1}};
static const char *const domains[] = {"example.com", "192.0.2.1"};

static inline void store_set(
	void *arg, const char *aor, const char *bid, const struct record *rec, uint64_t expires_ms)
{
	struct bench *b = arg;
	struct stored *s = b->stored;

	b->sets++;
	while (s < b->stored + b->stored_count && strcmp(s->bid, bid) != 0)
		s++;
	assert_true(s < b->stored + STORED_MAX);
	if (s == b->stored + b->stored_count) {
		b->stored_count++;
		record_init(&s->rec);
	}
	snprintf(s->aor, sizeof(s->aor), "%s", aor);
	snprintf(s->bid, sizeof(s->bid), "%s", bid);
	assert_int_equal(record_copy(&s->rec, rec), 0);
	s->expires_ms = expires_ms;
}

static inline void store_del(void *arg, const char *aor, const char *bid)
{
	struct bench *b = arg;

	b->dels++;
	for (unsigned i = 0; i < b->stored_count; i++) {
		if (strcmp(b->stored[i].bid, bid) != 0)
			continue;
		assert_string_equal(b->stored[i].aor, aor);
		record_free(&b->stored[i].rec);
		b->stored[i] = b->stored[--b->stored_count];
		return;
	}
	fail_msg("removes %s, which was never stored", bid);
}

static inline void start(struct bench *b)
{
	wheel_init(&b->wheel, b->now);
	b->conf.wheel = &b->wheel;
	b->conf.now_ms = b->now;
	assert_int_equal(registrar_open(&b->r, &b->conf), 0);
}

static inline int setup(void **state)
{
	struct dpclient_conf dp = {
		.socket = "/nonexistent/dp.sock",
		.bindings_max = 200,
		.port_min = 20000,
		.port_max = 20001,
		.class_count = 1,
		.classes = {{.period_ms = 30000, .send_interval_ms = 500, .send_one_time = 1}},
	};
	struct bench *b = calloc(1, sizeof(*b));

	assert_int_equal(parser_init(), 0);
	assert_int_equal(uv_loop_init(&b->loop), 0);
	assert_int_equal(dpclient_open(&b->dp, &b->loop, &dp), 0);
	dpclient_start(b->dp);
	b->now = NOW;
	b->source = (struct addr){.family = ADDR_IPV4, .port = 1024, .ip = {198, 51, 100, 7}};
	b->user = "bob";
	b->conf = (struct registrar_conf){
		.domains = domains,
		.domain_count = 2,
		.node = "n01",
		.incarnation = 5,
		.bindings_max = 200,
		.dp = b->dp,
		.store = {.set = store_set, .del = store_del, .arg = b},
	};
	start(b);
	*state = b;
	return 0;
}

static inline int teardown(void **state)
{
	struct bench *b = *state;

	registrar_close(b->r);
	dpclient_close(b->dp);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	for (unsigned i = 0; i < b->stored_count; i++)
		record_free(&b->stored[i].rec);
	free(b);
	return 0;
}

/* A whole request; rest is what goes between CSeq and the end. */
static inline int send_to(struct bench *b, const char *uri, const char *to, const char *call_id,
	uint32_t cseq, const char *rest)
{
	struct registrar_request request = {
		.source = b->source,
		.local = local,
		.user = b->user,
		.now_ms = b->now,
		.wall_ms = WALL,
	};
	char text[8192];
	osip_message_t *m;

	snprintf(text, sizeof(text),
		"REGISTER %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1\r\n"
		"From: <sip:bob@example.com>;tag=1\r\nTo: <%s>\r\nCall-ID: %s\r\n"
		"CSeq: %u REGISTER\r\nRecord-Route: <sip:evil.example;lr>\r\n%s"
		"Content-Length: 0\r\n\r\n",
		uri, to, call_id, cseq, rest);
	assert_int_equal(osip_message_init(&m), 0);
	assert_int_equal(osip_message_parse(m, text, strlen(text)), 0);
	request.message = m;
	registrar_register(b->r, &request, &b->reply);
	osip_message_free(m);
	return b->reply.status;
}

static inline int reg(struct bench *b, const char *call_id, uint32_t cseq, const char *rest)
{
	return send_to(b, "sip:example.com", "sip:bob@example.com", call_id, cseq, rest);
}

/* The n-th header of a name in the reply, or NULL. */
static inline const char *header(const struct bench *b, const char *name, unsigned n)
{
	for (unsigned i = 0; i < b->reply.header_count; i++)
		if (strcmp(b->reply.headers[i].name, name) == 0 && n-- == 0)
			return b->reply.headers[i].value;
	return NULL;
}

static inline bool lists(const struct bench *b, const char *contact)
{
	for (unsigned i = 0; header(b, "Contact", i); i++)
		if (strcmp(header(b, "Contact", i), contact) == 0)
			return true;
	return false;
}

static inline unsigned listed(const struct bench *b)
{
	unsigned n = 0;

	while (header(b, "Contact", n))
		n++;
	return n;
}

static inline int lookup(
	struct bench *b, const char *text, const struct binding **out, unsigned max)
{
	osip_uri_t *uri;
	int n;

	assert_int_equal(osip_uri_init(&uri), 0);
	assert_int_equal(osip_uri_parse(uri, text), 0);
	n = registrar_lookup(b->r, uri, b->now, out, max);
	osip_uri_free(uri);
	return n;
}

static inline int found(struct bench *b, const char *text)
{
	const struct binding *out[8];

	return lookup(b, text, out, 8);
}

static inline const struct binding *the_one(struct bench *b)
{
	const struct binding *out[2];

	assert_int_equal(lookup(b, "sip:bob@example.com", out, 2), 1);
	return out[0];
}

static inline void advance(struct bench *b, uint64_t ms)
{
	b->now += ms;
	wheel_run(&b->wheel, b->now);
}

#define BOB "Contact: <sip:bob@10.0.0.5:5062>\r\n"

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
