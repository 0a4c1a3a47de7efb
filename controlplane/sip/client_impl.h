/* SPDX-License-Identifier: BSD-3-Clause */
/* What client.c and client_start.c share. */
#ifndef CONTROLPLANE_SIP_CLIENT_IMPL_H
#define CONTROLPLANE_SIP_CLIENT_IMPL_H

#include "controlplane/sip/stack_impl.h"

/* ---- client.c ---- */

struct sip_key client_key(
	struct sip_stack *stack, const char *branch, size_t len, const char *method);
struct sip_client *client_find(struct sip_stack *stack, const struct sip_key *key);
/* Arms its timer, but not beyond its end. */
void client_arm(struct sip_client *client, uint64_t at);
void client_on_timer(struct wheel_timer *timer);

/* ---- client_start.c ---- */

bool client_via_ours(const struct sip_stack *stack, const osip_message_t *msg);
void client_cancel_now(struct sip_client *client);

#endif
