/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane in numbers, for linewatchctl status. */
#ifndef CONTROLPLANE_OPS_DPSTATUS_H
#define CONTROLPLANE_OPS_DPSTATUS_H

#include "controlplane/media/dpclient.h"

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

struct dpstatus;

/* Looks every second how busy the workers are. dp NULL: there is no data plane. Returns 0 or
 * -ENOMEM. */
int dpstatus_open(struct dpstatus **s, uv_loop_t *loop, const struct dpclient *dp);

/* The memory goes when the loop has run the closing callback. NULL is fine. */
void dpstatus_close(struct dpstatus *s);

/* A new reference. full: the histograms' counts too. */
json_t *dpstatus_json(const struct dpstatus *s, bool full);

/* Every reason for a drop or loss, and how often. */
json_t *dpstatus_drops(const struct dpstatus *s);

#endif
