/* SPDX-License-Identifier: BSD-3-Clause */
/* linewatch-cp: SIP, session timers, verdicts, registrations. */
#include "controlplane/loop.h"
#include "shared/log.h"
#include "shared/notify.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static void usage(FILE *out)
{
	fputs("usage: linewatch-cp -c FILE [-t]\n"
	      "  -c, --config FILE   configuration (see linewatchctl config)\n"
	      "  -t, --test          check the configuration and exit\n"
	      "  -V, --version       print the version\n",
		out);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"test", no_argument, NULL, 't'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *path = NULL;
	struct conf *conf;
	struct loop *loop;
	bool test = false;
	char err[512];
	int opt, status;

	while ((opt = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			path = optarg;
			break;
		case 't':
			test = true;
			break;
		case 'V':
			puts("linewatch-cp " LW_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (!path || optind != argc) {
		usage(stderr);
		return 2;
	}
	log_open("linewatch-cp", LOG_INFO);
	if (conf_load(&conf, path, err, sizeof(err)) < 0) {
		log_error("%s", err);
		return EX_CONFIG;
	}
	if (test) {
		conf_free(conf);
		return 0;
	}
	log_open("linewatch-cp", conf->node.log_level);
	signal(SIGPIPE, SIG_IGN);
	loop = calloc(1, sizeof(*loop));
	status = 1;
	if (loop && loop_open(loop, conf) == 0) {
		log_notice("started: SIP on %s, control socket %s",
			addr_format(&conf->node.service, err), conf->node.control_socket);
		notify_ready();
		status = loop_run(loop);
	}
	free(loop);
	conf_free(conf);
	return status;
}
