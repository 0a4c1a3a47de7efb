/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes from the network, and a gate with the default limits. */
#ifndef TESTS_UNIT_SIP_GATE_WORLD_H
#define TESTS_UNIT_SIP_GATE_WORLD_H

#include "controlplane/sip/gate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REQUEST_LINE "INVITE sip:bob@192.0.2.1 SIP/2.0\r\n"
#define VIA          "Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKabc;rport\r\n"
#define FROM         "From: \"A;tag=no\" <sip:alice@example.com;tag=no>;x=1;tag=f1\r\n"
#define TO           "To: <sip:bob@example.com>\r\n"
#define CALL_ID      "Call-ID: c1@198.51.100.7\r\n"
#define CSEQ         "CSeq: 7 INVITE\r\n"
#define REST         "Max-Forwards: 70\r\nContact: <sip:alice@198.51.100.7:5062>\r\n"
#define HEAD         REQUEST_LINE VIA FROM TO CALL_ID CSEQ REST
#define GOOD         HEAD "Content-Length: 4\r\n\r\nbody"

static struct gate_limits limits;
static struct gate_result result;
static const struct addr source = {ADDR_IPV4, 0, 40000, {203, 0, 113, 9}};

/* On a copy of exactly its size, so that a sanitizer sees a byte too far. */
static inline enum gate_action check_bytes(const char *text, size_t len)
{
	static char *copy;

	free(copy);
	copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	gate_check(&limits, copy, len, &result);
	return result.action;
}

static inline enum gate_action check(const char *text)
{
	return check_bytes(text, strlen(text));
}

static inline int setup(void **state)
{
	gate_limits_default(&limits);
	return 0;
}

#endif
