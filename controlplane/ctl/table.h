/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON as tables and lists of a terminal. Written for whatever fields come, so that a new field of
 * the node shows up without a new linewatchctl. */
#ifndef CONTROLPLANE_CTL_TABLE_H
#define CONTROLPLANE_CTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* One line a row, which is an object; a field of an inner object is the column "a.field". `columns`
 * (ends with NULL, or NULL) come first if any row has them; the others follow unless only is true.
 * Returns 0 or -ENOMEM. */
int table_rows(FILE *out, const json_t *rows, const char *const *columns, bool only);

/* Name and value a line, inner objects and lists of objects indented under their name. Returns 0 or
 * -ENOMEM. */
int table_object(FILE *out, const json_t *object);

#endif
