/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ctl/words.h"

#include "controlplane/ctl/cell.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum option_id {
	OPTION_JSON = 1,
	OPTION_WIDE,
	OPTION_SOCKET,
	OPTION_CONFIG,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_FILE,
	OPTION_LONGER,
	OPTION_SILENT,
	OPTION_LAST,
	OPTION_UNPROVEN,
	OPTION_END_CALLS,
	OPTION_BINDING,
	OPTION_CALL,
	OPTION_SECONDS,
	OPTION_PACKETS,
	OPTION_END,
};

/* From OPTION_FILE on, an option belongs to certain commands and becomes an argument. */
enum option_kind {
	KIND_COMMON,
	KIND_DURATION,
	KIND_NUMBER,
	KIND_FLAG,
	KIND_TEXT,
	KIND_LOCAL,
};

static const struct {
	enum option_kind kind;
	const char *arg; /* name in the request */
} option_kinds[OPTION_END] = {
	[OPTION_FILE] = {KIND_LOCAL, NULL},
	[OPTION_LONGER] = {KIND_DURATION, "longer_s"},
	[OPTION_SILENT] = {KIND_DURATION, "silent_s"},
	[OPTION_LAST] = {KIND_NUMBER, "last"},
	[OPTION_UNPROVEN] = {KIND_DURATION, "unproven_s"},
	[OPTION_END_CALLS] = {KIND_FLAG, "end_calls"},
	[OPTION_BINDING] = {KIND_TEXT, "aor"},
	[OPTION_CALL] = {KIND_TEXT, "call"},
	[OPTION_SECONDS] = {KIND_DURATION, "seconds"},
	[OPTION_PACKETS] = {KIND_NUMBER, "packets"},
};

static const struct option options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"wide", no_argument, NULL, OPTION_WIDE},
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"file", required_argument, NULL, OPTION_FILE},
	{"longer", required_argument, NULL, OPTION_LONGER},
	{"silent", required_argument, NULL, OPTION_SILENT},
	{"last", required_argument, NULL, OPTION_LAST},
	{"unproven", required_argument, NULL, OPTION_UNPROVEN},
	{"end-calls", no_argument, NULL, OPTION_END_CALLS},
	{"binding", required_argument, NULL, OPTION_BINDING},
	{"call", required_argument, NULL, OPTION_CALL},
	{"seconds", required_argument, NULL, OPTION_SECONDS},
	{"packets", required_argument, NULL, OPTION_PACKETS},
	{NULL, 0, NULL, 0},
};

static const char *const call_columns[] = {"id", "state", "from", "to", "age_s", "a.sip_s",
	"a.rtp_s", "a.expires_s", "b.sip_s", "b.rtp_s", "b.expires_s", "why", NULL};
static const char *const binding_columns[] = {
	"aor", "contact", "received", "expires_s", "heard_s", "reachable", "id", NULL};
static const char *const cdr_columns[] = {
	"t2", "id", "from", "to", "connected", "proven", "cause", "by", NULL};
static const char *const config_columns[] = {"name", "value", "unit", "origin", NULL};

#define BIT(option) (1u << (option))

static const struct command commands[] = {
	{"status", NULL, NULL, false, false, NULL, 0, "status", "what the node does"},
	{"calls", "calls", call_columns, true, false, NULL, BIT(OPTION_LONGER) | BIT(OPTION_SILENT),
		"calls [--longer TIME] [--silent TIME]",
		"calls, those up for longer or silent for longer only"},
	{"call", NULL, NULL, false, false, "id", 0, "call ID", "everything about one call"},
	{"bindings", "bindings", binding_columns, false, false, NULL, 0, "bindings",
		"registered and listed devices"},
	{"cdr", "cdrs", cdr_columns, true, false, NULL, BIT(OPTION_LAST) | BIT(OPTION_UNPROVEN),
		"cdr [--last N] [--unproven TIME]",
		"records of ended calls, those connected that much beyond their proof only"},
	{"end", NULL, NULL, false, false, "id", 0, "end ID", "end a call"},
	{"config", "config", config_columns, false, false, NULL, BIT(OPTION_FILE),
		"config [--file FILE]",
		"each parameter and where it comes from; --file needs no running node"},
	{"trace", NULL, NULL, false, true, NULL, BIT(OPTION_BINDING) | BIT(OPTION_SECONDS),
		"trace --binding AOR [--seconds TIME]",
		"a line for each keep-alive, answer and SIP message of a device"},
	{"capture", NULL, NULL, false, true, NULL,
		BIT(OPTION_BINDING) | BIT(OPTION_CALL) | BIT(OPTION_FILE) | BIT(OPTION_SECONDS) |
			BIT(OPTION_PACKETS),
		"capture --call ID|--binding AOR --file PCAP",
		"its frames into a file, [--packets N] [--seconds TIME] of them"},
	{"port-reset", NULL, NULL, false, false, "port", 0, "port-reset PORT",
		"reset a NIC, as the status names its port"},
	{"stop", NULL, NULL, false, false, NULL, BIT(OPTION_END_CALLS), "stop [--end-calls]",
		"stop the node; its calls go on from Redis, or end"},
};

static void usage(FILE *out)
{
	fprintf(out, "usage: linewatchctl [OPTION] COMMAND\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-38s %s\n", commands[i].usage, commands[i].help);
	fprintf(out,
		"\n"
		"  --json           the node's answer as it is\n"
		"  --wide           every column\n"
		"  --socket PATH    the node's socket\n"
		"  --config FILE    the configuration that names it (" DEFAULT_FILE ")\n"
		"  --help, --version\n"
		"\n"
		"TIME is in seconds, or with a unit: 30s, 5m, 1h, 2d.\n"
		"Status: 0 done, 1 refused, 2 wrong usage, 3 the node does not run.\n");
}

int complain(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "linewatchctl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	return code;
}

static const char *option_name(int id)
{
	for (size_t i = 0; options[i].name; i++) {
		if (options[i].val == id)
			return options[i].name;
	}
	return "";
}

/* An option that becomes an argument of the request. Returns 0 or an exit code. */
static int take_argument(struct words *words, int id, const char *text)
{
	const char *arg = option_kinds[id].arg;
	uint32_t number;

	words->given |= BIT(id);
	switch (option_kinds[id].kind) {
	case KIND_DURATION:
		if (cell_parse_duration(text, &number) < 0)
			return complain(EXIT_USAGE,
				"--%s %s: a time is expected, such as 30s, 5m, 1h or 2d",
				option_name(id), text);
		json_object_set_new(words->args, arg, json_integer(number));
		break;
	case KIND_NUMBER:
		if (strspn(text, "0123456789") != strlen(text) ||
			cell_parse_duration(text, &number) < 0 || number == 0)
			return complain(EXIT_USAGE, "--%s %s: a number from 1 is expected",
				option_name(id), text);
		json_object_set_new(words->args, arg, json_integer(number));
		break;
	case KIND_FLAG:
		json_object_set_new(words->args, arg, json_true());
		break;
	case KIND_TEXT:
		if (json_object_set_new(words->args, arg, json_string(text)))
			return complain(EXIT_USAGE, "--%s is not readable text", option_name(id));
		break;
	default:
		words->file = text;
	}
	return 0;
}

/* Returns -1 to go on, or an exit code. */
static int take_options(struct words *words, int argc, char **argv)
{
	int id, rc;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (id) {
		case OPTION_JSON:
			words->json = true;
			json_object_set_new(words->args, "full", json_true());
			break;
		case OPTION_WIDE:
			words->wide = true;
			break;
		case OPTION_SOCKET:
			words->socket = optarg;
			break;
		case OPTION_CONFIG:
			words->config = optarg;
			break;
		case OPTION_HELP:
			usage(stdout);
			return 0;
		case OPTION_VERSION:
			printf("linewatchctl %s\n", LW_VERSION);
			return 0;
		case '?':
			return EXIT_USAGE;
		default:
			rc = take_argument(words, id, optarg);
			if (rc)
				return rc;
		}
	}
	return -1;
}

/* The command and its operand. Returns 0 or an exit code. */
static int take_command(struct words *words, int argc, char **argv)
{
	const struct command *command = NULL;
	int left = argc - optind - 1;

	if (left < 0) {
		usage(stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, argv[optind]) == 0)
			command = &commands[i];
	}
	if (!command)
		return complain(EXIT_USAGE, "unknown command %s: linewatchctl --help lists them",
			argv[optind]);
	if (left != (command->operand ? 1 : 0))
		return complain(EXIT_USAGE, "usage: linewatchctl %s", command->usage);
	for (int id = OPTION_FILE; id < OPTION_END; id++) {
		if (words->given & BIT(id) & ~command->options)
			return complain(EXIT_USAGE, "--%s is not for %s: linewatchctl %s",
				option_name(id), command->name, command->usage);
	}
	if (command->operand &&
		json_object_set_new(words->args, command->operand, json_string(argv[optind + 1])))
		return complain(EXIT_USAGE, "the id is not readable text");
	/* One thing to look at, and where to write it. */
	if (command->watch &&
		((command->options & BIT(OPTION_FILE) && !words->file) ||
			!(words->given & BIT(OPTION_BINDING)) ==
				!(words->given & BIT(OPTION_CALL))))
		return complain(EXIT_USAGE, "usage: linewatchctl %s", command->usage);
	words->command = command;
	return 0;
}

int words_read(struct words *words, int argc, char **argv)
{
	int rc = take_options(words, argc, argv);

	return rc < 0 ? take_command(words, argc, argv) : rc;
}
