/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON as tables and lists of a terminal. Written for whatever fields come, so that a new field of
 * the node shows up without a new linewatchctl. */
#ifndef CONTROLPLANE_CTL_TABLE_H
#define CONTROLPLANE_CTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* A table that is printed block by block; zero at first. */
struct table {
	json_t *columns; /* so far: name -> width */
};

/* One line a row, which is an object; a field of an inner object is the column "a.field". `columns`
 * (ends with NULL, or NULL) come first if any row has them; the others follow unless only is true.
 * The titles stand above the first block and where a column comes in; columns grow, but never
 * shrink. Returns 0 or -ENOMEM. */
int table_block(
	FILE *out, struct table *table, const json_t *rows, const char *const *columns, bool only);
void table_close(struct table *table);

/* Name and value a line, inner objects and lists of objects indented under their name. Returns 0 or
 * -ENOMEM. */
int table_object(FILE *out, const json_t *object);

#endif
