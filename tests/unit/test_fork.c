/* SPDX-License-Identifier: BSD-3-Clause */
/* A callee with several contacts, on virtual time: CN-07. The caller's INVITE comes over the wire;
 * what admission and the store do is left out. */
#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/fork.h"
#include "controlplane/call/hangup.h"
#include "controlplane/call/invite.h"
#include "tests/unit/sip_world.h"

#include "tests/unit/conf_text.h"

#define SDP                                                                               \
	"v=0\r\no=- 1 1 IN IP4 198.51.100.5\r\ns=-\r\nc=IN IP4 198.51.100.5\r\nt=0 0\r\n" \
	"m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
#define CONTACTS 3

static struct calls calls;
static struct conf *conf;
static struct call *call;
static struct route route;

static struct sip_flow flow_to(uint8_t last)
{
	return (struct sip_flow){SIP_UDP, {0}, {ADDR_IPV4, 0, 5060, {192, 0, 2, 1}},
		{ADDR_IPV4, 0, 5060, {10, 0, 0, last}}};
}

/* Contacts 10.0.0.1 to .3 with these q. */
static void contacts(const uint16_t q[CONTACTS])
{
	route = (struct route){.flow = flow_to(1), .q = q[0], .other_count = CONTACTS - 1};
	strcpy(route.uri, "sip:bob@10.0.0.1");
	strcpy(route.to, "sip:bob@h");
	for (uint8_t i = 0; i < CONTACTS - 1; i++) {
		route.other[i].flow = flow_to(i + 2);
		route.other[i].q = q[i + 1];
		snprintf(
			route.other[i].uri, sizeof(route.other[i].uri), "sip:bob@10.0.0.%d", i + 2);
	}
}

static void on_request(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
	const struct ids_call ids = {.partition = 1, .node = "n01", .incarnation = 1, .seq = 7};
	char tag[IDS_TAG_STRLEN], contact[SIP_URI_MAX];
	struct leg *a, *b;
	const char *sdp;
	size_t len;

	call = call_create(&calls, &ids);
	call->media = CONF_MEDIA_NONE;
	a = &call->leg[0];
	b = &call->leg[1];
	a->server = server;
	a->state = LEG_INVITED;
	sip_server_set_user(server, a);
	assert_int_equal(leg_contact(a, contact, sizeof(contact)), 0);
	assert_int_equal(
		sip_dialog_accept(&a->dialog, rx->msg, leg_tag(a, tag), contact, &rx->flow), 0);
	assert_int_equal(leg_contact(b, contact, sizeof(contact)), 0);
	assert_int_equal(sip_dialog_start(&b->dialog,
				 &(struct sip_dialog_start){
					 .call_id = "of-leg-b",
					 .local_tag = leg_tag(b, tag),
					 .local_uri = "sip:alice@192.0.2.1",
					 .remote_uri = route.to,
					 .target = route.uri,
					 .contact = contact,
					 .flow = route.flow,
				 }),
		0);
	assert_int_equal(fork_add(b, &route), 0);
	assert_int_equal(sip_msg_sdp(rx->msg, &sdp, &len), 0);
	assert_int_equal(anchor_accept(a, sdp, len), 0);
	assert_int_equal(anchor_write(b, a->remote_sdp, false), 0);
	invite_send(b, 69);
}

static void on_cancel(void *arg, struct sip_server *server)
{
	hangup_fact(call, CAUSE_CANCEL, 487, 0);
}

static void on_ack(void *arg, struct sip_server *server, const struct sip_rx *rx)
{
}

static void on_ack_timeout(void *arg, struct sip_server *server)
{
}

static void on_orphan(void *arg, const struct sip_rx *rx)
{
	invite_orphan(&calls, rx);
}

static void from_caller(const char *method, const char *to_tag, const char *body)
{
	world_receive("%s sip:bob@192.0.2.1 SIP/2.0\r\n"
		      "Via: SIP/2.0/UDP 198.51.100.5;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n"
		      "From: <sip:alice@h>;tag=a\r\nTo: <sip:bob@h>%s\r\nCall-ID: of-leg-a\r\n"
		      "CSeq: 1 %s\r\nContact: <sip:alice@198.51.100.5>\r\n%s"
		      "Content-Length: %zu\r\n\r\n%s",
		method, to_tag, method, *body ? "Content-Type: application/sdp\r\n" : "",
		strlen(body), body);
}

static void open_call(const uint16_t q[CONTACTS])
{
	static const struct sip_handlers handlers = {.request = on_request,
		.cancel = on_cancel,
		.ack = on_ack,
		.ack_timeout = on_ack_timeout,
		.orphan = on_orphan};

	conf = load(NODE);
	world_open(&handlers, (struct sip_stack_config){0});
	calls = (struct calls){.conf = conf, .sip = world_stack, .wheel = &world_wheel};
	contacts(q);
	from_caller("INVITE", "", SDP);
}

static void close_call(void)
{
	call_free(call);
	assert_null(calls.table);
	sip_stack_close(world_stack);
	world_stack = NULL;
	world_forget();
	conf_free(conf);
}

/* The last request of that method to a contact; NULL: none. */
static const char *to_contact(const char *method, uint8_t last)
{
	for (size_t i = world_sent_count; i-- > 0;) {
		const struct addr *to = &world_sent[i].flow.remote;

		if (to->ip[0] == 10 && to->ip[3] == last &&
			strncmp(world_sent[i].text, method, strlen(method)) == 0 &&
			world_sent[i].text[strlen(method)] == ' ')
			return world_sent[i].text;
	}
	return NULL;
}

static const char *line_of(const char *text, const char *name, char line[static 256])
{
	const char *start = strstr(text, name);

	assert_non_null(start);
	snprintf(line, 256, "%.*s", (int)strcspn(start, "\r"), start);
	return line;
}

/* A contact answers the last INVITE it got, with more headers. */
static void answer(uint8_t last, int code, const char *more)
{
	const char *invite = to_contact("INVITE", last), *body = code == 200 ? SDP : "";
	char via[256], from[256], to[256], call_id[256], cseq[256];

	assert_non_null(invite);
	world_receive("SIP/2.0 %d X\r\n%s\r\n%s\r\n%s;tag=t%d\r\n%s\r\n%s\r\n"
		      "Contact: <sip:bob@10.0.0.%d:5070>\r\n%s%sContent-Length: %zu\r\n\r\n%s",
		code, line_of(invite, "Via:", via), line_of(invite, "From:", from),
		line_of(invite, "To:", to), last, line_of(invite, "Call-ID:", call_id),
		line_of(invite, "CSeq:", cseq), last, more,
		*body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
}

static const uint16_t same_q[] = {1000, 1000, 1000};
static const uint16_t two_then_one[] = {1000, 1000, 500};

/* All of the best q ring at once, by one request. */
static void test_all_ring(void **state)
{
	static const char *const same[] = {"From:", "To:", "Call-ID:", "CSeq:", "Contact:"};
	char a[256], b[256];

	open_call(two_then_one);
	assert_int_equal(world_count("INVITE "), 2);
	assert_int_equal(strncmp(to_contact("INVITE", 1), "INVITE sip:bob@10.0.0.1 ", 24), 0);
	assert_int_equal(strncmp(to_contact("INVITE", 2), "INVITE sip:bob@10.0.0.2 ", 24), 0);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_string_equal(line_of(to_contact("INVITE", 1), same[i], a),
			line_of(to_contact("INVITE", 2), same[i], b));
	assert_string_not_equal(line_of(to_contact("INVITE", 1), "Via:", a),
		line_of(to_contact("INVITE", 2), "Via:", b));
	assert_non_null(strstr(to_contact("INVITE", 2), "m=audio 4000"));
	answer(2, 180, "");
	assert_int_equal(world_count("SIP/2.0 180 "), 1);
	answer(1, 200, "");
	assert_non_null(strstr(to_contact("CANCEL", 2), "completed elsewhere"));
	assert_null(to_contact("CANCEL", 1));
	assert_int_equal(call->leg[1].dialog.flow.remote.ip[3], 1);
	close_call();
}

/* The first to answer takes the call; the others are cancelled, and ended if they answer, too. */
static void test_completed_elsewhere(void **state)
{
	char tag[256];

	open_call(two_then_one);
	answer(1, 180, "");
	answer(2, 200, "");
	assert_int_equal(world_count("SIP/2.0 200 "), 1);
	assert_int_equal(call->state, CALL_ACTIVE);
	assert_int_equal(call->leg[1].dialog.flow.remote.ip[3], 2);
	assert_string_equal(call->leg[1].dialog.remote_tag, "t2");
	assert_non_null(to_contact("ACK", 2));
	assert_non_null(strstr(to_contact("ACK", 2), "ACK sip:bob@10.0.0.2:5070 "));
	assert_non_null(strstr(to_contact("CANCEL", 1),
		"Reason: SIP;cause=200;text=\"Call completed elsewhere\""));
	assert_null(to_contact("CANCEL", 2));
	assert_null(to_contact("INVITE", 3));
	/* Too late: its ACK, and a BYE for that dialog alone. */
	answer(1, 200, "");
	assert_int_equal(world_count("BYE "), 1);
	assert_true(world_starts(-1, "BYE sip:bob@10.0.0.1:5070 "));
	assert_non_null(strstr(line_of(world_text(-1), "To:", tag), ";tag=t1"));
	assert_true(world_starts(-2, "ACK sip:bob@10.0.0.1:5070 "));
	assert_int_equal(call->state, CALL_ACTIVE);
	close_call();
}

/* A refusal stops nobody else's phone; the next q comes when all have refused, and the caller hears
 * what tells him most. */
static void test_refusals(void **state)
{
	open_call(two_then_one);
	answer(1, 180, "");
	answer(1, 486, "");
	assert_null(to_contact("INVITE", 3));
	assert_null(to_contact("CANCEL", 2));
	answer(2, 480, "");
	assert_non_null(to_contact("INVITE", 3));
	assert_int_equal(call->state, CALL_EARLY);
	answer(3, 500, "");
	assert_int_equal(call->state, CALL_ENDING);
	assert_int_equal(call->cause, CAUSE_BUSY);
	assert_int_equal(world_count("SIP/2.0 486 "), 1);
	close_call();
}

/* One that is silent is no reason to wait for when another answers, and none to refuse. */
static void test_silence(void **state)
{
	open_call(two_then_one);
	world_pass(33000);
	assert_int_equal(call->state, CALL_SETUP);
	assert_non_null(to_contact("INVITE", 3));
	answer(3, 200, "");
	assert_int_equal(call->state, CALL_ACTIVE);
	assert_int_equal(call->leg[1].dialog.flow.remote.ip[3], 3);
	close_call();
	/* Nobody there at all. */
	open_call(same_q);
	world_pass(31000);
	assert_int_equal(call->state, CALL_SETUP);
	assert_int_equal(world_count("SIP/2.0 4"), 0);
	answer(2, 404, "");
	assert_int_equal(call->state, CALL_SETUP);
	answer(3, 408, "");
	answer(1, 408, "");
	assert_int_equal(world_count("SIP/2.0 404 "), 1);
	close_call();
}

/* The user himself declines: nobody else rings on. */
static void test_declined(void **state)
{
	open_call(two_then_one);
	answer(1, 180, "");
	answer(2, 603, "");
	assert_int_equal(world_count("SIP/2.0 603 "), 1);
	assert_non_null(to_contact("CANCEL", 1));
	assert_null(to_contact("INVITE", 3));
	close_call();
}

/* The caller gives up: all are told, and the call waits for all. */
static void test_cancelled(void **state)
{
	open_call(same_q);
	for (uint8_t i = 1; i <= CONTACTS; i++)
		answer(i, 180, "");
	from_caller("CANCEL", "", "");
	assert_int_equal(world_count("SIP/2.0 487 "), 1);
	for (uint8_t i = 1; i <= CONTACTS; i++) {
		assert_non_null(to_contact("CANCEL", i));
		assert_int_equal(call->leg[1].state, LEG_INVITED);
		answer(i, 487, "");
	}
	assert_int_equal(call->leg[1].state, LEG_GONE);
	close_call();
}

/* An answer that crosses the CANCEL is ended, and the others stay cancelled. */
static void test_answer_crosses_cancel(void **state)
{
	open_call(same_q);
	for (uint8_t i = 1; i <= CONTACTS; i++)
		answer(i, 180, "");
	from_caller("CANCEL", "", "");
	answer(3, 200, "");
	assert_non_null(to_contact("ACK", 3));
	assert_non_null(to_contact("BYE", 3));
	assert_null(to_contact("BYE", 1));
	assert_int_equal(call->leg[1].state, LEG_BYE);
	assert_int_equal(world_count("SIP/2.0 200 "), 1); /* to the CANCEL */
	close_call();
}

/* One phone wants a longer interval: it alone is asked again, and what it answers is ACKed by the
 * number of that INVITE. */
static void test_interval_too_small(void **state)
{
	char cseq[256];

	open_call(same_q);
	answer(2, 422, "Min-SE: 1800\r\n");
	assert_int_equal(world_count("INVITE "), CONTACTS + 1);
	assert_string_equal(line_of(to_contact("INVITE", 2), "CSeq:", cseq), "CSeq: 2 INVITE");
	assert_non_null(strstr(to_contact("INVITE", 2), "Session-Expires: 1800"));
	assert_string_equal(line_of(to_contact("INVITE", 1), "CSeq:", cseq), "CSeq: 1 INVITE");
	/* So does another one. */
	answer(3, 422, "Min-SE: 1800\r\n");
	assert_string_equal(line_of(to_contact("INVITE", 3), "CSeq:", cseq), "CSeq: 3 INVITE");
	answer(2, 200, "Session-Expires: 1800;refresher=uac\r\nRequire: timer\r\n");
	assert_int_equal(call->state, CALL_ACTIVE);
	assert_string_equal(line_of(to_contact("ACK", 2), "CSeq:", cseq), "CSeq: 2 ACK");
	close_call();
}

static void test_better(void **state)
{
	static const int rising[] = {0, 500, 408, 302, 480, 404, 486, 603};

	for (size_t i = 1; i < sizeof(rising) / sizeof(rising[0]); i++) {
		assert_int_equal(fork_better(rising[i - 1], rising[i]), rising[i]);
		assert_int_equal(fork_better(rising[i], rising[i - 1]), rising[i]);
	}
	assert_int_equal(fork_better(404, 403), 404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_ring),
		cmocka_unit_test(test_completed_elsewhere),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_declined),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_answer_crosses_cancel),
		cmocka_unit_test(test_interval_too_small),
		cmocka_unit_test(test_better),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
