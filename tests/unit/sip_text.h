/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP messages as text: read through the gate, as every message goes, and printed. */
#ifndef TESTS_UNIT_SIP_TEXT_H
#define TESTS_UNIT_SIP_TEXT_H

#include "controlplane/sip/gate.h"
#include "controlplane/sip/msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD_OF(method)                                                         \
	method " sip:bob@192.0.2.1 SIP/2.0\r\n"                                 \
	       "Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKabc;rport\r\n" \
	       "Via: SIP/2.0/TCP proxy.example.com;branch=z9hG4bKdef\r\n"       \
	       "From: \"Al \\\"ice\" <sip:alice@example.com>;tag=f1\r\n"        \
	       "To: <sip:bob@example.com>\r\nCall-ID: c1@198.51.100.7\r\nCSeq: 7 " method "\r\n"
#define HEAD HEAD_OF("INVITE")

static osip_message_t *message;

/* Through the gate, as every message goes. */
static inline osip_message_t *parse(const char *text)
{
	struct gate_limits limits;
	struct gate_result gate;

	osip_message_free(message);
	message = NULL;
	gate_limits_default(&limits);
	gate_check(&limits, text, strlen(text), &gate);
	if (gate.action == GATE_ACCEPT)
		sip_msg_parse(&message, gate.msg, gate.len);
	return message;
}

static inline osip_message_t *with(const char *headers)
{
	char text[8000];

	snprintf(text, sizeof(text), HEAD "%s\r\n", headers);
	assert_non_null(parse(text));
	return message;
}

static inline char *print(osip_message_t *msg)
{
	static char *text;
	size_t len;

	osip_free(text);
	text = NULL;
	assert_non_null(msg);
	assert_int_equal(sip_msg_print(msg, &text, &len), 0);
	assert_int_equal(strlen(text), len);
	return text;
}

static inline size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text++;
		n++;
	}
	return n;
}

static inline int setup(void **state)
{
	return sip_msg_setup();
}

static inline int teardown(void **state)
{
	osip_message_free(message);
	return 0;
}

#endif
