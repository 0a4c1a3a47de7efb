/* SPDX-License-Identifier: BSD-3-Clause */
/* `linewatchctl cdr`: the newest lines of the CDR file, read off the loop. */
#ifndef CONTROLPLANE_OPS_CDRTAIL_H
#define CONTROLPLANE_OPS_CDRTAIL_H

#include "controlplane/ops/ctlserver.h"

/* Answers request with parts {"cdrs":[...]}, oldest first: at most `last` records, of which only
 * those whose duration exceeds the proven one by unproven_s (0 = all). path must stay. */
void cdrtail_answer(struct ctlserver_request *request, uv_loop_t *loop, const char *path,
	uint64_t last, uint64_t unproven_s);

#endif
