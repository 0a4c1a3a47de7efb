/* SPDX-License-Identifier: BSD-3-Clause */
/* A small owner of calls for the tests of the store: it counts what it is told. */
#ifndef TESTS_COMPONENT_STORE_OWNER_H
#define TESTS_COMPONENT_STORE_OWNER_H

#include "controlplane/store/store.h"
#include "tests/component/redis_server.h"

#define OWNER_CALLS 2000

struct owner_call {
	struct store_call store;
	char st[16];
	int number; /* field "n": its newest value must get to Redis */
	uint64_t exp_ms;
	bool wide;      /* a record of real size */
	int results[4]; /* by enum store_result */
	int last;
};

struct owner {
	uv_loop_t loop;
	uv_timer_t wake;
	struct store *store;
	struct store_conf conf;
	struct owner_call calls[OWNER_CALLS];
	uint32_t count;
	uint32_t records; /* store_events.record */
	uint32_t loaded, bindings_loaded;
	uint32_t facts;
	uint32_t ready, up, down, fatal, bindings;
	bool closed;
	char why[200];
	char binding_seen[400];
	uint64_t binding_expires;
};

void owner_make(struct owner *owner, const char *address, const char *node);
void owner_open(struct owner *owner);
/* Opens and waits until everything is loaded. */
void owner_start(struct owner *owner);
void owner_close(struct owner *owner);
void owner_free(struct owner *owner);

/* Runs the loop until the condition holds; false after a patience that no machine needs. */
bool owner_until(struct owner *owner, bool (*cond)(struct owner *owner));
/* For what must not happen. */
void owner_run(struct owner *owner, int ms);

bool owner_is_up(struct owner *owner);
bool owner_is_down(struct owner *owner);
bool owner_is_ready(struct owner *owner);
bool owner_is_fatal(struct owner *owner);
bool owner_is_clean(struct owner *owner); /* up and nothing unwritten */
bool owner_is_idle(struct owner *owner);  /* and no binding either, and nothing under way */
bool owner_has_error(struct owner *owner);

struct owner_call *owner_new(struct owner *owner, const char *st);
void owner_done(struct owner *owner, struct owner_call *call, const char *cause);
void owner_told(void *arg, enum store_result result); /* arg: struct owner_call */
const char *owner_field(
	struct redis_server *server, const struct owner_call *call, const char *field);

#endif
