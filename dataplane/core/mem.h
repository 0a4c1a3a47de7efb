/* SPDX-License-Identifier: BSD-3-Clause */
/* The big tables. Pages come from the kernel at start, zeroed: 2 MB pages when configured, else
 * plain ones with a request for transparent huge pages. Under sanitizers libc serves them, so that
 * red zones exist. Start and stop only, never in the hot path. */
#ifndef DATAPLANE_CORE_MEM_H
#define DATAPLANE_CORE_MEM_H

#include <stdbool.h>
#include <stddef.h>

struct mem {
	bool hugepages;
};

/* Zeroed memory, cache-line aligned at least. NULL after one log line that says what for and how
 * much; errno is set. `what` names the table in that line. */
void *mem_get(const struct mem *mem, size_t size, const char *what);
void mem_put(const struct mem *mem, void *ptr, size_t size);

/* Memory that is also handed to other processes: *fd is a sealed-in-size memfd owned by the caller.
 * Returns NULL as above. Free with mem_put_shared and close(). */
void *mem_get_shared(const struct mem *mem, size_t size, const char *what, int *fd);
void mem_put_shared(const struct mem *mem, void *ptr, size_t size);

#endif
