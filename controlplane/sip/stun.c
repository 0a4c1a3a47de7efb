/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/sip/stun.h"

#include <string.h>

#define HEAD                20
#define BINDING_REQUEST     0x0001
#define BINDING_SUCCESS     0x0101
#define BINDING_ERROR       0x0111
#define ERROR_CODE          0x0009
#define UNKNOWN_ATTRIBUTES  0x000a
#define XOR_MAPPED_ADDRESS  0x0020
#define OPTIONAL_ATTRIBUTES 0x8000
#define COOKIE              0x2112a442u

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

/* The first attribute that must be understood: 1 and *type; 0 none; -1 malformed. */
static int attribute_needed(const uint8_t *p, const uint8_t *end, uint16_t *type)
{
	while (p < end) {
		size_t value;

		if (end - p < 4)
			return -1;
		*type = get16(p);
		value = (get16(p + 2) + 3u) & ~3u;
		if (value > (size_t)(end - p) - 4)
			return -1;
		if (*type < OPTIONAL_ATTRIBUTES)
			return 1;
		p += 4 + value;
	}
	return 0;
}

static uint8_t *put_mapped(uint8_t *p, const uint8_t *request, const struct addr *source)
{
	size_t ip = source->family == ADDR_IPV6 ? 16 : 4;

	p = put16(p, XOR_MAPPED_ADDRESS);
	p = put16(p, (uint16_t)(4 + ip));
	p = put16(p, source->family == ADDR_IPV6 ? 2 : 1);
	p = put16(p, source->port ^ (COOKIE >> 16));
	/* XOR with cookie and transaction id, as they stand in the request. */
	for (size_t i = 0; i < ip; i++)
		*p++ = source->ip[i] ^ request[4 + i];
	return p;
}

static uint8_t *put_unknown(uint8_t *p, uint16_t type)
{
	p = put16(p, ERROR_CODE);
	p = put16(p, 4);
	p = put16(p, 0);
	p = put16(p, 4 << 8 | 20);
	p = put16(p, UNKNOWN_ATTRIBUTES);
	p = put16(p, 2);
	p = put16(p, type);
	return put16(p, 0);
}

size_t stun_answer(const uint8_t *request, size_t len, const struct addr *source,
	uint8_t out[static STUN_ANSWER_MAX])
{
	uint8_t *p = out + HEAD;
	uint16_t type;
	int needed;

	if (len < HEAD || get16(request) != BINDING_REQUEST ||
		(size_t)get16(request + 2) + HEAD != len)
		return 0;
	needed = attribute_needed(request + HEAD, request + len, &type);
	if (needed < 0)
		return 0;
	memcpy(out, request, HEAD);
	put16(out, needed ? BINDING_ERROR : BINDING_SUCCESS);
	p = needed ? put_unknown(p, type) : put_mapped(p, request, source);
	put16(out + 2, (uint16_t)(p - out - HEAD));
	return (size_t)(p - out);
}
