/* SPDX-License-Identifier: BSD-3-Clause */
/* A call as text in Redis and back: the one place that knows the names of its fields (cluster.md
 * 2.2; operator's view in shared/redis.md). */
#ifndef CONTROLPLANE_CALL_CALLRECORD_H
#define CONTROLPLANE_CALL_CALLRECORD_H

#include "controlplane/call/call.h"

/* Writes the parts (enum call_part) of a call. Raises what is reserved of CSeq numbers. */
void callrecord_write(struct call *call, uint32_t parts, struct record *rec);

/* Fills a call that call_create made. Returns 0, or -EINVAL when a field that it cannot do without
 * is missing or wrong. */
int callrecord_read(struct call *call, const struct record *rec);

#endif
