/* SPDX-License-Identifier: BSD-3-Clause */
/* What DPDK's driver for packet sockets does not tell: frames for which the kernel found a socket's
 * ring full. Main thread. */
#ifndef DATAPLANE_CORE_AFPACKET_H
#define DATAPLANE_CORE_AFPACKET_H

#include <stdint.h>

#define AFPACKET_SOCKETS 64 /* a queue each */

struct afpacket {
	int socket[AFPACKET_SOCKETS]; /* the driver's */
	uint16_t count;
	uint64_t missed; /* so far */
};

/* Finds the sockets of this process that are bound to an interface; none is an answer, too. They
 * must stay open as long as afpacket_missed() is called. */
void afpacket_find(struct afpacket *sockets, unsigned int ifindex);

/* Frames lost since the sockets were opened. Asks the kernel. */
uint64_t afpacket_missed(struct afpacket *sockets);

#endif
