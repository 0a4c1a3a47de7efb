/* SPDX-License-Identifier: BSD-3-Clause */
/* A datagram on the SIP port: gate, stateless answer, STUN, parser, every getter, dialogs. */
#include "controlplane/sip/dialog.h"
#include "controlplane/sip/gate.h"
#include "controlplane/sip/msg.h"
#include "controlplane/sip/stun.h"
#include "tests/fuzz/fuzz.h"

#define ANSWER_MAX 16384

static const struct addr source = {.family = ADDR_IPV4, .port = 4000, .ip = {203, 0, 113, 7}};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return sip_msg_setup();
}

/* Whatever a stranger sends, what we send is one whole message. */
static void judge(const char *buf, size_t len)
{
	struct gate_limits limits = {65535, 65535, 65535, 65535, 65535};
	struct gate_result gate;

	gate_check(&limits, buf, len, &gate);
	assert(gate.action == GATE_ACCEPT);
	assert(gate.len == len);
}

static void refuse(const char *text, size_t len, const struct gate_result *gate)
{
	static char out[ANSWER_MAX];
	struct addr dest;
	size_t n = gate_reply(text, len, &source, gate->code, gate->reason, "Retry-After: 5\r\n",
		out, sizeof(out), &dest);

	assert(n <= sizeof(out));
	if (n == 0)
		return;
	/* Nothing that amplifies (SE-15), and never to a third party. */
	assert(n <= len + 400);
	assert(addr_same_ip(&dest, &source));
	assert(memcmp(out, "SIP/2.0 ", 8) == 0 && !memchr(out, 0, n));
}

static void read_text(osip_message_t *msg, char *buf, size_t size)
{
	sip_msg_call_id(msg, buf, size);
	sip_msg_from_uri(msg, buf, size);
	sip_msg_to_uri(msg, buf, size);
	sip_msg_request_uri(msg, buf, size);
	sip_msg_from_display(msg, buf, size);
	if (sip_msg_contact(msg, buf, size) == 0) {
		char user[32], host[32];
		uint16_t port;

		assert(sip_uri_usable(buf));
		sip_uri_parts(buf, user, sizeof(user), host, sizeof(host), &port);
	}
}

static void read_numbers(osip_message_t *msg)
{
	static const char *const known[] = {"timer", NULL};
	static const char *const names[] = {
		"Expires", "Retry-After", "RSeq", "Max-Forwards", "Min-SE"};
	struct sip_session_expires se;
	uint32_t a;
	char small[8];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		sip_msg_number(msg, names[i], &a);
	sip_msg_session_expires(msg, &se);
	sip_msg_min_se(msg, &a);
	sip_msg_unsupported(msg, known, small, sizeof(small));
	sip_msg_supports(msg, "timer");
	sip_msg_requires(msg, "100rel");
	sip_msg_allows(msg, "UPDATE");
	sip_msg_has_token(msg, "Event", "x");
	for (size_t i = 0; sip_msg_get(msg, "Reason", i); i++)
		;
	sip_msg_max_forwards(msg);
	sip_msg_cseq(msg);
	sip_msg_method(msg);
	sip_msg_branch(msg);
	sip_msg_from_tag(msg);
	sip_msg_to_tag(msg);
}

static void read_bodies(osip_message_t *msg)
{
	const char *at;
	char type[64];
	size_t len;

	/* Touched to the last byte. */
	if (sip_msg_sdp(msg, &at, &len) == 0)
		free(fuzz_copy(at, len));
	if (sip_msg_body(msg, type, sizeof(type), &at, &len) == 0)
		free(fuzz_copy(at, len));
}

static void print(osip_message_t *msg)
{
	char *text = NULL;
	size_t len;

	if (!msg)
		return;
	if (sip_msg_print(msg, &text, &len) == 0) {
		judge(text, len);
		osip_free(text);
	}
	osip_message_free(msg);
}

static void answer(osip_message_t *msg)
{
	struct addr dest;
	osip_message_t *resp;

	if (sip_msg_set_received(msg, &source) < 0)
		return;
	resp = sip_msg_response(msg, 200, NULL, "tag");
	if (resp && sip_msg_response_dest(resp, &dest) == 0)
		assert(addr_same_ip(&dest, &source));
	print(resp);
}

static void open_dialog(osip_message_t *msg)
{
	struct sip_flow flow = {0};
	struct sip_dialog dialog = {0};

	if (MSG_IS_REQUEST(msg)) {
		if (sip_dialog_accept(&dialog, msg, "us", "sip:us@h", &flow) == 0) {
			sip_dialog_confirm(&dialog);
			sip_dialog_match(&dialog, msg);
			sip_dialog_check_cseq(&dialog, msg);
			sip_dialog_refresh_target(&dialog, msg);
			osip_message_free(sip_dialog_response(&dialog, msg, 200, NULL));
			osip_message_free(sip_dialog_request(&dialog, "BYE"));
		}
	} else if (sip_dialog_orphan(&dialog, msg, "sip:us@h", &flow) == 0) {
		osip_message_free(sip_dialog_ack(&dialog, 1));
		sip_dialog_answer(&dialog, msg);
	}
	sip_dialog_clear(&dialog);
}

static void parse(const struct gate_result *gate)
{
	osip_message_t *msg = NULL;
	char large[SIP_URI_MAX], small[8];

	if (sip_msg_parse(&msg, gate->msg, gate->len) < 0)
		return;
	read_text(msg, large, sizeof(large));
	read_text(msg, small, sizeof(small));
	read_numbers(msg);
	read_bodies(msg);
	open_dialog(msg);
	if (MSG_IS_REQUEST(msg))
		answer(msg);
	osip_message_free(msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	uint8_t stun[STUN_ANSWER_MAX];
	struct gate_limits limits;
	struct gate_result gate;

	gate_limits_default(&limits);
	gate_check(&limits, text, size, &gate);
	if (gate.action == GATE_ACCEPT)
		parse(&gate);
	else if (gate.action == GATE_REPLY)
		refuse(text, size, &gate);
	else if (gate.action == GATE_KEEPALIVE)
		assert(stun_answer((uint8_t *)text, size, &source, stun) <= size + 28);
	free(text);
	return 0;
}
