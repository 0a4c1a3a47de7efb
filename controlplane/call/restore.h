/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls that outlived the process: from Redis back to life (cluster.md 2.3, 3.5; EXP-09). */
#ifndef CONTROLPLANE_CALL_RESTORE_H
#define CONTROLPLANE_CALL_RESTORE_H

#include "controlplane/call/calls.h"

/* One call as Redis has it. Established ones go on, those whose end was decided are ended, those
 * that were never answered end with cause node-failure. */
void restore_call(struct calls *calls, const char *id, const struct record *rec);

#endif
