/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/digest.h"
#include "controlplane/registrar/digest_hash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Does the list of offered qop values ("auth,auth-int") hold auth? */
static bool digest_offers_auth(const char *options)
{
	char text[64];
	char *save = NULL;

	if (!digest_unquote(options, text, sizeof(text)))
		return false;
	for (char *word = strtok_r(text, ", \t", &save); word; word = strtok_r(NULL, ", \t", &save))
		if (strcasecmp(word, "auth") == 0)
			return true;
	return false;
}

/* The strongest challenge of our realm that we can answer; *ours tells whether there was any. */
static const osip_www_authenticate_t *digest_choose(
	const osip_list_t *list, const char *realm, bool *ours)
{
	const osip_www_authenticate_t *best = NULL;
	osip_list_iterator_t it;

	for (const osip_www_authenticate_t *w = osip_list_get_first(list, &it); w;
		w = osip_list_get_next(&it)) {
		char text[256];
		enum digest_algorithm algorithm = digest_algorithm_of(w->algorithm);

		if (!w->auth_type || strcasecmp(w->auth_type, "Digest") != 0 ||
			!digest_unquote(w->realm, text, sizeof(text)) || strcmp(text, realm) != 0)
			continue;
		*ours = true;
		if (algorithm == DIGEST_UNKNOWN || !w->nonce ||
			(w->qop_options && !digest_offers_auth(w->qop_options)))
			continue;
		if (!best || algorithm < digest_algorithm_of(best->algorithm))
			best = w;
	}
	return best;
}

/* Text between quotes ends at the next one: refuse what could not be written. */
static bool digest_quotable(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p == '"' || (unsigned char)*p < ' ')
			return false;
	return true;
}

int digest_answer(const osip_message_t *response, const struct digest_credentials *credentials,
	const char *method, const char *uri, const char *cnonce, uint32_t nc,
	char buf[static DIGEST_HEADER_STRLEN])
{
	const osip_list_t *list = response->status_code == 401 ? &response->www_authenticates
							       : &response->proxy_authenticates;
	const osip_www_authenticate_t *w;
	char nonce[512], nc_text[9], opaque[256] = "", hex[DIGEST_HEX_STRLEN];
	struct digest_input in;
	bool ours = false;
	int len;

	if (response->status_code != 401 && response->status_code != 407)
		return -ENOENT;
	w = digest_choose(list, credentials->realm, &ours);
	if (!w)
		return ours ? -ENOTSUP : -ENOENT;
	if (!digest_unquote(w->nonce, nonce, sizeof(nonce)) ||
		(w->opaque && !digest_unquote(w->opaque, opaque, sizeof(opaque))) ||
		!digest_quotable(credentials->user) || !digest_quotable(uri) ||
		!digest_quotable(cnonce) || !digest_quotable(nonce) || !digest_quotable(opaque))
		return -ENOTSUP;
	snprintf(nc_text, sizeof(nc_text), "%08x", nc);
	in = (struct digest_input){
		.algorithm = digest_algorithm_of(w->algorithm),
		.user = credentials->user,
		.realm = credentials->realm,
		.password = credentials->password,
		.method = method,
		.uri = uri,
		.nonce = nonce,
		.nc = nc_text,
		.cnonce = cnonce,
		.qop = w->qop_options ? "auth" : "",
	};
	if (digest_response(&in, hex) < 0)
		return -ENOTSUP;
	len = snprintf(buf, DIGEST_HEADER_STRLEN,
		"Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", "
		"algorithm=%s",
		in.user, in.realm, in.nonce, in.uri, hex, digest_algorithm_name(in.algorithm));
	if (len < DIGEST_HEADER_STRLEN && w->qop_options)
		len += snprintf(buf + len, (size_t)(DIGEST_HEADER_STRLEN - len),
			", qop=auth, nc=%s, cnonce=\"%s\"", nc_text, cnonce);
	if (len < DIGEST_HEADER_STRLEN && w->opaque)
		len += snprintf(
			buf + len, (size_t)(DIGEST_HEADER_STRLEN - len), ", opaque=\"%s\"", opaque);
	return len < DIGEST_HEADER_STRLEN ? len : -EMSGSIZE;
}
