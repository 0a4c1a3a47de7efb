/* SPDX-License-Identifier: BSD-3-Clause */
/* A scripted data plane on a socket of its own: it holds what it is told, answers as its fields
 * say, and does nothing but in fake_turn(). Functions fail the test by themselves. */
#ifndef TESTS_COMPONENT_DP_FAKE_H
#define TESTS_COMPONENT_DP_FAKE_H

#include "shared/facts.h"
#include "shared/proto.h"

#include <stdbool.h>
#include <stdint.h>

#define SLOTS    64 /* of each media address */
#define MEDIA    2
#define BINDINGS 3000
#define FLOWS    4096 /* port slots of the data plane */

struct held_flow {
	struct proto_flow flow;
	bool set;
};

struct held_binding {
	struct proto_binding binding;
	bool set;
};

struct fake {
	char dir[64];
	char path[108];
	int listener;
	int conn;
	uint64_t boot_id;
	uint32_t base; /* slot of the first media address; the second follows after a gap */
	uint32_t binding_first;
	uint32_t binding_count;
	uint64_t generation;
	uint64_t since_ms; /* of the last sync that began */
	int refuse;        /* hello is answered by this error */
	int refuse_media;  /* likewise, the media addresses */
	bool deaf;         /* reads nothing */
	struct held_flow flows[FLOWS];
	struct held_binding bindings[2 * BINDINGS];
	uint32_t packets[PROTO_FROM_CLIENT]; /* received, by type */
	uint32_t hellos;
	struct proto_hello hello;
	struct proto_conf conf;
	struct proto_capture capture; /* the last one */
	uint32_t capture_del;
	int capture_refuse;
	int facts_fd;
	uint8_t *facts;
	size_t facts_size;
};

extern const struct addr fake_media_addr[MEDIA];

/* The id of the first port slot of a media address. */
uint32_t fake_base(const struct fake *f, uint32_t i);

/* Another process: it knows nothing, and numbers everything anew. It does not listen yet. */
void fake_boot(struct fake *f, uint32_t base, uint32_t binding_first);
void fake_listen(struct fake *f);
void fake_hang_up(struct fake *f);
void fake_die(struct fake *f);

/* To the client; a descriptor comes along unless -1. */
void fake_send_raw(struct fake *f, const void *data, size_t len, int fd);
void fake_send(
	struct fake *f, uint16_t type, uint32_t seq, const void *records, uint16_t count, int fd);

/* Does what it can without waiting. */
void fake_turn(struct fake *f);

#endif
