/* SPDX-License-Identifier: BSD-3-Clause */
/* A changed description on its way from one party to the other, while the call ends. Transactions,
 * store and clock are the test's. */
#include "controlplane/call/anchor.h"
#include "controlplane/call/calls.h"
#include "controlplane/call/offer.h"
#include "controlplane/call/watch.h"
#include "controlplane/wheel.h"
#include "shared/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW   1000000
#define LIMIT 3600
#define SDP                                         \
	"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n" \
	"c=IN IP4 10.0.0.1\r\nt=0 0\r\n"            \
	"m=audio 4000 RTP/AVP 0\r\n"

static struct conf conf;
static struct wheel wheel;
static struct calls calls;
static struct call call;
static uint64_t now;
static osip_message_t *request;
static sip_client_fn *answered; /* of the offer under way */
static unsigned int replies, ends;
static int reply;

uint64_t __wrap_sip_stack_now(const struct sip_stack *stack);
osip_message_t *__wrap_sip_server_request(const struct sip_server *server);
void __wrap_sip_client_detach(struct sip_client *client);
osip_message_t *__wrap_leg_request(struct leg *leg, const char *method);
int __wrap_leg_ask(struct leg *leg, enum leg_ask kind, osip_message_t *req, sip_client_fn *fn);
void __wrap_leg_ack(struct leg *leg, uint32_t cseq, const char *sdp);
void __wrap_leg_reply(struct leg *leg, struct sip_server *server, int code, const char *sdp);
void __wrap_call_commit(struct call *which, uint32_t parts);
void __wrap_store_call_end(struct store *store, struct store_call *stored, uint32_t parts,
	int64_t margin_ms, bool durable, void (*done)(void *arg, enum store_result result),
	void *arg);

uint64_t __wrap_sip_stack_now(const struct sip_stack *stack)
{
	return now;
}

osip_message_t *__wrap_sip_server_request(const struct sip_server *server)
{
	return request;
}

void __wrap_sip_client_detach(struct sip_client *client)
{
}

osip_message_t *__wrap_leg_request(struct leg *leg, const char *method)
{
	return NULL;
}

int __wrap_leg_ask(struct leg *leg, enum leg_ask kind, osip_message_t *req, sip_client_fn *fn)
{
	if (kind == ASK_OFFER)
		answered = fn;
	return 0;
}

void __wrap_leg_ack(struct leg *leg, uint32_t cseq, const char *sdp)
{
}

void __wrap_leg_reply(struct leg *leg, struct sip_server *server, int code, const char *sdp)
{
	replies++;
	reply = code;
}

void __wrap_call_commit(struct call *which, uint32_t parts)
{
}

void __wrap_store_call_end(struct store *store, struct store_call *stored, uint32_t parts,
	int64_t margin_ms, bool durable, void (*done)(void *arg, enum store_result result),
	void *arg)
{
	ends++;
}

static osip_message_t *message(const char *text)
{
	osip_message_t *msg;

	assert_int_equal(osip_message_init(&msg), 0);
	assert_int_equal(osip_message_parse(msg, text, strlen(text)), 0);
	return msg;
}

static void set_up(void)
{
	const struct verdict_event up = {.kind = VERDICT_ANSWERED};

	parser_init();
	now = NOW;
	conf.session.max_call_duration_s = LIMIT;
	wheel_init(&wheel, NOW);
	calls.conf = &conf;
	calls.wheel = &wheel;
	call.calls = &calls;
	call.state = CALL_ACTIVE;
	wheel_timer_init(&call.judge, watch_wake);
	wheel_timer_init(&call.offer.timer, offer_timeout);
	for (int i = 0; i < 2; i++) {
		struct leg *leg = &call.leg[i];

		leg->call = &call;
		leg->name = i ? 'b' : 'a';
		leg->state = LEG_UP;
		for (int kind = 0; kind < ASK_MAX; kind++)
			leg->ask[kind].leg = leg;
		leg->remote_sdp = strdup(SDP);
		leg->local_sdp = strdup(SDP);
	}
	watch_step(&call, &up);
}

/* The callee's answer comes in the very turn in which the call's limit is over: the call ends, and
 * nothing goes on with an offer that is gone. */
static void test_answer_at_the_limit(void **state)
{
	static const char offer[] = SDP "a=sendonly\r\n";
	static const char answer[] =
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
		"From: <sip:a@x>;tag=1\r\nTo: <sip:b@y>;tag=2\r\n"
		"Call-ID: 1\r\nCSeq: 2 INVITE\r\nContact: <sip:b@10.0.0.1>\r\n"
		"Content-Type: application/sdp\r\n\r\n" SDP;
	osip_message_t *resp;

	set_up();
	resp = message(answer);
	request = message("INVITE sip:a@x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK2\r\n"
			  "From: <sip:a@x>;tag=1\r\nTo: <sip:b@y>;tag=2\r\nCall-ID: 1\r\n"
			  "CSeq: 5 INVITE\r\n\r\n");
	assert_int_equal(offer_start(&call.leg[0], NULL, offer, strlen(offer)), 0);
	assert_non_null(answered);
	now = NOW + LIMIT * 1000ull;
	answered(&call.leg[1].ask[ASK_OFFER], NULL, SIP_RESPONSE, resp);
	assert_int_equal(call.state, CALL_ENDING);
	assert_int_equal(call.cause, CAUSE_MAX_DURATION);
	assert_int_equal(ends, 1);
	assert_int_equal(replies, 1);
	assert_int_equal(reply, 487);
	assert_null(call.offer.from);
	osip_message_free(resp);
	osip_message_free(request);
	for (int i = 0; i < 2; i++) {
		free(call.leg[i].remote_sdp);
		free(call.leg[i].local_sdp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
