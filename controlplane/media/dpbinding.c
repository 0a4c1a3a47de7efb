/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings, by index. */
#include "controlplane/media/dpclient_impl.h"

#include <errno.h>

static int64_t dpbinding_id(const struct dpclient *c, uint32_t index)
{
	if (index >= c->welcome.binding_count)
		return -1;
	return c->welcome.binding_first + index;
}

const struct dptable_kind dpbinding_kind = {
	.set = PROTO_BINDING_SET,
	.del = PROTO_BINDING_DEL,
	.stride = sizeof(struct dpbinding),
	.id = dpbinding_id,
};

int dpclient_binding_set(struct dpclient *c, uint32_t index, const struct proto_binding *binding)
{
	if (index >= c->bindings.size || dpclient_check(PROTO_BINDING_SET, binding) < 0)
		return -EINVAL;
	dptable_set(&c->bindings, index, binding->gen);
	((struct dpbinding *)dptable_at(&c->bindings, index))->binding = *binding;
	return 0;
}

void dpclient_binding_del(struct dpclient *c, uint32_t index, uint32_t gen)
{
	if (dptable_held(&c->bindings, index, gen))
		dptable_del(&c->bindings, index);
}

const struct proto_binding *dpclient_binding_get(const struct dpclient *c, uint32_t index)
{
	return dptable_get(&c->bindings, index);
}

void dpbinding_event(struct dpclient *c, const struct proto_binding_event *ev)
{
	uint32_t index = ev->id - c->welcome.binding_first;
	const struct dpbinding *b;

	if (ev->id < c->welcome.binding_first)
		return;
	b = (const struct dpbinding *)dptable_held(&c->bindings, index, ev->gen);
	if (!b)
		return;
	if (ev->kind == PROTO_BINDING_EXPIRED &&
		!dptable_expire(&c->bindings, index, b->binding.expires_ms, ev->at_ms))
		return;
	c->event_count++;
	if (c->events.binding)
		c->events.binding(c->events.arg, index, ev);
}
