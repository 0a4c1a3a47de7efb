/* SPDX-License-Identifier: BSD-3-Clause */
/* A plain description, and how the tests look at one. */
#ifndef TESTS_UNIT_SDP_SAMPLE_H
#define TESTS_UNIT_SDP_SAMPLE_H

#include "controlplane/media/sdp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEAD \
	"v=0\r\no=alice 2890844526 7 IN IP4 10.1.2.3\r\ns=call\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\n"
#define AUDIO "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"

static inline int describe(struct sdp *sdp, const char *text)
{
	const char *why = NULL;
	int err = sdp_describe(sdp, text, strlen(text), &why);

	assert_true((err < 0) == (why != NULL));
	return err;
}

static inline void assert_addr(const struct addr *addr, const char *text)
{
	char buf[ADDR_STRLEN];

	assert_string_equal(addr_format(addr, buf), text);
}

#endif
