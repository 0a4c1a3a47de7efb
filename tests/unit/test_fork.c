/* SPDX-License-Identifier: BSD-3-Clause */
/* A callee with several contacts: who rings when, who gets the call, what the caller hears
 * (CN-07). */
#include "tests/unit/fork_world.h"

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

/* The higher q first, in whatever order they registered. */
static void test_order_of_q(void **state)
{
	open_call(one_by_one);
	assert_int_equal(world_count("INVITE "), 1);
	answer(1, 486, "");
	assert_non_null(to_contact("INVITE", 3));
	assert_null(to_contact("INVITE", 2));
	answer(3, 486, "");
	assert_non_null(to_contact("INVITE", 2));
	close_call();
}

/* While several ring, nothing of what one of them says is the callee's word: the other one may
 * answer. */
static void test_early_media_of_one(void **state)
{
	int allowed;

	open_call(same_q);
	allowed = call->leg[1].stimer.allow_update;
	answer(2, 183, "Allow: INVITE, ACK, BYE, UPDATE\r\n");
	assert_true(world_starts(-1, "SIP/2.0 183 "));
	assert_null(strstr(world_text(-1), "m=audio"));
	assert_null(call->leg[1].remote_sdp);
	assert_null(call->leg[1].dialog.remote_tag);
	answer(1, 200, "");
	assert_string_equal(call->leg[1].dialog.remote_tag, "t1");
	assert_int_equal(call->leg[1].stimer.allow_update, allowed);
	close_call();
}

/* Two that pick up at one moment, the second of which is not the first contact. */
static void test_both_answer(void **state)
{
	open_call(two_then_one);
	answer(2, 180, "");
	answer(1, 200, "");
	answer(2, 200, "");
	assert_int_equal(world_count("BYE "), 1);
	assert_true(world_starts(-1, "BYE sip:bob@10.0.0.2:5070 "));
	assert_int_equal(call->state, CALL_ACTIVE);
	assert_string_equal(call->leg[1].dialog.remote_tag, "t1");
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

/* The caller gives up: all are told, the call waits for all, and nobody else is asked. */
static void test_cancelled(void **state)
{
	open_call(two_then_one);
	answer(1, 180, "");
	answer(2, 180, "");
	from_caller("CANCEL", "", "");
	assert_int_equal(world_count("SIP/2.0 487 "), 1);
	for (uint8_t i = 1; i <= 2; i++) {
		assert_non_null(to_contact("CANCEL", i));
		assert_int_equal(call->leg[1].state, LEG_INVITED);
		answer(i, 183, "");
		answer(i, 487, "");
	}
	assert_int_equal(world_count("SIP/2.0 183 "), 0);
	assert_null(to_contact("INVITE", 3));
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
	/* No longer than what it got: there is nothing to try. */
	open_call(same_q);
	answer(2, 422, "Min-SE: 90\r\n");
	assert_int_equal(world_count("INVITE "), CONTACTS);
	assert_int_equal(call->leg[1].refusal, 422);
	close_call();
}

/* A phone that answers an INVITE which it has refused before, while another one is open: it does
 * not get the call. */
static void test_answer_to_old_invite(void **state)
{
	const char *first;

	open_call(two_then_one);
	first = to_contact("INVITE", 2);
	answer(1, 180, "");
	answer(2, 422, "Min-SE: 1800\r\n");
	answer(2, 180, "");
	world_pass(40000); /* its transaction is over */
	answer_to(first, 2, 200, "");
	assert_int_equal(call->state, CALL_EARLY);
	answer(1, 200, "");
	assert_int_equal(call->state, CALL_ACTIVE);
	assert_string_equal(call->leg[1].dialog.remote_tag, "t1");
	close_call();
}

/* Invited by a process that is no more: whoever answers is the callee. */
static void test_answer_after_restart(void **state)
{
	open_call(same_q);
	leg_ask_drop(&call->leg[1], ASK_INVITE);
	fork_drop(&call->leg[1], NULL);
	answer(2, 200, "");
	assert_int_equal(call->state, CALL_ACTIVE);
	assert_true(addr_equal(&call->leg[1].dialog.flow.remote, &world_peer.remote));
	assert_string_equal(call->leg[1].dialog.remote_tag, "t2");
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
		cmocka_unit_test(test_order_of_q),
		cmocka_unit_test(test_early_media_of_one),
		cmocka_unit_test(test_both_answer),
		cmocka_unit_test(test_answer_to_old_invite),
		cmocka_unit_test(test_answer_after_restart),
		cmocka_unit_test(test_better),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
