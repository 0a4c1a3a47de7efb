/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose contacts a registrar knows, how many, and in which order: the rows RG-02, RG-09, RG-10,
 * KA-04 and SE-16 of the checklist. */
#include "tests/unit/registrar_world.h"

#include <cmocka.h>

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

/* What the data plane said on an older connection, or before it lost events, holds no more: it
 * tells again of each binding that is lost, and never of one that is not. */
static void test_unreachable_until_resync(void **state)
{
	struct bench *b = *state;
	struct proto_binding_event ev = {.kind = PROTO_BINDING_LOST};

	assert_int_equal(reg(b, "a", 1, BOB), 200);
	ev.gen = the_one(b)->gen;
	registrar_binding_event(b->r, 0, &ev);
	assert_int_equal(found(b, "sip:bob@example.com"), 0);
	registrar_resync(b->r);
	assert_int_equal(found(b, "sip:bob@example.com"), 1);
	registrar_binding_event(b->r, 0, &ev);
	assert_int_equal(found(b, "sip:bob@example.com"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_aor),
		CASE(test_caps),
		CASE(test_instance_pair),
		CASE(test_same_contacts),
		CASE(test_reach),
		CASE(test_totals),
		CASE(test_rate),
		CASE(test_unreachable),
		CASE(test_unreachable_until_resync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
