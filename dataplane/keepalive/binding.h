/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings as the control plane sets them. Main thread. `slot` is the client's (hello); a binding
 * belongs to the client that set it. */
#ifndef DATAPLANE_KEEPALIVE_BINDING_H
#define DATAPLANE_KEEPALIVE_BINDING_H

#include "shared/proto.h"

#include <stdint.h>

struct keepalive;

/* Adds, updates (same gen) or replaces (other gen) a binding; the record passed proto_check, and
 * its id is one of the client's. Returns 0, -EINVAL (id or family), -EPERM (another client's),
 * -ETIME (expired already), -ENOSPC (tables full), -EAGAIN (as keepalive_room). */
int binding_set(struct keepalive *keepalive, uint32_t slot, const struct proto_binding *binding,
	uint64_t now_ms);

/* Returns 0, also when the handle names nothing or another generation; -EAGAIN. */
int binding_del(struct keepalive *keepalive, uint32_t slot, const struct proto_handle *handle);

/* The address of a binding's device, NULL unless it is there, of this generation and this client's.
 */
const struct addr *binding_device(
	const struct keepalive *keepalive, uint32_t slot, uint32_t id, uint32_t gen);

/* Mark and sweep of one client's bindings: what was not set between begin and end goes. The sweep
 * itself runs in keepalive_tick. In the first sync of a client with this process its bindings get
 * the keep-alives that fell due after since_ms (schedule_owe); 0: nobody knows since when they are
 * missing. Later ones owe nobody anything: what is in place was served all the time. */
void binding_sync_begin(struct keepalive *keepalive, uint32_t slot, uint64_t since_ms);
void binding_sync_end(struct keepalive *keepalive, uint32_t slot);

#endif
