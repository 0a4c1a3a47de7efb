/* SPDX-License-Identifier: BSD-3-Clause */
/* Values that records are made of, for the checks of proto.c and its parts. */
#ifndef SHARED_PROTO_VALUE_H
#define SHARED_PROTO_VALUE_H

#include "shared/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTO_DSCP_MAX 63

static inline bool proto_is_zero(const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		if (p[i])
			return false;
	}
	return true;
}

static inline bool proto_addr_is_none(const struct addr *a)
{
	return proto_is_zero(a, sizeof(*a));
}

/* A host that a packet can name: known family, unused bytes zero, not 0.0.0.0 or ::. */
static inline bool proto_addr_is_host(const struct addr *a)
{
	if (a->zero || proto_is_zero(a->ip, sizeof(a->ip)))
		return false;
	if (a->family == ADDR_IPV4)
		return proto_is_zero(a->ip + 4, sizeof(a->ip) - 4);
	return a->family == ADDR_IPV6;
}

static inline bool proto_addr_is_endpoint(const struct addr *a)
{
	return proto_addr_is_host(a) && a->port != 0;
}

static inline bool proto_addr_is_endpoint_or_none(const struct addr *a)
{
	return proto_addr_is_none(a) || proto_addr_is_endpoint(a);
}

#endif
