/* SPDX-License-Identifier: BSD-3-Clause */
/* The store's context, for the files of this folder only. */
#ifndef CONTROLPLANE_STORE_INTERNAL_H
#define CONTROLPLANE_STORE_INTERNAL_H

#include "controlplane/siphash.h"
#include "controlplane/store/conn.h"
#include "controlplane/store/shipper.h"
#include "controlplane/store/store.h"
#include "shared/clock.h"

#include <uthash.h>
#include <utlist.h>

#define STORE_SCHEMA     1    /* {cfg}:ver */
#define STORE_IN_FLIGHT  4096 /* commands under way */
#define STORE_TICK_MS    100
#define STORE_BEAT_MS    2000 /* leases and node beat are renewed */
#define STORE_RETRY_MS   1000 /* longest wait between two attempts to connect */
#define STORE_PAUSE_MS   500  /* after a write that Redis refused */
#define STORE_TOKEN_LEN  64
#define STORE_CALL_KEYS  6
#define STORE_JUMP_MS    1000 /* Redis's clock against ours */
#define STORE_CLOCK_SURE 250  /* a reply slower than this says nothing about the clock, ms */

enum store_phase {
	PHASE_OFF,   /* not connected */
	PHASE_JOIN,  /* AUTH, ROLE, function library, incarnation */
	PHASE_TAKE,  /* taking the partitions */
	PHASE_LOAD,  /* reading calls and bindings, once */
	PHASE_UP,    /* writing */
	PHASE_FATAL, /* nothing is sent any more */
};

enum lease_state {
	LEASE_NONE, /* not asked on this connection */
	LEASE_MINE,
	LEASE_HELD, /* by another node */
};

struct lease {
	struct conn_cmd cmd; /* one command at a time */
	struct store *store;
	bool busy;
	bool sweep;                /* drop calls that we do not know */
	uint8_t state;             /* enum lease_state */
	uint64_t seq;              /* highest commit counter seen */
	char tok[STORE_TOKEN_LEN]; /* ours, "" before the first take */
	char seen_tok[STORE_TOKEN_LEN];
	char seen_rn[24];
	uint64_t seen_ms;
};

/* A call's write under way. */
struct store_op {
	struct conn_cmd cmd;
	struct store *store;
	struct store_call *call; /* NULL: let go of */
	uint16_t partition;
	uint8_t kind;
	uint32_t ver; /* the record's version once it is done */
	uint32_t dirty;
	struct store_wait *waits;
	uint64_t number;              /* durable: order of sending */
	struct store_op *prev, *next; /* durable: replied, not yet acknowledged by replicas */
};

struct store_wait {
	struct store_wait *prev, *next; /* of a call or an op */
	struct store_wait **list;
	struct store_wait *prev_due, *next_due; /* store->due, oldest first */
	void (*done)(void *arg, enum store_result result);
	void *arg;
	uint64_t since_ms;
	bool durable;
	bool end;
};

struct store_done;
struct store_bind;

struct store {
	uv_loop_t *loop;
	struct store_conf conf;
	struct store_events events;
	void *arg;

	uv_timer_t tick;
	uv_idle_t kick;
	struct conn hot, durable;
	struct args args;
	struct record scratch; /* store_scratch */
	struct record work;    /* of the write being built or the reply being read */

	uint8_t phase; /* enum store_phase */
	bool ready;
	uint64_t retry_at;
	uint32_t retry_ms;
	uint64_t pause_until; /* Redis refused a write */
	uint64_t beat_at;
	int64_t clock; /* Redis time minus CLOCK_BOOTTIME, ms */
	bool clock_known;
	char error[CONN_WHY_LEN]; /* why Redis is down: said once */

	struct conn_cmd join;
	uint8_t join_step;
	struct conn_cmd beat;
	bool beat_busy;

	uint32_t incarnation;
	uint32_t next_seq;
	struct lease leases[IDS_PARTITIONS];
	bool held_said;

	struct store_call *calls;   /* by id */
	struct store_call *pending; /* with something to write and nothing under way */
	uint32_t pending_count;
	uint32_t op_count;
	struct store_wait *due;

	struct conn_cmd wait; /* WAIT on the durable connection */
	bool wait_busy, wait_said;
	uint64_t wait_covers, op_number;
	struct store_op *acking;

	struct store_done *done_queue, *done_known; /* done.c */
	uint32_t done_unwritten;

	struct store_bind *bind_queue, *bind_known; /* bindings.c */
	struct siphash_key bind_key;
	bool bindings_lost;

	uint32_t load_next, load_open, load_strange; /* load.c */
	struct shipper shipper;

	struct {
		bool on;
		uint8_t stage;
		uint64_t until;
		void (*closed)(void *arg);
		void *arg;
		uint8_t handles;
	} closing;

	struct {
		uint64_t writes, coalesced, reconnects, reasserted;
	} count;
};

/* store.c */
void store_wake(void *store);
void store_enter_up(struct store *store);
/* Room for one more command on the working connection. */
bool store_may_send(const struct store *store, uint64_t now_ms);

/* reply.c */
void store_complain(struct store *store, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void store_fatal(struct store *store, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Looks at the reply of a function that writes. Returns true with the code if it can be handled by
 * the caller (OK, DUP, STALE, ...), false when the outcome is unknown or the write was refused;
 * then everything due (fatal, reconnect, pause) has been done. */
bool store_reply_code(
	struct store *store, uint16_t partition, const redisReply *reply, const char **code);

void store_nonsense(struct store *store, const char *function);
/* A write that Redis may refuse (when it is full, ...) was accepted. */
void store_wrote(struct store *store);

/* join.c */
void join_start(struct store *store, uint64_t now_ms);
void join_beat(struct store *store, const char *state, uint64_t now_ms);

/* lease.c */
void lease_reset(struct store *store);
void lease_tick(struct store *store, uint64_t now_ms);
void lease_give(struct store *store, uint64_t now_ms);
const char *lease_token(const struct store *store, uint16_t partition);
void lease_clock(struct store *store, int64_t redis_ms, uint64_t sent_us);

/* command.c: pieces of commands */
void command_key(struct args *args, size_t (*make)(char *, uint16_t), uint16_t partition);
void command_call_keys(struct args *args, uint16_t partition, const char *id);
void command_read(struct args *args, uint16_t partition, const char *id);
void command_read_reply(const struct store *store, struct record *rec, const redisReply *reply);
void command_hash_reply(struct record *rec, const redisReply *hash, enum record_kind kind);

/* calls.c */
void calls_pump(struct store *store, uint64_t now_ms);
void calls_expire(struct store *store, uint64_t now_ms);
/* Writes the whole record of each call of a partition again (IDS_PARTITIONS: of all). */
void calls_reassert(struct store *store, uint16_t partition);
struct store_call *calls_find(struct store *store, const char *id);
void calls_let_go(struct store *store, struct store_call *call);
void calls_free(struct store *store);

/* op.c: one write of a call, from building to its result */
void op_send(struct store *store, struct store_call *call, uint64_t now_ms);
void op_unknown(struct store_op *op);

/* wait.c: who waits for a write */
int wait_add(struct store *store, struct store_call *call,
	void (*done)(void *arg, enum store_result result), void *arg, bool durable, bool end);
void wait_move(struct store_wait **to, struct store_wait **from, bool end_too);
void wait_fire(struct store *store, struct store_wait **list, enum store_result result);
void wait_drop(struct store *store, struct store_wait **list);

/* durable.c */
void durable_replied(struct store_op *op);
void durable_pump(struct store *store, uint64_t now_ms);
void durable_lost(struct store *store);

/* done.c */
void done_pump(struct store *store, uint64_t now_ms);
void done_lost(struct store *store, uint16_t partition);
uint32_t done_count(const struct store *store);
bool done_has(const struct store *store, const char *id);
void done_shipped(struct store *store, const char *id);
void done_free(struct store *store);

/* bindings.c */
void bindings_pump(struct store *store, uint64_t now_ms);
void bindings_free(struct store *store);

/* load.c */
void load_start(struct store *store);
void load_pump(struct store *store, uint64_t now_ms);
/* Drops the calls of rolled-back partitions that the owner does not know. */
void load_sweep(struct store *store, uint64_t now_ms);

#endif
