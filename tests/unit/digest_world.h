/* SPDX-License-Identifier: BSD-3-Clause */
/* A registrar's digest and phones that know their passwords, or not. */
#ifndef TESTS_UNIT_DIGEST_WORLD_H
#define TESTS_UNIT_DIGEST_WORLD_H

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

static inline struct digest *open_digest(bool md5_only, uint32_t nonces_max)
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

static inline osip_message_t *parse(const char *text)
{
	osip_message_t *m;

	assert_int_equal(osip_message_init(&m), 0);
	assert_int_equal(osip_message_parse(m, text, strlen(text)), 0);
	return m;
}

static inline osip_message_t *request(
	const char *method, const char *uri, const char *authorization)
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

static inline enum digest_verdict check(struct digest *d, const char *method, const char *uri,
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
static inline osip_message_t *challenge(struct digest *d, unsigned from, unsigned to, uint64_t now)
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
static inline void answer_as(const osip_message_t *ask, const char *user, const char *password,
	uint32_t nc, char buf[static DIGEST_HEADER_STRLEN])
{
	struct digest_credentials c = {.realm = REALM, .user = user, .password = password};

	assert_true(digest_answer(ask, &c, "REGISTER", URI, "c0ffee", nc, buf) > 0);
}

static inline void answer(struct digest *d, uint32_t nc, uint64_t now, osip_message_t **ask,
	char buf[static DIGEST_HEADER_STRLEN])
{
	if (!*ask)
		*ask = challenge(d, 0, 2, now);
	answer_as(*ask, "bob", "zanzibar", nc, buf);
}

/* Replaces the first `from` of a header by `to`. */
static inline void edit(char buf[static DIGEST_HEADER_STRLEN], const char *from, const char *to)
{
	char *at = strstr(buf, from);

	if (!at) {
		fail_msg("no %s in %s", from, buf);
		return;
	}
	assert_true(strlen(buf) + strlen(to) < DIGEST_HEADER_STRLEN);
	memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
	memcpy(at, to, strlen(to));
}

static inline int setup(void **state)
{
	return parser_init();
}

#endif
