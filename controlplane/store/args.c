/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/store/args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void args_free(struct args *args)
{
	free(args->argv);
	free(args->len);
	args->argv = NULL;
	args->len = NULL;
	args->room = 0;
}

void args_start(struct args *args, const char *command)
{
	args->count = 0;
	args->used = 0;
	args->error = 0;
	args_add(args, command);
}

void args_fcall(struct args *args, const char *name, unsigned keys)
{
	args_start(args, "FCALL");
	args_add(args, name);
	args_add_num(args, keys);
}

static int grow(struct args *args)
{
	uint32_t room = args->room ? args->room * 2 : 256;
	const char **argv = realloc(args->argv, room * sizeof(*argv));
	size_t *len;

	if (!argv)
		return -ENOMEM;
	args->argv = argv;
	len = realloc(args->len, room * sizeof(*len));
	if (!len)
		return -ENOMEM;
	args->len = len;
	args->room = room;
	return 0;
}

void args_add_len(struct args *args, const char *text, size_t len)
{
	if (args->count == args->room && grow(args)) {
		args->error = -ENOMEM;
		return;
	}
	args->argv[args->count] = text;
	args->len[args->count++] = len;
}

void args_add(struct args *args, const char *text)
{
	args_add_len(args, text, strlen(text));
}

char *args_space(struct args *args, size_t n)
{
	char *at = args->space + args->used;

	if (n > ARGS_SPACE - args->used) {
		args->error = -E2BIG;
		return args->space;
	}
	args->used += n;
	return at;
}

void args_add_num(struct args *args, int64_t number)
{
	char *text = args_space(args, 24);

	args_add_len(args, text, (size_t)snprintf(text, 24, "%" PRId64, number));
}

void args_add_record(struct args *args, const struct record *rec, uint64_t now_ms)
{
	if (rec->error)
		args->error = rec->error;
	for (uint32_t i = 0; i < rec->count; i++) {
		const struct record_item *item = &rec->items[i];

		args_add(args, rec->text + item->name);
		if (item->kind == RECORD_TIME)
			args_add_num(args, (int64_t)(item->time - now_ms));
		else
			args_add_len(args, rec->text + item->value, item->value_len);
	}
}
