/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-dp: the data plane. */
#include "dataplane/dataplane.h"
#include "shared/conf.h"
#include "shared/log.h"
#include "shared/notify.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static const char usage[] = "usage: linewatch-dp -c FILE\n"
			    "  -c FILE  configuration; only its section dataplane: is used here\n"
			    "  -V       version\n";

static void main_on_signal(uv_signal_t *handle, int number)
{
	log_notice("stopping (signal %d)", number);
	uv_stop(handle->loop);
}

static int main_run(const struct conf *conf)
{
	static struct dataplane dp;
	uv_signal_t term, intr;
	int err = dataplane_start(&dp, &conf->dataplane);

	if (err)
		return err;
	signal(SIGPIPE, SIG_IGN);
	uv_signal_init(&dp.loop, &term);
	uv_signal_init(&dp.loop, &intr);
	uv_signal_start(&term, main_on_signal, SIGTERM);
	uv_signal_start(&intr, main_on_signal, SIGINT);
	log_notice("ready: %u workers, %u ports, control socket %s", dp.workers.count,
		dp.port_count, conf->dataplane.socket);
	notify_ready();
	dataplane_run(&dp);
	uv_close((uv_handle_t *)&term, NULL);
	uv_close((uv_handle_t *)&intr, NULL);
	dataplane_stop(&dp);
	log_notice("stopped");
	return 0;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	struct conf *conf;
	char why[512];
	int option, err;

	while ((option = getopt(argc, argv, "c:V")) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'V':
			puts("linewatch-dp " LW_VERSION);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_FAILURE;
		}
	}
	if (!path || optind != argc) {
		fputs(usage, stderr);
		return EXIT_FAILURE;
	}
	log_open("linewatch-dp", LOG_INFO);
	if (conf_load(&conf, path, why, sizeof(why))) {
		log_error("%s", why);
		return EX_CONFIG;
	}
	log_open("linewatch-dp", conf->node.log_level);
	err = main_run(conf);
	conf_free(conf);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
