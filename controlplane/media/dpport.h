/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports of the data plane through the data-plane client: an operator's order to reset one, and what
 * the data plane tells of them. */
#ifndef CONTROLPLANE_MEDIA_DPPORT_H
#define CONTROLPLANE_MEDIA_DPPORT_H

#include "controlplane/media/dpclient.h"

/* Has the port of that name reset. `done` is called once, from the loop and never from inside this:
 * 0 (it begins now), -ENOENT (no port of that name), -EBUSY (it is out of service already),
 * -EOPNOTSUPP (af_xdp) or -ENOTCONN (the data plane went away). Returns 0, or without a call
 * -ENOTCONN (no data plane), -EALREADY (another order is under way) or -EINVAL (no name of a port).
 */
int dpport_reset(struct dpclient *c, const char *name, void (*done)(void *arg, int err), void *arg);

#endif
