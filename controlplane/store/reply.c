/* SPDX-License-Identifier: BSD-3-Clause */
/* What Redis answers to a function, and what follows from it for the whole store. */
#include "controlplane/store/internal.h"
#include "shared/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void store_complain(struct store *store, const char *fmt, ...)
{
	char text[CONN_WHY_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (strcmp(text, store->error) == 0)
		return;
	strcpy(store->error, text);
	log_warning("Redis %s: %s", store->conf.address, text);
}

void store_fatal(struct store *store, const char *fmt, ...)
{
	char text[CONN_WHY_LEN];
	va_list ap;

	if (store->phase == PHASE_FATAL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error("Redis %s: %s", store->conf.address, text);
	strcpy(store->error, text);
	store->phase = PHASE_FATAL;
	conn_doom(&store->hot, "%s", text);
	if (store->events.fatal && !store->closing.on)
		store->events.fatal(store->arg, text);
}

/* An error that a new connection, with all that it asks, may cure. */
static bool wants_reconnect(const char *text)
{
	static const char *const starts[] = {
		"READONLY", "MASTERDOWN", "LOADING", "NOAUTH", "ERR Function not found"};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		if (strncmp(text, starts[i], strlen(starts[i])) == 0)
			return true;
	}
	return false;
}

static void refused(struct store *store, const redisReply *reply)
{
	char text[CONN_WHY_LEN / 2];

	log_escape(text, sizeof(text), reply->str, reply->len);
	if (wants_reconnect(reply->str)) {
		conn_doom(&store->hot, "%s", text);
		return;
	}
	store_complain(store, "write refused: %s", text);
	store->pause_until = clock_boot_ms() + STORE_PAUSE_MS;
}

static bool is_code(const char *code)
{
	static const char *const codes[] = {
		"OK", "DUP", "HELD", "STALE", "STATE", "NOTDUE", "FENCED", "NOLEASE"};

	for (size_t i = 0; code && i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strcmp(code, codes[i]) == 0)
			return true;
	}
	return false;
}

void store_nonsense(struct store *store, const char *function)
{
	conn_doom(&store->hot, "nonsense for an answer to %s: not our function library?", function);
}

bool store_reply_code(
	struct store *store, uint16_t partition, const redisReply *reply, const char **code)
{
	struct lease *lease = &store->leases[partition];
	uint64_t seq;

	if (!reply || store->phase == PHASE_FATAL)
		return false;
	if (reply->type == REDIS_REPLY_ERROR) {
		refused(store, reply);
		return false;
	}
	*code = conn_reply_code(reply);
	if (!is_code(*code)) {
		store_nonsense(store, "a function");
		return false;
	}
	if (strcmp(*code, "FENCED") == 0) {
		store_fatal(store, "FENCED: partition %u is owned by somebody else", partition);
		return false;
	}
	if (strcmp(*code, "NOLEASE") == 0) {
		conn_doom(&store->hot, "it has lost its data");
		return false;
	}
	seq = (uint64_t)conn_reply_num(reply, 1);
	if (seq > lease->seq)
		lease->seq = seq;
	return true;
}

void store_wrote(struct store *store)
{
	store->count.writes++;
	if (!store->error[0] || store->phase != PHASE_UP)
		return;
	log_notice("Redis %s: writes are accepted again", store->conf.address);
	store->error[0] = 0;
}
