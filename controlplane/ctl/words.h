/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of linewatchctl's command line: commands, options, and what came of them. */
#ifndef CONTROLPLANE_CTL_WORDS_H
#define CONTROLPLANE_CTL_WORDS_H

#include <jansson.h>
#include <stdbool.h>

#define DEFAULT_FILE "/etc/linewatch/linewatch.yaml"

enum exit_code {
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_RUNNING = 3,
};

struct command {
	const char *name;
	const char *list;           /* key of a list in the answer: a table */
	const char *const *columns; /* of the table, the first ones */
	bool only;                  /* others with --wide only */
	bool watch;                 /* frames, until it ends */
	const char *operand;        /* name of the one operand, NULL: none */
	unsigned options;
	const char *usage;
	const char *help;
};

struct words {
	const struct command *command; /* NULL: there is nothing to ask */
	json_t *args;                  /* of the request */
	unsigned given;                /* BIT of each option of commands */
	bool json;
	bool wide;
	const char *socket;
	const char *config;
	const char *file;
};

/* Returns 0 or an exit code; what is wrong is on stderr then. words->args is given back by the
 * caller in any case. */
int words_read(struct words *words, int argc, char **argv);

/* A line on stderr; returns the code. */
int complain(enum exit_code code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
