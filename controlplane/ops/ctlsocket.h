/* SPDX-License-Identifier: BSD-3-Clause */
/* A listening Unix stream socket in place of whatever stale file stands there. */
#ifndef CONTROLPLANE_OPS_CTLSOCKET_H
#define CONTROLPLANE_OPS_CTLSOCKET_H

/* Returns a listening, non-blocking descriptor, mode 0660, or -errno: -EADDRINUSE when a living
 * server answers at path, -EEXIST when path is no socket, -ENAMETOOLONG. The file appears at path
 * in one step, when it can already be connected to. */
int ctlsocket_listen(const char *path);

#endif
