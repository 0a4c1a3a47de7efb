/* SPDX-License-Identifier: BSD-3-Clause */
/* One question to a running node (controlplane/ops/ctlserver.h says how lines look). */
#ifndef CONTROLPLANE_CTL_CTLASK_H
#define CONTROLPLANE_CTL_CTLASK_H

#include <jansson.h>
#include <stddef.h>

/* What takes the parts of an answer that come before its end. */
struct ctlask_parts {
	void (*part)(void *arg, const json_t *part);
	void *arg;
};

/* Sends the command and waits for the answer; parts may be NULL. Returns 0 with a new reference in
 * *result, -ECONNREFUSED when no node answers at path, -EPROTO when the node refused or answered
 * nonsense; then err is one line. */
int ctlask(const char *path, const char *command, const json_t *args,
	const struct ctlask_parts *parts, json_t **result, char *err, size_t errlen);

#endif
