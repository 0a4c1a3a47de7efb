/* SPDX-License-Identifier: BSD-3-Clause */
/* Filling a struct registrar_reply. */
#ifndef CONTROLPLANE_REGISTRAR_REPLY_H
#define CONTROLPLANE_REGISTRAR_REPLY_H

#include "controlplane/registrar/registrar.h"

/* Empties it and sets the status line. reason must be a literal. */
void reply_start(struct registrar_reply *reply, int status, const char *reason);

/* Adds a header; name must be a literal. What does not fit any more is left out: callers keep
 * within REGISTRAR_TEXT_MAX. */
void reply_add(struct registrar_reply *reply, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Date, in the one form that SIP knows (RFC 3261 section 20.17). */
void reply_add_date(struct registrar_reply *reply, uint64_t wall_ms);

#endif
