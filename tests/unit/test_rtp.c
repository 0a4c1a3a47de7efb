/* SPDX-License-Identifier: BSD-3-Clause */
/* What counts as RTP and RTCP: checklist RT-02, RT-03, RT-04, RT-07. */
#include "dataplane/media/rtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A copy that ends where the datagram ends, so that a sanitizer sees a byte read too far. */
static bool parse(const uint8_t *data, uint32_t len, bool rtcp, struct rtp_info *info)
{
	uint8_t *copy = malloc(len ? len : 1);
	bool sound;

	memcpy(copy, data, len);
	sound = rtcp ? rtp_parse_rtcp(copy, len, info) : rtp_parse(copy, len, info);
	free(copy);
	return sound;
}

/* RFC 7983 section 7, all 256 of them. */
static void first_byte(void **state)
{
	for (int byte = 0; byte < 256; byte++) {
		uint8_t data[32] = {(uint8_t)byte, 0};
		enum rtp_kind kind = RTP_KIND_UNKNOWN;
		struct rtp_info info;

		if (byte <= 3)
			kind = RTP_KIND_STUN;
		else if (byte >= 16 && byte <= 19)
			kind = RTP_KIND_ZRTP;
		else if (byte >= 20 && byte <= 63)
			kind = RTP_KIND_DTLS;
		else if (byte >= 64 && byte <= 79)
			kind = RTP_KIND_TURN;
		else if (byte >= 128 && byte <= 191)
			kind = RTP_KIND_RTP;
		assert_int_equal(rtp_kind_of(data, sizeof(data)), kind);
		/* Whatever it is, neither parser takes more than version 2. */
		if (kind != RTP_KIND_RTP) {
			assert_false(parse(data, sizeof(data), false, &info));
			assert_false(parse(data, sizeof(data), true, &info));
		}
	}
	assert_int_equal(rtp_kind_of((const uint8_t *)"", 0), RTP_KIND_UNKNOWN);
}

/* RFC 5761: the second byte of all 256 tells RTCP from RTP. */
static void second_byte(void **state)
{
	for (int byte = 0; byte < 256; byte++) {
		uint8_t data[2] = {0x80, (uint8_t)byte};

		assert_int_equal(rtp_is_rtcp(data, 2), byte >= 192 && byte <= 223);
		assert_false(rtp_is_rtcp(data, 1));
	}
}

static void rtp_lengths(void **state)
{
	static const uint32_t lens[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1500, 65507};
	static uint8_t data[65507] = {0x80, 0x00, 0x12, 0x34, 0, 0, 0, 0, 0xaa, 0xbb, 0xcc, 0xdd};
	struct rtp_info info;

	for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		assert_int_equal(parse(data, lens[i], false, &info), lens[i] >= 12);
	assert_int_equal(info.seq, 0x1234);
	assert_int_equal(info.ssrc, 0xaabbccdd);
	assert_int_equal(info.type, 0);
}

static void rtp_rows(void **state)
{
	static const struct {
		uint8_t first, second;
		uint8_t words; /* of the header extension */
		uint32_t len;
		bool sound;
	} rows[] = {
		{0x80, 0x00, 0, 12, true},       /* no payload */
		{0x80, 0x80 | 101, 0, 16, true}, /* marker and an event */
		{0x00, 0x00, 0, 172, false},     /* version 0 */
		{0x40, 0x00, 0, 172, false},     /* version 1 */
		{0xc0, 0x00, 0, 172, false},     /* version 3 */
		{0x81, 0x00, 0, 15, false},      /* a contributor that is not there */
		{0x81, 0x00, 0, 16, true},
		{0x8f, 0x00, 0, 71, false}, /* 15 contributors */
		{0x8f, 0x00, 0, 72, true},
		{0x90, 0x00, 0, 15, false}, /* extension without its head */
		{0x90, 0x00, 0, 16, true},  /* empty extension */
		{0x90, 0x00, 2, 23, false}, /* extension too short */
		{0x90, 0x00, 2, 24, true},
		{0x90, 0x00, 255, 172, false},
		{0xa0, 0x00, 0, 12, false}, /* padding without a count */
		{0xa0, 0x00, 0, 13, true},
		{0xb0, 0x00, 2, 24, false},
		{0xb0, 0x00, 2, 25, true},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t data[256] = {rows[i].first, rows[i].second};
		struct rtp_info info;
		uint32_t at = 12u + 4u * (rows[i].first & 15);

		data[at + 3] = rows[i].words;
		assert_int_equal(parse(data, rows[i].len, false, &info), rows[i].sound);
		if (rows[i].sound)
			assert_int_equal(info.type, rows[i].second & 0x7f);
	}
}

/* Appends an RTCP packet of that many words behind its head; returns the new length. */
static uint32_t rtcp_add(uint8_t *data, uint32_t at, uint8_t type, uint16_t words, uint32_t ssrc)
{
	memset(data + at, 0, 4u + 4u * words);
	data[at] = 0x80;
	data[at + 1] = type;
	data[at + 2] = (uint8_t)(words >> 8);
	data[at + 3] = (uint8_t)words;
	for (int i = 0; words && i < 4; i++)
		data[at + 4u + (unsigned int)i] = (uint8_t)(ssrc >> (24 - 8 * i));
	return at + 4u + 4u * words;
}

static void rtcp_rows(void **state)
{
	uint8_t data[512];
	struct rtp_info info;
	uint32_t len;

	/* Receiver report without a block, and with a description behind it. */
	len = rtcp_add(data, 0, 201, 1, 0x01020304);
	assert_true(parse(data, len, true, &info));
	assert_int_equal(info.ssrc, 0x01020304);
	assert_int_equal(info.type, 201);
	len = rtcp_add(data, len, 202, 5, 0x01020304);
	assert_true(parse(data, len, true, &info));
	/* Each length of it but the two at which a packet ends, and those that could be SRTCP. */
	for (uint32_t cut = 0; cut < len; cut++)
		assert_int_equal(parse(data, cut, true, &info), cut == 8 || cut >= 8 + 14);
	/* A length field that runs over. */
	len = rtcp_add(data, 0, 200, 6, 1);
	assert_false(parse(data, len - 4, true, &info));
	/* Four bytes and a type out of range. */
	len = rtcp_add(data, 0, 201, 0, 0);
	assert_false(parse(data, len, true, &info));
	assert_false(parse(data, 32, true, &info));
	len = rtcp_add(data, 0, 100, 1, 0);
	assert_false(parse(data, len, true, &info));
	/* Four bytes first, and a sound packet behind them (AST-2017-008). */
	len = rtcp_add(data, 0, 201, 0, 0);
	assert_false(parse(data, rtcp_add(data, len, 201, 1, 1), true, &info));
	/* All of a compound packet is looked at: the last one may be as short as it gets. */
	for (len = 0; len < 32 * 8;) {
		len = rtcp_add(data, len, 201, 1, 1);
		assert_true(parse(data, len, true, &info));
	}
	/* More packets than anybody sends. */
	for (len = 0; len < 400;)
		len = rtcp_add(data, len, 201, 1, 1);
	assert_true(parse(data, len, true, &info));
	data[0] = 0x40;
	assert_false(parse(data, len, true, &info));
}

/* SRTCP: behind the first 8 bytes all is opaque, and a tail of index and tag follows. */
static void srtcp(void **state)
{
	uint8_t data[128];
	struct rtp_info info;
	uint32_t len = rtcp_add(data, 0, 201, 7, 0x0a0b0c0d);

	memset(data + 8, 0xe7, sizeof(data) - 8);
	assert_true(parse(data, len + 14, true, &info));
	assert_int_equal(info.ssrc, 0x0a0b0c0d);
	assert_false(parse(data, len + 13, true, &info));
	assert_true(parse(data, len + 24 + 14, true, &info));
}

/* Any bytes of any length: no crash, no read too far. */
static void noise(void **state)
{
	uint8_t data[96];
	struct rtp_info info;

	srand(7);
	for (int round = 0; round < 200000; round++) {
		uint32_t len = (uint32_t)rand() % sizeof(data);

		for (uint32_t i = 0; i < len; i++)
			data[i] = (uint8_t)rand();
		if (len)
			data[0] = (uint8_t)(0x80 | (data[0] & 0x3f));
		parse(data, len, false, &info);
		if (len > 3)
			data[2] = 0;
		parse(data, len, true, &info);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_byte),
		cmocka_unit_test(second_byte),
		cmocka_unit_test(rtp_lengths),
		cmocka_unit_test(rtp_rows),
		cmocka_unit_test(rtcp_rows),
		cmocka_unit_test(srtcp),
		cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
