/* SPDX-License-Identifier: BSD-3-Clause */
/* What linewatchctl trace and capture ask for: the frames of the bindings of an AOR, or of both
 * legs of a call, told in parts as the data plane copies them. */
#ifndef CONTROLPLANE_OPS_CAPTURE_H
#define CONTROLPLANE_OPS_CAPTURE_H

#include "controlplane/loop.h"
#include "controlplane/ops/ctlserver.h"

/* Handles "capture": {"aor" or "call", "seconds", "packets"}. A part is a frame:
 *
 *   {"at_us":1767225600000000,"out":true,"fate":"keep-alive","len":60,"data":"0a1b..."}
 *
 * with "round_us" for an answer, "leg" for a call's and "lost" once frames were lost; or {}, which
 * only tells that the node is alive. The answer says why it ended: {"why","frames","lost"}. */
void capture_command(void *loop, struct ctlserver_request *request, const json_t *args);

#endif
