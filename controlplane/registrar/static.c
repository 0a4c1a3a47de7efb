/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that never register: a binding without an AOR, prolonged as long as we live. */
#include "controlplane/registrar/registrar_impl.h"

#include <errno.h>

/* A listed device is pinged as long as we live, and a little longer. */
static void registrar_on_static(struct wheel_timer *timer)
{
	struct binding *b = WHEEL_OWNER(timer, struct binding, timer);
	struct registrar *r = b->registrar;

	b->expires_ms = r->wheel->now_ms + REGISTRAR_STATIC_MS;
	persist_ping_set(r, b);
	wheel_arm(r->wheel, timer, r->wheel->now_ms + REGISTRAR_STATIC_MS / 2);
}

int registrar_static_add(
	struct registrar *r, const struct addr *dst, const struct addr *local, uint64_t now_ms)
{
	struct binding *b;
	char text[ADDR_STRLEN];

	for (uint32_t i = 0; i < r->top; i++)
		if (r->at[i] && !r->at[i]->aor && addr_equal(&r->at[i]->source, dst))
			return -EEXIST;
	if (!table_free(r))
		return -ENOSPC;
	b = binding_new(addr_format(dst, text), NULL, "");
	if (!b)
		return -ENOSPC;
	registrar_new_bid(r, b->bid);
	b->source = *dst;
	b->local = *local;
	b->registered_ms = 0;
	b->expires_ms = now_ms + REGISTRAR_STATIC_MS;
	table_add(r, NULL, b);
	wheel_timer_init(&b->timer, registrar_on_static);
	wheel_arm(r->wheel, &b->timer, now_ms + REGISTRAR_STATIC_MS / 2);
	persist_ping_set(r, b);
	return 0;
}
