/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/component/store_owner.h"

#include "controlplane/store/internal.h"
#include "shared/clock.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWNER_WAIT_MS 30000 /* for anything that must come */

static struct owner_call *of(struct store_call *call)
{
	return (struct owner_call *)((char *)call - offsetof(struct owner_call, store));
}

/* 62 fields of the size that real calls have. */
static void wide_record(struct record *rec)
{
	static const char *const legs[] = {"a", "b"};
	char name[32];

	record_put(rec, "from", "sip:+4915112345678@carrier.example.net");
	record_put(rec, "to", "sip:+4930123456@pbx.example.org");
	record_put(rec, "media", "relay");
	record_put_time(rec, "t0", clock_boot_ms());
	record_put_time(rec, "next_ms", clock_boot_ms() + 300000);
	for (int i = 0; i < 2; i++) {
#define PUT(field, value)                                           \
	do {                                                        \
		snprintf(name, sizeof(name), "%s." field, legs[i]); \
		record_put(rec, name, value);                       \
	} while (0)
		PUT("cid", "7f3a9c1e-55d2-4b1e-9a77-3f0c6d2b8e41@198.51.100.5");
		PUT("ltag", "p017-n03-5-00a41f2-a-0123456789abcdef");
		PUT("rtag", "as5f3e2d1c");
		PUT("luri", "sip:+4930123456@192.0.2.10");
		PUT("ruri", "sip:+4915112345678@carrier.example.net");
		PUT("tgt", "sip:+4915112345678@198.51.100.5:5060;transport=udp");
		PUT("route", "<sip:198.51.100.5;lr;ftag=as5f3e2d1c;did=e54.f2a3>");
		PUT("src", "udp/198.51.100.5:5060/192.0.2.10:5060");
		PUT("trunk", "carrier");
		PUT("lcs", "104");
		PUT("lcs_hi", "120");
		PUT("rcs", "2");
		PUT("se", "600");
		PUT("mse", "90");
		PUT("rfr", "us");
		PUT("timer", "1");
		PUT("allow", "1");
		PUT("update", "1");
		PUT("dir", "sendrecv");
		PUT("sdpv", "1795256723");
		PUT("st", "up");
		PUT("bye", "0");
		PUT("op", "update");
#undef PUT
		snprintf(name, sizeof(name), "%s.exp", legs[i]);
		record_put_time(rec, name, clock_boot_ms() + 600000);
		snprintf(name, sizeof(name), "%s.proof_sip", legs[i]);
		record_put_time(rec, name, clock_boot_ms() - 1000);
		snprintf(name, sizeof(name), "%s.proof_rtp", legs[i]);
		record_put_time(rec, name, clock_boot_ms() - 20);
	}
}

static void on_record(void *arg, struct store_call *sc, uint32_t parts, struct record *rec)
{
	struct owner *owner = arg;
	struct owner_call *call = of(sc);

	owner->records++;
	record_put(rec, "st", call->st);
	record_put_num(rec, "n", call->number);
	record_put_time(rec, "exp_ms", call->exp_ms);
	if (parts == STORE_ALL && call->wide)
		wide_record(rec);
	if (parts == STORE_ALL) {
		record_put_sdp(rec, 'a', "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\n");
		record_put_media(rec, "a.peer", "198.51.100.5:20000");
	}
}

static void on_call(void *arg, const char *id, const struct record *rec)
{
	struct owner *owner = arg;
	struct owner_call *call = &owner->calls[owner->count];
	const char *st = record_get(rec, "st");

	if (owner->count == OWNER_CALLS || store_call_adopt(owner->store, &call->store, id, rec))
		return;
	owner->count++;
	owner->loaded++;
	snprintf(call->st, sizeof(call->st), "%s", st ? st : "");
	call->number = (int)record_get_num(rec, "n", -1);
	call->exp_ms = record_get_time(rec, "exp_ms");
	call->wide = record_get(rec, "a.cid") != NULL;
	/* Whatever is not there makes the number wrong, which the tests look at. */
	if (!record_get_sdp(rec, 'a') || !record_get_media(rec, "a.peer"))
		call->number = -2;
}

static void on_binding(
	void *arg, const char *aor, const char *bid, const struct record *rec, uint64_t expires_ms)
{
	struct owner *owner = arg;
	const char *contact = record_get(rec, "contact");

	owner->bindings_loaded++;
	owner->binding_expires = expires_ms;
	snprintf(owner->binding_seen, sizeof(owner->binding_seen), "%s|%s|%s", aor, bid,
		contact ? contact : "");
}

static void on_fact(void *arg, struct store_call *sc, const struct record *rec)
{
	struct owner *owner = arg;
	const char *st = record_get(rec, "st");

	owner->facts++;
	snprintf(of(sc)->st, sizeof(of(sc)->st), "%s", st ? st : "");
}

static void on_ready(void *arg)
{
	((struct owner *)arg)->ready++;
}

static void on_up(void *arg)
{
	((struct owner *)arg)->up++;
}

static void on_down(void *arg, const char *why)
{
	struct owner *owner = arg;

	owner->down++;
	snprintf(owner->why, sizeof(owner->why), "%s", why);
}

static void on_fatal(void *arg, const char *why)
{
	struct owner *owner = arg;

	owner->fatal++;
	snprintf(owner->why, sizeof(owner->why), "%s", why);
}

static void on_bindings(void *arg)
{
	((struct owner *)arg)->bindings++;
}

static const struct store_events events = {
	.record = on_record,
	.call = on_call,
	.binding = on_binding,
	.ready = on_ready,
	.up = on_up,
	.down = on_down,
	.fact = on_fact,
	.bindings = on_bindings,
	.fatal = on_fatal,
};

static void on_wake(uv_timer_t *timer)
{
}

void owner_make(struct owner *owner, const char *address, const char *node)
{
	memset(owner, 0, sizeof(*owner));
	owner->conf.address = address;
	owner->conf.node = node;
	if (uv_loop_init(&owner->loop))
		abort();
	uv_timer_init(&owner->loop, &owner->wake);
	uv_timer_start(&owner->wake, on_wake, 5, 5);
}

void owner_open(struct owner *owner)
{
	owner->closed = false;
	if (store_open(&owner->store, &owner->loop, &owner->conf, &events, owner))
		abort();
}

bool owner_until(struct owner *owner, bool (*cond)(struct owner *owner))
{
	uint64_t end = clock_boot_ms() + OWNER_WAIT_MS;

	while (!cond(owner)) {
		if (clock_boot_ms() > end)
			return false;
		uv_run(&owner->loop, UV_RUN_ONCE);
	}
	return true;
}

void owner_run(struct owner *owner, int ms)
{
	uint64_t end = clock_boot_ms() + (uint64_t)ms;

	while (clock_boot_ms() < end)
		uv_run(&owner->loop, UV_RUN_ONCE);
}

bool owner_is_up(struct owner *owner)
{
	return store_is_up(owner->store);
}

bool owner_is_down(struct owner *owner)
{
	return !store_is_up(owner->store);
}

bool owner_is_ready(struct owner *owner)
{
	return owner->ready > 0;
}

bool owner_is_fatal(struct owner *owner)
{
	return owner->fatal > 0;
}

bool owner_is_clean(struct owner *owner)
{
	struct store_stats stats;

	store_stats_read(owner->store, &stats);
	return stats.up && stats.journal == 0;
}

bool owner_is_idle(struct owner *owner)
{
	struct store_stats stats;

	store_stats_read(owner->store, &stats);
	return stats.up && stats.journal == 0 && stats.in_flight == 0 &&
		owner->store->bind_known == NULL;
}

bool owner_has_error(struct owner *owner)
{
	struct store_stats stats;

	store_stats_read(owner->store, &stats);
	return stats.error[0] != '\0';
}

void owner_start(struct owner *owner)
{
	owner_open(owner);
	if (!owner_until(owner, owner_is_ready)) {
		fprintf(stderr, "the store is not ready: %s\n", owner->why);
		abort();
	}
}

static void on_closed(void *arg)
{
	((struct owner *)arg)->closed = true;
}

static bool is_closed(struct owner *owner)
{
	return owner->closed;
}

static void close_within(struct owner *owner, uint32_t ms)
{
	if (!owner->store)
		return;
	store_close(owner->store, ms, on_closed, owner);
	if (!owner_until(owner, is_closed)) {
		fprintf(stderr, "the store does not close\n");
		abort();
	}
	owner->store = NULL;
	owner->count = 0;
	owner->ready = owner->loaded = owner->bindings_loaded = 0;
	memset(owner->calls, 0, sizeof(owner->calls));
}

void owner_close(struct owner *owner)
{
	close_within(owner, 5000);
}

void owner_free(struct owner *owner)
{
	owner_close(owner);
	uv_close((uv_handle_t *)&owner->wake, NULL);
	uv_run(&owner->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&owner->loop))
		abort();
}

struct owner_call *owner_new(struct owner *owner, const char *st)
{
	struct owner_call *call = &owner->calls[owner->count];
	struct ids_call id;

	if (owner->count == OWNER_CALLS || store_next_id(owner->store, &id))
		return NULL;
	owner->count++;
	snprintf(call->st, sizeof(call->st), "%s", st);
	call->exp_ms = clock_boot_ms() + 600000;
	call->last = -1;
	store_call_new(owner->store, &call->store, &id, owner_told, call);
	return call;
}

void owner_done(struct owner *owner, struct owner_call *call, const char *cause)
{
	struct record *cdr = store_scratch(owner->store);

	record_put(cdr, "from", "sip:alice@example.net");
	record_put(cdr, "cause", cause);
	record_put_num(cdr, "t0", 1700000000123);
	record_put(cdr, "connected", "12.500");
	record_put_num(cdr, "a_rtp", 1700000010000);
	store_call_done(owner->store, &call->store, cdr);
}

void owner_told(void *arg, enum store_result result)
{
	struct owner_call *call = arg;

	call->results[result]++;
	call->last = (int)result;
}

const char *owner_field(
	struct redis_server *server, const struct owner_call *call, const char *field)
{
	char part[IDS_PART_STRLEN];

	return redis_text(server, "HGET {%s}:call:%s %s",
		ids_part_format(call->store.partition, part), call->store.id, field);
}
