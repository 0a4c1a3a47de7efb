/* SPDX-License-Identifier: BSD-3-Clause */
/* Session descriptions made ours for a leg: checklist OA-02, OA-05, RT-02; and a fuzzer. */
#include "tests/unit/sdp_sample.h"

static struct sdp_rewrite ours(void)
{
	struct sdp_rewrite how = {.session_id = 77, .anchor = true, .line = -1};

	assert_int_equal(addr_from_ip(&how.origin, "192.0.2.10", 0), 0);
	assert_int_equal(addr_from_ip(&how.local, "192.0.2.11", 20000), 0);
	return how;
}

static const char *rewrite(const char *text, const struct sdp_rewrite *how)
{
	static char out[SDP_TEXT_MAX];
	int n = sdp_rewrite(out, sizeof(out), text, strlen(text), how, 3);

	assert_true(n > 0);
	assert_int_equal(strlen(out), n);
	return out;
}

/* OA-05, OA-02: nothing of the other leg's addresses survives; codecs, fmtp, crypto do. */
static void test_rewrite(void **state)
{
	struct sdp_rewrite how = ours();

	assert_string_equal(
		rewrite("v=0\r\no=alice 1 1 IN IP4 10.1.2.3\r\ns=Secret 10.1.2.3\r\n"
			"i=10.1.2.3\r\nu=http://10.1.2.3/\r\ne=a@10.1.2.3\r\n"
			"c=IN IP4 10.1.2.3\r\nb=AS:80\r\nt=0 0\r\na=ice-lite\r\n"
			"a=group:BUNDLE 0 1\r\na=tool:10.1.2.3\r\n"
			"m=audio 4000 RTP/SAVP 0 101\r\nc=IN IP4 10.1.2.4\r\n"
			"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
			"a=fmtp:101 0-16\r\na=ptime:20\r\na=fmtp:0 x=10.1.2.9\r\n"
			"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc==\r\n"
			"a=rtcp:4005 IN IP4 10.1.2.5\r\na=rtcp-mux\r\n"
			"a=candidate:1 1 UDP 2130706431 10.1.2.3 4000 typ host\r\n"
			"a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml\r\na=end-of-candidates\r\n"
			"a=ssrc:314159 cname:u@10.1.2.3\r\n"
			"a=source-filter: incl IN IP4 * 10.1.2.3\r\na=alt:1 1 : x y 10.1.2.6 1\r\n"
			"a=sendonly\r\n"
			"m=video 6000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
			"m=image 6100 udptl t38\r\n",
			&how),
		"v=0\r\no=linewatch 77 3 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.11\r\n"
		"b=AS:80\r\nt=0 0\r\n"
		"m=audio 20000 RTP/SAVP 0 101\r\n"
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
		"a=fmtp:101 0-16\r\na=ptime:20\r\n"
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc==\r\n"
		"a=sendonly\r\n"
		"m=video 0 RTP/AVP 96\r\n"
		"m=image 0 udptl t38\r\n");
}

/* RT-02: rtcp-mux is a matter of each leg; the old hold becomes a direction; IPv6 on our side. */
static void test_rewrite_choices(void **state)
{
	struct sdp_rewrite how = ours();
	const char *out;

	how.mux = true;
	out = rewrite(HEAD AUDIO, &how);
	assert_non_null(strstr(out, "a=rtcp-mux\r\n"));
	assert_non_null(strstr(out, "a=sendrecv\r\n"));
	out = rewrite(HEAD AUDIO "c=IN IP4 0.0.0.0\r\n", &how);
	assert_non_null(strstr(out, "a=sendonly\r\n"));
	assert_null(strstr(out, "0.0.0.0"));
	how.set_dir = true;
	how.dir = SDP_INACTIVE;
	out = rewrite(HEAD AUDIO "a=sendonly\r\n", &how);
	assert_non_null(strstr(out, "a=inactive\r\n"));
	assert_null(strstr(out, "sendonly"));
	assert_int_equal(addr_from_ip(&how.local, "2001:db8::1", 20002), 0);
	out = rewrite(HEAD AUDIO, &how);
	assert_non_null(strstr(out, "c=IN IP6 2001:db8::1\r\n"));
	assert_non_null(strstr(out, "m=audio 20002 "));
	how = ours();
	out = rewrite(HEAD "m=audio 0 RTP/AVP 0\r\n", &how); /* refused stays refused */
	assert_non_null(strstr(out, "m=audio 0 RTP/AVP 0\r\n"));
	how.line = 1; /* the line that the offer of this session anchored */
	out = rewrite(HEAD AUDIO "m=audio 5000 RTP/AVP 8\r\n", &how);
	assert_non_null(strstr(out, "m=audio 0 RTP/AVP 0 8 101\r\n"));
	assert_non_null(strstr(out, "m=audio 20000 RTP/AVP 8\r\n"));
}

/* media none or monitor: addresses and ICE stay, only the o= line is ours. */
static void test_rewrite_unanchored(void **state)
{
	struct sdp_rewrite how = ours();

	how.anchor = false;
	assert_string_equal(rewrite(HEAD "a=ice-lite\r\nm=audio 4000/2 RTP/AVP 0\r\n"
					 "a=candidate:1 1 UDP 1 10.1.2.3 4000 typ host\r\n"
					 "m=video 6000 RTP/AVP 96\r\nc=IN IP4 224.2.1.1/127/3\r\n",
				    &how),
		"v=0\r\no=linewatch 77 3 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\n"
		"a=ice-lite\r\nm=audio 4000/2 RTP/AVP 0\r\n"
		"a=candidate:1 1 UDP 1 10.1.2.3 4000 typ host\r\n"
		"m=video 6000 RTP/AVP 96\r\nc=IN IP4 224.2.1.1/127/3\r\n");
}

/* What we write is what we would accept, and writing it again changes nothing. */
static void test_rewrite_stable(void **state)
{
	struct sdp_rewrite how = ours();
	char once[SDP_TEXT_MAX];
	struct sdp sdp;

	strcpy(once, rewrite(HEAD AUDIO "m=video 6000 RTP/AVP 96\r\n", &how));
	assert_int_equal(describe(&sdp, once), 0);
	assert_addr(&sdp.line[0].rtp_addr, "192.0.2.11:20000");
	assert_string_equal(rewrite(once, &how), once);
}

/* Every size of buffer: all or -ENOSPC, and never a byte beyond. */
static void test_rewrite_bounds(void **state)
{
	static const char text[] = HEAD AUDIO "m=video 6000 RTP/AVP 96\r\n";
	struct sdp_rewrite how = ours();
	size_t whole = strlen(rewrite(text, &how));
	char out[1024];

	for (size_t size = 0; size <= whole + 1; size++) {
		int n;

		memset(out, 0x55, sizeof(out));
		n = sdp_rewrite(out, size, text, sizeof(text) - 1, &how, 3);
		assert_int_equal(n, size > whole ? (int)whole : -ENOSPC);
		assert_int_equal(out[size], 0x55);
	}
	assert_int_equal(sdp_rewrite(out, sizeof(out), "v=0\r\n", 5, &how, 1), -EINVAL);
}

/* OA-02: the version rises by one with each change and with nothing else. */
static void test_version(void **state)
{
	static const char *const texts[] = {HEAD AUDIO, HEAD AUDIO "a=sendonly\r\n"};
	struct sdp_rewrite how = ours();
	char last[SDP_TEXT_MAX], out[SDP_TEXT_MAX];
	uint64_t version = 10;
	int last_len, n;

	last_len = sdp_next(
		last, sizeof(last), texts[0], strlen(texts[0]), &how, NULL, 0, &version);
	assert_true(last_len > 0);
	assert_int_equal(version, 10);
	assert_non_null(strstr(last, "o=linewatch 77 10 IN"));
	n = sdp_next(out, sizeof(out), texts[0], strlen(texts[0]), &how, last, (size_t)last_len,
		&version);
	assert_int_equal(n, last_len);
	assert_memory_equal(out, last, (size_t)n);
	assert_int_equal(version, 10);
	n = sdp_next(out, sizeof(out), texts[1], strlen(texts[1]), &how, last, (size_t)last_len,
		&version);
	assert_int_equal(version, 11);
	assert_non_null(strstr(out, "o=linewatch 77 11 IN"));
	/* The offer was refused: back to what was before is a change as well. */
	memcpy(last, out, (size_t)n + 1);
	last_len = n;
	n = sdp_next(out, sizeof(out), texts[0], strlen(texts[0]), &how, last, (size_t)last_len,
		&version);
	assert_true(n > 0);
	assert_int_equal(version, 12);
	assert_int_equal(sdp_next(out, 10, texts[1], strlen(texts[1]), &how, last, (size_t)last_len,
				 &version),
		-ENOSPC);
	assert_int_equal(version, 12);
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

static size_t mutate(char *text, size_t len, uint64_t *seed)
{
	static const char *const pieces[] = {"m=audio 1 RTP/AVP 0\r\n", "c=IN IP4 ", "\r\n",
		"a=fmtp:", "a=rtpmap:13", "4294967296", " ", "=", ":", "/", "0.0.0.0",
		"a=rtcp:", "\n\n", "\""};
	unsigned int edits = 1 + next_random(seed) % 8;

	while (edits-- && len > 8 && len < SDP_TEXT_MAX) {
		size_t at = next_random(seed) % len;
		const char
			*piece = pieces[next_random(seed) % (sizeof(pieces) / sizeof(pieces[0]))];
		size_t n = strlen(piece);

		switch (next_random(seed) % 4) {
		case 0:
			text[at] = (char)next_random(seed);
			break;
		case 1:
			len = at + (next_random(seed) % 4 ? len - at : 0);
			break;
		case 2:
			n = 1 + next_random(seed) % 20;
			if (at + n < len) {
				memmove(text + at, text + at + n, len - at - n);
				len -= n;
			}
			break;
		default:
			memmove(text + at + n, text + at, len - at);
			memcpy(text + at, piece, n);
			len += n;
		}
	}
	return len;
}

static bool attribute_has(const char *text, const char *what)
{
	const char *a = text;

	while ((a = strstr(a, "\r\na="))) {
		const char *hit = strstr(++a, what);
		const char *end = strstr(a + 1, "\r\n");

		if (hit && hit < end)
			return true;
	}
	return false;
}

/* Whatever comes: no crash, no byte out of bounds, and what is accepted can be rewritten into
 * something that is accepted, with no address of its author in c= or an attribute. */
static void test_fuzz(void **state)
{
	static const char base[] =
		"v=0\r\no=- 1 1 IN IP4 10.77.88.99\r\ns=-\r\nc=IN IP4 10.77.88.99\r\nt=0 0\r\n"
		"a=sendrecv\r\nm=audio 4000 RTP/AVP 0 18 13 96 101\r\na=rtpmap:96 opus/48000/2\r\n"
		"a=fmtp:96 usedtx=1\r\na=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\n"
		"a=rtcp:4005 IN IP4 10.77.88.99\r\na=candidate:1 1 UDP 1 10.77.88.99 4 typ host\r\n"
		"m=video 6000 RTP/AVP 97\r\nc=IN IP4 10.77.88.99\r\na=rtpmap:97 H264/90000\r\n"
		"m=image 6100 udptl t38\r\n";
	struct sdp_rewrite how = ours();
	unsigned int accepted = 0;
	uint64_t seed = 20;

	for (unsigned int run = 0; run < 60000; run++) {
		char text[SDP_TEXT_MAX + 64], out[2 * SDP_TEXT_MAX];
		size_t len = sizeof(base) - 1;
		const char *why;
		struct sdp sdp;
		int n;

		memcpy(text, base, len);
		len = mutate(text, len, &seed);
		if (sdp_describe(&sdp, text, len, &why) < 0)
			continue;
		accepted++;
		assert_true(sdp.audio < sdp.lines);
		n = sdp_rewrite(out, sizeof(out), text, len, &how, 1);
		assert_true(n > 0);
		assert_false(attribute_has(out, "10.77.88.99"));
		assert_null(strstr(out, "\r\nc=IN IP4 10."));
		assert_int_equal(sdp_describe(&sdp, out, (size_t)n, &why), 0);
		for (unsigned int i = 0; i < sdp.lines; i++)
			assert_true(sdp.line[i].port == 0 || sdp.line[i].port == 20000);
		how.anchor = false;
		assert_true(sdp_rewrite(out, sizeof(out), text, len, &how, 1) > 0);
		how.anchor = true;
	}
	assert_in_range(accepted, 5000, 50000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rewrite),
		cmocka_unit_test(test_rewrite_choices),
		cmocka_unit_test(test_rewrite_unanchored),
		cmocka_unit_test(test_rewrite_stable),
		cmocka_unit_test(test_rewrite_bounds),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
