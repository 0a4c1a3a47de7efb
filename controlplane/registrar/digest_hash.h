/* SPDX-License-Identifier: BSD-3-Clause */
/* The digest of RFC 7616 section 3.4, computed for either side, and small text helpers of the
 * header fields around it. */
#ifndef CONTROLPLANE_REGISTRAR_DIGEST_HASH_H
#define CONTROLPLANE_REGISTRAR_DIGEST_HASH_H

#include <stdbool.h>
#include <stddef.h>

enum digest_algorithm {
	DIGEST_SHA256,
	DIGEST_MD5,
	DIGEST_UNKNOWN,
};

#define DIGEST_HEX_STRLEN 65 /* hex of the longest hash and a terminating zero */

/* All texts are without quotes. qop "" is the form of RFC 2069 (client side only). */
struct digest_input {
	enum digest_algorithm algorithm;
	const char *user;
	const char *realm;
	const char *password;
	const char *method;
	const char *uri;
	const char *nonce;
	const char *nc; /* 8 hex digits */
	const char *cnonce;
	const char *qop; /* "auth" or "" */
};

/* Name on the wire; NULL means the header had no algorithm, which is MD5. Quotes are forgiven. */
enum digest_algorithm digest_algorithm_of(const char *name);
const char *digest_algorithm_name(enum digest_algorithm algorithm);

/* Length of the response in hex digits. */
size_t digest_hex_len(enum digest_algorithm algorithm);

/* Writes the response in lower-case hex. Returns 0, or -EIO if libcrypto refuses the hash. */
int digest_response(const struct digest_input *in, char hex[static DIGEST_HEX_STRLEN]);

/* Copies a parameter's value without its quotes. Returns false if it is NULL or too long. */
bool digest_unquote(const char *value, char *buf, size_t size);

#endif
