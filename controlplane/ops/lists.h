/* SPDX-License-Identifier: BSD-3-Clause */
/* What may be long: all calls, all bindings. They are told page by page (ctlserver_pages), each
 * page as the world is when it is made. */
#ifndef CONTROLPLANE_OPS_LISTS_H
#define CONTROLPLANE_OPS_LISTS_H

#include "controlplane/call/calls.h"
#include "controlplane/ops/ctlserver.h"

/* Parts {"calls":[...]}: the calls up for at least args.longer_s, of which a leg that should send
 * has been silent for at least args.silent_s. */
void lists_calls(struct ctlserver_request *request, struct calls *calls, const json_t *args);

/* Parts {"bindings":[...]}. */
void lists_bindings(struct ctlserver_request *request, struct calls *calls);

#endif
