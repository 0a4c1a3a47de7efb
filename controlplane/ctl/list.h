/* SPDX-License-Identifier: BSD-3-Clause */
/* A list of any length as it comes, part by part: a table in blocks, or one JSON document. */
#ifndef CONTROLPLANE_CTL_LIST_H
#define CONTROLPLANE_CTL_LIST_H

#include "controlplane/ctl/table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct list {
	FILE *out;
	const char *key; /* of the list in each part */
	const char *const *columns;
	bool only; /* no other columns */
	bool json;
	size_t rows;   /* so far */
	json_t *block; /* rows that are not printed yet */
	struct table table;
	int err;
};

/* Takes one part. */
void list_part(void *list, const json_t *part);

/* After the last; whole: there really are no more. Prints the end of a whole list, and what came of
 * another one. Returns 0 or -errno of anything that went wrong here. */
int list_end(struct list *list, bool whole);

#endif
