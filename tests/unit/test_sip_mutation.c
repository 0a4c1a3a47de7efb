/* SPDX-License-Identifier: BSD-3-Clause */
/* Seeded mutations of real messages against the whole receive path: gate, parser, getters,
 * transactions, answers. Worth most in a build with sanitizers. A failing run is repeated by its
 * seed: SIP_MUTATION_SEED, SIP_MUTATION_ROUNDS. */
#include "controlplane/sip/dialog.h"
#include "controlplane/sip/msg.h"
#include "controlplane/sip/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#define TEXT_MAX 12000

static const char *const corpus[] = {
	"INVITE sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
	"198.51.100.7:5062;branch=z9hG4bKa;rport"
	"\r\nMax-Forwards: 70\r\nFrom: \"Alice \\\"A\\\"\" <sip:alice@example.com>;tag=f1\r\n"
	"To: <sip:bob@example.com>\r\nCall-ID: c1@h\r\nCSeq: 1 INVITE\r\nk: timer,100rel\r\n"
	"Contact: <sip:alice@198.51.100.7:5062;transport=udp>\r\nSession-Expires: "
	"1800;refresher=uac\r\n"
	"Min-SE: 90\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\nAllow: INVITE, UPDATE\r\n"
	"Require: timer\r\nContent-Type: application/sdp\r\nContent-Length: 59\r\n\r\n"
	"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
	"INVITE sip:bob@192.0.2.1 SIP/2.0\r\nv: SIP / 2.0 /UDP h ;branch = x , SIP/2.0/TCP g\r\n"
	"f: <sip:a@h>\r\n ; tag=1\r\nt: sip:b@h\r\ni: c2\r\ncseq: 0009\r\n INVITE\r\n"
	"m: *\r\nc: multipart/mixed;boundary=\"b\"\r\n\r\n--b\r\nContent-Type: "
	"application/sdp\r\n\r\n"
	"v=0\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n",
	"REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP "
	"[2001:db8::1]:5062;branch=z9hG4bKr;keep\r\n"
	"From: <sip:a@h>;tag=2\r\nTo: <sip:a@h>\r\nCall-ID: c3\r\nCSeq: 5 REGISTER\r\n"
	"Contact: <sip:a@10.0.0.1>;expires=60;+sip.instance=\"<urn:uuid:1>\"\r\nExpires: 3600\r\n"
	"Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", "
	"response=\"00112233445566778899aabbccddeeff\", qop=auth, nc=00000001, "
	"cnonce=\"c\"\r\n\r\n",
	"BYE sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKb\r\nFrom: <sip:a@h>;tag=2\r\n"
	"To: <sip:b@h>;tag=3\r\nCall-ID: c4\r\nCSeq: 6 BYE\r\nReason: SIP;cause=200;text=\"a, "
	"b\"\r\n"
	"Content-Length: 0\r\n\r\n",
	"ACK sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=f1\r\n"
	"To: <sip:b@h>;tag=t\r\nCall-ID: c1@h\r\nCSeq: 1 ACK\r\n\r\n",
	"CANCEL sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
	"198.51.100.7:5062;branch=z9hG4bKa;rport"
	"\r\nFrom: <sip:alice@example.com>;tag=f1\r\nTo: <sip:bob@example.com>\r\nCall-ID: c1@h\r\n"
	"CSeq: 1 CANCEL\r\n\r\n",
	"PRACK sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKp\r\nFrom: <sip:a@h>;tag=2\r\n"
	"To: <sip:b@h>;tag=3\r\nCall-ID: c4\r\nCSeq: 7 PRACK\r\nRAck: 776656 1 INVITE\r\n\r\n",
	"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKn1\r\nFrom: "
	"<sip:a@h>;tag=2\r\n"
	"To: <sip:b@h>;tag=3\r\nCall-ID: c4\r\nCSeq: 6 INVITE\r\nContact: <sip:b@h>\r\n"
	"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\nRetry-After: 5 "
	"(x);duration=3\r\n\r\n",
	"\r\n\r\n",
	"HELLO",
};
#define CORPUS (sizeof(corpus) / sizeof(corpus[0]))

static struct wheel wheel;
static struct sip_stack *stack;
static uint64_t now_ms = 1000000;
static unsigned int seed = 1;
static unsigned int sent;
static unsigned int canary;
static uint64_t parsed;

static uint64_t clock_virtual(void)
{
	return now_ms;
}

static unsigned int rnd(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

/* Whatever a stranger sends, what we send is one whole message, without a NUL. */
static int on_output(void *arg, const struct sip_flow *flow, const char *buf, size_t len)
{
	static struct gate_limits limits;
	struct gate_result gate;

	sent++;
	gate_limits_default(&limits);
	limits.message_max = 65535;
	limits.line_max = 65535;
	limits.params_max = 65535;
	assert_null(memchr(buf, 0, (size_t)((const char *)memmem(buf, len, "\r\n\r\n", 4) - buf)));
	gate_check(&limits, buf, len, &gate);
	if (gate.action == GATE_ACCEPT && gate.status == 200 && gate.call_id.len == 6 &&
		memcmp(gate.call_id.ptr, "canary", 6) == 0)
		canary++;
	return 0;
}

/* Touches every getter. */
static void read_all(osip_message_t *msg)
{
	static const char *const known[] = {"timer", NULL};
	static const char *const names[] = {"Expires", "Retry-After", "RSeq", "Max-Forwards"};
	struct sip_session_expires se;
	struct sip_dialog d = {0};
	struct sip_flow flow = {0};
	char buf[SIP_URI_MAX];
	char small[8];
	uint32_t a;
	const char *text;
	size_t len;

	sip_msg_call_id(msg, buf, sizeof(buf));
	sip_msg_from_uri(msg, buf, sizeof(buf));
	sip_msg_to_uri(msg, small, sizeof(small));
	sip_msg_from_display(msg, small, sizeof(small));
	if (sip_msg_contact(msg, buf, sizeof(buf)) == 0)
		assert_true(sip_uri_usable(buf));
	sip_msg_session_expires(msg, &se);
	sip_msg_min_se(msg, &a);
	sip_msg_unsupported(msg, known, small, sizeof(small));
	sip_msg_supports(msg, "timer");
	sip_msg_allows(msg, "UPDATE");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		sip_msg_number(msg, names[i], &a);
	if (sip_msg_sdp(msg, &text, &len) == 0)
		assert_true(len < TEXT_MAX);
	sip_msg_body(msg, buf, sizeof(buf), &text, &len);
	if (MSG_IS_REQUEST(msg)) {
		sip_msg_request_uri(msg, buf, sizeof(buf));
		if (sip_dialog_accept(&d, msg, "us", "sip:us@h", &flow) == 0)
			osip_message_free(sip_dialog_request(&d, "BYE"));
	} else if (sip_dialog_orphan(&d, msg, "sip:us@h", &flow) == 0) {
		osip_message_free(sip_dialog_ack(&d, 1));
	}
	sip_dialog_clear(&d);
}

static void on_request(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	static const int codes[] = {200, 404, 486, 401, 500};

	parsed++;
	read_all(rx->msg);
	if (rnd(4) == 0)
		sip_server_reply(server, sip_msg_response(rx->msg, 180, NULL, "t"));
	if (rnd(16) == 0)
		sip_server_ignore(server);
	else if (rnd(8) == 0)
		sip_server_refuse(server, sip_msg_response(rx->msg, 401, NULL, "t"));
	else if (rnd(8) == 0)
		sip_server_detach(server);
	else if (memcmp(rx->msg->call_id->number, "canary", 6) == 0)
		sip_server_reply(server, sip_msg_response(rx->msg, 200, NULL, "t"));
	else
		sip_server_reply(server, sip_msg_response(rx->msg, codes[rnd(5)], NULL, "t"));
}

static void on_cancel(void *arg, struct sip_server *server)
{
	sip_server_reply(server, sip_msg_response(sip_server_request(server), 487, NULL, "t"));
}

static void on_ack(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	parsed++;
	read_all(rx->msg);
}

static void on_ack_timeout(void *arg, struct sip_server *server)
{
}

static void receive(const char *text, size_t len)
{
	static const struct sip_flow flow = {SIP_UDP, {0}, {ADDR_IPV4, 0, 5060, {192, 0, 2, 1}},
		{ADDR_IPV4, 0, 4000, {203, 0, 113, 7}}};
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	sip_stack_receive(stack, copy, len, &flow);
	free(copy);
}

/* Mostly with a branch of its own, or it would be taken for a repeat. */
static size_t load(char *text, unsigned int i)
{
	const char *branch = strstr(corpus[i], "z9hG4bK");

	if (branch && rnd(8))
		return (size_t)sprintf(text, "%.*sz9hG4bK%x%s", (int)(branch - corpus[i]),
			corpus[i], rnd(1u << 30), branch + 7);
	return (size_t)sprintf(text, "%s", corpus[i]);
}

static size_t remove_range(char *text, size_t len, size_t at, size_t n)
{
	if (at + n > len)
		n = len - at;
	memmove(text + at, text + at + n, len - at - n);
	return len - n;
}

static size_t insert(char *text, size_t len, size_t at, const char *what, size_t n)
{
	if (len + n > TEXT_MAX)
		return len;
	memmove(text + at + n, text + at, len - at);
	memcpy(text + at, what, n);
	return len + n;
}

static size_t mutate(char *text, size_t len)
{
	static const char *const pieces[] = {"\r\n", "\r", "\n", "\r\n ", ";", ",", "<", ">", "\"",
		"\\", "%00", "%0d%0a", "-1", "4294967300", "99999999999999999999", "@", ":", "[",
		"]", "=", "?", "&", " ", "\t", "*", "sip:", "tel:1", "\xff\xfe", ";tag=", ";lr",
		";branch=z9hG4bK", "Content-Length: 5\r\n", "Via: x\r\n", "Contact:\r\n",
		"a;a;a;a;a;a;a;a;a;a;a;a;a;a"};
	char other[TEXT_MAX];
	char piece[200];
	size_t at = rnd((unsigned int)len + 1);
	size_t n;

	switch (rnd(7)) {
	case 0:
		if (at < len)
			text[at] = (char)rnd(256);
		return len;
	case 1:
		return remove_range(text, len, at, 1 + rnd(20));
	case 2:
		n = 1 + rnd(sizeof(piece) - 1);
		if (at + n > len)
			return len;
		memcpy(piece, text + at, n);
		return insert(text, len, rnd((unsigned int)len + 1), piece, n);
	case 3:
		return at;
	case 4:
		n = load(other, rnd(CORPUS));
		n = n < sizeof(piece) ? n : sizeof(piece);
		return insert(text, len, at,
			other + rnd((unsigned int)strlen(other) - (unsigned int)n + 1), n);
	default:
		n = rnd(sizeof(pieces) / sizeof(pieces[0]));
		return insert(text, len, at, pieces[n], strlen(pieces[n]));
	}
}

static void send_canary(unsigned int round)
{
	char text[512];
	unsigned int before = canary;

	/* It may be answered otherwise by on_request's dice; not for ever. */
	for (int i = 0; i < 200 && canary == before; i++) {
		snprintf(text, sizeof(text),
			"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKc%u-%d\r\n"
			"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: canary\r\nCSeq: %u "
			"OPTIONS\r\n"
			"\r\n",
			round, i, round % 1000000);
		receive(text, strlen(text));
	}
	assert_true(canary > before);
}

static void test_mutations(void **state)
{
	const char *rounds_text = getenv("SIP_MUTATION_ROUNDS");
	const char *seed_text = getenv("SIP_MUTATION_SEED");
	unsigned int rounds = rounds_text ? (unsigned int)atoi(rounds_text) : 20000;
	char text[TEXT_MAX + 1];

	seed = seed_text ? (unsigned int)atoi(seed_text) : 1;
	for (unsigned int round = 0; round < rounds; round++) {
		size_t len = load(text, rnd(CORPUS));
		unsigned int before;

		for (unsigned int n = rnd(5); n; n--)
			len = mutate(text, len);
		before = sent;
		receive(text, len);
		/* A provisional and a final at most; nothing that amplifies (SE-15). */
		assert_true(sent - before <= 2);
		now_ms += rnd(50);
		wheel_run(&wheel, now_ms);
		if (round % 1000 == 0)
			send_canary(round);
	}
	/* The mutations are no good if none gets as far as the transactions. */
	assert_true(parsed > rounds / 20);
}

static void test_nothing_is_left(void **state)
{
	const struct sip_counters *counters = sip_stack_counters(stack);

	now_ms += 200000;
	wheel_run(&wheel, now_ms);
	wheel_run(&wheel, now_ms + 1000);
	assert_int_equal(counters->servers_open, 0);
	assert_int_equal(counters->clients_open, 0);
	assert_int_equal(wheel.armed, 0);
}

static int setup(void **state)
{
	struct sip_stack_config config = {
		.wheel = &wheel,
		.clock = clock_virtual,
		.output = on_output,
		.node = "n1",
		.service = {ADDR_IPV4, 0, 5060, {192, 0, 2, 1}},
		.refusal_rate = 1000000,
	};
	struct sip_handlers handlers = {.request = on_request,
		.cancel = on_cancel,
		.ack = on_ack,
		.ack_timeout = on_ack_timeout};

	wheel_init(&wheel, now_ms);
	return sip_stack_open(&stack, &config, &handlers);
}

static int teardown(void **state)
{
	sip_stack_close(stack);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
