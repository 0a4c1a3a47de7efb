/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/walk.h"

#include "controlplane/call/calls.h"

#include <utlist.h>

void walk_begin(struct walk *walk, struct calls *calls)
{
	*walk = (struct walk){.calls = calls, .at = calls->table};
	DL_APPEND(calls->walks, walk);
}

struct call *walk_next(struct walk *walk)
{
	struct call *call = walk->at;

	if (call)
		walk->at = call->hh.next;
	return call;
}

void walk_end(struct walk *walk)
{
	DL_DELETE(walk->calls->walks, walk);
}

void walk_leave(struct calls *calls, const struct call *call)
{
	struct walk *walk;

	DL_FOREACH(calls->walks, walk)
	{
		if (walk->at == call)
			walk->at = call->hh.next;
	}
}
