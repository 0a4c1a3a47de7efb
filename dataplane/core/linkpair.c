/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/linkpair.h"

#include "dataplane/core/port.h"
#include "shared/log.h"

#include <string.h>

#define LINKPAIR_LOOKS 2

void linkpair_open(struct linkpair *pair)
{
	*pair = (struct linkpair){.held = LINKPAIR_NONE};
}

/* The side given back needs a while for its link: it must be seen up before its loss counts. */
static enum linkpair_order linkpair_release(struct linkpair *pair, int *side)
{
	*side = pair->held;
	pair->held = LINKPAIR_NONE;
	pair->seen[*side] = false;
	pair->down = 0;
	return LINKPAIR_RELEASE;
}

enum linkpair_order linkpair_look(struct linkpair *pair, const bool up[2], int *side)
{
	bool lost = false;

	if (pair->held != LINKPAIR_NONE)
		return up[!pair->held] ? linkpair_release(pair, side) : LINKPAIR_KEEP;
	for (int i = 0; i < 2; i++) {
		pair->seen[i] |= up[i];
		if (up[i] || !pair->seen[i] || !up[!i])
			continue;
		lost = true;
		*side = !i;
	}
	pair->down = lost ? pair->down + 1 : 0;
	if (pair->down < LINKPAIR_LOOKS)
		return LINKPAIR_KEEP;
	pair->held = *side;
	return LINKPAIR_HOLD;
}

void linkpair_lose(struct linkpair *pair, int side)
{
	if (pair->held != side)
		return;
	pair->held = LINKPAIR_NONE;
	pair->down = 0;
}

static void linkpair_set(struct port *ports, int side, bool up)
{
	struct port *port = &ports[side];
	int err = port_set_link(port, up);

	if (err)
		log_warning("port %s: its link cannot be taken %s with that of %s: %s", port->text,
			up ? "up" : "down", ports[!side].text, strerror(-err));
	else
		log_warning("port %s: its link is taken %s, as that of %s is", port->text,
			up ? "up" : "down", ports[!side].text);
}

static void linkpair_follow(struct linkpair *pair, struct port *port, int side)
{
	if (port->down)
		linkpair_lose(pair, side);
	if (port->returns == pair->returns[side])
		return;
	pair->returns[side] = port->returns;
	linkpair_lose(pair, side);
	/* Most drivers do that when they start. */
	port_set_link(port, true);
}

void linkpair_turn(struct linkpair *pair, struct port *ports)
{
	const bool up[2] = {port_has_link(&ports[0]), port_has_link(&ports[1])};
	enum linkpair_order order;
	int side;

	for (int i = 0; i < 2; i++)
		linkpair_follow(pair, &ports[i], i);
	order = linkpair_look(pair, up, &side);
	if (order != LINKPAIR_KEEP)
		linkpair_set(ports, side, order == LINKPAIR_RELEASE);
}

void linkpair_close(struct linkpair *pair, struct port *ports)
{
	int side;

	if (pair->held == LINKPAIR_NONE)
		return;
	linkpair_release(pair, &side);
	linkpair_set(ports, side, true);
}
