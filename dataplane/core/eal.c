/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/eal.h"

#include "dataplane/core/bond.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash_crc.h>
#include <rte_log.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EAL_ARGS_MAX 64
#define EAL_TEXT_MAX 4096

struct eal_args {
	char *argv[EAL_ARGS_MAX + 1];
	int argc;
	char text[EAL_TEXT_MAX];
	size_t used;
	bool overflow;
};

__attribute__((format(printf, 2, 3))) static void eal_arg(
	struct eal_args *args, const char *fmt, ...)
{
	size_t room = sizeof(args->text) - args->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(args->text + args->used, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room || args->argc == EAL_ARGS_MAX) {
		args->overflow = true;
		return;
	}
	args->argv[args->argc++] = args->text + args->used;
	args->used += (size_t)n + 1;
}

bool eal_port_is_pci(const char *text)
{
	unsigned int domain, bus, dev, func;

	return sscanf(text, "%x:%x:%x.%u", &domain, &bus, &dev, &func) == 4 ||
		sscanf(text, "%x:%x.%u", &bus, &dev, &func) == 3;
}

/* CPUs that this process may run on. */
static size_t eal_cpus(unsigned int *cpus, size_t max)
{
	cpu_set_t set;
	size_t n = 0;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 0;
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE && n < max; cpu++) {
		if (CPU_ISSET(cpu, &set))
			cpus[n++] = cpu;
	}
	return n;
}

static void eal_arg_lcores(struct eal_args *args, const struct conf_dataplane *conf)
{
	unsigned int lcores = conf->workers + 2;
	unsigned int cpus[CPU_SETSIZE];
	size_t count = eal_cpus(cpus, CPU_SETSIZE), used = 0;
	bool pinned = count >= lcores;
	char text[EAL_TEXT_MAX / 2];

	if (!pinned)
		used = (size_t)snprintf(text, sizeof(text), "(0-%u)@(", lcores - 1);
	for (unsigned int i = 0; i < (pinned ? lcores : count) && used < sizeof(text); i++) {
		const char *sep = i ? "," : "";

		/* The pump, last, shares the main thread's CPU. */
		used += (size_t)(pinned
				? snprintf(text + used, sizeof(text) - used, "%s%u@%u", sep, i,
					  cpus[i < lcores - 1 ? i : 0])
				: snprintf(text + used, sizeof(text) - used, "%s%u", sep, cpus[i]));
	}
	eal_arg(args, "--lcores=%s%s", text, pinned ? "" : ")");
	eal_arg(args, "--main-lcore=0");
	if (!pinned)
		log_info("%zu CPUs for %u threads: workers float instead of being pinned", count,
			lcores);
}

struct eal_devices {
	struct eal_args *args;
	bool pci;
};

static int eal_arg_device(void *ctx, const char *text)
{
	struct eal_devices *devices = ctx;

	if (eal_port_is_pci(text)) {
		eal_arg(devices->args, "--allow=%s", text);
		devices->pci = true;
	}
	return 0;
}

static void eal_arg_ports(struct eal_devices *devices, const struct conf_strings *ports)
{
	for (size_t i = 0; i < ports->count; i++) {
		/* What is wrong with a bond is told when it is made. */
		if (bond_is(ports->item[i]))
			bond_each(ports->item[i], eal_arg_device, devices);
		else
			eal_arg_device(devices, ports->item[i]);
	}
}

static void eal_arg_devices(struct eal_args *args, const struct conf_dataplane *conf)
{
	struct eal_devices devices = {.args = args};

	eal_arg_ports(&devices, &conf->ports);
	eal_arg_ports(&devices, &conf->monitor_ports);
	if (!devices.pci)
		eal_arg(args, "--no-pci");
}

/* Runs after DPDK's own exit handlers, which take their sockets out of the folder. */
static void eal_remove_runtime_dir(void)
{
	rmdir(rte_eal_get_runtime_dir());
}

int eal_open(const struct conf_dataplane *conf)
{
	struct eal_args *args = calloc(1, sizeof(*args));
	int err = 0;

	if (!args)
		return -ENOMEM;
	eal_arg(args, "linewatch-dp");
	/* Names this instance's runtime folder; the same at each start, so that none pile up. */
	eal_arg(args, "--file-prefix=linewatch-%08x",
		rte_hash_crc(conf->socket, (uint32_t)strlen(conf->socket), 0));
	eal_arg(args, "--log-level=lib.eal:warning");
	eal_arg(args, "--log-level=lib.telemetry:error");
	/* The TAP driver calls things errors that it needs for flow rules only; what is wrong with
	 * the device itself is told by hostif and port. */
	eal_arg(args, "--log-level=pmd.net.tap:critical");
	if (conf->hugepages) {
		eal_arg(args, "--in-memory");
	} else {
		eal_arg(args, "--no-huge");
		eal_arg(args, "--no-shconf");
		eal_arg(args, "-m");
		eal_arg(args, "%u", conf->memory_mb);
	}
	eal_arg_devices(args, conf);
	eal_arg_lcores(args, conf);
	if (args->overflow) {
		log_error("dataplane: too many ports, workers or CPUs for one command line");
		err = -E2BIG;
		goto out;
	}
	/* Not to the syslog as well, which is the same journal. */
	rte_openlog_stream(stderr);
	atexit(eal_remove_runtime_dir);
	if (rte_eal_init(args->argc, args->argv) < 0) {
		err = -rte_errno;
		log_error("DPDK does not start: %s (the lines above say why; dataplane.memory is "
			  "%u MB%s)",
			rte_strerror(rte_errno), conf->memory_mb,
			conf->hugepages ? ", dataplane.hugepages is true" : "");
	}
out:
	free(args);
	return err;
}
