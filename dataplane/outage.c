/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal of a device that vfio-pci holds is told by a function that DPDK 22.11 calls experimental,
 * and by no other. */
#define ALLOW_EXPERIMENTAL_API
#include "dataplane/outage.h"

#include "dataplane/core/bond.h"
#include "dataplane/host/exception.h"
#include "shared/clock.h"
#include "shared/log.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>

enum outage_mark {
	OUTAGE_MARK_RESET = 1 << 0,
	OUTAGE_MARK_GONE = 1 << 1,
};

static void outage_mark(struct outages *o, uint16_t id, enum outage_mark mark)
{
	__atomic_fetch_or(&o->marks[id], (uint8_t)mark, __ATOMIC_RELAXED);
}

/* These two run on DPDK's interrupt thread. */
static int outage_on_event(uint16_t id, enum rte_eth_event_type event, void *ctx, void *param)
{
	outage_mark(
		ctx, id, event == RTE_ETH_EVENT_INTR_RESET ? OUTAGE_MARK_RESET : OUTAGE_MARK_GONE);
	return 0;
}

static void outage_on_removal(const char *name, enum rte_dev_event_type event, void *ctx)
{
	uint16_t id;

	if (event == RTE_DEV_EVENT_REMOVE && rte_eth_dev_get_port_by_name(name, &id) == 0)
		outage_mark(ctx, id, OUTAGE_MARK_GONE);
}

static bool outage_is_bond(const struct port *port)
{
	return port->device_count > 1;
}

/* For the log: the port, and the member if it has several. */
static const char *outage_name(
	const struct port *port, uint16_t member, char name[static 2 * DEVICE_TEXT_MAX])
{
	snprintf(name, 2 * DEVICE_TEXT_MAX, "%s%s%s", port->text, outage_is_bond(port) ? " " : "",
		outage_is_bond(port) ? port->device[member].text : "");
	return name;
}

static void outage_note(struct outages *o, uint16_t index)
{
	struct facts_port *fact = &o->conf.head->port[index];
	const struct outage *it = &o->port[index];
	const struct port *port = &o->conf.ports[index];
	uint32_t out = 0, state = FACTS_PORT_IN;

	for (uint16_t i = 0; i < port->device_count; i++)
		out += it->device[i].out;
	if (out == port->device_count)
		state = it->device[0].gone ? FACTS_PORT_GONE : FACTS_PORT_RESET;
	__atomic_store_n(&fact->members_out, outage_is_bond(port) ? out : 0, __ATOMIC_RELAXED);
	if (state != FACTS_PORT_IN)
		__atomic_store_n(&fact->link_up, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&fact->state, state, __ATOMIC_RELAXED);
}

static void outage_tell(struct outages *o, uint16_t index, enum proto_port_event_kind kind)
{
	const struct proto_port_event event = {
		.port = index, .kind = kind, .at_ms = clock_boot_ms()};

	outage_note(o, index);
	event_port(&o->conf.events, &event);
}

static uint32_t outage_longer(uint32_t wait_ms)
{
	if (wait_ms == 0)
		return OUTAGE_WAIT_MIN_MS;
	return wait_ms < OUTAGE_WAIT_MAX_MS / 2 ? 2 * wait_ms : OUTAGE_WAIT_MAX_MS;
}

/* Goes out of service now; a first one is tried at once, and what comes too often waits. */
static void outage_begin(struct outages *o, uint16_t index, uint16_t member, uint64_t now_ms)
{
	struct outage_device *it = &o->port[index].device[member];
	const struct port *port = &o->conf.ports[index];
	char name[2 * DEVICE_TEXT_MAX];

	it->out = true;
	it->gone = o->port[index].task == OUTAGE_LOSE;
	/* Not by the clock of the tick: the device may take seconds. */
	it->since_ms = clock_boot_ms();
	if (it->back_ms == 0 || now_ms - it->back_ms > OUTAGE_CALM_MS)
		it->wait_ms = 0;
	else
		it->wait_ms = outage_longer(it->wait_ms);
	it->try_ms = now_ms + it->wait_ms;
	o->conf.ports[index].device[member].link_seen = false;
	o->conf.ports[index].device[member].link_up = false;
	outage_name(port, member, name);
	if (it->gone) {
		o->conf.head->port[index].removals++;
		log_error("port %s: the device has gone: out of service until it is back", name);
	} else if (it->wait_ms) {
		log_warning("port %s: to be reset, again: out of service, tried in %u s", name,
			it->wait_ms / 1000);
	} else {
		log_warning("port %s: to be reset: out of service meanwhile", name);
	}
	outage_tell(o, index, it->gone ? PROTO_PORT_GONE : PROTO_PORT_RESETS);
}

static void outage_end(struct outages *o, uint16_t index, uint16_t member, uint64_t now_ms)
{
	struct outage_device *it = &o->port[index].device[member];
	struct port *port = &o->conf.ports[index];
	char name[2 * DEVICE_TEXT_MAX];

	it->out = false;
	port->returns++;
	it->back_ms = now_ms;
	if (!it->gone)
		o->conf.head->port[index].resets++;
	if (o->conf.exception)
		exception_set_wire(o->conf.exception, index, port->device[member].id);
	log_notice("port %s: in service again after %.1f s", outage_name(port, member, name),
		(double)(clock_boot_ms() - it->since_ms) / 1000);
	outage_tell(o, index, PROTO_PORT_BACK);
}

/* A try failed. */
static void outage_go_on(
	struct outages *o, uint16_t index, uint16_t member, int err, uint64_t now_ms)
{
	struct outage_device *it = &o->port[index].device[member];
	char name[2 * DEVICE_TEXT_MAX];

	it->wait_ms = outage_longer(it->wait_ms);
	it->try_ms = now_ms + it->wait_ms;
	log_error("port %s: cannot be put in service again: %s; next try in %u s",
		outage_name(&o->conf.ports[index], member, name), strerror(-err),
		it->wait_ms / 1000);
}

/* Whether a device out of service may be tried now. */
static bool outage_is_due(const struct outages *o, uint16_t index, uint16_t member, uint64_t now_ms)
{
	const struct outage_device *it = &o->port[index].device[member];
	const struct device *device = &o->conf.ports[index].device[member];

	return it->out && now_ms >= it->try_ms && (!device->out || device_is_back(device));
}

/* Something to do for a device that is in service, or for a member that may be. */
static bool outage_find(struct outages *o, uint16_t index, uint64_t now_ms)
{
	const struct port *port = &o->conf.ports[index];
	struct outage *it = &o->port[index];

	for (it->member = 0; it->member < port->device_count; it->member++) {
		uint8_t *marks = &o->marks[port->device[it->member].id];

		if (it->device[it->member].out) {
			it->task = OUTAGE_TAKE;
			/* What it said before it is tried is over; later words count. */
			__atomic_store_n(marks, 0, __ATOMIC_RELAXED);
			if (outage_is_due(o, index, it->member, now_ms))
				return true;
			continue;
		}
		if (!__atomic_load_n(marks, __ATOMIC_RELAXED))
			continue;
		it->task = __atomic_exchange_n(marks, 0, __ATOMIC_RELAXED) & OUTAGE_MARK_GONE
			? OUTAGE_LOSE
			: OUTAGE_RESET;
		return true;
	}
	return false;
}

/* True when the workers are to leave the port alone. */
static bool outage_prepare(struct outages *o, uint16_t index, uint64_t now_ms)
{
	struct outage *it = &o->port[index];
	int err = 0;

	if (it->task == OUTAGE_TAKE)
		err = bond_remake(&o->conf.ports[index], it->member);
	else
		outage_begin(o, index, it->member, now_ms);
	if (err)
		outage_go_on(o, index, it->member, err, now_ms);
	return err == 0;
}

static void outage_restore_vlans(struct outages *o, uint16_t index)
{
	const struct vlan_set *vlans = &o->conf.workers->vlans[index];

	for (uint16_t id = 0; id < VLAN_IDS; id++)
		if (vlan_has(vlans, id))
			port_set_vlan(&o->conf.ports[index], id, true);
}

/* A step with the member of a bond that nobody touches; the others go on at once. */
static void outage_of_member(struct outages *o, uint16_t index, uint64_t now_ms)
{
	struct port *port = &o->conf.ports[index];
	uint16_t member = o->port[index].member;
	int err;

	if (o->port[index].task != OUTAGE_TAKE) {
		bond_drop(port, member);
		return;
	}
	err = bond_take(port, member);
	if (err)
		outage_go_on(o, index, member, err, now_ms);
	else
		outage_end(o, index, member, now_ms);
}

/* A step with a port of one device. True: it can be given back. */
static bool outage_of_port(struct outages *o, uint16_t index, uint64_t now_ms)
{
	struct outage_device *it = &o->port[index].device[0];
	struct port *port = &o->conf.ports[index];
	uint8_t said = __atomic_exchange_n(&o->marks[port->device[0].id], 0, __ATOMIC_RELAXED);
	int err;

	/* It may go while it waits for its reset; what it says during that counts after it. */
	it->gone |= (said & OUTAGE_MARK_GONE) != 0;
	if (port->started && it->gone)
		port_lose(port);
	if (!outage_is_due(o, index, 0, now_ms))
		return false;
	err = port->started ? port_reset(port) : port_return(port);
	if (err) {
		outage_go_on(o, index, 0, err, now_ms);
		return false;
	}
	outage_restore_vlans(o, index);
	return true;
}

/* Whether a port can send from now on. */
static void outage_note_way(struct outages *o, uint16_t index, bool open)
{
	uint64_t since_ms = o->port[index].dark_ms;

	if (open || !since_ms)
		o->port[index].dark_ms = open ? 0 : clock_boot_ms();
	if (open && since_ms && o->conf.missed)
		o->conf.missed(o->conf.ctx, index, since_ms);
}

static void outage_step(struct outages *o, uint16_t index, uint64_t now_ms)
{
	struct port *port = &o->conf.ports[index];
	struct outage *it = &o->port[index];

	switch (it->stage) {
	case OUTAGE_NONE:
		if (!outage_find(o, index, now_ms) || !outage_prepare(o, index, now_ms))
			return;
		outage_note_way(o, index, false);
		it->stage = OUTAGE_WANTED;
		/* fall through */
	case OUTAGE_WANTED:
		if (workers_pause(o->conf.workers, index))
			return;
		port->down = true;
		it->stage = OUTAGE_LEAVING;
		/* fall through */
	case OUTAGE_LEAVING:
		if (!workers_paused(o->conf.workers, index))
			return;
		workers_leave(o->conf.workers, index);
		it->stage = OUTAGE_OUT;
		/* fall through */
	case OUTAGE_OUT:
		if (outage_is_bond(port))
			outage_of_member(o, index, now_ms);
		else if (!outage_of_port(o, index, now_ms))
			return;
		it->stage = OUTAGE_OVER;
		/* fall through */
	default:
		if (workers_resume(o->conf.workers, index, port->id))
			return;
		port->down = false;
		it->stage = OUTAGE_NONE;
		if (!outage_is_bond(port))
			outage_end(o, index, 0, now_ms);
	}
}

bool outages_tick(struct outages *o, uint64_t now_ms)
{
	bool busy = false;

	for (uint16_t i = 0; i < o->conf.count; i++) {
		outage_step(o, i, now_ms);
		busy |= o->port[i].stage != OUTAGE_NONE;
	}
	return busy;
}

/* Not every driver tells that its device has gone. True: one has. */
static bool outage_look(struct outages *o, const struct port *port)
{
	bool gone = false;

	for (uint16_t i = 0; i < port->device_count; i++) {
		if (port->device[i].out || !device_is_gone(&port->device[i]))
			continue;
		outage_mark(o, port->device[i].id, OUTAGE_MARK_GONE);
		gone = true;
	}
	return gone;
}

void outages_watch(struct outages *o)
{
	for (uint16_t i = 0; i < o->conf.count; i++) {
		struct port *port = &o->conf.ports[i];
		uint32_t up = 0;

		if (!outage_look(o, port))
			port_watch_link(port);
		outage_note_way(o, i, port_has_link(port));
		for (uint16_t j = 0; j < port->device_count; j++)
			up |= port->device[j].link_up;
		__atomic_store_n(&o->conf.head->port[i].link_up, up, __ATOMIC_RELAXED);
	}
}

int outages_reset(struct outages *o, const char *name)
{
	uint16_t i = 0;

	while (i < o->conf.count && strncmp(o->conf.head->port[i].name, name, FACTS_PORT_NAME) != 0)
		i++;
	if (i == o->conf.count)
		return -ENOENT;
	for (uint16_t j = 0; j < o->conf.ports[i].device_count; j++) {
		if (o->port[i].stage != OUTAGE_NONE || o->port[i].device[j].out)
			return -EBUSY;
		if (!device_can_reset(&o->conf.ports[i].device[j]))
			return -EOPNOTSUPP;
	}
	for (uint16_t j = 0; j < o->conf.ports[i].device_count; j++)
		outage_mark(o, o->conf.ports[i].device[j].id, OUTAGE_MARK_RESET);
	return 0;
}

static void outage_call(struct port *port, struct facts_port *fact)
{
	size_t len = outage_is_bond(port) ? strlen(port->text) : strcspn(port->text, ",");

	memcpy(fact->name, port->text, RTE_MIN(len, sizeof(fact->name) - 1));
}

int outages_open(struct outages *o, const struct outages_conf *conf)
{
	int err;

	static_assert(FACTS_PORTS == WORKER_PORTS_MAX, "one index for both");
	*o = (struct outages){.conf = *conf};
	for (uint16_t i = 0; i < conf->count; i++) {
		outage_call(&conf->ports[i], &conf->head->port[i]);
		outage_note(o, i);
	}
	err = rte_eth_dev_callback_register(
		RTE_ETH_ALL, RTE_ETH_EVENT_INTR_RESET, outage_on_event, o);
	if (!err)
		err = rte_eth_dev_callback_register(
			RTE_ETH_ALL, RTE_ETH_EVENT_INTR_RMV, outage_on_event, o);
	if (!err)
		err = rte_dev_event_callback_register(NULL, outage_on_removal, o);
	if (err)
		outages_close(o);
	return err;
}

void outages_close(struct outages *o)
{
	rte_dev_event_callback_unregister(NULL, outage_on_removal, o);
	rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_RMV, outage_on_event, o);
	rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_RESET, outage_on_event, o);
}
