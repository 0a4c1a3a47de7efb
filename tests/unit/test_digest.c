/* SPDX-License-Identifier: BSD-3-Clause */
/* Digest authentication: the vectors of RFC 2617 and RFC 7616, and the rows DG-01, DG-02, DG-08 and
 * DG-09 of the checklist. The client side answers the server side's challenges. */
#include "tests/unit/digest_world.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_md5_choice),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_unknown_user),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_conf),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
