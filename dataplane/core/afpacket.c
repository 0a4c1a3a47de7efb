/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/afpacket.h"

#include <dirent.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

static bool afpacket_is_bound(int fd, unsigned int ifindex)
{
	struct sockaddr_ll sll = {0};
	socklen_t len = sizeof(sll);

	return getsockname(fd, (struct sockaddr *)&sll, &len) == 0 && sll.sll_family == AF_PACKET &&
		(unsigned int)sll.sll_ifindex == ifindex;
}

void afpacket_find(struct afpacket *sockets, unsigned int ifindex)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	*sockets = (struct afpacket){0};
	while (dir && (entry = readdir(dir)) && sockets->count < AFPACKET_SOCKETS) {
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] != '.' && afpacket_is_bound(fd, ifindex))
			sockets->socket[sockets->count++] = fd;
	}
	if (dir)
		closedir(dir);
}

uint64_t afpacket_missed(struct afpacket *sockets)
{
	for (uint16_t i = 0; i < sockets->count; i++) {
		struct tpacket_stats stats = {0};
		socklen_t len = sizeof(stats);

		/* The kernel counts anew from here on. */
		if (getsockopt(sockets->socket[i], SOL_PACKET, PACKET_STATISTICS, &stats, &len) ==
			0)
			sockets->missed += stats.tp_drops;
	}
	return sockets->missed;
}
