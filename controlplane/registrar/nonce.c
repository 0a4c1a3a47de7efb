/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/nonce.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <uthash.h>

#define NONCE_TIME    8 /* bytes */
#define NONCE_COUNTER 4 /* two phones behind one NAT may ask in the same millisecond */
#define NONCE_MAC     16
#define NONCE_BYTES   (NONCE_TIME + NONCE_COUNTER + NONCE_MAC)
#define NONCE_WINDOW  64

_Static_assert(NONCE_STRLEN == 2 * NONCE_BYTES + 1, "hex of all its bytes");

/* One that was proven. They lie in a ring, oldest use first. */
struct nonce_entry {
	UT_hash_handle hh;
	uint8_t mac[NONCE_MAC];
	uint64_t made_ms;
	uint64_t seen; /* bit i: highest - i was used */
	uint32_t highest;
};

struct nonces {
	uint32_t ttl_ms;
	uint32_t max;
	uint32_t counter;
	uint8_t secret[32];
	struct nonce_entry *table;
	struct nonce_entry *ring;
	uint32_t head;
	uint32_t count;
	uint64_t floor_ms; /* nonces made before it may have been forgotten */
};

int nonces_open(struct nonces **out, uint32_t ttl_ms, uint32_t max)
{
	struct nonces *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->ttl_ms = ttl_ms;
	n->max = max;
	n->ring = calloc(max, sizeof(*n->ring));
	if (!n->ring) {
		free(n);
		return -ENOMEM;
	}
	if (getrandom(n->secret, sizeof(n->secret), 0) != sizeof(n->secret)) {
		nonces_close(n);
		return -EIO;
	}
	*out = n;
	return 0;
}

void nonces_close(struct nonces *n)
{
	if (!n)
		return;
	HASH_CLEAR(hh, n->table);
	OPENSSL_cleanse(n->secret, sizeof(n->secret));
	free(n->ring);
	free(n);
}

static uint64_t nonce_made(const uint8_t bytes[static NONCE_BYTES])
{
	uint64_t made = 0;

	for (int i = 0; i < NONCE_TIME; i++)
		made = made << 8 | bytes[i];
	return made;
}

/* MAC over time and counter and the source IP; the port may change behind a NAT. */
static void nonce_mac(const struct nonces *n, const uint8_t *bytes, const struct addr *source,
	uint8_t mac[static NONCE_MAC])
{
	uint8_t text[NONCE_TIME + NONCE_COUNTER + 1 + sizeof(source->ip)];
	uint8_t full[EVP_MAX_MD_SIZE] = {0};
	unsigned int len = 0;

	memcpy(text, bytes, NONCE_TIME + NONCE_COUNTER);
	text[NONCE_TIME + NONCE_COUNTER] = source->family;
	memcpy(text + NONCE_TIME + NONCE_COUNTER + 1, source->ip, sizeof(source->ip));
	HMAC(EVP_sha256(), n->secret, sizeof(n->secret), text, sizeof(text), full, &len);
	memcpy(mac, full, NONCE_MAC);
}

void nonces_make(struct nonces *n, const struct addr *source, uint64_t now_ms,
	char text[static NONCE_STRLEN])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[NONCE_BYTES];
	uint32_t counter = n->counter++;

	for (int i = 0; i < NONCE_TIME; i++)
		bytes[i] = (uint8_t)(now_ms >> 8 * (NONCE_TIME - 1 - i));
	memcpy(bytes + NONCE_TIME, &counter, NONCE_COUNTER);
	nonce_mac(n, bytes, source, bytes + NONCE_TIME + NONCE_COUNTER);
	for (int i = 0; i < NONCE_BYTES; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * NONCE_BYTES] = '\0';
}

static int nonce_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool nonce_parse(const char *text, uint8_t bytes[static NONCE_BYTES])
{
	if (strlen(text) != 2 * NONCE_BYTES)
		return false;
	for (int i = 0; i < NONCE_BYTES; i++) {
		int high = nonce_digit(text[2 * i]), low = nonce_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

enum nonce_state nonces_check(
	const struct nonces *n, const char *text, const struct addr *source, uint64_t now_ms)
{
	uint8_t bytes[NONCE_BYTES], mac[NONCE_MAC];
	uint64_t made;

	if (!nonce_parse(text, bytes))
		return NONCE_UNKNOWN;
	nonce_mac(n, bytes, source, mac);
	if (CRYPTO_memcmp(mac, bytes + NONCE_TIME + NONCE_COUNTER, NONCE_MAC) != 0)
		return NONCE_UNKNOWN;
	made = nonce_made(bytes);
	return now_ms <= made || now_ms - made <= n->ttl_ms ? NONCE_FRESH : NONCE_OLD;
}

static void nonces_drop_first(struct nonces *n)
{
	struct nonce_entry *e = &n->ring[n->head];

	HASH_DELETE(hh, n->table, e);
	n->head = (n->head + 1) % n->max;
	n->count--;
}

static void nonces_expire(struct nonces *n, uint64_t now_ms)
{
	while (n->count && now_ms > n->ring[n->head].made_ms + n->ttl_ms)
		nonces_drop_first(n);
}

static struct nonce_entry *nonces_add(struct nonces *n, const uint8_t *mac, uint64_t made_ms)
{
	struct nonce_entry *e;

	if (n->count == n->max) {
		if (n->ring[n->head].made_ms >= n->floor_ms)
			n->floor_ms = n->ring[n->head].made_ms + 1;
		nonces_drop_first(n);
	}
	e = &n->ring[(n->head + n->count) % n->max];
	*e = (struct nonce_entry){.made_ms = made_ms};
	memcpy(e->mac, mac, NONCE_MAC);
	n->count++;
	HASH_ADD(hh, n->table, mac, NONCE_MAC, e);
	return e;
}

/* As for IPsec: anything above the highest, or an unused one not too far below. */
static int nonce_count(struct nonce_entry *e, uint32_t nc)
{
	uint32_t behind;

	if (nc > e->highest) {
		uint32_t ahead = nc - e->highest;

		e->seen = ahead < NONCE_WINDOW ? e->seen << ahead | 1 : 1;
		e->highest = nc;
		return 0;
	}
	behind = e->highest - nc;
	if (behind >= NONCE_WINDOW || e->seen & 1ull << behind)
		return -EEXIST;
	e->seen |= 1ull << behind;
	return 0;
}

int nonces_use(struct nonces *n, const char *text, uint32_t nc, uint64_t now_ms)
{
	uint8_t bytes[NONCE_BYTES];
	const uint8_t *mac = bytes + NONCE_TIME + NONCE_COUNTER;
	struct nonce_entry *e;

	if (!nonce_parse(text, bytes))
		return -EEXIST;
	nonces_expire(n, now_ms);
	HASH_FIND(hh, n->table, mac, NONCE_MAC, e);
	if (!e) {
		if (nonce_made(bytes) < n->floor_ms)
			return -ESTALE;
		e = nonces_add(n, mac, nonce_made(bytes));
	}
	return nonce_count(e, nc);
}
