/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of rtnl.h share. */
#ifndef DATAPLANE_HOST_RTNL_IMPL_H
#define DATAPLANE_HOST_RTNL_IMPL_H

#include "dataplane/host/rtnl.h"

#include <libmnl/libmnl.h>

/* Sends a request and hands the answers to cb until it stops (MNL_CB_STOP), the dump or the
 * acknowledgement ends. Returns 0 or -errno, the kernel's own included. */
int rtnl_talk(struct rtnl *rtnl, struct nlmsghdr *request, mnl_cb_t cb, void *data);

#endif
