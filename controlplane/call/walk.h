/* SPDX-License-Identifier: BSD-3-Clause */
/* A walk over all calls that may pause while calls come and go: each that is there the whole time
 * is met once, one that comes meanwhile is met too. */
#ifndef CONTROLPLANE_CALL_WALK_H
#define CONTROLPLANE_CALL_WALK_H

struct calls;
struct call;

struct walk {
	struct calls *calls;
	struct call *at; /* the one to meet next */
	struct walk *prev, *next;
};

/* The walk must stay where it is until walk_end(). */
void walk_begin(struct walk *walk, struct calls *calls);
struct call *walk_next(struct walk *walk); /* NULL at the end */
void walk_end(struct walk *walk);

/* A call is about to leave the table. */
void walk_leave(struct calls *calls, const struct call *call);

#endif
