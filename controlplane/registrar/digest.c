/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/digest.h"

#include "controlplane/registrar/digest_hash.h"
#include "controlplane/registrar/guard.h"
#include "controlplane/registrar/nonce.h"
#include "controlplane/registrar/uri.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <openssl/crypto.h>

#define DIGEST_REALM_STRLEN 128
#define DIGEST_URI_STRLEN   1024
#define DIGEST_TTL_MAX_MS   300000

struct digest {
	char realm[DIGEST_REALM_STRLEN];
	bool md5_only;
	const char *(*password)(void *arg, const char *user);
	void *arg;
	struct nonces *nonces;
	struct guard guard;
};

/* The parameters of one Authorization header, without quotes. */
struct digest_fields {
	enum digest_algorithm algorithm;
	char user[DIGEST_USER_STRLEN];
	char uri[DIGEST_URI_STRLEN];
	char nonce[128];
	char cnonce[256];
	char response[DIGEST_HEX_STRLEN];
	char nc_text[9];
	uint32_t nc;
};

static bool digest_realm_ok(const char *realm)
{
	if (!realm || !realm[0] || strlen(realm) >= DIGEST_REALM_STRLEN)
		return false;
	for (const char *p = realm; *p; p++)
		if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
			return false;
	return true;
}

int digest_open(struct digest **out, const struct digest_conf *conf)
{
	uint32_t ttl = conf->nonce_ttl_ms ? conf->nonce_ttl_ms : DIGEST_TTL_MAX_MS;
	struct digest *d;
	int err;

	if (!digest_realm_ok(conf->realm) || !conf->password || ttl < 1000 ||
		ttl > DIGEST_TTL_MAX_MS)
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	strcpy(d->realm, conf->realm);
	d->md5_only = conf->md5_only;
	d->password = conf->password;
	d->arg = conf->arg;
	err = guard_init(&d->guard);
	if (err == 0)
		err = nonces_open(&d->nonces, ttl, conf->nonces_max ? conf->nonces_max : 65536);
	if (err < 0) {
		free(d);
		return err;
	}
	*out = d;
	return 0;
}

void digest_close(struct digest *d)
{
	if (!d)
		return;
	nonces_close(d->nonces);
	free(d);
}

/* The credentials that speak about our realm: the first whose algorithm we offer, else the first.
 */
static const osip_authorization_t *digest_find(
	const struct digest *d, const osip_message_t *request, bool proxy)
{
	const osip_list_t *list = proxy ? &request->proxy_authorizations : &request->authorizations;
	const osip_authorization_t *first = NULL;
	osip_list_iterator_t it;

	for (const osip_authorization_t *a = osip_list_get_first(list, &it); a;
		a = osip_list_get_next(&it)) {
		char realm[DIGEST_REALM_STRLEN];
		enum digest_algorithm algorithm = digest_algorithm_of(a->algorithm);

		if (!a->auth_type || strcasecmp(a->auth_type, "Digest") != 0 ||
			!digest_unquote(a->realm, realm, sizeof(realm)) ||
			strcmp(realm, d->realm) != 0)
			continue;
		if (algorithm == DIGEST_MD5 || (algorithm == DIGEST_SHA256 && !d->md5_only))
			return a;
		if (!first)
			first = a;
	}
	return first;
}

static bool digest_is_hex(const char *text)
{
	return text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

/* DIGEST_OK: complete and well-formed, to be judged. */
static enum digest_verdict digest_read(
	const struct digest *d, const osip_authorization_t *a, struct digest_fields *f)
{
	char qop[16];

	f->algorithm = digest_algorithm_of(a->algorithm);
	if (f->algorithm == DIGEST_UNKNOWN || (f->algorithm == DIGEST_SHA256 && d->md5_only))
		return DIGEST_WRONG;
	/* qop=auth was offered, so the older form without it is a downgrade (DG-02). */
	if (!digest_unquote(a->message_qop, qop, sizeof(qop)) || strcasecmp(qop, "auth") != 0)
		return DIGEST_BAD;
	if (!digest_unquote(a->nonce_count, f->nc_text, sizeof(f->nc_text)) ||
		strlen(f->nc_text) != 8 || !digest_is_hex(f->nc_text) ||
		!digest_unquote(a->cnonce, f->cnonce, sizeof(f->cnonce)) || !f->cnonce[0])
		return DIGEST_BAD;
	f->nc = (uint32_t)strtoul(f->nc_text, NULL, 16);
	if (f->nc == 0)
		return DIGEST_BAD;
	if (!digest_unquote(a->response, f->response, sizeof(f->response)) ||
		strlen(f->response) != digest_hex_len(f->algorithm) || !digest_is_hex(f->response))
		return DIGEST_BAD;
	if (!digest_unquote(a->username, f->user, sizeof(f->user)) || !f->user[0] ||
		!digest_unquote(a->uri, f->uri, sizeof(f->uri)) ||
		!digest_unquote(a->nonce, f->nonce, sizeof(f->nonce)))
		return DIGEST_BAD;
	return DIGEST_OK;
}

/* The uri parameter names the Request-URI: a digest made for another target is worth nothing. */
static bool digest_uri_matches(const osip_message_t *request, const char *text)
{
	osip_uri_t *uri = NULL;
	bool same = false;

	if (!request->req_uri || osip_uri_init(&uri) != 0)
		return false;
	if (osip_uri_parse(uri, text) == 0)
		same = uri_equal(uri, request->req_uri);
	osip_uri_free(uri);
	return same;
}

/* Does the response fit the password? An unknown user costs the same work as a known one. */
static bool digest_proven(
	const struct digest *d, const osip_message_t *request, const struct digest_fields *f)
{
	const char *password = d->password(d->arg, f->user);
	char hex[DIGEST_HEX_STRLEN], given[DIGEST_HEX_STRLEN];
	struct digest_input in = {
		.algorithm = f->algorithm,
		.user = f->user,
		.realm = d->realm,
		.password = password ? password : "no such user",
		.method = request->sip_method,
		.uri = f->uri,
		.nonce = f->nonce,
		.nc = f->nc_text,
		.cnonce = f->cnonce,
		.qop = "auth",
	};
	size_t len = digest_hex_len(f->algorithm);
	bool same;

	if (digest_response(&in, hex) < 0)
		return false;
	for (size_t i = 0; i <= len; i++)
		given[i] = f->response[i] >= 'A' && f->response[i] <= 'F'
			? (char)(f->response[i] + 'a' - 'A')
			: f->response[i];
	same = CRYPTO_memcmp(hex, given, len) == 0;
	return same && password;
}

enum digest_verdict digest_check(struct digest *d, const osip_message_t *request, bool proxy,
	const struct addr *source, uint64_t now_ms, char user[static DIGEST_USER_STRLEN])
{
	const osip_authorization_t *a = digest_find(d, request, proxy);
	struct digest_fields f;
	enum digest_verdict verdict;
	enum nonce_state nonce;

	user[0] = '\0';
	if (!a || !request->sip_method)
		return DIGEST_NONE;
	verdict = digest_read(d, a, &f);
	if (verdict != DIGEST_OK)
		return verdict;
	nonce = nonces_check(d->nonces, f.nonce, source, now_ms);
	if (nonce == NONCE_UNKNOWN || !digest_uri_matches(request, f.uri) ||
		!guard_pass(&d->guard, source, f.user, now_ms))
		return DIGEST_WRONG;
	if (!digest_proven(d, request, &f)) {
		guard_wrong(&d->guard, source, f.user, now_ms);
		return DIGEST_WRONG;
	}
	guard_right(&d->guard, source, f.user);
	/* A used count is a replay, or a phone that cannot count: both get a new nonce. */
	if (nonce == NONCE_OLD || nonces_use(d->nonces, f.nonce, f.nc, now_ms) < 0)
		return DIGEST_STALE;
	strcpy(user, f.user);
	return DIGEST_OK;
}

size_t digest_challenge(struct digest *d, unsigned n, const struct addr *source, uint64_t now_ms,
	bool stale, char buf[static DIGEST_HEADER_STRLEN])
{
	enum digest_algorithm algorithm = n == 0 && !d->md5_only ? DIGEST_SHA256 : DIGEST_MD5;
	char nonce[NONCE_STRLEN];
	int len;

	if (n > (d->md5_only ? 0u : 1u))
		return 0;
	nonces_make(d->nonces, source, now_ms, nonce);
	len = snprintf(buf, DIGEST_HEADER_STRLEN,
		"Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s", d->realm, nonce,
		digest_algorithm_name(algorithm), stale ? ", stale=true" : "");
	return (size_t)len;
}
