/* SPDX-License-Identifier: BSD-3-Clause */
/* The other contacts of a callee that has several (RFC 3261 16.6): those with the q of the first
 * are invited with it, at once and by the same request; those of the next q when all of these have
 * refused. The first to answer takes the leg, the others are let go (CN-07). */
#ifndef CONTROLPLANE_CALL_FORK_H
#define CONTROLPLANE_CALL_FORK_H

#include "controlplane/call/call.h"
#include "controlplane/call/route.h"

struct fork {
	struct leg *leg;
	struct fork *prev, *next;
	struct sip_client *client; /* NULL: not under way */
	struct leg_invite invited; /* no tries: its turn has not come */
	uint16_t q;
	struct sip_flow flow;
	char uri[]; /* Request-URI */
};

/* The contacts of the route behind its first. Returns 0 or -ENOMEM. */
int fork_add(struct leg *leg, const struct route *route);

/* Invites all whose turn it is; takes req, which may be NULL. fn's arg is the fork. */
void fork_start(
	struct leg *leg, osip_message_t *req, const struct leg_invite *invited, sip_client_fn *fn);

/* Invites one of them, which fork->invited knows already; takes req. Returns 0 or -errno. */
int fork_ask(struct fork *fork, osip_message_t *req, sip_client_fn *fn);

/* Makes it the turn of the next q; false: all have been asked. */
bool fork_next(struct leg *leg);

/* Is any of them under way? */
bool fork_is_open(const struct leg *leg);

/* Wishes all INVITEs away that are under way; their final answers are still to come. */
void fork_cancel(struct leg *leg, const char *reason);

/* Lets them all go: CANCEL, and what they answer all the same comes as orphans. */
void fork_drop(struct leg *leg, const char *reason);

/* Which of two final answers tells the caller more (RFC 3261 16.7); 0: none. */
int fork_better(int a, int b);

#endif
