/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/storage.h"

#include "controlplane/call/callrecord.h"
#include "controlplane/call/hangup.h"
#include "controlplane/call/restore.h"
#include "controlplane/loop.h"

#include <stddef.h>
#include <string.h>

static void on_record(void *arg, struct store_call *sc, uint32_t parts, struct record *rec)
{
	struct call *call = (struct call *)((char *)sc - offsetof(struct call, store));

	callrecord_write(call, parts, rec);
}

static void on_call(void *arg, const char *id, const struct record *rec)
{
	struct loop *loop = arg;

	restore_call(&loop->calls, id, rec);
}

static void on_binding(
	void *arg, const char *aor, const char *bid, const struct record *rec, uint64_t expires_ms)
{
	struct loop *loop = arg;

	registrar_restore(
		loop->calls.registrar, aor, bid, rec, expires_ms, calls_now(&loop->calls));
}

static void on_ready(void *arg)
{
	struct loop *loop = arg;

	log_notice("ready: %u calls restored", loop->calls.count);
	/* Not earlier: the data plane would drop what the former process had set. */
	if (loop->calls.dp)
		dpclient_start(loop->calls.dp);
}

/* Another node knows that the call has ended: its parties are told. */
static void on_fact(void *arg, struct store_call *sc, const struct record *rec)
{
	struct call *call = (struct call *)((char *)sc - offsetof(struct call, store));
	const char *state = record_get(rec, "st");

	if (state && (strcmp(state, "ending") == 0 || strcmp(state, "ended") == 0))
		hangup_fact(call, CAUSE_NODE_FAILURE, 0, 2);
}

static void on_bindings(void *arg)
{
	struct loop *loop = arg;

	registrar_store_all(loop->calls.registrar, calls_now(&loop->calls));
}

static void on_fatal(void *arg, const char *why)
{
	struct loop *loop = arg;

	log_error("store: %s", why);
	loop->status = 1;
	loop_stop(loop, false);
}

const struct store_events storage_events = {
	.record = on_record,
	.call = on_call,
	.binding = on_binding,
	.ready = on_ready,
	.fact = on_fact,
	.bindings = on_bindings,
	.fatal = on_fatal,
};

static void binding_set(
	void *arg, const char *aor, const char *bid, const struct record *rec, uint64_t expires_ms)
{
	struct calls *calls = arg;

	store_binding_set(calls->store, aor, bid, rec, expires_ms);
}

static void binding_del(void *arg, const char *aor, const char *bid)
{
	struct calls *calls = arg;

	store_binding_del(calls->store, aor, bid);
}

void storage_registrar(struct calls *calls, struct registrar_store *out)
{
	*out = (struct registrar_store){.set = binding_set, .del = binding_del, .arg = calls};
}
