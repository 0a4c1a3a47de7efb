/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP digest authentication (RFC 7616, RFC 8760, RFC 3261 section 22): the server side for phones,
 * the client side for a trunk. No I/O and no clock: now_ms is given.
 *
 * Nonces are stateless (time, counter, HMAC over both and the source IP). Memory is spent only on
 * nonces with which a password was proven: their nonce counts, in a bounded table. */
#ifndef CONTROLPLANE_REGISTRAR_DIGEST_H
#define CONTROLPLANE_REGISTRAR_DIGEST_H

#include "shared/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <osipparser2/osip_parser.h>

#define DIGEST_USER_STRLEN   128  /* longest user name, terminating zero included */
#define DIGEST_HEADER_STRLEN 1024 /* longest header value written here */

struct digest_conf {
	const char *realm;     /* printable, without quotes; copied */
	bool md5_only;         /* one MD5 challenge, for clients that know no other */
	uint32_t nonce_ttl_ms; /* 1000 to 300000; 0 = 300000 */
	uint32_t nonces_max;   /* proven nonces remembered; 0 = 65536 */
	/* Password of a user, or NULL if there is none. The text must stay until digest_check
	 * returns. */
	const char *(*password)(void *arg, const char *user);
	void *arg;
};

enum digest_verdict {
	DIGEST_OK,
	DIGEST_NONE,  /* no credentials for our realm: challenge */
	DIGEST_STALE, /* right, but the nonce is too old: challenge with stale=true */
	DIGEST_WRONG, /* wrong in any way that must not be told apart: challenge */
	DIGEST_BAD,   /* malformed (no nc, auth-int, a response of the wrong length): 400 */
};

struct digest;

/* Returns 0, -EINVAL (realm, limits) or -ENOMEM. */
int digest_open(struct digest **d, const struct digest_conf *conf);
void digest_close(struct digest *d);

/* Judges the Authorization (proxy: Proxy-Authorization) headers of a request. ACK and CANCEL must
 * not be brought here: they are never challenged (DG-06). On DIGEST_OK user holds the account name;
 * else it is empty. */
enum digest_verdict digest_check(struct digest *d, const osip_message_t *request, bool proxy,
	const struct addr *source, uint64_t now_ms, char user[static DIGEST_USER_STRLEN]);

/* Writes the value of the n-th (from 0) WWW-Authenticate or Proxy-Authenticate header, most
 * preferred first. Returns its length, or 0 when there is no n-th. */
size_t digest_challenge(struct digest *d, unsigned n, const struct addr *source, uint64_t now_ms,
	bool stale, char buf[static DIGEST_HEADER_STRLEN]);

/* What a trunk gave us. Both the realm and the peer are checked before these are used: the realm
 * here, the peer (address and dialog) by the caller (DG-09). */
struct digest_credentials {
	const char *realm;
	const char *user;
	const char *password;
};

/* Answers a 401 or 407: the value of Authorization or Proxy-Authorization for the repeated request.
 * Takes the strongest challenge of our realm (SHA-256, then MD5; qop=auth, or none if none is
 * offered). cnonce: fresh random text of the caller without quotes; nc counts uses of this nonce
 * from 1. Returns the length, -ENOENT (no challenge of that realm, or the response is neither 401
 * nor 407), -ENOTSUP (none that we can answer) or -EMSGSIZE. */
int digest_answer(const osip_message_t *response, const struct digest_credentials *credentials,
	const char *method, const char *uri, const char *cnonce, uint32_t nc,
	char buf[static DIGEST_HEADER_STRLEN]);

#endif
