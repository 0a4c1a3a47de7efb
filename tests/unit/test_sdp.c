/* SPDX-License-Identifier: BSD-3-Clause */
/* Session descriptions: checked, described, compared. Checklist OA, LV-02, LV-04, RT-08. */
#include "tests/unit/sdp_sample.h"

static void test_describe(void **state)
{
	struct sdp sdp;
	const struct sdp_line *a;

	assert_int_equal(describe(&sdp,
				 HEAD AUDIO "a=rtcp:4005\r\na=rtcp-mux\r\na=sendonly\r\n"
					    "m=video 0 RTP/AVP 96\r\n"),
		0);
	assert_int_equal(sdp.lines, 2);
	assert_int_equal(sdp.audio, 0);
	a = sdp_audio(&sdp);
	assert_int_equal(a->kind, SDP_AUDIO);
	assert_int_equal(a->dir, SDP_SENDONLY);
	assert_true(a->rtp && a->mux && !a->secure && !a->zero && !a->dtx);
	assert_int_equal(a->event_pt, 101);
	assert_addr(&a->rtp_addr, "10.1.2.3:4000");
	assert_addr(&a->rtcp_addr, "10.1.2.3:4005");
	assert_int_equal(a->payload_types[0], 1);
	assert_int_equal(a->payload_types[1], 1);
	assert_int_equal(a->payload_types[101 / 8], 1 << 101 % 8);
	assert_int_equal(sdp.line[1].kind, SDP_VIDEO);
	assert_int_equal(sdp.line[1].port, 0);
}

/* c= of the stream before that of the session; RTCP is port + 1 or what a=rtcp says; IPv6. */
static void test_addresses(void **state)
{
	struct sdp sdp;

	assert_int_equal(describe(&sdp, HEAD AUDIO "c=IN IP6 2001:db8::7\r\n"), 0);
	assert_addr(&sdp.line[0].rtp_addr, "[2001:db8::7]:4000");
	assert_addr(&sdp.line[0].rtcp_addr, "[2001:db8::7]:4001");
	assert_int_equal(describe(&sdp, HEAD AUDIO "a=rtcp:53020 IN IP4 126.16.64.4\r\n"), 0);
	assert_addr(&sdp.line[0].rtcp_addr, "126.16.64.4:53020");
	assert_int_equal(describe(&sdp, HEAD "m=audio 65535 RTP/AVP 0\r\n"), 0);
	assert_int_equal(sdp.line[0].rtcp_addr.port, 0);
	/* A host name is not looked up: the source is learnt. */
	assert_int_equal(describe(&sdp, HEAD AUDIO "c=IN IP4 phone.example\r\n"), 0);
	assert_int_equal(sdp.line[0].rtp_addr.family, ADDR_NONE);
}

/* What phones really send: bare LF, no s= and t=, odd order, blanks, no end of the last line. */
static void test_lenient(void **state)
{
	struct sdp sdp;

	assert_int_equal(describe(&sdp,
				 "v=0\no=- 1 1 IN IP4 10.1.2.3\nc=IN IP4 10.1.2.3\n"
				 "m=audio  4000 RTP/AVP  0 \na=ptime:20\nb=AS:64\n\n"
				 "a=\nu=http://x/\nz=0 0\na=recvonly"),
		0);
	assert_int_equal(sdp.line[0].port, 4000);
	assert_int_equal(sdp.line[0].dir, SDP_RECVONLY);
	assert_int_equal(describe(&sdp, "v=0\r\no=- 1 1 IN IP4 10.1.2.3\r\ns=-\r\nt=0 0\r\n"), 0);
	assert_int_equal(sdp.lines, 0);
	assert_null(sdp_audio(&sdp));
}

/* OA-05: bad SDP gets 400 or 488, and is told why. */
static void test_bad(void **state)
{
	static const struct {
		const char *text;
		int err;
	} row[] = {
		{"", -EINVAL},
		{"\r\n\r\n", -EINVAL},
		{"o=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\n" AUDIO, -EINVAL}, /* no v= */
		{"v=1\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\n" AUDIO, -ENOTSUP},
		{HEAD "v=0\r\n" AUDIO, -EINVAL},
		{"v=0\r\ns=-\r\nc=IN IP4 1.2.3.4\r\n" AUDIO, -EINVAL}, /* no o= */
		{"v=0\r\no=- 1 IN IP4 1.2.3.4\r\ns=-\r\n" AUDIO, -EINVAL},
		{"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\n" AUDIO, -EINVAL}, /* no c= */
		{HEAD "m=audio 65536 RTP/AVP 0\r\n", -EINVAL},
		{HEAD "m=audio -1 RTP/AVP 0\r\n", -EINVAL},
		{HEAD "m=audio 4000x RTP/AVP 0\r\n", -EINVAL},
		{HEAD "m=audio 99999999999999999999 RTP/AVP 0\r\n", -EINVAL},
		{HEAD "m=audio 4000/x RTP/AVP 0\r\n", -EINVAL},
		{HEAD "m=audio 4000 RTP/AVP 128\r\n", -EINVAL},
		{HEAD "m=audio 4000 RTP/AVP 0 pcmu\r\n", -EINVAL},
		{HEAD "m=audio 4000 RTP/SAVPF 4294967296\r\n", -EINVAL},
		{HEAD "m=audio 4000 UDP/TLS/RTP/SAVP 200\r\n", -EINVAL},
		{HEAD "m=audio 4000 RTP/AVP\r\n", -EINVAL},
		{HEAD "m=audio\r\n", -EINVAL},
		{HEAD AUDIO "a=rtcp:65536\r\n", -EINVAL},
		{HEAD AUDIO "a=rtcp\r\n", -EINVAL},
		{HEAD AUDIO "X-Bad: header\r\n", -EINVAL},
		{HEAD AUDIO "a=x\001y\r\n", -EINVAL},
		{HEAD AUDIO "c=IN IP4\r\n", -EINVAL},
		{HEAD AUDIO "c=ATM NSAP 47.0091\r\n", -EINVAL},
		{HEAD AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO, -ENOTSUP},
	};
	static char big[SDP_TEXT_MAX + 2];
	const char *why;
	struct sdp sdp;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(describe(&sdp, row[i].text), row[i].err);
	assert_int_equal(sdp_describe(&sdp, "v=0\r\no=\0", 9, &why), -EINVAL);
	memset(big, 'a', sizeof(big) - 1);
	assert_int_equal(describe(&sdp, big), -ENOTSUP);
	strcpy(big, HEAD AUDIO);
	for (size_t n = strlen(big); n + 6 < SDP_TEXT_MAX; n += 5)
		strcpy(big + n, "a=b\r\n");
	assert_int_equal(describe(&sdp, big), -ENOTSUP); /* too many lines */
}

/* OA-03, LV-02: directions and both forms of hold. */
static void test_directions(void **state)
{
	static const struct {
		const char *session, *stream;
		enum sdp_dir effective;
		bool sends, receives;
	} row[] = {
		{"", "", SDP_SENDRECV, true, true},
		{"", "a=sendrecv\r\n", SDP_SENDRECV, true, true},
		{"", "a=sendonly\r\n", SDP_SENDONLY, true, false},
		{"", "a=recvonly\r\n", SDP_RECVONLY, false, true},
		{"", "a=inactive\r\n", SDP_INACTIVE, false, false},
		{"", "a=sendonly\r\na=recvonly\r\n", SDP_SENDONLY, true, false}, /* the first */
		{"a=sendonly\r\n", "", SDP_SENDONLY, true, false},
		{"a=inactive\r\n", "a=sendrecv\r\n", SDP_SENDRECV, true, true},
		{"", "c=IN IP4 0.0.0.0\r\n", SDP_SENDONLY, false, false},
		{"", "c=IN IP6 ::\r\n", SDP_SENDONLY, false, false},
		{"", "c=IN IP4 0.0.0.0\r\na=inactive\r\n", SDP_INACTIVE, false, false},
	};
	struct sdp sdp;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), HEAD "%s" AUDIO "%s", row[i].session, row[i].stream);
		assert_int_equal(describe(&sdp, text), 0);
		assert_int_equal(sdp_effective(&sdp.line[0]), row[i].effective);
		assert_int_equal(sdp_sends(&sdp.line[0]), row[i].sends);
		assert_int_equal(sdp_receives(&sdp.line[0]), row[i].receives);
	}
	assert_int_equal(describe(&sdp, HEAD "m=audio 0 RTP/AVP 0\r\n"), 0);
	assert_int_equal(sdp_effective(&sdp.line[0]), SDP_INACTIVE);
}

/* LV-04: which codecs may pause. */
static void test_dtx(void **state)
{
	static const struct {
		const char *media;
		bool dtx;
	} row[] = {
		{"m=audio 4000 RTP/AVP 0 8\r\n", false},
		{"m=audio 4000 RTP/AVP 0 13\r\n", true},
		{"m=audio 4000 RTP/AVP 0 98\r\na=rtpmap:98 CN/16000\r\n", true},
		{"m=audio 4000 RTP/AVP 18\r\n", true}, /* annexb=yes is the default */
		{"m=audio 4000 RTP/AVP 18\r\na=fmtp:18 annexb=no\r\n", false},
		{"m=audio 4000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n",
			false},
		{"m=audio 4000 RTP/AVP 18\r\na=fmtp:18 annexb=yes\r\n", true},
		{"m=audio 4000 RTP/AVP 18 101\r\na=fmtp:101 0-16\r\na=fmtp:18 annexb=no\r\n",
			false},
		{"m=audio 4000 RTP/AVP 4\r\n", true},
		{"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 AMR/8000\r\n", true},
		{"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 amr-wb/16000\r\n", true},
		{"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n", false},
		{"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 "
		 "x=1;usedtx=1\r\n",
			true},
		{"m=audio 4000 RTP/AVP 0\r\na=rtpmap:96 AMR/8000\r\n", false}, /* not offered */
		{"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 iLBC/8000\r\n", false},
	};
	struct sdp sdp;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), HEAD "%s", row[i].media);
		assert_int_equal(describe(&sdp, text), 0);
		assert_int_equal(sdp.line[0].dtx, row[i].dtx);
	}
}

/* The clock of the timestamps is that of the preferred codec. */
static void test_clock_rate(void **state)
{
	static const struct {
		const char *media;
		uint16_t rate;
	} row[] = {
		{"m=audio 4000 RTP/AVP 0 8\r\n", 0},
		{"m=audio 4000 RTP/AVP 96 0\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 "
		 "opus/48000/2\r\n",
			48000},
		{"m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 "
		 "opus/48000/2\r\n",
			8000},
		{"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 L16/96000\r\n", 0},
		{"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 L16\r\n", 0},
		{"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 L16/x\r\n", 0},
	};
	struct sdp sdp;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), HEAD "%s", row[i].media);
		assert_int_equal(describe(&sdp, text), 0);
		assert_int_equal(sdp.line[0].clock_rate, row[i].rate);
	}
}

/* LV-10, RT-08: the first RTP audio with a port is the one that is anchored. */
static void test_choice(void **state)
{
	struct sdp sdp;

	assert_int_equal(describe(&sdp,
				 HEAD "m=video 5000 RTP/AVP 96\r\nm=audio 0 RTP/AVP 0\r\n"
				      "m=audio 4000 RTP/AVP 0\r\n"),
		0);
	assert_int_equal(sdp.audio, 2);
	assert_int_equal(
		describe(&sdp, HEAD "m=image 5000 udptl t38\r\nm=audio 0 RTP/AVP 0\r\n"), 0);
	assert_int_equal(sdp.audio, 1);
	assert_int_equal(describe(&sdp, HEAD "m=image 5000 udptl t38\r\n"), 0);
	assert_int_equal(sdp.audio, -1);
	assert_int_equal(describe(&sdp, HEAD "m=audio 5000 TCP/MSRP *\r\n"), 0);
	assert_int_equal(sdp.audio, -1);
}

/* B2B-02: a refresh with the same SDP is answered locally, whatever its o= line says. */
static void test_unchanged(void **state)
{
	static const char a[] = HEAD AUDIO;
	static const char b[] = "v=0\no=alice 2890844526 8 IN IP4 10.1.2.3\ns=call\n"
				"c=IN IP4 10.1.2.3\nt=0 0\nm=audio 4000 RTP/AVP 0 8 101\n"
				"a=rtpmap:101 telephone-event/8000";
	static const char hold[] = HEAD AUDIO "a=sendonly\r\n";

	assert_true(sdp_unchanged(a, sizeof(a) - 1, a, sizeof(a) - 1));
	assert_true(sdp_unchanged(a, sizeof(a) - 1, b, sizeof(b) - 1));
	assert_false(sdp_unchanged(a, sizeof(a) - 1, hold, sizeof(hold) - 1));
	assert_false(sdp_unchanged(hold, sizeof(hold) - 1, a, sizeof(a) - 1));
	assert_false(sdp_unchanged(a, sizeof(a) - 1, "", 0));
	assert_true(sdp_unchanged("", 0, "", 0));
}

/* OA-01: number, order and kind of the lines. */
static void test_matching(void **state)
{
	struct sdp offer, answer;

	assert_int_equal(describe(&offer, HEAD AUDIO "m=video 0 RTP/AVP 96\r\n"), 0);
	assert_int_equal(describe(&answer, HEAD AUDIO "m=video 0 RTP/AVP 96\r\n"), 0);
	assert_int_equal(sdp_check_answer(&offer, &answer), 0);
	assert_int_equal(sdp_check_reoffer(&offer, &answer), 0);
	assert_int_equal(describe(&answer, HEAD AUDIO), 0);
	assert_int_equal(sdp_check_answer(&offer, &answer), -EINVAL);
	assert_int_equal(sdp_check_reoffer(&offer, &answer), -EINVAL);
	assert_int_equal(sdp_check_reoffer(&answer, &offer), 0); /* may add */
	assert_int_equal(describe(&answer, HEAD "m=video 5000 RTP/AVP 96\r\n" AUDIO), 0);
	assert_int_equal(sdp_check_answer(&offer, &answer), -EINVAL);
	assert_int_equal(describe(&answer, HEAD AUDIO "m=video 5000 RTP/AVP 96\r\n"), 0);
	assert_int_equal(sdp_check_answer(&offer, &answer), -EINVAL); /* was not offered */
	assert_int_equal(
		describe(&answer, HEAD "m=audio 1 RTP/SAVP 0\r\nm=video 0 RTP/AVP 96\r\n"), 0);
	assert_int_equal(sdp_check_answer(&offer, &answer), -EINVAL);
	assert_int_equal(sdp_check_reoffer(&offer, &answer), -EINVAL);
	assert_int_equal(describe(&answer, HEAD AUDIO "m=image 5000 udptl t38\r\n"), 0);
	assert_int_equal(sdp_check_reoffer(&offer, &answer), 0); /* a removed line is free */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_lenient),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_directions),
		cmocka_unit_test(test_dtx),
		cmocka_unit_test(test_clock_rate),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_matching),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
