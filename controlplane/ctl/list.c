/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ctl/list.h"

#include <errno.h>

#define BLOCK 1000 /* rows whose columns are as wide as the widest of them */

static void list_flush(struct list *list)
{
	if (json_array_size(list->block) && !list->err)
		list->err = table_block(
			list->out, &list->table, list->block, list->columns, list->only);
	json_array_clear(list->block);
}

static void list_json_row(struct list *list, const json_t *row)
{
	if (list->rows == 0)
		fprintf(list->out, "{\"%s\":[", list->key);
	else
		fputc(',', list->out);
	if (json_dumpf(row, list->out, JSON_COMPACT))
		list->err = -EIO;
}

void list_part(void *arg, const json_t *part)
{
	struct list *list = arg;
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(part, list->key), i, row)
	{
		if (list->json) {
			list_json_row(list, row);
		} else {
			if (!list->block)
				list->block = json_array();
			if (json_array_append(list->block, row))
				list->err = -ENOMEM;
			if (json_array_size(list->block) == BLOCK)
				list_flush(list);
		}
		list->rows++;
	}
}

int list_end(struct list *list, bool whole)
{
	list_flush(list);
	if (whole && list->json)
		fprintf(list->out, list->rows ? "]}\n" : "{\"%s\":[]}\n", list->key);
	else if (whole && list->rows == 0)
		fprintf(list->out, "no %s\n", list->key);
	json_decref(list->block);
	table_close(&list->table);
	if (fflush(list->out) || ferror(list->out))
		return -EIO;
	return list->err;
}
