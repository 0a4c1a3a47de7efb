/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames on a wire with the moment at which the kernel saw them, whenever the test came to look. */
#ifndef TESTS_COMPONENT_STAMP_H
#define TESTS_COMPONENT_STAMP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STAMP_FRAME 2048

/* From now on, on this packet socket. */
void stamp_open(int fd);

/* The next frame, if one comes within wait_ms: returns its length, and when it was seen (ns since
 * 1970); or -1. */
ssize_t stamp_read(int fd, uint8_t frame[static STAMP_FRAME], uint64_t *seen_ns, int wait_ms);

#endif
