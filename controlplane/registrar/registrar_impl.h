/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the registrar: registrar.c opens, looks up and walks; register.c works a REGISTER;
 * table.c holds AORs, indexes and counts per source; persist.c speaks with store and data plane. */
#ifndef CONTROLPLANE_REGISTRAR_REGISTRAR_IMPL_H
#define CONTROLPLANE_REGISTRAR_REGISTRAR_IMPL_H

#include "controlplane/registrar/registrar.h"
#include "controlplane/siphash.h"
#include "controlplane/store/record.h"
#include "controlplane/wheel.h"
#include "shared/ids.h"
#include "shared/log.h"

#include <uthash.h>

#define REGISTRAR_AOR_STRLEN    256
#define REGISTRAR_PER_AOR_MAX   100
#define REGISTRAR_STATIC_MS     600000 /* keep-alives to a listed device outlive us by at most this */
#define REGISTRAR_PROOF_MS      1000   /* one slice of the bindings each time */
#define REGISTRAR_PROOF_SLICES  60     /* so the store hears of each at most once a minute */
#define REGISTRAR_LOG_MS        100
#define REGISTRAR_EXPIRES_FLOOR 3600 /* s; 423 only below it (RFC 3261 10.3) */

struct aor {
	UT_hash_handle hh;
	struct binding *first;
	uint32_t count;
	char name[];
};

/* How many bindings one source IP has. */
struct source {
	UT_hash_handle hh;
	struct addr ip; /* port 0 */
	uint32_t count;
};

struct registrar {
	char **domains;
	size_t domain_count;
	char node[IDS_NODE_MAX];
	uint32_t incarnation;
	bool open;
	uint32_t expires_min, expires_max, expires_default;
	uint32_t bindings_per_aor, bindings_per_ip, bindings_max;
	uint32_t retry_after;
	const struct registrar_class *classes;
	size_t class_count;
	struct wheel *wheel;
	struct dpclient *dp;
	struct registrar_store store;

	struct siphash_key key;
	struct aor *aors;
	struct source *sources;
	struct binding **at; /* by index */
	uint32_t *gens;      /* by index; the next binding there gets one more */
	uint32_t top;        /* indexes below it have been used */
	uint32_t *spare;     /* those that are free again */
	uint32_t spare_count;
	uint64_t next_bid;

	uint32_t rate; /* REGISTERs a second */
	uint32_t tokens;
	uint64_t tokens_ms;
	struct wheel_timer proof_timer;
	uint32_t proof_slice;
	struct record rec;
	uint32_t aor_count, binding_count, static_count;
	struct log_rate event_rate;
	uint64_t accepted, refused, expired;
};

/* ---- table.c ---- */

struct aor *table_aor_find(const struct registrar *r, const char *name);
/* Finds or adds an empty one. NULL without memory. */
struct aor *table_aor_get(struct registrar *r, const char *name);
/* An AOR without bindings goes. */
void table_aor_drop(struct registrar *r, struct aor *aor);

uint32_t table_source_count(const struct registrar *r, const struct addr *addr);
/* Makes sure that a source can be counted. Returns 0 or -ENOMEM. */
int table_source_get(struct registrar *r, const struct addr *addr);
/* A source without bindings goes. */
void table_source_drop(struct registrar *r, const struct addr *addr);

/* Bindings in all, free places left. */
uint32_t table_free(const struct registrar *r);

/* Puts a binding in: gives it an index and a generation, counts it. aor NULL: static. The source
 * and a free index must be there; cannot fail. */
void table_add(struct registrar *r, struct aor *aor, struct binding *b);

/* Takes a binding out of everything, its timer too; the caller frees it. The AOR stays. */
void table_remove(struct registrar *r, struct binding *b);

/* b takes the place of old: bid, index, and generation unless an address changed. */
void table_replace(struct registrar *r, struct binding *old, struct binding *b);

/* ---- persist.c ---- */

/* Tell data plane and store about a binding. */
void persist_ping_set(struct registrar *r, const struct binding *b);
void persist_ping_del(struct registrar *r, const struct binding *b);
void persist_store_set(struct registrar *r, struct binding *b, uint64_t now_ms);
void persist_store_del(struct registrar *r, const struct binding *b);

/* A binding as a record of the store has it; texts checked. NULL if it cannot be used. */
struct binding *persist_read(const struct record *rec);

/* Starts the walk that tells the store each binding's last proof of life. */
void persist_start(struct registrar *r, uint64_t now_ms);

/* ---- class.c ---- */

/* Keep-alive class by a User-Agent (NULL: none was given), or by name (NULL: the first). */
uint8_t class_by_agent(const struct registrar *r, const char *user_agent);
uint8_t class_by_name(const struct registrar *r, const char *name);
/* NULL of the first class. */
const char *class_name(const struct registrar *r, uint8_t class_id);

/* ---- registrar.c ---- */

/* Takes a binding out of table, data plane and store, and frees it. */
void registrar_drop(struct registrar *r, struct binding *b);
/* Arms the expiry of a binding that was added. */
void registrar_arm(struct registrar *r, struct binding *b);
/* Drops what expired of an AOR; the AOR goes if nothing is left. Returns it, or NULL. */
struct aor *registrar_prune(struct registrar *r, struct aor *aor, uint64_t now_ms);
/* Canonical name of a URI's user in our domains. Returns its length, -ENOENT for another domain or
 * scheme, -EINVAL without a user, -EMSGSIZE. */
int registrar_aor_name(
	const struct registrar *r, const osip_uri_t *uri, char name[static REGISTRAR_AOR_STRLEN]);
void registrar_new_bid(struct registrar *r, char bid[static BINDING_BID_STRLEN]);

#endif
