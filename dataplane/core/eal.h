/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment: command line made from the configuration. Lcore 0 is the main thread, lcores
 * 1 .. workers the workers, lcore workers + 1 the exception pump. */
#ifndef DATAPLANE_CORE_EAL_H
#define DATAPLANE_CORE_EAL_H

#include "shared/conf.h"

/* Starts the EAL. When the process may use two CPUs more than it has workers, each worker gets a
 * CPU of its own and the rest share the first; else all float over the CPUs there are. Returns 0 or
 * -errno after a log line. Once per process, and not closed again: rte_eal_cleanup() would take the
 * host interface down (host/hostif.h). */
int eal_open(const struct conf_dataplane *conf);

static inline unsigned int eal_lcore_of_worker(unsigned int index)
{
	return index + 1;
}

static inline unsigned int eal_lcore_of_pump(const struct conf_dataplane *conf)
{
	return conf->workers + 1;
}

/* A port of the configuration is a PCI device: "0000:03:00.0", with arguments behind a comma. */
bool eal_port_is_pci(const char *text);

#endif
