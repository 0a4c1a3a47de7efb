/* SPDX-License-Identifier: BSD-3-Clause */
/* A file of JSON lines that is rotated by size. Blocking: runs in a thread of the pool. */
#ifndef CONTROLPLANE_STORE_CDRFILE_H
#define CONTROLPLANE_STORE_CDRFILE_H

#include <stddef.h>
#include <stdint.h>

struct cdrfile {
	char *path;
	uint64_t limit;
	int fd; /* -1: not open */
};

int cdrfile_init(struct cdrfile *file, const char *path, uint64_t limit); /* 0 or -ENOMEM */

/* Appends whole lines and waits until they are on the disk. The file is created, opened again when
 * somebody moved it away, and renamed to PATH.YYYYMMDDTHHMMSSZ (a number is added if that exists)
 * before it would exceed its limit. A line that a crash or a full disk cut short is removed.
 * Returns 0 or -errno; then nothing was added. */
int cdrfile_append(struct cdrfile *file, const char *lines, size_t len);

void cdrfile_close(struct cdrfile *file);

#endif
