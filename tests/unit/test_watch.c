/* SPDX-License-Identifier: BSD-3-Clause */
/* What linewatchctl trace and capture make of a frame: its line, its record in a file, and nothing
 * of a hostile one. */
#include "controlplane/ctl/frame.h"
#include "controlplane/ctl/pcap.h"
#include "controlplane/ctl/watch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "HELLO" from 192.0.2.10:5060 to 203.0.113.9:1024, padded to 60 bytes. */
#define ETHER   "020000000001020000000002"
#define IP4     "0800450000210000400040110000c000020acb007109"
#define UDP     "13c40400000d0000"
#define HELLO   "48454c4c4f"
#define PADDING "00000000000000000000000000"
/* The same over IPv6, from [2001:db8::1]:5060 to [2001:db8::2]:1024, and with a VLAN tag. */
#define IP6                                \
	"86dd60000000000d1140"             \
	"20010db8000000000000000000000001" \
	"20010db8000000000000000000000002"
#define VLAN "81000064"

static int look(struct frame_view *view, const char *hex)
{
	static uint8_t room[2048];
	uint8_t *data;
	int len = frame_unhex(room, sizeof(room), hex), err;

	assert_true(len >= 0);
	/* Of its very size, so that a sanitizer sees any read beyond. */
	data = malloc(len ? (size_t)len : 1);
	memcpy(data, room, (size_t)len);
	err = frame_look(view, data, (size_t)len);
	if (!err)
		view->payload = room + (view->payload - data);
	free(data);
	return err;
}

static void expect_hello(const char *hex, const char *src, const char *dst)
{
	char text[ADDR_STRLEN];
	struct frame_view view;

	assert_int_equal(look(&view, hex), 0);
	assert_string_equal(addr_format(&view.src, text), src);
	assert_string_equal(addr_format(&view.dst, text), dst);
	assert_int_equal(view.len, 5);
	assert_memory_equal(view.payload, "HELLO", 5);
}

static void frames_are_read(void **state)
{
	expect_hello(ETHER IP4 UDP HELLO PADDING, "192.0.2.10:5060", "203.0.113.9:1024");
	expect_hello(ETHER VLAN IP4 UDP HELLO, "192.0.2.10:5060", "203.0.113.9:1024");
	expect_hello(ETHER IP6 UDP HELLO, "[2001:db8::1]:5060", "[2001:db8::2]:1024");
}

/* One that was cut at any place shows what is left of the payload, or is no UDP. */
static void cut_frames_are_safe(void **state)
{
	static const char *const whole[] = {
		ETHER IP4 UDP HELLO, ETHER VLAN IP4 UDP HELLO, ETHER IP6 UDP HELLO};

	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(whole[i]) / 2;

		for (size_t keep = 0; keep < len; keep++) {
			char hex[256];
			struct frame_view view;

			snprintf(hex, sizeof(hex), "%.*s", (int)(2 * keep), whole[i]);
			if (keep + 5 < len)
				assert_int_equal(look(&view, hex), -EINVAL);
			else
				assert_int_equal(look(&view, hex), 0);
			if (keep + 5 >= len)
				assert_int_equal(view.len, 5 - (len - keep));
		}
	}
}

static void other_frames_are_refused(void **state)
{
	struct frame_view view;

	/* ARP, TCP, a later fragment, a header longer than all, UDP shorter than its own. */
	assert_int_equal(look(&view, ETHER "08060001080006040001"), -EINVAL);
	assert_int_equal(
		look(&view, ETHER "0800450000210000400040060000c000020acb007109" UDP), -EINVAL);
	assert_int_equal(
		look(&view, ETHER "0800450000210000010040110000c000020acb007109" UDP), -EINVAL);
	assert_int_equal(
		look(&view, ETHER "08004f0000210000400040110000c000020acb007109" UDP), -EINVAL);
	assert_int_equal(look(&view, ETHER IP4 "13c4040000070000" HELLO), -EINVAL);
}

static void digits_are_checked(void **state)
{
	uint8_t out[2];

	assert_int_equal(frame_unhex(out, 2, "0aff"), 2);
	assert_int_equal(out[1], 0xff);
	assert_int_equal(frame_unhex(out, 2, ""), 0);
	assert_int_equal(frame_unhex(out, 2, "0"), -EINVAL);
	assert_int_equal(frame_unhex(out, 2, "0g"), -EINVAL);
	assert_int_equal(frame_unhex(out, 2, "000000"), -EINVAL);
}

static void expect_line(const char *json, bool wide, const char *line)
{
	json_t *frame = json_loads(json, 0, NULL);
	char buf[4096];

	assert_non_null(frame);
	assert_string_equal(watch_line(buf, sizeof(buf), frame, wide), line);
	json_decref(frame);
}

static void lines_tell_it_all(void **state)
{
	setenv("TZ", "UTC", 1);
	expect_line(
		"{\"at_us\":1767225600000042,\"out\":true,\"fate\":\"keep-alive\",\"data\":\"" ETHER
			IP4 UDP HELLO "\"}",
		false,
		"00:00:00.000042  out  192.0.2.10:5060 > 203.0.113.9:1024  keep-alive  5 bytes  "
		"\"HELLO\"");
	expect_line(
		"{\"at_us\":1767225601000000,\"out\":false,\"fate\":\"answer\",\"round_us\":21540,"
		"\"data\":\"" ETHER IP4 UDP "1b5b324a00\"}",
		false,
		"00:00:01.000000  in   192.0.2.10:5060 > 203.0.113.9:1024  answer after 21.5 ms  "
		"5 bytes  \"\\x1b[2J\\x00\"");
	expect_line("{\"at_us\":1,\"fate\":\"not RTP\\u001b\",\"dropped\":true,\"data\":\"00\"}",
		false, "00:00:00.000001  in   not UDP  dropped: not RTP\\x1b");
	expect_line("{}", false, "00:00:00.000000  in   not UDP  ");
}

static void long_payloads_are_cut(void **state)
{
	char data[4000], json[4200], buf[8192];
	json_t *frame;

	memset(data, '4', sizeof(data));
	snprintf(json, sizeof(json), "{\"data\":\"%s05f4%s%.*s\"}", ETHER IP4 "13c40400", "0000",
		2400, data);
	frame = json_loads(json, 0, NULL);
	assert_true(strlen(watch_line(buf, sizeof(buf), frame, false)) < 250);
	assert_true(strlen(watch_line(buf, sizeof(buf), frame, true)) > 1200);
	json_decref(frame);
}

static void files_are_classic(void **state)
{
	static const uint8_t head[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xff, 0, 0, 1, 0, 0, 0};
	static const uint8_t frame[16] = {2, 0, 0, 0, 3, 0, 0, 0, 0xf0, 5, 0, 0, 0x28, 0x23, 0, 0};
	struct pcap_head h = pcap_head(65535);
	struct pcap_frame f = pcap_frame(2000003, 1520, 9000);

	assert_memory_equal(&h, head, sizeof(head));
	assert_memory_equal(&f, frame, sizeof(frame));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_read),
		cmocka_unit_test(cut_frames_are_safe),
		cmocka_unit_test(other_frames_are_refused),
		cmocka_unit_test(digits_are_checked),
		cmocka_unit_test(lines_tell_it_all),
		cmocka_unit_test(long_payloads_are_cut),
		cmocka_unit_test(files_are_classic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
