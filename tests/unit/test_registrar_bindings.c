/* SPDX-License-Identifier: BSD-3-Clause */
/* What is pinged, stored, and survives a restart: the rows RG-12, KA-01 and SE-16 of the checklist.
 */
#include "tests/unit/registrar_world.h"

#include <errno.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_flow),
		CASE(test_static),
		CASE(test_record),
		CASE(test_class),
		CASE(test_restore),
		CASE(test_restore_broken),
		CASE(test_churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
