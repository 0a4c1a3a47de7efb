/* SPDX-License-Identifier: BSD-3-Clause */
/* What linewatchctl can ask of a running node. */
#ifndef CONTROLPLANE_OPS_COMMANDS_H
#define CONTROLPLANE_OPS_COMMANDS_H

struct loop;

/* Serves node.control_socket. Returns 0 or -errno. */
int commands_open(struct loop *loop);
void commands_close(struct loop *loop);

#endif
