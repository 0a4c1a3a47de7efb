/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ports with nothing but us between them are to their neighbours one cable: when one side loses
 * its link, the other's is taken down as well, and given back when it returns. Main thread. */
#ifndef DATAPLANE_CORE_LINKPAIR_H
#define DATAPLANE_CORE_LINKPAIR_H

#include <stdbool.h>
#include <stdint.h>

struct port;

#define LINKPAIR_NONE (-1)

struct linkpair {
	bool seen[2];        /* it was up since the start: before, it is just not there yet */
	int held;            /* side that we keep down, LINKPAIR_NONE */
	int down;            /* looks in a row at which the other was down */
	uint32_t returns[2]; /* of the ports, when they were looked at */
};

enum linkpair_order {
	LINKPAIR_KEEP,
	LINKPAIR_HOLD,    /* take pair->held down */
	LINKPAIR_RELEASE, /* give *side back */
};

void linkpair_open(struct linkpair *pair);

/* Pure: the links as they are now. A side that we hold tells nothing; one that is down at two looks
 * in a row is down. Whom an order is for is in *side. */
enum linkpair_order linkpair_look(struct linkpair *pair, const bool up[2], int *side);

/* Pure: a side is out of service, or was and is there as at the start: we do not hold it. */
void linkpair_lose(struct linkpair *pair, int side);

/* Looks at two ports, which follow each other in memory, and does what is to be done, with a log
 * line each time. */
void linkpair_turn(struct linkpair *pair, struct port *ports);

/* Gives back what is held. */
void linkpair_close(struct linkpair *pair, struct port *ports);

#endif
