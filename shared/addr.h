/* SPDX-License-Identifier: BSD-3-Clause */
/* One transport address, the same in memory and in the control protocol. */
#ifndef SHARED_ADDR_H
#define SHARED_ADDR_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum addr_family {
	ADDR_NONE = 0,
	ADDR_IPV4 = 4,
	ADDR_IPV6 = 6,
};

/* Unused bytes are zero, so that two addresses can be compared and hashed as memory. */
struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t zero;
	uint16_t port;  /* host order */
	uint8_t ip[16]; /* network order; an IPv4 address is the first four bytes */
};
static_assert(sizeof(struct addr) == 20, "struct addr is part of the control protocol");

/* "1.2.3.4:5060", "[2001:db8::1]:5060" and a terminating zero. */
#define ADDR_STRLEN 56

static inline bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The same host, whatever the port. */
static inline bool addr_same_ip(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* The IPv4 address as it stands in a packet; 0 of any other family. */
static inline uint32_t addr_ip4(const struct addr *a)
{
	uint32_t ip = 0;

	if (a->family == ADDR_IPV4)
		memcpy(&ip, a->ip, sizeof(ip));
	return ip;
}

/* Numeric text only ("1.2.3.4", "1.2.3.4:5060", "2001:db8::1", "[2001:db8::1]:5060"); a missing
 * port is default_port. Returns 0 or -EINVAL; *a is written on success only. */
int addr_parse(struct addr *a, const char *text, uint16_t default_port);

/* IP text alone with a port beside it, as SIP and SDP carry them. Returns 0 or -EINVAL. */
int addr_from_ip(struct addr *a, const char *ip, uint16_t port);

/* Writes "ip:port" or "[ip6]:port" ("-" for none) and returns buf. */
char *addr_format(const struct addr *a, char buf[static ADDR_STRLEN]);

/* Writes the IP alone, without brackets, and returns buf. */
char *addr_format_ip(const struct addr *a, char buf[static ADDR_STRLEN]);

/* Conversions from and to the kernel's form. addr_to_sockaddr returns the length to pass on, 0 for
 * an address of no family. addr_from_sockaddr returns 0 or -EAFNOSUPPORT; a v4-mapped IPv6 address
 * becomes IPv4. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss);
int addr_from_sockaddr(struct addr *a, const struct sockaddr *sa);

/* Addresses to which media or signalling must never be sent because a stranger said so: loopback,
 * multicast, broadcast, unspecified (checklist LA-04, SE-25). */
bool addr_is_special(const struct addr *a);

#endif
