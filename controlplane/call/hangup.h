/* SPDX-License-Identifier: BSD-3-Clause */
/* The one way in which calls end: cause -> commit -> both parties told, each for itself -> CDR. The
 * first cause wins (architecture, control plane 7; LV-09). */
#ifndef CONTROLPLANE_CALL_HANGUP_H
#define CONTROLPLANE_CALL_HANGUP_H

#include "controlplane/call/call.h"

/* A decision of ours: it is committed before any byte leaves, and void if Redis knows better. */
void hangup_decide(struct call *call, enum cause cause, unsigned int code, uint8_t end_leg);

/* A fact: a party has hung up, refused, given up, or nothing was answered yet. Nothing is waited
 * for. */
void hangup_fact(struct call *call, enum cause cause, unsigned int code, uint8_t end_leg);

/* A party that is still to be told can be told now (its ACK came, its INVITE was answered). */
void hangup_continue(struct call *call);

/* A restored call whose end was decided before the restart. */
void hangup_resume(struct call *call);

/* Nothing more is to be said to the leg's party. The call is finished, from a timer and never under
 * the feet of a caller, when both legs are gone. */
void hangup_leg_gone(struct leg *leg);

/* The ring timer of an ending call: writes the CDR and frees the call once nobody is left to be
 * told. A party that does not answer its BYE is not waited for longer than HANGUP_BYE_MS; its BYE
 * is repeated all the same. */
#define HANGUP_BYE_MS 5000
void hangup_timer(struct call *call);

#endif
