/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/registrar_impl.h"

#include <stdlib.h>
#include <string.h>

struct binding *binding_new(const char *contact, const char *instance, const char *call_id)
{
	size_t contact_len = strlen(contact) + 1;
	size_t call_id_len = strlen(call_id) + 1;
	size_t instance_len = instance ? strlen(instance) + 1 : 0;
	struct binding *b = calloc(1, sizeof(*b) + contact_len + call_id_len + instance_len);

	if (!b)
		return NULL;
	b->contact = memcpy(b->text, contact, contact_len);
	b->call_id = memcpy(b->text + contact_len, call_id, call_id_len);
	if (instance)
		b->instance = memcpy(b->text + contact_len + call_id_len, instance, instance_len);
	b->q = BINDING_Q_MAX;
	return b;
}

void binding_free(struct binding *b)
{
	free(b);
}

const char *binding_aor(const struct binding *b)
{
	return b->aor ? b->aor->name : "";
}
