/* SPDX-License-Identifier: BSD-3-Clause */
/* trace and capture: what a node tells frame by frame (controlplane/ops/capture.h), as lines, or
 * as a capture file. */
#ifndef CONTROLPLANE_CTL_WATCH_H
#define CONTROLPLANE_CTL_WATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct watch_order {
	const json_t *args; /* of the node's command "capture" */
	const char *file; /* a capture file, in place of one that there is; NULL: lines on stdout */
	bool json;        /* lines as the node tells them */
	bool wide;        /* payloads in full */
};

/* Asks, and writes what comes until the end, which one line on stderr tells. What is written can be
 * read at once. Returns 0, or as ctlask() with a line in err. */
int watch_run(const char *path, const struct watch_order *order, char *err, size_t errlen);

/* One line that tells of a frame; returns buf. */
char *watch_line(char *buf, size_t size, const json_t *frame, bool wide);

#endif
