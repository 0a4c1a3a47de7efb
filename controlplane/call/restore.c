/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/restore.h"

#include "controlplane/call/anchor.h"
#include "controlplane/call/callrecord.h"
#include "controlplane/call/hangup.h"
#include "controlplane/call/refresh.h"
#include "controlplane/call/watch.h"

#include <string.h>

/* Established: media flows are given back, timers start what is due. */
static void go_on(struct call *call)
{
	struct stimer_event resume = {.kind = STIMER_RESUME};

	for (unsigned int i = 0; i < 2; i++)
		call->leg[i].state = LEG_UP;
	if (call->answered_ms == 0)
		call->answered_ms = calls_now(call->calls);
	anchor_push(call);
	watch_start(call, call->answered_ms);
	for (unsigned int i = 0; i < 2 && call->state == CALL_ACTIVE; i++)
		refresh_step(&call->leg[i], &resume);
	call_commit(call, PART_CORE | PART_LEG_A | PART_LEG_B);
}

/* Never answered: the transactions are lost. The callee rings on, and is told when it answers. */
static void give_up(struct call *call)
{
	struct leg *b = &call->leg[1];

	call->leg[0].state = LEG_IDLE;
	if (b->state != LEG_INVITED)
		b->state = LEG_IDLE;
	call->state = CALL_SETUP;
	hangup_fact(call, CAUSE_NODE_FAILURE, 0, 2);
}

/* The parties are told again; one that was told already answers 481. */
static void end_again(struct call *call)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct leg *leg = &call->leg[i];

		if (leg->state == LEG_ANSWERED || leg->state == LEG_BYE)
			leg->state = LEG_UP;
		else if (leg->state != LEG_UP && (leg->state != LEG_INVITED || leg->name == 'a'))
			leg->state = LEG_IDLE;
	}
	hangup_resume(call);
}

void restore_call(struct calls *calls, const char *id, const struct record *rec)
{
	struct ids_call ids;
	struct call *call;

	if (ids_call_parse(&ids, id, strlen(id)) < 0 || calls_by_id(calls, id) ||
		!(call = call_create(calls, &ids)))
		return;
	if (callrecord_read(call, rec) < 0) {
		log_warning("call %s: its record in Redis cannot be used, left alone", id);
		call_free(call);
		return;
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (anchor_claim(&call->leg[i]) < 0)
			log_warning("call %s: media of leg %c is not ours to watch any more", id,
				call->leg[i].name);
	}
	if (store_call_adopt(calls->store, &call->store, id, rec) < 0) {
		call_free(call);
		return;
	}
	calls->counters.restored++;
	switch (call->state) {
	case CALL_ACTIVE:
		go_on(call);
		break;
	case CALL_ENDING:
		end_again(call);
		break;
	default:
		give_up(call);
	}
}
