/* SPDX-License-Identifier: BSD-3-Clause */
/* The effective configuration as linewatchctl shows it. */
#ifndef CONTROLPLANE_OPS_CONFJSON_H
#define CONTROLPLANE_OPS_CONFJSON_H

#include "shared/conf.h"

#include <jansson.h>

/* {"config":[{"name":"session.SS_SIP_SESSION_TTL","value":"600","unit":"s","origin":"built-in"}]},
 * one entry for each parameter and each override of a trunk. A new reference, or NULL when memory
 * is short. */
json_t *confjson_list(const struct conf *conf);

#endif
