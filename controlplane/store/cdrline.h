/* SPDX-License-Identifier: BSD-3-Clause */
/* One CDR of a stream as a line of JSON. */
#ifndef CONTROLPLANE_STORE_CDRLINE_H
#define CONTROLPLANE_STORE_CDRLINE_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

/* Appends the entry's fields (name, value, ...) in their order as one line to a buffer that grows.
 * Fields for which is_number (may be NULL) says so become numbers if their value is one. Text that
 * is not UTF-8 is escaped. The call's id is copied to id ("" if there is none). Returns 0 or
 * -ENOMEM. */
int cdrline_add(char **text, size_t *len, size_t *room, const redisReply *fields, char *id,
	size_t id_size, bool (*is_number)(const char *name));

#endif
