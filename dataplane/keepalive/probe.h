/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives that draw an answer, and the answers. Each carries the binding's id, the moment it
 * was sent and a tag (tag.h): in the transaction id of a STUN Binding request (RFC 8489), in
 * branch, Call-ID and From tag of an OPTIONS (RFC 3261, section 11). Pure. */
#ifndef DATAPLANE_KEEPALIVE_PROBE_H
#define DATAPLANE_KEEPALIVE_PROBE_H

#include "shared/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PROBE_PLACES    3  /* most places of one payload that name the probe */
#define PROBE_BYTES     12 /* id, stamp, tag in network order */
#define PROBE_HEX       24 /* the same in lower case hexadecimal */
#define PROBE_TEXT_MAX  768
#define PROBE_ANSWER_US 32000000u /* 64 * T1: an older answer is a copy of one */

enum probe_form {
	PROBE_NONE, /* nothing to be filled in */
	PROBE_STUN,
	PROBE_OPTIONS,
};

struct probe {
	uint32_t id;
	uint32_t stamp; /* microseconds, wrapping */
	uint32_t tag;
};

/* A payload with zeros where the probe's name goes; the places are even. */
struct probe_payload {
	uint8_t data[PROBE_TEXT_MAX];
	uint16_t len;
	uint8_t form; /* enum probe_form */
	uint8_t places;
	uint16_t at[PROBE_PLACES];
};

void probe_stun(struct probe_payload *out);
void probe_options(struct probe_payload *out, const struct addr *local);

enum probe_verdict {
	PROBE_OTHER,  /* no answer to a probe of anybody like us */
	PROBE_REFUSE, /* named like an answer, but not a final or not a sound one */
	PROBE_ANSWER, /* *probe is what it says: nothing is proven yet */
};

enum probe_verdict probe_parse(const uint8_t *data, size_t len, struct probe *probe);

/* 32 bits as eight hexadecimal digits. */
static inline void probe_hex(uint8_t out[static 8], uint32_t value)
{
	uint64_t x = value, letters;

	x = (x & 0xffff0000u) << 16 | (x & 0xffffu);
	x = (x & 0x0000ff000000ff00u) << 8 | (x & 0x000000ff000000ffu);
	x = (x & 0x00f000f000f000f0u) << 4 | (x & 0x000f000f000f000fu);
	/* 10 .. 15 carry into the fifth bit when 6 is added. */
	letters = ((x + 0x0606060606060606u) >> 4) & 0x0101010101010101u;
	x += 0x3030303030303030u + letters * ('a' - '0' - 10);
	x = __builtin_bswap64(x);
	memcpy(out, &x, sizeof(x));
}

/* The name as it stands in a payload of that form; returns its length, which is even. */
static inline uint16_t probe_name(
	uint8_t out[static PROBE_HEX], uint8_t form, const struct probe *probe)
{
	if (form == PROBE_STUN) {
		uint32_t word[3] = {__builtin_bswap32(probe->id), __builtin_bswap32(probe->stamp),
			__builtin_bswap32(probe->tag)};

		memcpy(out, word, sizeof(word));
		return PROBE_BYTES;
	}
	probe_hex(out, probe->id);
	probe_hex(out + 8, probe->stamp);
	probe_hex(out + 16, probe->tag);
	return PROBE_HEX;
}

#endif
