/* SPDX-License-Identifier: BSD-3-Clause */
/* libosip2's transaction state machines, driven by hand: its lists are linear, so that no
 * transaction stays in them, and its timers look at the wall clock, so that ours fire instead. */
#include "controlplane/sip/stack_impl.h"

#include "controlplane/sip/msg.h"

#include <errno.h>

/* Whatever a state machine wants to send. It always hears that all went well: an error would end
 * the transaction inside libosip2, where only a callback could tell us. */
static int on_send(osip_transaction_t *tr, osip_message_t *msg, char *host, int port, int socket)
{
	void *owner = osip_transaction_get_your_instance(tr);

	if (tr->ctx_type == IST || tr->ctx_type == NIST)
		server_send(owner, msg);
	else
		client_send(owner, msg);
	return 0;
}

int fsm_open(struct sip_stack *stack)
{
	if (osip_init(&stack->osip) || sip_msg_setup())
		return -ENOMEM;
	osip_set_cb_send_message(stack->osip, on_send);
	return 0;
}

static void free_retired(struct sip_stack *stack)
{
	osip_transaction_t *tr;

	while ((tr = stack->retired) != NULL) {
		stack->retired = osip_transaction_get_reserved2(tr);
		osip_transaction_free2(tr);
	}
}

static void on_retire(struct wheel_timer *timer)
{
	free_retired(WHEEL_OWNER(timer, struct sip_stack, retire_timer));
}

void fsm_close(struct sip_stack *stack)
{
	wheel_cancel(stack->config.wheel, &stack->retire_timer);
	free_retired(stack);
	if (stack->osip)
		osip_release(stack->osip);
}

int fsm_start(struct sip_stack *stack, osip_transaction_t **tr, osip_fsm_type_t type,
	osip_message_t *req, void *owner)
{
	if (osip_transaction_init(tr, type, stack->osip, req))
		return -ENOMEM;
	osip_remove_transaction(stack->osip, *tr);
	osip_transaction_set_your_instance(*tr, owner);
	return 0;
}

int fsm_event(osip_transaction_t *tr, type_t type, osip_message_t *msg)
{
	osip_event_t *event = osip_malloc(sizeof(*event));

	if (!event) {
		osip_message_free(msg);
		return -ENOMEM;
	}
	event->type = type;
	event->transactionid = tr->transactionid;
	event->sip = msg;
	osip_transaction_execute(tr, event);
	return 0;
}

void fsm_retire(struct sip_stack *stack, osip_transaction_t *tr)
{
	if (!tr)
		return;
	osip_transaction_set_your_instance(tr, NULL);
	osip_transaction_set_reserved2(tr, stack->retired);
	stack->retired = tr;
	if (!wheel_armed(&stack->retire_timer)) {
		wheel_timer_init(&stack->retire_timer, on_retire);
		wheel_arm(stack->config.wheel, &stack->retire_timer, stack_now(stack));
	}
}
