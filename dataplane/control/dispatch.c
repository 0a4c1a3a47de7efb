/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/control/captures.h"
#include "dataplane/control/client.h"
#include "dataplane/keepalive/binding.h"
#include "dataplane/keepalive/keepalive.h"
#include "dataplane/media/flow.h"
#include "dataplane/media/media.h"
#include "dataplane/media/monitor.h"
#include "shared/clock.h"
#include "shared/log.h"

#include <errno.h>

/* The handlers below take one record of the packet each. They return 0 or -errno; *id names the
 * record for the ACK. */

static int dispatch_sync_begin(
	struct client *client, const void *record, uint64_t now_ms, uint32_t *id)
{
	struct server *server = client->server;
	struct server_slot *slot = &server->slot[client->slot];
	const struct proto_sync *sync = record;

	if (sync->generation <= slot->generation)
		return -EINVAL;
	slot->syncing = sync->generation;
	binding_sync_begin(server->keepalive, client->slot, sync->since_ms);
	flow_sync_begin(server->media, client->slot);
	return 0;
}

static int dispatch_sync_end(
	struct client *client, const void *record, uint64_t now_ms, uint32_t *id)
{
	struct server *server = client->server;
	struct server_slot *slot = &server->slot[client->slot];
	const struct proto_sync *sync = record;

	if (slot->syncing == 0 || sync->generation != slot->syncing)
		return -EINVAL;
	slot->generation = slot->syncing;
	slot->syncing = 0;
	binding_sync_end(server->keepalive, client->slot);
	flow_sync_end(server->media, client->slot);
	return 0;
}

static int dispatch_conf(struct client *client, const void *record, uint64_t now_ms, uint32_t *id)
{
	const struct proto_conf *conf = record;

	*id = conf->class_id;
	return keepalive_conf_set(client->server->keepalive, conf);
}

static bool dispatch_owns_binding(const struct client *client, uint32_t id)
{
	const struct server_conf *conf = &client->server->conf;
	uint32_t share = conf->bindings / conf->clients;

	return id - client->slot * share < share;
}

static int dispatch_binding_set(
	struct client *client, const void *record, uint64_t now_ms, uint32_t *id)
{
	const struct proto_binding *binding = record;

	*id = binding->id;
	if (!dispatch_owns_binding(client, binding->id))
		return -ERANGE;
	return binding_set(client->server->keepalive, client->slot, binding, now_ms);
}

static int dispatch_binding_del(
	struct client *client, const void *record, uint64_t now_ms, uint32_t *id)
{
	const struct proto_handle *handle = record;

	*id = handle->id;
	if (!dispatch_owns_binding(client, handle->id))
		return -ERANGE;
	return binding_del(client->server->keepalive, client->slot, handle);
}

static int dispatch_flow_set(
	struct client *client, const void *record, uint64_t now_ms, uint32_t *id)
{
	const struct proto_flow *flow = record;

	*id = flow->id;
	return flow_set(client->server->media, client->slot, flow, now_ms);
}

static int dispatch_flow_del(
	struct client *client, const void *record, uint64_t now_ms, uint32_t *id)
{
	const struct proto_handle *handle = record;

	*id = handle->id;
	return flow_del(client->server->media, client->slot, handle);
}

static int dispatch_monitor_set(
	struct client *client, const void *record, uint64_t now_ms, uint32_t *id)
{
	const struct proto_monitor *monitor = record;

	*id = monitor->id;
	return monitor_set(client->server->media, client->slot, monitor, now_ms);
}

static int dispatch_capture_set(
	struct client *client, const void *record, uint64_t now_ms, uint32_t *id)
{
	const struct proto_capture *capture = record;
	int err = 0;

	*id = capture->capture;
	if (!client->frames.place)
		err = queue_open(&client->frames, CLIENT_FRAMES, sizeof(struct proto_frame));
	return err ? err : captures_set(client->server->captures, client->slot, capture, now_ms);
}

static int dispatch_capture_del(
	struct client *client, const void *record, uint64_t now_ms, uint32_t *id)
{
	const struct proto_capture_del *del = record;

	captures_del(client->server->captures, client->slot, del->capture);
	return 0;
}

static int dispatch_port_reset(
	struct client *client, const void *record, uint64_t now_ms, uint32_t *id)
{
	const struct proto_port_reset *reset = record;
	const struct server *server = client->server;

	return server->port_reset ? server->port_reset(server->port_reset_ctx, reset->name)
				  : -ENOENT;
}

static int (*const dispatch_table[PROTO_FROM_CLIENT])(
	struct client *client, const void *record, uint64_t now_ms, uint32_t *id) = {
	[PROTO_SYNC_BEGIN] = dispatch_sync_begin,
	[PROTO_SYNC_END] = dispatch_sync_end,
	[PROTO_CONF] = dispatch_conf,
	[PROTO_BINDING_SET] = dispatch_binding_set,
	[PROTO_BINDING_DEL] = dispatch_binding_del,
	[PROTO_FLOW_SET] = dispatch_flow_set,
	[PROTO_FLOW_DEL] = dispatch_flow_del,
	[PROTO_MONITOR_SET] = dispatch_monitor_set,
	[PROTO_CAPTURE_SET] = dispatch_capture_set,
	[PROTO_CAPTURE_DEL] = dispatch_capture_del,
	[PROTO_PORT_RESET] = dispatch_port_reset,
};

static void dispatch_refuse(struct proto_ack *ack, int status, uint32_t id)
{
	if (ack->refused++ == 0) {
		ack->status = status;
		ack->first_id = id;
	}
}

static void dispatch_media_addr(
	struct client *client, const struct proto_head *head, struct proto_ack *ack)
{
	const struct proto_media_addr *claim = proto_records(head);
	struct proto_media_ready ready[PROTO_RECORDS_MAX];
	uint16_t count = 0;

	for (uint32_t i = 0; i < head->count; i++) {
		int err = media_addr_claim(
			client->server->media, client->slot, &claim[i], &ready[count]);

		if (err)
			dispatch_refuse(ack, err, i);
		else
			count++;
	}
	if (count)
		client_reply(client, PROTO_MEDIA_READY, head->seq, ready, count);
}

static void dispatch_records(
	struct client *client, const struct proto_head *head, struct proto_ack *ack)
{
	const uint8_t *record = proto_records(head);
	uint64_t now_ms = clock_boot_ms();

	if (head->type == PROTO_FLOW_SET)
		flow_replace(client->server->media, client->slot, proto_records(head), head->count,
			now_ms);
	else if (head->type == PROTO_MONITOR_SET)
		monitor_replace(client->server->media, client->slot, proto_records(head),
			head->count, now_ms);
	for (uint32_t i = 0; i < head->count; i++, record += head->size) {
		uint32_t id = 0;
		int err = dispatch_table[head->type](client, record, now_ms, &id);

		if (err)
			dispatch_refuse(ack, err, id);
	}
}

/* Why a hello is refused: 0, -EINVAL (slot not served) or -EBUSY. */
static int dispatch_hello_check(const struct client *client, const struct proto_hello *hello)
{
	const struct server *server = client->server;

	if (hello->slot >= server->conf.clients)
		return -EINVAL;
	return server->slot[hello->slot].client ? -EBUSY : 0;
}

static int dispatch_hello(struct client *client, const struct proto_head *head, const char **why)
{
	const struct proto_hello *hello = proto_records(head);
	struct server *server = client->server;
	const struct server_conf *conf = &server->conf;
	uint32_t share = conf->bindings / conf->clients, watched = conf->monitors / conf->clients;
	struct proto_welcome welcome = {
		.boot_id = conf->facts->head->boot_id,
		.binding_first = hello->slot * share,
		.binding_count = share,
		.flow_count = conf->flows,
		.workers = conf->workers,
		.facts_size = conf->facts->size,
		.monitor_first = media_monitor_first(conf->flows) + hello->slot * watched,
		.monitor_count = watched,
	};
	int err = dispatch_hello_check(client, hello);

	if (!err)
		err = queue_open(&client->queue, CLIENT_EVENTS, sizeof(struct proto_flow_event));
	if (err) {
		struct proto_ack ack = {.seq = head->seq, .status = err, .refused = 1};

		ack.first_id = hello->slot;
		client_reply(client, PROTO_ACK, head->seq, &ack, 1);
		*why = err == -EBUSY     ? "hello for a slot that is in use"
			: err == -EINVAL ? "hello for a slot beyond dataplane.clients"
					 : "no memory for its events";
		return err;
	}
	client->slot = hello->slot;
	client->incarnation = hello->incarnation;
	server->slot[hello->slot].client = client;
	__atomic_fetch_add(&server->connected, 1, __ATOMIC_RELAXED);
	welcome.generation = server->slot[hello->slot].generation;
	client_reply(client, PROTO_WELCOME, head->seq, &welcome, 1);
	log_info("client of slot %u is here (pid %d, incarnation %u)", hello->slot,
		(int)client->pid, hello->incarnation);
	return 0;
}

int dispatch(struct client *client, const struct proto_head *head, const char **why)
{
	struct proto_ack ack = {.seq = head->seq};

	if ((client->slot == CLIENT_NO_SLOT) != (head->type == PROTO_HELLO)) {
		*why = client->slot == CLIENT_NO_SLOT ? "no hello first" : "second hello";
		return -EPROTO;
	}
	if (head->type == PROTO_HELLO)
		return dispatch_hello(client, head, why);
	if (head->type == PROTO_MEDIA_ADDR)
		dispatch_media_addr(client, head, &ack);
	else
		dispatch_records(client, head, &ack);
	client_reply(client, PROTO_ACK, head->seq, &ack, 1);
	return 0;
}
