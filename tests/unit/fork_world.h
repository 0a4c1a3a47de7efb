/* SPDX-License-Identifier: BSD-3-Clause */
/* A call to a callee with several contacts, on virtual time. The caller's INVITE comes over the
 * wire; what admission and the store do is left out. */
#ifndef TESTS_UNIT_FORK_WORLD_H
#define TESTS_UNIT_FORK_WORLD_H

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

/* A contact answers that INVITE, with more headers. */
static void answer_to(const char *invite, uint8_t last, int code, const char *more)
{
	const char *body = code == 200 || code == 183 ? SDP : "";
	char via[256], from[256], to[256], call_id[256], cseq[256];

	assert_non_null(invite);
	world_receive("SIP/2.0 %d X\r\n%s\r\n%s\r\n%s;tag=t%d\r\n%s\r\n%s\r\n"
		      "Contact: <sip:bob@10.0.0.%d:5070>\r\n%s%sContent-Length: %zu\r\n\r\n%s",
		code, line_of(invite, "Via:", via), line_of(invite, "From:", from),
		line_of(invite, "To:", to), last, line_of(invite, "Call-ID:", call_id),
		line_of(invite, "CSeq:", cseq), last, more,
		*body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
}

/* The last one that it got. */
static void answer(uint8_t last, int code, const char *more)
{
	answer_to(to_contact("INVITE", last), last, code, more);
}

static const uint16_t same_q[] = {1000, 1000, 1000};
static const uint16_t two_then_one[] = {1000, 1000, 500};
static const uint16_t one_by_one[] = {1000, 300, 500};

#endif
