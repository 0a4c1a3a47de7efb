/* SPDX-License-Identifier: BSD-3-Clause */
/* A call as an operator sees it, with what the data plane knows at this moment. */
#ifndef CONTROLPLANE_OPS_CALLVIEW_H
#define CONTROLPLANE_OPS_CALLVIEW_H

#include "controlplane/call/call.h"

#include <jansson.h>

/* A new reference; NULL without memory. now is CLOCK_BOOTTIME in ms. */
json_t *callview_json(struct call *call, uint64_t now);

#endif
