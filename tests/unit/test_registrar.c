/* SPDX-License-Identifier: BSD-3-Clause */
/* Registrar on virtual time: the rows RG-01 to RG-12, KA-01, NO-01, NO-03 and SE-16 of the
 * checklist, with REGISTERs as text. The data-plane client has no data plane here; what it is told
 * to hold is looked at. */
#include "controlplane/registrar/registrar.h"

#include "controlplane/media/dpclient.h"
#include "controlplane/registrar/uri.h"
#include "controlplane/store/record.h"
#include "controlplane/wheel.h"

#include <errno.h>
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

static void store_set(
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

static void store_del(void *arg, const char *aor, const char *bid)
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

static void start(struct bench *b)
{
	wheel_init(&b->wheel, b->now);
	b->conf.wheel = &b->wheel;
	b->conf.now_ms = b->now;
	assert_int_equal(registrar_open(&b->r, &b->conf), 0);
}

static int setup(void **state)
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

static int teardown(void **state)
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
static int send_to(struct bench *b, const char *uri, const char *to, const char *call_id,
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

static int reg(struct bench *b, const char *call_id, uint32_t cseq, const char *rest)
{
	return send_to(b, "sip:example.com", "sip:bob@example.com", call_id, cseq, rest);
}

/* The n-th header of a name in the reply, or NULL. */
static const char *header(const struct bench *b, const char *name, unsigned n)
{
	for (unsigned i = 0; i < b->reply.header_count; i++)
		if (strcmp(b->reply.headers[i].name, name) == 0 && n-- == 0)
			return b->reply.headers[i].value;
	return NULL;
}

static bool lists(const struct bench *b, const char *contact)
{
	for (unsigned i = 0; header(b, "Contact", i); i++)
		if (strcmp(header(b, "Contact", i), contact) == 0)
			return true;
	return false;
}

static unsigned listed(const struct bench *b)
{
	unsigned n = 0;

	while (header(b, "Contact", n))
		n++;
	return n;
}

static int lookup(struct bench *b, const char *text, const struct binding **out, unsigned max)
{
	osip_uri_t *uri;
	int n;

	assert_int_equal(osip_uri_init(&uri), 0);
	assert_int_equal(osip_uri_parse(uri, text), 0);
	n = registrar_lookup(b->r, uri, b->now, out, max);
	osip_uri_free(uri);
	return n;
}

static int found(struct bench *b, const char *text)
{
	const struct binding *out[8];

	return lookup(b, text, out, 8);
}

static const struct binding *the_one(struct bench *b)
{
	const struct binding *out[2];

	assert_int_equal(lookup(b, "sip:bob@example.com", out, 2), 1);
	return out[0];
}

static void advance(struct bench *b, uint64_t ms)
{
	b->now += ms;
	wheel_run(&b->wheel, b->now);
}

#define BOB "Contact: <sip:bob@10.0.0.5:5062>\r\n"

/* RG-01: the order of the steps shows in which fault is told. */
static void test_order(void **state)
{
	struct bench *b = *state;
	const char *faulty = "Require: gruu\r\nContact: *\r\n"; /* and no Expires */

	b->user = NULL;
	assert_int_equal(send_to(b, "sips:else.org", "sip:eve@else.org", "a", 1, faulty), 416);
	assert_int_equal(send_to(b, "sip:else.org", "sip:eve@else.org", "a", 1, faulty), 403);
	assert_int_equal(send_to(b, "sip:example.com", "sip:eve@else.org", "a", 1, faulty), 420);
	assert_int_equal(
		send_to(b, "sip:example.com", "sip:eve@else.org", "a", 1, "Contact: *\r\n"), 401);
	b->user = "bob";
	assert_int_equal(
		send_to(b, "sip:example.com", "sip:eve@else.org", "a", 1, "Contact: *\r\n"), 403);
	assert_int_equal(
		send_to(b, "sip:example.com", "sip:bob@else.org", "a", 1, "Contact: *\r\n"), 404);
	assert_int_equal(reg(b, "a", 1, "Contact: *\r\n"), 400);
	assert_int_equal(reg(b, "a", 1, BOB), 200);
	assert_null(header(b, "Record-Route", 0));
	assert_int_equal(found(b, "sip:bob@else.org"), -ENOENT);
}

/* RG-02: one AOR, however it is written. */
static void test_aor(void **state)
{
	struct bench *b = *state;
	const struct binding *out[1];

	b->user = "alice";
	assert_int_equal(
		send_to(b, "sip:EXAMPLE.com", "sip:%61lice@Example.COM;x=1", "a", 1, BOB), 200);
	assert_int_equal(lookup(b, "sip:alice@192.0.2.1:5060;user=phone", out, 1), 1);
	assert_string_equal(binding_aor(out[0]), "sip:alice@example.com");
	assert_int_equal(found(b, "sip:Alice@example.com"), 0);
	b->user = "a b:c";
	assert_int_equal(
		send_to(b, "sip:example.com", "sip:a%20b%3ac@example.com", "a", 1, BOB), 200);
	assert_int_equal(lookup(b, "sip:a%20b%3Ac@example.com", out, 1), 1);
	assert_string_equal(binding_aor(out[0]), "sip:a%20b%3Ac@example.com");
}

static void test_uri_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{"sip:bob@biloxi.com", "sip:bob@BILOXI.com", true},
		{"sip:%61lice@atlanta.com", "sip:alice@AtLanTa.CoM", true},
		{"sip:alice@atlanta.com", "sip:ALICE@atlanta.com", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com:05060", "sip:bob@biloxi.com:5060", true},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@h;transport=UDP", "sip:bob@h;transport=udp", true},
		{"sip:bob@h;maddr=1.2.3.4", "sip:bob@h", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:carol@chicago.com;a=1;b=2", "sip:carol@chicago.com;B=2;A=1", true},
		{"sip:biloxi.com?to=sip:bob%40biloxi.com", "sip:biloxi.com", false},
		{"sip:h?a=1&b=2", "sip:h?b=2&a=1", true},
		{"sip:bob:x@h", "sip:bob:y@h", false},
		{"sip:bob@h", "sips:bob@h", false},
		{"sip:bob@[2001:DB8::1]", "sip:bob@[2001:db8::1]", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		osip_uri_t *a, *b;

		osip_uri_init(&a);
		osip_uri_init(&b);
		assert_int_equal(osip_uri_parse(a, rows[i].a), 0);
		assert_int_equal(osip_uri_parse(b, rows[i].b), 0);
		if (uri_equal(a, b) != rows[i].same || uri_equal(b, a) != rows[i].same)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
		osip_uri_free(a);
		osip_uri_free(b);
	}
}

/* RG-03: a query lists and changes nothing. */
static void test_query(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a", 1, ""), 200);
	assert_int_equal(listed(b), 0);
	assert_int_equal(
		reg(b, "a", 2,
			"Contact: <sip:bob@10.0.0.5>;expires=100, <sip:bob@10.0.0.6>;q=0.5\r\n"),
		200);
	advance(b, 30500);
	assert_int_equal(reg(b, "a", 3, ""), 200);
	assert_int_equal(listed(b), 2);
	assert_true(lists(b, "<sip:bob@10.0.0.5>;expires=70"));
	assert_true(lists(b, "<sip:bob@10.0.0.6>;expires=3570;q=0.500"));
	assert_int_equal(b->sets, 2);
}

/* RG-04: the star. */
static void test_star(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a", 1, BOB), 200);
	assert_int_equal(reg(b, "a", 2, "Contact: *\r\n"), 400);
	assert_int_equal(reg(b, "a", 2, "Contact: *\r\nExpires: 60\r\n"), 400);
	assert_int_equal(reg(b, "a", 2, "Contact: *\r\n" BOB "Expires: 0\r\n"), 400);
	assert_int_equal(reg(b, "a", 2, BOB "Contact: *\r\nExpires: 0\r\n"), 400);
	assert_int_equal(found(b, "sip:bob@example.com"), 1);
	assert_int_equal(reg(b, "a", 1, "Contact: *\r\nExpires: 0\r\n"), 500);
	assert_int_equal(found(b, "sip:bob@example.com"), 1);
	assert_int_equal(reg(b, "a", 2, "Contact: *\r\nExpires: 0\r\n"), 200);
	assert_int_equal(listed(b), 0);
	assert_int_equal(found(b, "sip:bob@example.com"), 0);
	assert_int_equal(b->stored_count, 0);
	assert_null(dpclient_binding_get(b->dp, 0));
}

/* RG-05: the same Call-ID must count up, another one overrides. */
static void test_cseq(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a@h", 7, BOB), 200);
	assert_int_equal(reg(b, "a@h", 7, BOB "Expires: 0\r\n"), 500);
	assert_int_equal(reg(b, "a@h", 6, BOB), 500);
	assert_int_equal(the_one(b)->cseq, 7);
	assert_int_equal(reg(b, "a@h", 8, BOB), 200);
	assert_int_equal(reg(b, "b@h", 1, BOB), 200);
	assert_string_equal(the_one(b)->call_id, "b@h");
	assert_int_equal(listed(b), 1);
}

/* RG-06: all or nothing. */
static void test_atomic(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a", 5, BOB), 200);
	assert_int_equal(
		reg(b, "b", 1, "Contact: <sip:bob@10.0.0.9>\r\nContact: <tel:+1>\r\n"), 400);
	assert_int_equal(
		reg(b, "b", 1, "Contact: <sip:bob@10.0.0.9>, <sip:bob@10.0.0.8>;q=2\r\n"), 400);
	assert_int_equal(
		reg(b, "b", 1, "Contact: <sip:bob@10.0.0.9>, <sip:x@h>;expires=1\r\n"), 423);
	/* One contact of several is older than what it would change. */
	assert_int_equal(reg(b, "a", 5, "Contact: <sip:bob@10.0.0.9>\r\n" BOB), 500);
	assert_int_equal(found(b, "sip:bob@example.com"), 1);
	assert_int_equal(b->sets, 1);
	assert_int_equal(b->dels, 0);
}

/* RG-07: which expiry counts, and how far. */
static void test_expires(void **state)
{
	static const struct {
		const char *rest;
		int status;
		uint32_t granted;
	} rows[] = {
		{"Contact: <sip:b@h>\r\n", 200, 3000},
		{"Contact: <sip:b@h>\r\nExpires: 120\r\n", 200, 120},
		{"Contact: <sip:b@h>;expires=90\r\nExpires: 120\r\n", 200, 90},
		{"Contact: <sip:b@h>;expires=1\r\n", 423, 0},
		{"Contact: <sip:b@h>;expires=59\r\n", 423, 0},
		{"Contact: <sip:b@h>;expires=60\r\n", 200, 60},
		{"Contact: <sip:b@h>\r\nExpires: 3599\r\n", 200, 3599},
		{"Contact: <sip:b@h>\r\nExpires: 7200\r\n", 200, 7000},
		{"Contact: <sip:b@h>\r\nExpires: abc\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=-1\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=60x\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=8589934592\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=99999999999999999999999\r\n", 200, 3600},
		{"Contact: <sip:b@h>;expires=4294967295\r\n", 200, 7000},
	};
	struct bench *b = *state;

	registrar_close(b->r);
	b->conf.expires_max = 7000;
	b->conf.expires_default = 3000;
	start(b);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char contact[64];

		assert_int_equal(reg(b, "a", (uint32_t)i + 1, rows[i].rest), rows[i].status);
		if (rows[i].status == 423) {
			assert_string_equal(header(b, "Min-Expires", 0), "60");
			continue;
		}
		snprintf(contact, sizeof(contact), "<sip:b@h>;expires=%u", rows[i].granted);
		assert_string_equal(header(b, "Contact", 0), contact);
		assert_int_equal(b->stored[0].expires_ms, b->now + 1000ull * rows[i].granted);
	}
	assert_int_equal(reg(b, "a", 99, "Contact: <sip:b@h>;expires=0\r\n"), 200);
	assert_int_equal(found(b, "sip:bob@example.com"), 0);
}

/* RG-08: what was granted does not shrink, the Contact does not change. */
static void test_echo(void **state)
{
	struct bench *b = *state;
	const char *rest = "Contact: \"Bob\" <sip:bob@10.0.0.5:5062;ob;rinstance=c0ffee>;reg-id=1;"
			   "+sip.instance=\"<urn:uuid:1>\"\r\nExpires: 300\r\n";

	for (uint32_t i = 1; i <= 50; i++) {
		assert_int_equal(reg(b, "a", i, rest), 200);
		assert_int_equal(listed(b), 1);
		assert_string_equal(header(b, "Contact", 0),
			"<sip:bob@10.0.0.5:5062;ob;rinstance=c0ffee>;expires=300");
		advance(b, 149999);
	}
	assert_int_equal(b->stored_count, 1);
}

/* RG-09: caps, and a phone whose port moves. */
static void test_caps(void **state)
{
	struct bench *b = *state;
	char rest[256];

	for (uint32_t i = 0; i < 10; i++) {
		snprintf(rest, sizeof(rest), "Contact: <sip:bob@10.0.0.5:%u>\r\n", 6000 + i);
		assert_int_equal(reg(b, "a", i + 1, rest), 200);
	}
	assert_int_equal(reg(b, "a", 20, BOB), 503);
	assert_string_equal(header(b, "Retry-After", 0), "60");
	assert_int_equal(b->stored_count, 10);
	/* One may be exchanged for another, and refreshed. */
	assert_int_equal(
		reg(b, "a", 21, BOB "Contact: <sip:bob@10.0.0.5:6000>;expires=0\r\n"), 200);
	assert_int_equal(reg(b, "a", 22, BOB), 200);
	assert_int_equal(listed(b), 10);

	b->user = "carol";
	for (uint32_t i = 0; i < 20; i++) {
		b->source.port = (uint16_t)(7000 + i);
		snprintf(rest, sizeof(rest),
			"Contact: <sip:carol@10.0.0.6:%u>;+sip.instance=\"<urn:uuid:2>\"\r\n",
			7000 + i);
		assert_int_equal(
			send_to(b, "sip:example.com", "sip:carol@example.com", "c", i + 1, rest),
			200);
		assert_int_equal(listed(b), 1);
	}
	assert_int_equal(b->stored_count, 11);
	/* ... and its old port is not refreshed by an old request. */
	assert_int_equal(send_to(b, "sip:example.com", "sip:carol@example.com", "c", 5, rest), 500);
}

/* Two contacts of one instance in one request, and refreshed together: no binding is lost or kept
 * twice. */
static void test_instance_pair(void **state)
{
	struct bench *b = *state;
	const char *rest = "Contact: <sip:bob@10.0.0.5:1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1, "
			   "<sip:bob@10.0.0.5:2>;+sip.instance=\"<urn:uuid:1>\";reg-id=2\r\n";

	for (uint32_t i = 1; i <= 5; i++) {
		assert_int_equal(reg(b, "a", i, rest), 200);
		assert_int_equal(listed(b), 2);
		assert_int_equal(b->stored_count, 2);
	}
	/* Only one is named, and the other one is the same phone's. */
	assert_int_equal(
		reg(b, "a", 6, "Contact: <sip:bob@10.0.0.5:3>;+sip.instance=\"<urn:uuid:1>\"\r\n"),
		200);
	assert_int_equal(listed(b), 2);
	assert_int_equal(reg(b, "a", 7, "Contact: <sip:bob@10.0.0.5:3>;expires=0\r\n"), 200);
	assert_int_equal(listed(b), 1);
}

/* Contacts that are equal to each other, or both equal to one binding. */
static void test_same_contacts(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a", 1, "Contact: <sip:bob@h>;expires=100, <sip:bob@H>\r\n"), 200);
	assert_int_equal(listed(b), 1);
	assert_string_equal(header(b, "Contact", 0), "<sip:bob@H>;expires=3600");
	assert_int_equal(reg(b, "a", 2, "Contact: <sip:bob@h;x=1>, <sip:bob@h;x=2>\r\n"), 200);
	assert_int_equal(listed(b), 2);
	assert_int_equal(
		reg(b, "a", 3, "Contact: <sip:bob@h;x=1>;expires=0, <sip:bob@h;x=2>;expires=0\r\n"),
		200);
	assert_int_equal(listed(b), 0);
	assert_int_equal(b->stored_count, 0);
}

/* RG-10: gone at the millisecond of expiry, even before the timer ran; best q first. */
static void test_reach(void **state)
{
	struct bench *b = *state;
	const struct binding *out[8];

	assert_int_equal(reg(b, "a", 1,
				 "Contact: <sip:bob@h1>;q=0.2;expires=60, <sip:bob@h2>;q=0.7, "
				 "<sip:bob@h3>, <sip:bob@h4>;q=0.75\r\n"),
		200);
	assert_int_equal(lookup(b, "sip:bob@example.com", out, 8), 4);
	assert_string_equal(out[0]->contact, "sip:bob@h3");
	assert_string_equal(out[1]->contact, "sip:bob@h4");
	assert_string_equal(out[2]->contact, "sip:bob@h2");
	assert_string_equal(out[3]->contact, "sip:bob@h1");
	assert_int_equal(lookup(b, "sip:bob@example.com", out, 2), 2);
	assert_string_equal(out[0]->contact, "sip:bob@h3");
	assert_string_equal(out[1]->contact, "sip:bob@h4");

	b->now += 59999;
	assert_int_equal(found(b, "sip:bob@example.com"), 4);
	b->now += 1; /* no wheel_run yet */
	assert_int_equal(found(b, "sip:bob@example.com"), 3);
	advance(b, 0);
	assert_int_equal(b->stored_count, 3);
	assert_int_equal(b->dels, 1);
	/* Of equal q the most recent registration comes first. */
	assert_int_equal(reg(b, "b", 1, "Contact: <sip:bob@h5>\r\n"), 200);
	assert_int_equal(lookup(b, "sip:bob@example.com", out, 1), 1);
	assert_string_equal(out[0]->contact, "sip:bob@h5");
}

/* RG-11: Date; bodies and odd headers do not matter. */
static void test_date(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a", 1, BOB "X-Odd: y\r\nSupported: path, outbound\r\n"), 200);
	assert_string_equal(header(b, "Date", 0), "Tue, 14 Nov 2023 22:13:20 GMT");
}

/* RG-12: a restart keeps bindings with their true expiry and never revives dead ones. */
static void test_restore(void **state)
{
	struct bench *b = *state;
	const struct binding *one;
	const struct proto_binding *ping;
	struct stored kept[STORED_MAX];
	unsigned kept_count;

	b->source.port = 40000;
	assert_int_equal(reg(b, "a@x", 3,
				 "Contact: <sip:bob@10.0.0.5:5062>;q=0.25;expires=600;"
				 "+sip.instance=\"<urn:uuid:1>\"\r\n"),
		200);
	assert_int_equal(reg(b, "b", 1, "Contact: <sip:bob@10.0.0.6>;expires=60\r\n"), 200);
	memcpy(kept, b->stored, sizeof(kept));
	kept_count = b->stored_count;
	assert_int_equal(kept_count, 2);
	b->stored_count = 0;

	registrar_close(b->r);
	b->conf.incarnation = 6;
	b->now += 100000;
	start(b);
	for (unsigned i = 0; i < kept_count; i++) {
		const struct stored *s = &kept[i];
		int expected = s->expires_ms > b->now ? 0 : -ESTALE;

		assert_int_equal(
			registrar_restore(b->r, s->aor, s->bid, &s->rec, s->expires_ms, b->now),
			expected);
		if (expected == 0)
			assert_int_equal(registrar_restore(b->r, s->aor, s->bid, &s->rec,
						 s->expires_ms, b->now),
				-EEXIST);
	}
	one = the_one(b);
	assert_string_equal(one->contact, "sip:bob@10.0.0.5:5062");
	assert_string_equal(one->call_id, "a@x");
	assert_string_equal(one->instance, "\"<urn:uuid:1>\"");
	assert_int_equal(one->cseq, 3);
	assert_int_equal(one->q, 250);
	assert_true(addr_equal(&one->source, &b->source));
	assert_true(addr_equal(&one->local, &local));
	assert_int_equal(one->expires_ms, NOW + 600000);
	assert_int_equal(one->registered_ms, NOW);
	ping = dpclient_binding_get(b->dp, one->index);
	assert_non_null(ping);
	assert_int_equal(ping->expires_ms, NOW + 600000);
	assert_int_equal(ping->gen, (6 << 16) + 1);
	/* Its order is still known, and it expires in time. */
	assert_int_equal(reg(b, "a@x", 3, "Contact: <sip:bob@10.0.0.5:5062>\r\n"), 500);
	registrar_store_all(b->r, b->now);
	assert_int_equal(b->stored_count, 1);
	assert_string_equal(b->stored[0].bid, kept[0].bid);
	advance(b, 499999);
	assert_int_equal(found(b, "sip:bob@example.com"), 1);
	advance(b, 1);
	assert_int_equal(found(b, "sip:bob@example.com"), 0);
	assert_int_equal(b->stored_count, 0);
	for (unsigned i = 0; i < kept_count; i++)
		record_free(&kept[i].rec);
}

static void test_restore_broken(void **state)
{
	static const struct {
		const char *name, *value;
	} good[] =
		{
			{"contact", "sip:bob@h"},
			{"received", "198.51.100.7:1024"},
			{"flow", "192.0.2.1:5060"},
			{"callid", "a"},
			{"cseq", "1"},
			{"q", "0.500"},
		},
	  faults[] = {
		  {"contact", NULL},
		  {"contact", "tel:+1"},
		  {"contact", "sip:bob@h\r\nEvil: x"},
		  {"received", NULL},
		  {"received", "198.51.100.7"},
		  {"flow", "anywhere"},
		  {"callid", NULL},
		  {"cseq", NULL},
		  {"cseq", "-1"},
		  {"cseq", "4294967296"},
		  {"q", "1.001"},
		  {"q", "high"},
	  };
	struct bench *b = *state;
	struct record rec;

	for (size_t i = 0; i <= sizeof(faults) / sizeof(faults[0]); i++) {
		bool sound = i == sizeof(faults) / sizeof(faults[0]);

		record_init(&rec);
		for (size_t k = 0; k < sizeof(good) / sizeof(good[0]); k++) {
			bool fault = !sound && strcmp(good[k].name, faults[i].name) == 0;

			record_put(&rec, good[k].name, fault ? faults[i].value : good[k].value);
		}
		assert_int_equal(registrar_restore(b->r, "sip:bob@else.org", "n01-1-0000002", &rec,
					 b->now + 1000, b->now),
			-EINVAL);
		assert_int_equal(registrar_restore(b->r, "sip:bob@example.com", "n01-1-0000001",
					 &rec, b->now + 1000, b->now),
			sound ? 0 : -EINVAL);
		record_free(&rec);
	}
	assert_int_equal(found(b, "sip:bob@example.com"), 1);
}

/* KA-01 and SE-16: source and local socket are recorded and pinged, never the Contact; a phone
 * without a password is never pinged. */
static void test_flow(void **state)
{
	struct bench *b = *state;
	const struct proto_binding *ping;
	const struct binding *one;
	osip_uri_t *uri;
	uint32_t gen;

	b->user = NULL;
	assert_int_equal(reg(b, "a", 1, BOB), 401);
	assert_null(dpclient_binding_get(b->dp, 0));
	b->user = "bob";
	assert_int_equal(reg(b, "a", 1, BOB "Expires: 100\r\n"), 200);
	one = the_one(b);
	ping = dpclient_binding_get(b->dp, one->index);
	assert_non_null(ping);
	assert_true(addr_equal(&ping->dst, &b->source));
	assert_true(addr_equal(&ping->local, &local));
	assert_int_equal(ping->expires_ms, b->now + 100000);
	gen = ping->gen;

	/* A refresh from there prolongs; from elsewhere it moves, under a new generation. */
	advance(b, 50000);
	assert_int_equal(reg(b, "a", 2, BOB "Expires: 100\r\n"), 200);
	ping = dpclient_binding_get(b->dp, the_one(b)->index);
	assert_int_equal(ping->gen, gen);
	assert_int_equal(ping->expires_ms, b->now + 100000);
	b->source.port++;
	assert_int_equal(reg(b, "a", 3, BOB "Expires: 100\r\n"), 200);
	ping = dpclient_binding_get(b->dp, the_one(b)->index);
	assert_int_equal(ping->gen, gen + 1);
	assert_true(addr_equal(&ping->dst, &b->source));

	osip_uri_init(&uri);
	osip_uri_parse(uri, "sip:bob@example.com");
	assert_true(registrar_is_from(b->r, uri, &b->source, b->now));
	b->source.port--;
	assert_false(registrar_is_from(b->r, uri, &b->source, b->now));
	b->source.port++;
	assert_false(registrar_is_from(b->r, uri, &b->source, b->now + 100000));
	osip_uri_free(uri);

	advance(b, 100000);
	assert_null(dpclient_binding_get(b->dp, 0));
}

/* SE-16: per source IP, and in all. */
static void test_totals(void **state)
{
	struct bench *b = *state;
	struct registrar_status status;
	char user[32], to[64];

	registrar_close(b->r);
	b->conf.bindings_per_ip = 5;
	b->conf.bindings_max = 12;
	start(b);
	b->user = user;
	for (int i = 0; i < 18; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		snprintf(to, sizeof(to), "sip:u%d@example.com", i);
		b->source.ip[3] = (uint8_t)(i / 6);
		b->source.port = (uint16_t)(1024 + i);
		assert_int_equal(send_to(b, "sip:example.com", to, "a", 1, BOB),
			i % 6 == 5 || i > 13 ? 503 : 200);
	}
	registrar_status(b->r, &status);
	assert_int_equal(status.bindings, 12);
	assert_int_equal(status.aors, 12);
	assert_int_equal(status.accepted, 12);
	assert_int_equal(status.refused, 6);
	/* One that goes makes room. */
	strcpy(user, "u0");
	b->source.ip[3] = 0;
	assert_int_equal(
		send_to(b, "sip:example.com", "sip:u0@example.com", "a", 2, BOB "Expires: 0\r\n"),
		200);
	strcpy(user, "u5");
	assert_int_equal(send_to(b, "sip:example.com", "sip:u5@example.com", "a", 1, BOB), 200);
	/* A phone that wanders between networks counts where it is. */
	for (uint32_t i = 0; i < 20; i++) {
		b->source.ip[3] = (uint8_t)(77 + i % 2);
		assert_int_equal(
			send_to(b, "sip:example.com", "sip:u5@example.com", "a", i + 2, BOB), 200);
	}
	/* Everything is given back. */
	advance(b, 3600000);
	registrar_status(b->r, &status);
	assert_int_equal(status.bindings, 0);
	assert_int_equal(status.aors, 0);
	assert_int_equal(status.expired, 12);
	assert_int_equal(b->stored_count, 0);
}

static void test_rate(void **state)
{
	struct bench *b = *state;

	registrar_close(b->r);
	b->conf.register_rate = 10;
	start(b);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(reg(b, "a", i + 1, BOB), i < 10 ? 200 : 503);
	assert_string_equal(header(b, "Retry-After", 0), "60");
	b->now += 500;
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(reg(b, "a", i + 100, BOB), i < 5 ? 200 : 503);
}

/* NO-01, NO-03: what is not supported is declined, not half done. */
static void test_declined(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg(b, "a", 1, BOB "Require: outbound, timer\r\nRequire: gruu\r\n"), 420);
	assert_string_equal(header(b, "Unsupported", 0), "outbound, gruu");
	assert_int_equal(reg(b, "a", 1, BOB "Path: <sip:edge.example;lr>\r\n"), 420);
	assert_string_equal(header(b, "Unsupported", 0), "path");
	assert_int_equal(reg(b, "a", 1, "Contact: <sips:bob@h>\r\n"), 400);
	assert_int_equal(reg(b, "a", 1, "Contact: <sip:bob@h;transport=ws>\r\n"), 400);
	assert_int_equal(reg(b, "a", 1, "Contact: <sip:bob@h;transport=TLS>\r\n"), 400);
	assert_int_equal(send_to(b, "sip:example.com", "sips:bob@example.com", "a", 1, BOB), 404);
	assert_int_equal(found(b, "sip:bob@example.com"), 0);
	assert_int_equal(reg(b, "a", 1, "Contact: <sip:bob@h;transport=UDP>\r\n"), 200);
}

/* Listed devices are pinged for good, but not beyond our end. */
static void test_static(void **state)
{
	struct bench *b = *state;
	struct addr device = {.family = ADDR_IPV4, .port = 5060, .ip = {203, 0, 113, 9}};
	const struct proto_binding *ping;
	uint32_t cursor = 0, index;
	const struct binding *one;

	assert_int_equal(registrar_static_add(b->r, &device, &local, b->now), 0);
	assert_int_equal(registrar_static_add(b->r, &device, &local, b->now), -EEXIST);
	assert_int_equal(reg(b, "a", 1, BOB), 200);
	one = registrar_next(b->r, &cursor);
	assert_non_null(one);
	assert_string_equal(binding_aor(one), "");
	assert_string_equal(one->contact, "203.0.113.9:5060");
	index = one->index;
	assert_non_null(registrar_next(b->r, &cursor));
	assert_null(registrar_next(b->r, &cursor));
	for (int i = 0; i < 100; i++) {
		ping = dpclient_binding_get(b->dp, index);
		assert_non_null(ping);
		assert_true(addr_equal(&ping->dst, &device));
		assert_true(ping->expires_ms > b->now && ping->expires_ms <= b->now + 600000);
		advance(b, 100000);
	}
	assert_int_equal(b->stored_count, 0); /* bob's expired, the listed one is not stored */
}

/* KA-04: unreachable ones are skipped until they answer or register again. */
static void test_unreachable(void **state)
{
	struct bench *b = *state;
	struct proto_binding_event ev = {.kind = PROTO_BINDING_LOST};

	assert_int_equal(reg(b, "a", 1, BOB), 200);
	ev.gen = the_one(b)->gen + 1;
	registrar_binding_event(b->r, 0, &ev);
	assert_int_equal(found(b, "sip:bob@example.com"), 1); /* of another generation */
	ev.gen--;
	registrar_binding_event(b->r, 0, &ev);
	assert_int_equal(found(b, "sip:bob@example.com"), 0);
	ev.kind = PROTO_BINDING_FOUND;
	registrar_binding_event(b->r, 0, &ev);
	assert_int_equal(found(b, "sip:bob@example.com"), 1);
	ev.kind = PROTO_BINDING_LOST;
	registrar_binding_event(b->r, 0, &ev);
	assert_int_equal(reg(b, "a", 2, BOB), 200);
	assert_int_equal(found(b, "sip:bob@example.com"), 1);
	registrar_binding_event(b->r, 4000, &ev);
}

/* The record that an operator reads in Redis. */
static void test_record(void **state)
{
	struct bench *b = *state;
	const struct record *rec = &b->stored[0].rec;

	assert_int_equal(reg(b, "a@x", 3, "Contact: <sip:bob@10.0.0.5:5062>\r\n"), 200);
	assert_string_equal(b->stored[0].aor, "sip:bob@example.com");
	assert_string_equal(b->stored[0].bid, "n01-5-0000000");
	assert_string_equal(record_get(rec, "contact"), "sip:bob@10.0.0.5:5062");
	assert_string_equal(record_get(rec, "received"), "198.51.100.7:1024");
	assert_string_equal(record_get(rec, "flow"), "192.0.2.1:5060");
	assert_string_equal(record_get(rec, "edge"), "n01");
	assert_string_equal(record_get(rec, "callid"), "a@x");
	assert_int_equal(record_get_num(rec, "cseq", 0), 3);
	assert_null(record_get(rec, "instance"));
	/* Nothing was heard since: the store is not bothered. */
	for (int i = 0; i < 120; i++)
		advance(b, 1000);
	assert_int_equal(b->sets, 1);
}

/* Keep-alive class by the start of User-Agent; it survives a restart by its name. */
static void test_class(void **state)
{
	static const char *const grand[] = {"Grandstream", "YEALINK SIP"}, *const any[] = {""};
	static const struct registrar_class classes[] = {{"g", grand, 2}, {"rest", any, 1}};
	static const struct {
		const char *header;
		uint8_t class_id;
	} rows[] = {
		{"User-Agent: grandstream GXP1625 1.0\r\n", 1},
		{"User-Agent: Yealink SIP-T46S\r\n", 1},
		{"User-Agent: Yealink\r\n", 2},
		{"User-Agent: A Grandstream\r\n", 2},
		{"", 0},
	};
	struct bench *b = *state;
	struct stored *s = &b->stored[0];
	char text[256];

	registrar_close(b->r);
	b->conf.classes = classes;
	b->conf.class_count = 2;
	start(b);
	for (uint32_t i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "%s%s", rows[i].header, BOB);
		assert_int_equal(reg(b, "a", i + 1, text), 200);
		assert_int_equal(
			dpclient_binding_get(b->dp, the_one(b)->index)->class_id, rows[i].class_id);
	}
	assert_null(record_get(&s->rec, "class"));
	assert_int_equal(reg(b, "a", 9, "User-Agent: Yealink SIP\r\n" BOB), 200);
	assert_string_equal(record_get(&s->rec, "class"), "g");
	for (int with = 1; with >= 0; with--) {
		registrar_close(b->r);
		b->conf.class_count = with ? 2 : 0;
		start(b);
		assert_int_equal(
			registrar_restore(b->r, s->aor, s->bid, &s->rec, s->expires_ms, b->now), 0);
		assert_int_equal(dpclient_binding_get(b->dp, 0)->class_id, with);
	}
}

static void test_open_registrar(void **state)
{
	struct bench *b = *state;

	registrar_close(b->r);
	b->conf.open = true;
	start(b);
	b->user = NULL;
	assert_int_equal(reg(b, "a", 1, BOB), 200);
	assert_int_equal(send_to(b, "sip:example.com", "sip:bob@else.org", "a", 2, BOB), 404);
	assert_int_equal(send_to(b, "sip:example.com", "sip:example.com", "a", 2, BOB), 404);
}

static void test_conf(void **state)
{
	struct bench *b = *state;
	struct registrar_conf conf = b->conf;
	struct registrar *r;

	conf.expires_min = 3601;
	assert_int_equal(registrar_open(&r, &conf), -EINVAL);
	conf = b->conf;
	conf.expires_min = 100;
	conf.expires_max = 99;
	assert_int_equal(registrar_open(&r, &conf), -EINVAL);
	conf = b->conf;
	conf.domain_count = 0;
	assert_int_equal(registrar_open(&r, &conf), -EINVAL);
	conf = b->conf;
	conf.node = "no such name";
	assert_int_equal(registrar_open(&r, &conf), -EINVAL);
}

/* Random requests of a few users and contacts against a plain model: nothing leaks, caps hold, what
 * is listed is what is pinged and stored. */
static void test_churn(void **state)
{
	struct bench *b = *state;
	char user[16], to[64], rest[512];
	struct registrar_status status;

	b->user = user;
	srand(7);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t cursor = 0, bindings = 0;
		int contact = rand() % 12, instance = rand() % 4;

		snprintf(user, sizeof(user), "u%d", rand() % 4);
		snprintf(to, sizeof(to), "sip:%s@example.com", user);
		b->source.port = (uint16_t)(1024 + rand() % 5);
		snprintf(rest, sizeof(rest), "Contact: <sip:u@h%d>;expires=%d%s, <sip:u@h%d>\r\n",
			contact, rand() % 3 ? 60 + rand() % 100 : 0,
			instance == 0           ? ";+sip.instance=\"<1>\""
				: instance == 1 ? ";+sip.instance=\"<2>\""
						: "",
			rand() % 12);
		send_to(b, "sip:example.com", to, rand() % 2 ? "a" : "b", i + 1, rest);
		assert_true(b->reply.status == 200 || b->reply.status == 503);
		assert_true(listed(b) <= 10);
		advance(b, (uint64_t)(rand() % 3000));
		for (const struct binding *one; (one = registrar_next(b->r, &cursor));) {
			const struct proto_binding *ping = dpclient_binding_get(b->dp, one->index);

			bindings++;
			assert_non_null(ping);
			assert_int_equal(ping->gen, one->gen);
			assert_true(one->expires_ms > b->now);
		}
		registrar_status(b->r, &status);
		assert_int_equal(status.bindings, bindings);
		assert_int_equal(b->stored_count, bindings);
		assert_true(status.aors <= 4);
	}
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_order),
		CASE(test_aor),
		cmocka_unit_test(test_uri_equal),
		CASE(test_query),
		CASE(test_star),
		CASE(test_cseq),
		CASE(test_atomic),
		CASE(test_expires),
		CASE(test_echo),
		CASE(test_caps),
		CASE(test_instance_pair),
		CASE(test_same_contacts),
		CASE(test_reach),
		CASE(test_date),
		CASE(test_restore),
		CASE(test_restore_broken),
		CASE(test_flow),
		CASE(test_totals),
		CASE(test_rate),
		CASE(test_declined),
		CASE(test_static),
		CASE(test_unreachable),
		CASE(test_record),
		CASE(test_class),
		CASE(test_open_registrar),
		CASE(test_conf),
		CASE(test_churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
