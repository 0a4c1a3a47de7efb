/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ctl/table.h"

#include "controlplane/ctl/cell.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 128
#define INDENT       2

/* Copies the fields of an object with the names of inner ones joined by dots. */
static int flatten(json_t *flat, const char *prefix, const json_t *object)
{
	const char *key;
	json_t *value;
	int err = 0;

	json_object_foreach((json_t *)object, key, value)
	{
		char name[NAME_MAX_LEN];

		snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
		err = json_is_object(value) ? flatten(flat, name, value)
					    : json_object_set(flat, name, value);
		if (err)
			return err;
	}
	return 0;
}

/* A column is as wide as it was. */
static int set_width(json_t *names, const char *name, const json_t *former)
{
	return json_object_set_new(
		names, name, json_integer(json_integer_value(json_object_get(former, name))));
}

/* Flat copies of all rows, and the columns in order: those that are there already, and new ones. */
static int collect(const json_t *rows, const char *const *columns, bool only, const json_t *former,
	json_t *flat_rows, json_t *names)
{
	json_t *seen = json_object(), *row, *value;
	const char *name;
	size_t i;
	int err = former ? json_object_update(seen, (json_t *)former) : 0;

	json_array_foreach(rows, i, row)
	{
		json_t *flat = json_object();

		err |= flatten(flat, "", row) | json_object_update(seen, flat);
		err |= json_array_append_new(flat_rows, flat);
	}
	for (; columns && *columns; columns++) {
		if (json_object_get(seen, *columns))
			err |= set_width(names, *columns, former);
	}
	if (!only)
		json_object_foreach(seen, name, value) err |= set_width(names, name, former);
	json_decref(seen);
	return err ? -ENOMEM : 0;
}

/* "a.age_s" stands as "A.AGE": the cells show the unit. */
static char *title_text(const char *name)
{
	size_t len = strlen(name);
	char *title = strdup(name);

	if (!title)
		return NULL;
	if (len > 2 && strcmp(title + len - 2, "_s") == 0)
		title[len - 2] = '\0';
	for (char *c = title; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return title;
}

struct column {
	const char *name;
	size_t width;
	char **cells; /* [0] is the title */
	bool number;
};

static int column_fill(struct column *column, const json_t *rows)
{
	size_t count = json_array_size(rows);

	column->cells = calloc(count + 1, sizeof(*column->cells));
	if (!column->cells)
		return -ENOMEM;
	for (size_t i = 0; i <= count; i++) {
		const json_t *value = i ? json_object_get(json_array_get(rows, i - 1), column->name)
					: NULL;
		char *cell = i ? cell_text(column->name, value) : title_text(column->name);

		if (!cell)
			return -ENOMEM;
		column->cells[i] = cell;
		column->number |= cell_is_number(value);
		if (strlen(cell) > column->width)
			column->width = strlen(cell);
	}
	return 0;
}

static void column_print(FILE *out, const struct column *column, size_t row, bool last)
{
	int width = (int)column->width;

	if (column->number)
		fprintf(out, "%*s", width, column->cells[row]);
	else
		fprintf(out, "%-*s", last ? 0 : width, column->cells[row]);
	fputs(last ? "\n" : "  ", out);
}

/* Leaves the new widths in names. */
static int print_rows(FILE *out, const json_t *rows, json_t *names, bool titles, int indent)
{
	size_t count = json_object_size(names), n = 0;
	struct column *columns = calloc(count + 1, sizeof(*columns));
	const char *name;
	json_t *value;
	int err = columns ? 0 : -ENOMEM;

	if (err)
		return err;
	json_object_foreach(names, name, value)
	{
		columns[n].name = name;
		columns[n].width = (size_t)json_integer_value(value);
		if (!err)
			err = column_fill(&columns[n++], rows);
	}
	for (size_t i = 0; !err && i < n; i++)
		err = json_object_set_new(
			names, columns[i].name, json_integer((json_int_t)columns[i].width));
	for (size_t row = titles ? 0 : 1; !err && row <= json_array_size(rows); row++) {
		fprintf(out, "%*s", indent, "");
		for (size_t i = 0; i < n; i++)
			column_print(out, &columns[i], row, i + 1 == n);
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t row = 0; columns[i].cells && row <= json_array_size(rows); row++)
			free(columns[i].cells[row]);
		free(columns[i].cells);
	}
	free(columns);
	return err;
}

static int rows_at(FILE *out, struct table *table, const json_t *rows, const char *const *columns,
	bool only, int indent)
{
	json_t *flat = json_array(), *names = json_object();
	int err = collect(rows, columns, only, table->columns, flat, names);
	bool titles = json_object_size(names) != json_object_size(table->columns);

	if (!err)
		err = print_rows(out, flat, names, titles, indent);
	json_decref(flat);
	json_decref(table->columns);
	table->columns = names;
	return err;
}

int table_block(
	FILE *out, struct table *table, const json_t *rows, const char *const *columns, bool only)
{
	return rows_at(out, table, rows, columns, only, 0);
}

void table_close(struct table *table)
{
	json_decref(table->columns);
	table->columns = NULL;
}

static bool is_list_of_objects(const json_t *value)
{
	return json_is_object(json_array_get(value, 0));
}

static int inner_rows(FILE *out, const json_t *rows, int indent)
{
	struct table table = {0};
	int err = rows_at(out, &table, rows, NULL, false, indent);

	table_close(&table);
	return err;
}

static int object_at(FILE *out, const json_t *object, int indent);

/* The inner objects and tables, each under its name. */
static int parts_at(FILE *out, const json_t *object, int indent)
{
	const char *name;
	json_t *value;
	int err = 0;

	json_object_foreach((json_t *)object, name, value)
	{
		if (err || (!json_is_object(value) && !is_list_of_objects(value)))
			continue;
		fprintf(out, "%*s%s\n", indent, "", name);
		err = json_is_object(value) ? object_at(out, value, indent + INDENT)
					    : inner_rows(out, value, indent + INDENT);
	}
	return err;
}

static int object_at(FILE *out, const json_t *object, int indent)
{
	const char *name;
	json_t *value;
	size_t width = 0;

	json_object_foreach((json_t *)object, name, value)
	{
		if (!json_is_object(value) && !is_list_of_objects(value) && strlen(name) > width)
			width = strlen(name);
	}
	json_object_foreach((json_t *)object, name, value)
	{
		char *cell;

		if (json_is_object(value) || is_list_of_objects(value))
			continue;
		cell = cell_text(name, value);
		if (!cell)
			return -ENOMEM;
		fprintf(out, "%*s%-*s  %s\n", indent, "", (int)width, name, cell);
		free(cell);
	}
	return parts_at(out, object, indent);
}

int table_object(FILE *out, const json_t *object)
{
	return object_at(out, object, 0);
}
