/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: hello, slots and events of the clients. Main thread. */
#ifndef DATAPLANE_CONTROL_SERVER_H
#define DATAPLANE_CONTROL_SERVER_H

#include "dataplane/core/event.h"
#include "dataplane/core/facts.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct server;
struct captures_conf;

struct server_conf {
	uv_loop_t *loop;
	const char *path; /* of the socket */
	const struct facts *facts;
	uint32_t clients;  /* slots served; each gets an equal share of the binding ids */
	uint32_t bindings; /* ids in all */
	uint32_t flows;    /* port slots in all */
	uint32_t monitors; /* monitored flows in all; shared as the bindings */
	uint32_t workers;
};

/* Makes the server, which takes events from now on and nobody listens to them yet. Returns 0 or
 * -ENOMEM. */
int server_open(struct server **server, const struct server_conf *conf);

/* Where modules drop their events. */
struct event_sink server_sink(struct server *server);

/* Who resets the port of a name when a client wants it: returns 0 or -errno for its ACK. NULL:
 * nobody. */
void server_on_port_reset(struct server *server, int (*fn)(void *ctx, const char *name), void *ctx);

/* Binds the socket and accepts clients from now on: orders go to the modules of `conf`, captures
 * are made of its workers (its sink is not read). Returns 0 or -errno after a log line. */
int server_listen(struct server *server, const struct captures_conf *conf);

/* Every 20 ms or so while it is busy: brings captured frames, goes on with clients that had to
 * wait, drops those that never say hello. */
void server_tick(struct server *server, uint64_t now_ms);

/* Something is captured, or a client has to wait. */
bool server_is_busy(const struct server *server);

/* Clients with a slot at present, for telemetry (any thread). */
unsigned int server_clients(const struct server *server);

/* Captures at present, likewise. */
unsigned int server_captures(const struct server *server);

/* Closes all; the memory goes once the loop has run its close callbacks. */
void server_close(struct server *server);

#endif
