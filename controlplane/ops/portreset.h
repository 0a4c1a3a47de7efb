/* SPDX-License-Identifier: BSD-3-Clause */
/* "port-reset": the operator has a port of the data plane reset. */
#ifndef CONTROLPLANE_OPS_PORTRESET_H
#define CONTROLPLANE_OPS_PORTRESET_H

#include "controlplane/ops/ctlserver.h"

/* args: {"port": its name as status shows it}. Answers when the data plane has taken the order. arg
 * is the loop. */
void portreset_command(void *arg, struct ctlserver_request *request, const json_t *args);

#endif
