/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of one Redis command. Built, sent, used again. */
#ifndef CONTROLPLANE_STORE_ARGS_H
#define CONTROLPLANE_STORE_ARGS_H

#include "controlplane/store/record.h"

#include <stddef.h>
#include <stdint.h>

#define ARGS_SPACE 32768 /* for keys and numbers */

struct args {
	const char **argv;
	size_t *len;
	uint32_t count, room;
	size_t used;
	int error; /* -ENOMEM or -E2BIG: the command must not be sent */
	char space[ARGS_SPACE];
};

void args_free(struct args *args);

/* Starts a command. */
void args_start(struct args *args, const char *command);

/* Starts FCALL name with that many keys. */
void args_fcall(struct args *args, const char *name, unsigned keys);

/* The text must stay until the command is sent. */
void args_add(struct args *args, const char *text);
void args_add_len(struct args *args, const char *text, size_t len);

void args_add_num(struct args *args, int64_t number);

/* n bytes that stay until the command is sent (never NULL). */
char *args_space(struct args *args, size_t n);

/* The record's items as pairs for the function library; times become "in so many ms" from now_ms
 * (CLOCK_BOOTTIME). */
void args_add_record(struct args *args, const struct record *rec, uint64_t now_ms);

#endif
