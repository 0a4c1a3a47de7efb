/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/ports.h"

#include "controlplane/media/slots.h"

#include <errno.h>
#include <stdlib.h>

struct ports {
	uint16_t port_min;
	struct slots *slots;
};

int ports_open(struct ports **out, uint16_t port_min, uint16_t port_max, uint32_t gen_first)
{
	struct ports *p;
	int err;

	if (port_min == 0 || port_min % 2 != 0 || port_max % 2 != 1 || port_max < port_min)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->port_min = port_min;
	err = slots_open(
		&p->slots, ((uint32_t)port_max - port_min + 1) / 2, PORTS_REST_MS, gen_first);
	if (err < 0) {
		free(p);
		return err;
	}
	*out = p;
	return 0;
}

void ports_close(struct ports *p)
{
	if (!p)
		return;
	slots_close(p->slots);
	free(p);
}

int ports_take(struct ports *p, uint64_t now_ms, uint16_t *port, uint32_t *gen)
{
	uint32_t number;
	int err = slots_take(p->slots, now_ms, &number, gen);

	if (err == 0)
		*port = (uint16_t)(p->port_min + 2 * number);
	return err;
}

/* A number that no slot has, for a port that is odd or below the range. */
static uint32_t ports_number(const struct ports *p, uint16_t port)
{
	return port < p->port_min || port % 2 != 0 ? UINT32_MAX : (port - p->port_min) / 2u;
}

int ports_claim(struct ports *p, uint16_t port, uint32_t gen)
{
	return slots_claim(p->slots, ports_number(p, port), gen);
}

void ports_release(struct ports *p, uint16_t port, uint64_t now_ms)
{
	slots_release(p->slots, ports_number(p, port), now_ms);
}

uint32_t ports_total(const struct ports *p)
{
	return slots_total(p->slots);
}

uint32_t ports_used(const struct ports *p)
{
	return slots_used(p->slots);
}
