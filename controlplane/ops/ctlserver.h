/* SPDX-License-Identifier: BSD-3-Clause */
/* The Unix socket on which linewatchctl asks. A request is one line,
 *
 *   {"cmd":"calls","args":{"longer_s":3600}}
 *
 * and its answer is one line, {"result":{...}} or {"error":"no call has this id"}. Some requests
 * have parts of their result told before, {"part":{...}} a line; lists come in parts, each with
 * some of the rows. A client may ask again on the same connection once it has its answer. The
 * process must ignore SIGPIPE, since a client may leave before its answer. */
#ifndef CONTROLPLANE_OPS_CTLSERVER_H
#define CONTROLPLANE_OPS_CTLSERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define CTLSERVER_CLIENTS_MAX  16
#define CTLSERVER_REQUEST_MAX  65536 /* bytes of a line, its end included */
#define CTLSERVER_COMMANDS_MAX 32

struct ctlserver;
struct ctlserver_request;

/* Handles one request, whose args are an object (empty if the client sent none) and live until the
 * answer. Exactly one of ctlserver_reply and ctlserver_fail must be called for it, at once or later
 * (after a look into Redis, say), in the loop's thread. The server does not block meanwhile. */
struct ctlserver_command {
	const char *name;
	void (*handle)(void *arg, struct ctlserver_request *request, const json_t *args);
	void *arg;
};

/* Listens at path, mode 0660. A socket file that nobody serves any more is replaced; one that is
 * served is -EADDRINUSE, and a file that is no socket -EEXIST. Returns 0 or -errno. */
int ctlserver_open(struct ctlserver **server, uv_loop_t *loop, const char *path);

/* Adds commands; the strings must stay. Returns 0, -EEXIST for a name that is taken or -ENOSPC. */
int ctlserver_add(struct ctlserver *server, const struct ctlserver_command *commands, size_t count);

/* Stops listening, removes the socket file and drops the clients. The memory goes when the loop has
 * run the closing callbacks and the requests still open are answered. NULL is fine. */
void ctlserver_close(struct ctlserver *server);

/* Parts of this request's result will be told before its answer, which is owed as ever. gone is
 * called when the client leaves meanwhile; the answer is owed then too, and goes nowhere. */
void ctlserver_stream(struct ctlserver_request *request, void (*gone)(void *arg), void *arg);

/* Tells one, whose reference is taken over. False: the client reads too slowly, and this part is
 * dropped. */
bool ctlserver_part(struct ctlserver_request *request, json_t *part);

/* An answer of many parts, none of which is made before the client has read the one before: memory
 * and the time of a turn of the loop are those of one part. */
struct ctlserver_pages {
	json_t *(*next)(void *arg); /* a new reference; NULL: there are no more */
	void (*end)(void *arg);     /* called once: after the last, or when the client leaves */
	void *arg;
};

/* Tells all of them and then answers with an empty object. */
void ctlserver_pages(struct ctlserver_request *request, const struct ctlserver_pages *pages);

/* Answers with a result, whose reference is taken over (NULL: an empty object). */
void ctlserver_reply(struct ctlserver_request *request, json_t *result);

/* Answers with a sentence for the operator. */
void ctlserver_fail(struct ctlserver_request *request, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
