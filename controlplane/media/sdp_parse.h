/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of sdp_*.c: from hostile text to libosip2's tree. */
#ifndef CONTROLPLANE_MEDIA_SDP_PARSE_H
#define CONTROLPLANE_MEDIA_SDP_PARSE_H

#include "controlplane/media/sdp.h"

#include <osipparser2/sdp_message.h>

/* Checks the text line by line, brings it into the order that RFC 4566 wants (libosip2 takes no
 * other, phones send many), and parses that. Lines that nobody here reads (u, e, p, i, k, r, z) are
 * left out. Returns 0 and the tree, to be freed with sdp_message_free, or as sdp_describe does. */
int sdp_parse(sdp_message_t **msg, const char *text, size_t len, const char **why);

/* Describes a tree. Returns as sdp_describe does. */
int sdp_describe_tree(struct sdp *out, sdp_message_t *msg, const char **why);

/* A decimal number up to max and nothing else. Returns 0 or -EINVAL. */
int sdp_number(const char *text, size_t len, uint32_t max, uint32_t *value);

#endif
