/* SPDX-License-Identifier: BSD-3-Clause */
/* Authorization headers of strangers, and challenges of a trunk. Nobody is let in who did not prove
 * the password, and what we answer is one line. The first byte: bit 0 a trunk's challenge, bit 1 in
 * the proxy's headers, bit 2 a nonce of ours is put in the place of the text "NONCE". */
#include "controlplane/registrar/digest.h"
#include "controlplane/sip/msg.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdio.h>

#define NOW 5000000ull

static const struct addr source = {.family = ADDR_IPV4, .port = 5060, .ip = {192, 0, 2, 7}};
static struct digest *digest;
static char nonce[128];

static const char *password_of(void *arg, const char *user)
{
	return strcmp(user, "bob") == 0 ? "zanzibar and more that nobody guesses" : NULL;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct digest_conf conf = {
		.realm = "example.com", .nonces_max = 64, .password = password_of};
	char text[DIGEST_HEADER_STRLEN];
	const char *at;

	if (sip_msg_setup() != 0 || digest_open(&digest, &conf) != 0 ||
		digest_challenge(digest, 0, &source, NOW, false, text) == 0)
		return -1;
	at = strstr(text, "nonce=\"");
	assert(at);
	sscanf(at, "nonce=\"%127[^\"]", nonce);
	return 0;
}

static osip_message_t *message(uint8_t how, const char *value)
{
	static const char *const names[] = {
		"Authorization", "WWW-Authenticate", "Proxy-Authorization", "Proxy-Authenticate"};
	const char *place = how & 4 ? strstr(value, "NONCE") : NULL;
	int before = place ? (int)(place - value) : (int)strlen(value);
	osip_message_t *msg = NULL;
	char text[8192];
	int n;

	n = snprintf(text, sizeof(text),
		"%s\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
		"From: <sip:bob@example.com>;tag=1\r\nTo: <sip:bob@example.com>;tag=2\r\n"
		"Call-ID: a\r\nCSeq: 1 REGISTER\r\n%s: %.*s%s%s\r\nContent-Length: 0\r\n\r\n",
		!(how & 1)        ? "REGISTER sip:example.com SIP/2.0"
			: how & 2 ? "SIP/2.0 407 Text"
				  : "SIP/2.0 401 Text",
		names[how & 3], before, value, place ? nonce : "", place ? place + 5 : "");
	if (n < 0 || (size_t)n >= sizeof(text) || sip_msg_parse(&msg, text, (size_t)n) < 0)
		return NULL;
	return msg;
}

static void check(const osip_message_t *msg, bool proxy)
{
	char user[DIGEST_USER_STRLEN];

	/* A right guess would break more than this. */
	assert(digest_check(digest, msg, proxy, &source, NOW, user) != DIGEST_OK);
	assert(user[0] == '\0');
}

static void answer(const osip_message_t *msg)
{
	static const struct digest_credentials credentials = {"example.com", "bob", "secret"};
	char buf[DIGEST_HEADER_STRLEN];
	int n = digest_answer(msg, &credentials, "REGISTER", "sip:example.com", "c0ffee", 1, buf);

	assert(n > 0 || n == -ENOENT || n == -ENOTSUP || n == -EMSGSIZE);
	if (n > 0)
		assert(strlen(buf) == (size_t)n && !strpbrk(buf, "\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	uint8_t how = fuzz_u8(&f);
	char *value = fuzz_string(f.at, f.left);
	osip_message_t *msg = message(how, value);

	if (msg) {
		if (how & 1)
			answer(msg);
		else
			check(msg, how & 2);
		osip_message_free(msg);
	}
	free(value);
	return 0;
}
