/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/digest_hash.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

enum digest_algorithm digest_algorithm_of(const char *name)
{
	char text[32];

	if (!name)
		return DIGEST_MD5;
	if (!digest_unquote(name, text, sizeof(text)))
		return DIGEST_UNKNOWN;
	if (strcasecmp(text, "SHA-256") == 0)
		return DIGEST_SHA256;
	if (strcasecmp(text, "MD5") == 0)
		return DIGEST_MD5;
	return DIGEST_UNKNOWN;
}

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
	return algorithm == DIGEST_SHA256 ? "SHA-256" : "MD5";
}

size_t digest_hex_len(enum digest_algorithm algorithm)
{
	return algorithm == DIGEST_SHA256 ? 64 : 32;
}

/* Hash of the parts with colons between them, in hex. parts ends with NULL. */
static int digest_join(enum digest_algorithm algorithm, const char *const *parts,
	char hex[static DIGEST_HEX_STRLEN])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *md = algorithm == DIGEST_SHA256 ? EVP_sha256() : EVP_md5();
	bool ok = ctx && EVP_DigestInit_ex(ctx, md, NULL);

	for (size_t i = 0; ok && parts[i]; i++)
		ok = (i == 0 || EVP_DigestUpdate(ctx, ":", 1)) &&
			EVP_DigestUpdate(ctx, parts[i], strlen(parts[i]));
	ok = ok && EVP_DigestFinal_ex(ctx, hash, &len) && len * 2 < DIGEST_HEX_STRLEN;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return -EIO;
	for (unsigned int i = 0; i < len; i++) {
		hex[2 * i] = digits[hash[i] >> 4];
		hex[2 * i + 1] = digits[hash[i] & 15];
	}
	hex[2 * len] = '\0';
	return 0;
}

int digest_response(const struct digest_input *in, char hex[static DIGEST_HEX_STRLEN])
{
	char a1[DIGEST_HEX_STRLEN], a2[DIGEST_HEX_STRLEN];
	const char *const first[] = {in->user, in->realm, in->password, NULL};
	const char *const second[] = {in->method, in->uri, NULL};
	const char *const whole[] = {a1, in->nonce, in->nc, in->cnonce, in->qop, a2, NULL};
	const char *const whole_2069[] = {a1, in->nonce, a2, NULL};

	if (digest_join(in->algorithm, first, a1) < 0 || digest_join(in->algorithm, second, a2) < 0)
		return -EIO;
	return digest_join(in->algorithm, in->qop[0] ? whole : whole_2069, hex);
}

bool digest_unquote(const char *value, char *buf, size_t size)
{
	size_t len;

	if (!value)
		return false;
	len = strlen(value);
	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		value++;
		len -= 2;
	}
	if (len >= size)
		return false;
	memcpy(buf, value, len);
	buf[len] = '\0';
	return true;
}
