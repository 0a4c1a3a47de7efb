/* SPDX-License-Identifier: BSD-3-Clause */
/* Joins the store with the calls and the registrar: what it asks of them and tells them. */
#ifndef CONTROLPLANE_STORAGE_H
#define CONTROLPLANE_STORAGE_H

#include "controlplane/call/calls.h"

/* Its arg is struct loop. */
extern const struct store_events storage_events;

/* The registrar's way to the store. */
void storage_registrar(struct calls *calls, struct registrar_store *out);

#endif
