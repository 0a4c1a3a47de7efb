/* SPDX-License-Identifier: BSD-3-Clause */
/* The node's state in Redis (cluster.md 2, 3.2, 4, 5.1; operator's view: shared/redis.md).
 *
 * The owner's memory is the primary copy; Redis is the shared journal and arbiter. The store keeps
 * no field of a live call: it remembers that a call has something to write, and asks the owner for
 * the values (store_events.record) at the moment of sending. So several commits of one call become
 * one, the latest values win, at most one write per call is under way, and when Redis was away, or
 * comes back without its data, everything can be written again.
 *
 * One store belongs to one uv loop; nothing blocks and no callback is called from inside a store
 * function (store_close's apart). */
#ifndef CONTROLPLANE_STORE_STORE_H
#define CONTROLPLANE_STORE_STORE_H

#include "controlplane/store/record.h"
#include "shared/ids.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>
#include <uv.h>

struct store;
struct store_op;
struct store_wait;

/* All strings are copied. 0 or NULL means the default. */
struct store_conf {
	const char *address;     /* numeric "ip:port", or "unix:/path" */
	const char *user;        /* Redis ACL user; NULL with a password: the default user */
	const char *password;    /* NULL: no AUTH */
	const char *node;        /* node.name */
	const char *sip_address; /* label in {cfg}:node:<n>, may be NULL */
	uint32_t journal;   /* calls with something unwritten while new ones are accepted, 10000 */
	uint32_t min_acks;  /* replicas that must hold a durable write; 0 on a single server */
	uint32_t answer_ms; /* a plain write is reported STORE_JOURNALLED after this, 500 */
	uint32_t reply_ms;  /* no reply at all for so long: the connection is given up, 5000 */
	uint32_t take_ms;   /* a foreign lease must stand still for so long, 12000 */
	const char *cdr_file;    /* JSON lines; NULL: CDRs stay in the streams */
	uint64_t cdr_file_bytes; /* the file is rotated above this size, 64 MB */
	uint32_t cdr_keep;       /* written CDRs kept in each partition's stream, 200 */
	/* CDR fields that are numbers in JSON; NULL: all are strings. */
	bool (*cdr_is_number)(const char *name);
};

enum store_result {
	STORE_OK,         /* in Redis; a durable write also on min_acks replicas */
	STORE_JOURNALLED, /* Redis does not answer: remembered, written as soon as it can be */
	STORE_ENDED,      /* Redis says that the call has ended already (a fact of another node) */
	STORE_NOT_DUE,    /* store_call_end: the session does not expire yet: no hang-up */
};

/* Embedded in the owner's call. Owners may read id, partition and nothing else. */
struct store_call {
	char id[IDS_CALL_STRLEN];
	uint16_t partition;
	uint8_t known;       /* 1 between store_call_new / store_call_adopt and done / forget */
	uint8_t flags;       /* store's own */
	uint32_t ver;        /* last acknowledged */
	uint32_t dirty;      /* parts to be written */
	int64_t end_margin;  /* of the pending store_call_end */
	struct store_op *op; /* the write under way */
	struct store_wait *waits;
	struct store_call *prev, *next; /* pending list */
	UT_hash_handle hh;
};

#define STORE_ALL 0xffffffffu /* every part of the record */

struct store_events {
	/* Gives the parts of a call's record; which bit stands for which fields is the owner's
	 * matter. STORE_ALL: everything there is. Must not call the store. */
	void (*record)(void *arg, struct store_call *call, uint32_t parts, struct record *rec);

	/* At start, once per live call in Redis: the owner builds its call and calls
	 * store_call_adopt with the embedded struct. Calls in setup and early come too. A record
	 * that the owner cannot use is left alone by doing nothing. */
	void (*call)(void *arg, const char *id, const struct record *rec);
	/* Likewise per binding; expires_ms is CLOCK_BOOTTIME. */
	void (*binding)(void *arg, const char *aor, const char *bid, const struct record *rec,
		uint64_t expires_ms);
	/* Once: all of it is loaded; the node can serve. */
	void (*ready)(void *arg);

	/* Redis answers and our partitions are ours; Redis is lost (why: one sentence). */
	void (*up)(void *arg);
	void (*down)(void *arg, const char *why);

	/* Another node wrote a fact into this call (rec: what Redis has now). */
	void (*fact)(void *arg, struct store_call *call, const struct record *rec);
	/* Redis lost bindings: store_binding_set all of them again. */
	void (*bindings)(void *arg);

	/* The end: another schema version, or we are FENCED (somebody else owns our calls). The
	 * owner drops its calls without a BYE or CDR and stops; the store sends nothing any more.
	 */
	void (*fatal)(void *arg, const char *why);
};

/* Copies conf and events and starts connecting. Returns 0, or -EINVAL (address or node name; a log
 * line says what), -ENOMEM, or a uv error. */
int store_open(struct store **store, uv_loop_t *loop, const struct store_conf *conf,
	const struct store_events *events, void *arg);

/* Writes what is pending, ships CDRs, gives the leases back and closes, all within limit_ms; then
 * frees the store and calls closed. From the moment of the call on, no callback but `record` (for
 * what is still to be written) is called. Calls and bindings still live stay in Redis. */
void store_close(struct store *store, uint32_t limit_ms, void (*closed)(void *arg), void *arg);

/* Everything was loaded once (and nothing fatal happened since). */
bool store_ready(const struct store *store);
/* A new call may be started: ready and the journal has room. Otherwise answer 503. */
bool store_accepts_new(const struct store *store);
/* Redis answers now. */
bool store_is_up(const struct store *store);
/* Of this process; 0 before the first connection. */
uint32_t store_incarnation(const struct store *store);

/* Identity of a new call: one of our partitions in turn, so that calls spread over all of them.
 * Returns 0, or -EAGAIN when !store_accepts_new. */
int store_next_id(struct store *store, struct ids_call *id);

/* Every write below remembers what to do and returns at once. done (may be NULL) is called once,
 * later, from the loop, unless the call is forgotten or done before. Writes of one call reach Redis
 * in their order. With Redis away or slow a plain write is reported STORE_JOURNALLED within
 * answer_ms; it is not lost. */

/* The call's first write (record: STORE_ALL). call must be zeroed. */
void store_call_new(struct store *store, struct store_call *call, const struct ids_call *id,
	void (*done)(void *arg, enum store_result result), void *arg);

/* A call from store_events.call becomes known again. Returns 0, -EINVAL for a bad id, or -EEXIST.
 */
int store_call_adopt(
	struct store *store, struct store_call *call, const char *id, const struct record *rec);

/* `parts` of the record changed. */
void store_call_commit(struct store *store, struct store_call *call, uint32_t parts,
	void (*done)(void *arg, enum store_result result), void *arg);

/* The decision to hang up: writes `parts`, sets st to ending. margin_ms: refused with STORE_NOT_DUE
 * unless exp_ms - margin_ms has passed by Redis's clock; STORE_NO_EXPIRY: not asked. durable: done
 * is called only with Redis's own answer and min_acks, however long it takes; never JOURNALLED. */
#define STORE_NO_EXPIRY (-1)
void store_call_end(struct store *store, struct store_call *call, uint32_t parts, int64_t margin_ms,
	bool durable, void (*done)(void *arg, enum store_result result), void *arg);

/* The call is over: exactly one CDR goes to the stream, the record shrinks to its last words (why,
 * cause, by, t0, t1, t2 and the proofs: names ending in sip or rtp, all taken from the CDR) for
 * 600 s, all in one function. cdr is copied; id is added if it has none. The store lets go of
 * `call`, which may be freed at once; waiting callbacks are dropped. */
void store_call_done(struct store *store, struct store_call *call, const struct record *cdr);

/* Lets go of `call` without writing anything (shutdown, FENCED). */
void store_call_forget(struct store *store, struct store_call *call);

/* An empty record to fill, for store_call_done and store_binding_set; valid until the next call of
 * this function. */
struct record *store_scratch(struct store *store);

/* Bindings. Names as keys_check_name allows (keys.h), else -EINVAL. The hash lives until expires_ms
 * (CLOCK_BOOTTIME). Writes to one binding coalesce; while Redis is away they are kept up to the
 * journal bound, and above it asked for again (store_events.bindings). Return 0, -EINVAL or
 * -ENOMEM. */
int store_binding_set(struct store *store, const char *aor, const char *bid,
	const struct record *rec, uint64_t expires_ms);
int store_binding_del(struct store *store, const char *aor, const char *bid);

struct store_stats {
	bool up, ready;
	uint32_t incarnation;
	uint32_t partitions; /* held now */
	uint32_t calls;      /* known */
	uint32_t journal;    /* calls with something unwritten, ended ones included */
	uint32_t journal_max;
	uint32_t in_flight;   /* commands awaiting a reply */
	uint32_t cdr_waiting; /* CDRs of this process not yet in the file */
	uint64_t writes;      /* acknowledged */
	uint64_t coalesced;   /* commits that rode on another one */
	uint64_t reconnects;
	uint64_t reasserted;   /* full records written again */
	uint64_t cdrs;         /* lines written */
	uint32_t reply_max_us; /* slowest reply since the last store_stats_read */
	char error[160];       /* why Redis is down, or "" */
};
void store_stats_read(struct store *store, struct store_stats *stats);

#endif
