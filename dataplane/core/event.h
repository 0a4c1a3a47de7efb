/* SPDX-License-Identifier: BSD-3-Clause */
/* Where modules drop their events for the control plane (main thread only). The server behind it
 * bounds each client's queue; an event for a slot without a client is forgotten, since a client
 * that comes back reads the facts. */
#ifndef DATAPLANE_CORE_EVENT_H
#define DATAPLANE_CORE_EVENT_H

#include "shared/proto.h"

struct event_sink {
	void *ctx;
	void (*flow)(void *ctx, uint32_t slot, const struct proto_flow_event *event);
	void (*binding)(void *ctx, uint32_t slot, const struct proto_binding_event *event);
	/* A FRAME or CAPTURE_END; false: the client has no room for it now. */
	bool (*capture)(void *ctx, uint32_t slot, uint16_t type, const void *record);
	/* To all clients. */
	void (*port)(void *ctx, const struct proto_port_event *event);
};

static inline void event_flow(
	const struct event_sink *sink, uint32_t slot, const struct proto_flow_event *event)
{
	sink->flow(sink->ctx, slot, event);
}

static inline void event_binding(
	const struct event_sink *sink, uint32_t slot, const struct proto_binding_event *event)
{
	sink->binding(sink->ctx, slot, event);
}

static inline void event_port(const struct event_sink *sink, const struct proto_port_event *event)
{
	sink->port(sink->ctx, event);
}

#endif
