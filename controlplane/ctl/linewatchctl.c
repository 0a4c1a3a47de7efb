/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatchctl: asks a running node, or reads a configuration file. */
#include "controlplane/ctl/ctlask.h"
#include "controlplane/ctl/list.h"
#include "controlplane/ctl/table.h"
#include "controlplane/ctl/watch.h"
#include "controlplane/ctl/words.h"
#include "controlplane/ops/confjson.h"
#include "shared/conf.h"
#include "shared/log.h"
#include "shared/param.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the node listens: said, configured or built in. Returns 0 or an exit code. */
static int find_socket(const struct words *words, char path[static CONF_PATH_MAX])
{
	const char *file = words->config;
	struct conf *conf;
	char err[512];

	if (words->socket) {
		snprintf(path, CONF_PATH_MAX, "%s", words->socket);
		if (strlen(words->socket) >= CONF_PATH_MAX)
			return complain(
				EXIT_USAGE, "--socket: at most %d bytes", CONF_PATH_MAX - 1);
		return 0;
	}
	if (!file && access(DEFAULT_FILE, R_OK) == 0)
		file = DEFAULT_FILE;
	if (!file) {
		snprintf(
			path, CONF_PATH_MAX, "%s", param_find(PARAM_NODE, "control_socket")->value);
		return 0;
	}
	if (conf_load(&conf, file, err, sizeof(err)) < 0)
		return complain(EXIT_REFUSED, "%s", err);
	snprintf(path, CONF_PATH_MAX, "%s", conf->node.control_socket);
	conf_free(conf);
	return 0;
}

static int read_file(const char *file, json_t **result, char *err, size_t errlen)
{
	struct conf *conf;

	log_open("linewatchctl", LOG_WARNING);
	if (conf_load(&conf, file, err, errlen) < 0)
		return -EPROTO;
	*result = confjson_list(conf);
	conf_free(conf);
	if (!*result)
		snprintf(err, errlen, "out of memory");
	return *result ? 0 : -EPROTO;
}

/* Lists are printed as they come. */
static int ask_list(const struct words *words, const char *path, char *err, size_t errlen)
{
	const struct command *command = words->command;
	struct list list = {
		.out = stdout,
		.key = command->list,
		.columns = command->columns,
		.only = command->only && !words->wide,
		.json = words->json,
	};
	const struct ctlask_parts parts = {list_part, &list};
	json_t *result = NULL;
	int rc;

	if (words->file)
		rc = read_file(words->file, &result, err, errlen);
	else
		rc = ctlask(path, command->name, words->args, &parts, &result, err, errlen);
	if (rc == 0)
		list_part(&list, result);
	json_decref(result);
	if (list_end(&list, rc == 0) == 0 || rc)
		return rc;
	snprintf(err, errlen, "the answer cannot be written");
	return -EPROTO;
}

static int ask_object(const struct words *words, const char *path, char *err, size_t errlen)
{
	json_t *result = NULL;
	int rc = ctlask(path, words->command->name, words->args, NULL, &result, err, errlen);

	if (rc)
		return rc;
	if (words->json) {
		rc = json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		rc = table_object(stdout, result);
	}
	json_decref(result);
	if (rc == 0 && fflush(stdout) == 0)
		return 0;
	snprintf(err, errlen, "the answer cannot be written");
	return -EPROTO;
}

static int ask(const struct words *words)
{
	const struct watch_order order = {words->args, words->file, words->json, words->wide};
	char path[CONF_PATH_MAX] = "", err[1024] = "";
	bool node = words->command->watch || !words->file;
	int rc = node ? find_socket(words, path) : 0;

	if (rc)
		return rc;
	if (words->command->watch)
		rc = watch_run(path, &order, err, sizeof(err));
	else if (words->command->list)
		rc = ask_list(words, path, err, sizeof(err));
	else
		rc = ask_object(words, path, err, sizeof(err));
	if (rc)
		return complain(rc == -ECONNREFUSED ? EXIT_NOT_RUNNING : EXIT_REFUSED, "%s", err);
	return 0;
}

int main(int argc, char **argv)
{
	struct words words = {.args = json_object()};
	int rc;

	log_open("linewatchctl", LOG_ERROR);
	rc = words_read(&words, argc, argv);
	if (rc == 0 && words.command)
		rc = ask(&words);
	json_decref(words.args);
	return rc;
}
