/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/urgent.h"

#include <sched.h>
#include <stdio.h>

void urgent(void)
{
	const struct sched_param param = {.sched_priority = 1};

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		perror("# real-time priority");
}
