/* SPDX-License-Identifier: BSD-3-Clause */
/* Digest authentication: the vectors of RFC 2617 and RFC 7616, and the rows DG-01 to DG-09 and
 * SE-01 of the checklist. The client side answers the server side's challenges. */
#include "controlplane/registrar/digest.h"
#include "controlplane/registrar/digest_hash.h"
#include "controlplane/registrar/guard.h"
#include "controlplane/registrar/nonce.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REALM "example.com"
#define URI   "sip:example.com"
#define NOW   5000000ull

static const char *password_of(void *arg, const char *user)
{
	if (strcmp(user, "bob") == 0)
		return "zanzibar";
	return strcmp(user, "alice") == 0 ? "wonder" : NULL;
}

static const struct addr phone = {.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 7}};
static const struct addr other = {.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 8}};

static struct digest *open_digest(bool md5_only, uint32_t nonces_max)
{
	struct digest_conf conf = {
		.realm = REALM,
		.md5_only = md5_only,
		.nonces_max = nonces_max,
		.password = password_of,
	};
	struct digest *d;

	assert_int_equal(digest_open(&d, &conf), 0);
	return d;
}

static osip_message_t *parse(const char *text)
{
	osip_message_t *m;

	assert_int_equal(osip_message_init(&m), 0);
	assert_int_equal(osip_message_parse(m, text, strlen(text)), 0);
	return m;
}

static osip_message_t *request(const char *method, const char *uri, const char *authorization)
{
	char text[8192];

	snprintf(text, sizeof(text),
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
		"From: <sip:bob@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
		"Call-ID: a\r\nCSeq: 1 %s\r\n%s%s%sContent-Length: 0\r\n\r\n",
		method, uri, method, authorization ? "Authorization: " : "",
		authorization ? authorization : "", authorization ? "\r\n" : "");
	return parse(text);
}

static enum digest_verdict check(struct digest *d, const char *method, const char *uri,
	const char *authorization, const struct addr *source, uint64_t now)
{
	osip_message_t *m = request(method, uri, authorization);
	char user[DIGEST_USER_STRLEN];
	enum digest_verdict verdict = digest_check(d, m, false, source, now, user);

	assert_string_equal(user, verdict == DIGEST_OK ? "bob" : "");
	osip_message_free(m);
	return verdict;
}

/* The 401 that would carry the challenges `from` .. `to` - 1. */
static osip_message_t *challenge(struct digest *d, unsigned from, unsigned to, uint64_t now)
{
	char text[4096], value[DIGEST_HEADER_STRLEN];
	size_t len;

	len = (size_t)snprintf(text, sizeof(text),
		"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
		"From: <sip:bob@example.com>;tag=1\r\nTo: <sip:bob@example.com>;tag=2\r\n"
		"Call-ID: a\r\nCSeq: 1 REGISTER\r\n");
	for (unsigned n = from; n < to && digest_challenge(d, n, &phone, now, false, value); n++)
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "WWW-Authenticate: %s\r\n", value);
	snprintf(text + len, sizeof(text) - len, "Content-Length: 0\r\n\r\n");
	return parse(text);
}

/* What an honest client answers; user and password are the caller's. */
static void answer_as(const osip_message_t *ask, const char *user, const char *password,
	uint32_t nc, char buf[static DIGEST_HEADER_STRLEN])
{
	struct digest_credentials c = {.realm = REALM, .user = user, .password = password};

	assert_true(digest_answer(ask, &c, "REGISTER", URI, "c0ffee", nc, buf) > 0);
}

static void answer(struct digest *d, uint32_t nc, uint64_t now, osip_message_t **ask,
	char buf[static DIGEST_HEADER_STRLEN])
{
	if (!*ask)
		*ask = challenge(d, 0, 2, now);
	answer_as(*ask, "bob", "zanzibar", nc, buf);
}

/* Replaces the first `from` of a header by `to`. */
static void edit(char buf[static DIGEST_HEADER_STRLEN], const char *from, const char *to)
{
	char *at = strstr(buf, from);

	assert_non_null(at);
	assert_true(strlen(buf) + strlen(to) < DIGEST_HEADER_STRLEN);
	memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
	memcpy(at, to, strlen(to));
}

static void test_vectors(void **state)
{
	struct digest_input in = {
		.algorithm = DIGEST_MD5,
		.user = "Mufasa",
		.realm = "http-auth@example.org",
		.password = "Circle of Life",
		.method = "GET",
		.uri = "/dir/index.html",
		.nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		.nc = "00000001",
		.cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
		.qop = "auth",
	};
	char hex[DIGEST_HEX_STRLEN];

	assert_int_equal(digest_response(&in, hex), 0);
	assert_string_equal(hex, "8ca523f5e9506fed4657c9700eebdbec");
	in.algorithm = DIGEST_SHA256;
	assert_int_equal(digest_response(&in, hex), 0);
	assert_string_equal(
		hex, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");

	in = (struct digest_input){
		.algorithm = DIGEST_MD5,
		.user = "Mufasa",
		.realm = "testrealm@host.com",
		.password = "Circle Of Life",
		.method = "GET",
		.uri = "/dir/index.html",
		.nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093",
		.nc = "00000001",
		.cnonce = "0a4f113b",
		.qop = "auth",
	};
	assert_int_equal(digest_response(&in, hex), 0);
	assert_string_equal(hex, "6629fae49393a05397450978507c4ef1");
	in.qop = ""; /* the RFC 2069 form of the same */
	assert_int_equal(digest_response(&in, hex), 0);
	assert_string_equal(hex, "670fd8c2df070c60b045671b8b24ff02");
}

/* DG-01: SHA-256 on top, then MD5; MD5 alone when switched. */
static void test_challenges(void **state)
{
	struct digest *d = open_digest(false, 0), *old = open_digest(true, 0);
	char buf[DIGEST_HEADER_STRLEN];

	assert_true(digest_challenge(d, 0, &phone, NOW, false, buf) > 0);
	assert_non_null(strstr(buf, "algorithm=SHA-256"));
	assert_non_null(strstr(buf, "qop=\"auth\""));
	assert_non_null(strstr(buf, "realm=\"" REALM "\""));
	assert_null(strstr(buf, "stale"));
	assert_true(digest_challenge(d, 1, &phone, NOW, true, buf) > 0);
	assert_non_null(strstr(buf, "algorithm=MD5"));
	assert_non_null(strstr(buf, "stale=true"));
	assert_int_equal(digest_challenge(d, 2, &phone, NOW, false, buf), 0);
	assert_true(digest_challenge(old, 0, &phone, NOW, false, buf) > 0);
	assert_non_null(strstr(buf, "algorithm=MD5"));
	assert_int_equal(digest_challenge(old, 1, &phone, NOW, false, buf), 0);
	digest_close(d);
	digest_close(old);
}

static void test_accept(void **state)
{
	for (int md5 = 0; md5 < 2; md5++) {
		struct digest *d = open_digest(md5, 0);
		osip_message_t *ask = NULL;
		char buf[DIGEST_HEADER_STRLEN];

		assert_int_equal(check(d, "REGISTER", URI, NULL, &phone, NOW), DIGEST_NONE);
		answer(d, 1, NOW, &ask, buf);
		assert_non_null(strstr(buf, md5 ? "algorithm=MD5" : "algorithm=SHA-256"));
		assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_OK);
		osip_message_free(ask);
		digest_close(d);
	}
}

/* An MD5 client of ours is served while SHA-256 is offered too; no algorithm means MD5. */
static void test_md5_choice(void **state)
{
	struct digest *d = open_digest(false, 0), *old = open_digest(true, 0);
	osip_message_t *ask = challenge(d, 1, 2, NOW), *sha = challenge(d, 0, 1, NOW);
	char buf[DIGEST_HEADER_STRLEN];

	answer_as(ask, "bob", "zanzibar", 1, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_OK);
	answer_as(ask, "bob", "zanzibar", 2, buf);
	edit(buf, "algorithm=MD5, ", "");
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_OK);
	answer_as(sha, "bob", "zanzibar", 1, buf);
	assert_int_equal(check(old, "REGISTER", URI, buf, &phone, NOW), DIGEST_WRONG);
	osip_message_free(ask);
	osip_message_free(sha);
	digest_close(d);
	digest_close(old);
}

/* DG-02: what is malformed is 400, what cannot be judged is never guessed. */
static void test_malformed(void **state)
{
	static const struct {
		const char *from, *to;
		enum digest_verdict verdict;
	} rows[] = {
		{"qop=auth, ", "", DIGEST_BAD}, {"qop=auth", "qop=auth-int", DIGEST_BAD},
		{", nc=00000001", "", DIGEST_BAD}, {"nc=00000001", "nc=1", DIGEST_BAD},
		{"nc=00000001", "nc=0000000g", DIGEST_BAD},
		{"nc=00000001", "nc=00000000", DIGEST_BAD}, {", cnonce=\"c0ffee\"", "", DIGEST_BAD},
		{"algorithm=SHA-256", "algorithm=MD5", DIGEST_BAD}, /* 64 digits are no MD5 */
		{"algorithm=SHA-256", "algorithm=SHA-256-sess", DIGEST_WRONG},
		{"algorithm=SHA-256", "algorithm=SHA-512-256", DIGEST_WRONG},
		{"username=\"bob\", ", "", DIGEST_BAD},
		{"realm=\"" REALM "\"", "realm=\"elsewhere\"", DIGEST_NONE},
		{"Digest", "Basic", DIGEST_NONE},
		{"username=\"bob\"", "username=\"alice\"", DIGEST_WRONG},
		{"cnonce=\"c0ffee\"", "cnonce=\"c0ffef\"", DIGEST_WRONG},
		{"qop=auth", "qop=\"auth\"", DIGEST_OK}, /* quoted by old clients */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct digest *d = open_digest(false, 0);
		osip_message_t *ask = NULL;
		char buf[DIGEST_HEADER_STRLEN];

		answer(d, 1, NOW, &ask, buf);
		edit(buf, rows[i].from, rows[i].to);
		assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), rows[i].verdict);
		osip_message_free(ask);
		digest_close(d);
	}
}

/* DG-03: 300 s, then stale if it is right; a foreign or changed nonce is no nonce. */
static void test_nonce_age(void **state)
{
	struct digest *d = open_digest(false, 0), *stranger = open_digest(false, 0);
	osip_message_t *ask = NULL;
	char buf[DIGEST_HEADER_STRLEN], wrong[DIGEST_HEADER_STRLEN];

	answer(d, 1, NOW, &ask, buf);
	assert_int_equal(check(stranger, "REGISTER", URI, buf, &phone, NOW), DIGEST_WRONG);
	answer_as(ask, "bob", "guess", 1, wrong);
	assert_int_equal(check(d, "REGISTER", URI, wrong, &phone, NOW + 300001), DIGEST_WRONG);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW + 300001), DIGEST_STALE);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW + 300000), DIGEST_OK);
	osip_message_free(ask);
	digest_close(d);
	digest_close(stranger);
}

/* DG-04: counts rise, a few may come late, none twice; a wrong digest moves nothing. */
static void test_nonce_count(void **state)
{
	struct digest *d = open_digest(false, 0);
	osip_message_t *ask = NULL;
	char buf[DIGEST_HEADER_STRLEN];

	answer(d, 1, NOW, &ask, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_OK);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_STALE);

	answer_as(ask, "bob", "guess", 0xffffffff, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_WRONG);
	answer(d, 2, NOW, &ask, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_OK);

	answer(d, 100, NOW, &ask, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_OK);
	answer(d, 37, NOW, &ask, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_OK);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_STALE);
	answer(d, 35, NOW, &ask, buf);
	assert_int_equal(check(d, "REGISTER", URI, buf, &phone, NOW), DIGEST_STALE);
	osip_message_free(ask);
	digest_close(d);
}

/* A table that is too small forgets nonces, but never that they may have been used. */
static void test_nonce_table(void **state)
{
	struct digest *d = open_digest(false, 2);
	osip_message_t *ask[4] = {NULL};
	char buf[4][DIGEST_HEADER_STRLEN];

	for (int i = 0; i < 3; i++) {
		answer(d, 1, NOW + (uint64_t)i, &ask[i], buf[i]);
		assert_int_equal(check(d, "REGISTER", URI, buf[i], &phone, NOW + 10), DIGEST_OK);
	}
	assert_int_equal(check(d, "REGISTER", URI, buf[0], &phone, NOW + 10), DIGEST_STALE);
	assert_int_equal(check(d, "REGISTER", URI, buf[1], &phone, NOW + 10), DIGEST_STALE);
	answer(d, 1, NOW + 20, &ask[3], buf[3]);
	assert_int_equal(check(d, "REGISTER", URI, buf[3], &phone, NOW + 20), DIGEST_OK);
	for (int i = 0; i < 4; i++)
		osip_message_free(ask[i]);
	digest_close(d);
}

/* DG-05 and SE-01: another target, method or source makes a captured header worthless. */
static void test_captured(void **state)
{
	struct digest *d = open_digest(false, 0);
	osip_message_t *ask = NULL;
	char buf[DIGEST_HEADER_STRLEN];

	answer(d, 1, NOW, &ask, buf);
	assert_int_equal(check(d, "INVITE", URI, buf, &phone, NOW), DIGEST_WRONG);
	assert_int_equal(check(d, "REGISTER", "sip:example.org", buf, &phone, NOW), DIGEST_WRONG);
	assert_int_equal(
		check(d, "REGISTER", "sip:carol@example.com", buf, &phone, NOW), DIGEST_WRONG);
	assert_int_equal(check(d, "REGISTER", URI, buf, &other, NOW), DIGEST_WRONG);
	assert_int_equal(check(d, "REGISTER", "sip:EXAMPLE.com", buf, &phone, NOW), DIGEST_OK);
	osip_message_free(ask);
	digest_close(d);
}

/* DG-08: an unknown user looks like a wrong password, also after many attempts. */
static void test_unknown_user(void **state)
{
	struct digest *d = open_digest(false, 0);
	osip_message_t *ask = challenge(d, 0, 2, NOW);
	char known[DIGEST_HEADER_STRLEN], unknown[DIGEST_HEADER_STRLEN];

	answer_as(ask, "bob", "no such user", 1, known);
	answer_as(ask, "nobody", "no such user", 1, unknown);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(check(d, "REGISTER", URI, unknown, &phone, NOW), DIGEST_WRONG);
		assert_int_equal(check(d, "REGISTER", URI, known, &phone, NOW), DIGEST_WRONG);
	}
	osip_message_free(ask);
	digest_close(d);
}

/* Back-off: a guesser is not judged at each attempt; a phone that was right before always is. */
static void test_guard(void **state)
{
	struct guard *g = malloc(sizeof(*g));
	struct addr any = phone;
	uint64_t now = NOW;

	assert_int_equal(guard_init(g), 0);
	guard_right(g, &other, "bob");
	for (int i = 0; i < GUARD_USER_FREE; i++) {
		assert_true(guard_pass(g, &phone, "bob", now));
		guard_wrong(g, &phone, "bob", now);
	}
	assert_true(guard_pass(g, &phone, "bob", now));
	guard_wrong(g, &phone, "bob", now);
	any.ip[3] = 99;
	assert_false(guard_pass(g, &phone, "bob", now));
	assert_false(guard_pass(g, &any, "bob", now)); /* per user, whatever the source */
	assert_true(guard_pass(g, &phone, "alice", now));
	assert_true(guard_pass(g, &other, "bob", now));
	assert_false(guard_pass(g, &phone, "bob", now + GUARD_DELAY_MIN_MS - 1));
	now += GUARD_DELAY_MIN_MS;
	assert_true(guard_pass(g, &phone, "bob", now));

	/* The delay doubles up to its end, and per source too. */
	for (int i = 0; i < 20; i++)
		guard_wrong(g, &phone, "bob", now);
	assert_false(guard_pass(g, &phone, "alice", now));
	any.port = 999;
	any.ip[3] = phone.ip[3];
	assert_false(guard_pass(g, &any, "alice", now)); /* whatever the port */
	assert_false(guard_pass(g, &phone, "bob", now + GUARD_DELAY_MAX_MS - 1));
	assert_true(guard_pass(g, &phone, "bob", now + GUARD_DELAY_MAX_MS));
	guard_right(g, &phone, "bob");
	assert_true(guard_pass(g, &phone, "alice", now));
	free(g);
}

/* The same through digest_check: even the right password waits, with the same answer. */
static void test_backoff(void **state)
{
	struct digest *d = open_digest(false, 0);
	osip_message_t *ask = NULL;
	char wrong[DIGEST_HEADER_STRLEN], right[DIGEST_HEADER_STRLEN];

	answer(d, 1, NOW, &ask, right);
	answer_as(ask, "bob", "guess", 1, wrong);
	for (int i = 0; i <= GUARD_USER_FREE; i++)
		assert_int_equal(check(d, "REGISTER", URI, wrong, &phone, NOW), DIGEST_WRONG);
	assert_int_equal(check(d, "REGISTER", URI, right, &phone, NOW), DIGEST_WRONG);
	assert_int_equal(
		check(d, "REGISTER", URI, right, &phone, NOW + GUARD_DELAY_MIN_MS), DIGEST_OK);
	osip_message_free(ask);
	digest_close(d);
}

/* DG-09: the client side answers its realm only, and only what it understands. */
static void test_client(void **state)
{
	static const char head[] =
		"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
		"From: <sip:bob@example.com>;tag=1\r\nTo: <sip:bob@example.com>;tag=2\r\n"
		"Call-ID: a\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n";
	static const struct {
		const char *line, *header, *part;
		int err;
	} rows[] = {
		{"401 U", "WWW-Authenticate: Digest realm=\"other\", nonce=\"n\"", NULL, -ENOENT},
		{"401 U", "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"", NULL, -ENOENT},
		{"486 B", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"", NULL, -ENOENT},
		{"401 U", "WWW-Authenticate: Basic realm=\"r\"", NULL, -ENOENT},
		{"401 U", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess",
			NULL, -ENOTSUP},
		{"401 U", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",
			NULL, -ENOTSUP},
		{"401 U", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"", "response=\"", 0},
		{"407 P",
			"Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", "
			"qop=\"auth-int,auth\", opaque=\"o\"",
			"qop=auth, nc=00000003, cnonce=\"cc\", opaque=\"o\"", 0},
		{"401 U",
			"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5\r\n"
			"WWW-Authenticate: Digest realm=\"r\", nonce=\"m\", algorithm=SHA-256",
			"nonce=\"m\"", 0},
	};
	struct digest_credentials c = {.realm = "r", .user = "u", .password = "p"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[2048], buf[DIGEST_HEADER_STRLEN];
		osip_message_t *m;
		int len;

		snprintf(text, sizeof(text), "SIP/2.0 %s\r\n%s%s\r\n\r\n", rows[i].line, head,
			rows[i].header);
		m = parse(text);
		len = digest_answer(m, &c, "INVITE", "sip:b@x", "cc", 3, buf);
		if (rows[i].err) {
			assert_int_equal(len, rows[i].err);
		} else {
			assert_int_equal(len, strlen(buf));
			assert_non_null(strstr(buf, rows[i].part));
		}
		osip_message_free(m);
	}
}

static void test_conf(void **state)
{
	struct digest_conf conf = {.realm = "r\"x", .password = password_of};
	struct digest *d;

	assert_int_equal(digest_open(&d, &conf), -EINVAL);
	conf.realm = "";
	assert_int_equal(digest_open(&d, &conf), -EINVAL);
	conf.realm = "r";
	conf.nonce_ttl_ms = 300001;
	assert_int_equal(digest_open(&d, &conf), -EINVAL);
}

static int setup(void **state)
{
	return parser_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_md5_choice),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_nonce_age),
		cmocka_unit_test(test_nonce_count),
		cmocka_unit_test(test_nonce_table),
		cmocka_unit_test(test_captured),
		cmocka_unit_test(test_unknown_user),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_conf),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
