/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening, connecting, the turn of the loop, closing. */
#include "controlplane/store/store.h"

#include "controlplane/store/internal.h"
#include "controlplane/store/keys.h"
#include "shared/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_MS 100
#define GIVE_MS        300 /* store_close: time for the leases, even if nothing else is left */

enum close_stage {
	CLOSE_FLUSH,
	CLOSE_GIVE,
	CLOSE_WORK, /* the CDR file is still being written */
	CLOSE_HANDLES,
};

bool store_may_send(const struct store *store, uint64_t now_ms)
{
	return store->phase == PHASE_UP && now_ms >= store->pause_until &&
		conn_usable(&store->hot) && store->hot.in_flight < STORE_IN_FLIGHT;
}

void store_enter_up(struct store *store)
{
	uint64_t now_ms = clock_boot_ms();
	bool first = !store->ready;

	if (first && store->phase != PHASE_LOAD) {
		load_start(store);
		store_wake(store);
		return;
	}
	store->phase = PHASE_UP;
	store->ready = true;
	store->retry_ms = RETRY_FIRST_MS;
	store->pause_until = 0;
	store->beat_at = 0;
	store->error[0] = 0;
	log_notice("Redis %s: connected as node %s, incarnation %u", store->conf.address,
		store->conf.node, store->incarnation);
	shipper_up(&store->shipper, now_ms);
	load_sweep(store, now_ms);
	store_wake(store);
	if (store->closing.on)
		return;
	if (first && store->events.ready)
		store->events.ready(store->arg);
	if (store->events.up)
		store->events.up(store->arg);
}

static void connect_now(struct store *store, uint64_t now_ms)
{
	store->count.reconnects++;
	conn_open(&store->hot, store->conf.address, now_ms);
	if (store->conf.min_acks)
		conn_open(&store->durable, store->conf.address, now_ms);
	join_start(store, now_ms);
}

/* Both connections have ended; every command has had its reply. */
static void lost(struct store *store, const char *why, uint64_t now_ms)
{
	bool was_up = store->phase == PHASE_UP;

	durable_lost(store);
	if (store->phase == PHASE_FATAL)
		return;
	store->phase = PHASE_OFF;
	store->retry_at = now_ms + store->retry_ms;
	store->retry_ms *= 2;
	if (store->retry_ms > STORE_RETRY_MS)
		store->retry_ms = STORE_RETRY_MS;
	if (store->closing.on)
		return;
	store_complain(store, "%s", why);
	if (was_up && store->events.down)
		store->events.down(store->arg, why);
}

static void reap(struct store *store, uint64_t now_ms)
{
	char why[CONN_WHY_LEN];
	bool first = store->hot.gone;

	if (!store->hot.gone && !store->durable.gone)
		return;
	strcpy(why, first ? store->hot.why : store->durable.why);
	conn_doom(&store->hot, "%s", why);
	conn_doom(&store->durable, "%s", why);
	conn_reap(&store->hot);
	conn_reap(&store->durable);
	lost(store, why, now_ms);
}

static void closing_step(struct store *store, uint64_t now_ms);

static void turn(struct store *store)
{
	uint64_t now_ms = clock_boot_ms();

	reap(store, now_ms);
	calls_expire(store, now_ms);
	load_pump(store, now_ms);
	done_pump(store, now_ms);
	calls_pump(store, now_ms);
	bindings_pump(store, now_ms);
	shipper_pump(&store->shipper, now_ms);
	if (store->closing.on)
		closing_step(store, now_ms);
}

static void on_kick(uv_idle_t *idle)
{
	uv_idle_stop(idle);
	turn(idle->data);
}

void store_wake(void *arg)
{
	struct store *store = arg;

	if (!uv_is_closing((uv_handle_t *)&store->kick))
		uv_idle_start(&store->kick, on_kick);
}

static void on_tick(uv_timer_t *timer)
{
	struct store *store = timer->data;
	uint64_t now_ms = clock_boot_ms();

	conn_check(&store->hot, now_ms, store->conf.reply_ms);
	conn_check(&store->durable, now_ms, store->conf.reply_ms);
	if (store->phase == PHASE_OFF && !store->closing.on && !store->hot.gone &&
		now_ms >= store->retry_at)
		connect_now(store, now_ms);
	if (store->phase >= PHASE_TAKE && store->phase <= PHASE_UP && !store->closing.on &&
		now_ms >= store->beat_at) {
		store->beat_at = now_ms + STORE_BEAT_MS;
		lease_tick(store, now_ms);
		join_beat(store, "up", now_ms);
	}
	turn(store);
}

/* Opening ---------------------------------------------------------------------------------------*/

static int copy_text(const char **to, const char *from)
{
	*to = from && *from ? strdup(from) : NULL;
	return from && *from && !*to ? -ENOMEM : 0;
}

static uint32_t or_default(uint32_t value, uint32_t standard)
{
	return value ? value : standard;
}

static int conf_copy(struct store_conf *to, const struct store_conf *from)
{
	*to = *from;
	to->address = to->user = to->password = NULL;
	to->node = to->sip_address = to->cdr_file = NULL;
	to->journal = or_default(from->journal, 10000);
	to->answer_ms = or_default(from->answer_ms, 500);
	to->reply_ms = or_default(from->reply_ms, 5000);
	to->take_ms = or_default(from->take_ms, 12000);
	to->cdr_keep = or_default(from->cdr_keep, 200);
	to->cdr_file_bytes = from->cdr_file_bytes ? from->cdr_file_bytes : 64u << 20;
	if (copy_text(&to->address, from->address) || copy_text(&to->user, from->user) ||
		copy_text(&to->password, from->password) || copy_text(&to->node, from->node) ||
		copy_text(&to->sip_address, from->sip_address) ||
		copy_text(&to->cdr_file, from->cdr_file))
		return -ENOMEM;
	return 0;
}

static void conf_free(struct store_conf *conf)
{
	free((char *)conf->address);
	free((char *)conf->user);
	free((char *)conf->password);
	free((char *)conf->node);
	free((char *)conf->sip_address);
	free((char *)conf->cdr_file);
}

static int conf_check(const struct store_conf *conf)
{
	if (!conf->address || conn_check_address(conf->address)) {
		log_error("redis.address: \"%s\" is not a numeric address with a port, such as "
			  "127.0.0.1:6379, nor unix:/path",
			conf->address ? conf->address : "");
		return -EINVAL;
	}
	if (!conf->node || ids_node_check(conf->node)) {
		log_error("node.name: \"%s\" is not 1 to %d letters and digits",
			conf->node ? conf->node : "", IDS_NODE_MAX - 1);
		return -EINVAL;
	}
	return 0;
}

static void store_free(struct store *store)
{
	done_free(store);
	bindings_free(store);
	calls_free(store);
	shipper_close(&store->shipper);
	record_free(&store->scratch);
	record_free(&store->work);
	args_free(&store->args);
	conf_free(&store->conf);
	free(store);
}

int store_open(struct store **out, uv_loop_t *loop, const struct store_conf *conf,
	const struct store_events *events, void *arg)
{
	struct store *store;
	int err = conf_check(conf);

	if (err)
		return err;
	store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->loop = loop;
	store->events = *events;
	store->arg = arg;
	store->retry_ms = RETRY_FIRST_MS;
	err = conf_copy(&store->conf, conf);
	if (err)
		goto fail;
	err = siphash_key_random(&store->bind_key);
	if (err)
		goto fail;
	err = shipper_open(&store->shipper, store);
	if (err)
		goto fail;
	lease_reset(store);
	conn_init(&store->hot, loop, store_wake, store);
	conn_init(&store->durable, loop, store_wake, store);
	uv_timer_init(loop, &store->tick);
	uv_idle_init(loop, &store->kick);
	store->tick.data = store;
	store->kick.data = store;
	uv_timer_start(&store->tick, on_tick, 0, STORE_TICK_MS);
	*out = store;
	return 0;
fail:
	store_free(store);
	return err;
}

/* Closing ---------------------------------------------------------------------------------------*/

static void on_handle_closed(uv_handle_t *handle)
{
	struct store *store = handle->data;
	void (*closed)(void *arg) = store->closing.closed;
	void *arg = store->closing.arg;

	if (--store->closing.handles)
		return;
	store_free(store);
	if (closed)
		closed(arg);
}

static bool has_unwritten(const struct store *store)
{
	return store->pending_count || store->op_count || store->done_unwritten ||
		store->bind_known || !shipper_idle(&store->shipper);
}

static void closing_step(struct store *store, uint64_t now_ms)
{
	bool late = now_ms >= store->closing.until;

	switch (store->closing.stage) {
	case CLOSE_FLUSH:
		if (store->phase == PHASE_UP && has_unwritten(store) && !late)
			return;
		if (store->phase == PHASE_LOAD || store->phase == PHASE_UP) {
			lease_give(store, now_ms);
			join_beat(store, "down", now_ms);
		}
		store->closing.stage = CLOSE_GIVE;
		if (store->closing.until < now_ms + GIVE_MS)
			store->closing.until = now_ms + GIVE_MS;
		return;
	case CLOSE_GIVE:
		if (conn_usable(&store->hot) && store->hot.in_flight && !late)
			return;
		store->phase = PHASE_FATAL;
		conn_doom(&store->hot, "closed");
		conn_doom(&store->durable, "closed");
		store->closing.stage = CLOSE_WORK;
		store_wake(store);
		return;
	case CLOSE_WORK:
		if (store->hot.gone || store->durable.gone || !shipper_at_rest(&store->shipper))
			return;
		store->closing.stage = CLOSE_HANDLES;
		store->closing.handles = 2;
		uv_close((uv_handle_t *)&store->tick, on_handle_closed);
		uv_close((uv_handle_t *)&store->kick, on_handle_closed);
		return;
	case CLOSE_HANDLES:
		return;
	}
}

void store_close(struct store *store, uint32_t limit_ms, void (*closed)(void *arg), void *arg)
{
	store->closing.on = true;
	store->closing.stage = CLOSE_FLUSH;
	store->closing.until = clock_boot_ms() + limit_ms;
	store->closing.closed = closed;
	store->closing.arg = arg;
	store_wake(store);
}
